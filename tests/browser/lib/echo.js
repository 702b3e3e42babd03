// The example `echo_peer` of the root package, which sends a browser its own media back.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVER_ADDRESS } from './server.js';
import { within } from './wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'debug', 'examples', 'echo_peer');

export class EchoPeer {
    /** On free ports: the page on loopback, media where Firefox sends to as well, or at `media`. */
    static async start(media = SERVER_ADDRESS) {
        const peer = new EchoPeer();
        peer.said = '';
        peer.process = spawn(BINARY, ['--listen', '127.0.0.1:0', '--media', `${media}:0`], { stdio: ['ignore', 'pipe', 'pipe'] });
        peer.exited = new Promise((resolve) => {
            peer.process.once('exit', (code, signal) => resolve({ code, signal }));
            peer.process.once('error', (error) => resolve({ error }));
        });
        const ready = new Promise((resolve) => {
            for (const stream of [peer.process.stdout, peer.process.stderr]) {
                stream.setEncoding('utf8').on('data', (text) => {
                    peer.said += text;
                    const found = /^ready page=(\S+) media=\S+$/m.exec(peer.said);
                    if (found) resolve(found[1]);
                });
            }
        });
        const died = peer.exited.then((how) => {
            throw new Error(`${BINARY} ended: ${JSON.stringify(how)}\n${peer.said}\n(cargo build --example echo_peer makes it)`);
        });
        died.catch(() => {});
        peer.page = await within('the echo peer is ready', Promise.race([ready, died]), 20_000);
        return peer;
    }

    async stop() {
        const running = this.process.exitCode === null && this.process.signalCode === null;
        this.process.kill('SIGKILL');
        await this.exited;
        if (!running) throw new Error(`the echo peer ended by itself:\n${this.said}`);
    }
}
