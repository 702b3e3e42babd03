// Many headless clients in one process: the example `watch` of the client crate.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { within } from './wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'debug', 'examples', 'watch');

export class HeadlessViewers {
    /** `count` viewers of a channel that send and receive media at `address`. */
    static start(server, channel, count, address) {
        const viewers = new HeadlessViewers();
        viewers.said = '';
        viewers.process = spawn(BINARY, [server.signaling, channel, String(count), address], { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [viewers.process.stdout, viewers.process.stderr]) {
            stream.setEncoding('utf8').on('data', (text) => (viewers.said += text));
        }
        viewers.exited = new Promise((resolve) => {
            viewers.process.once('exit', (code, signal) => resolve({ code, signal }));
            viewers.process.once('error', (error) => resolve({ error }));
        });
        return viewers;
    }

    /** Waits for a line, which is said when it is true of all of them. */
    async until(line, limit) {
        const said = new Promise((resolve) => {
            const look = () => this.said.split('\n').includes(line) && resolve();
            this.process.stdout.on('data', look);
            look();
        });
        const died = this.exited.then((how) => {
            if (!this.said.split('\n').includes(line)) throw new Error(`the headless viewers ended: ${JSON.stringify(how)}\n${this.said}`);
        });
        await within(`${line}, from all headless viewers`, Promise.race([said, died]), limit);
    }

    async stop() {
        this.process.kill('SIGKILL');
        await this.exited;
    }
}
