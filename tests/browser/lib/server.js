// The product itself: starts the release binary on free ports and reads the addresses from its `ready` line.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { within } from './wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const BINARY =
    process.env.TSUBAME_BIN ??
    path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'release', 'tsubame');

/** The address browsers reach the server's UDP socket on; Firefox never tries a loopback one. */
export const SERVER_ADDRESS = '10.99.0.1';
export const SERVER_ADDRESS_V6 = 'fd00:99::1';

export class Server {
    /**
     * options: `config` (TOML text), `candidates` and `udp` (addresses), `listen`, `tls` (true: https and wss as well), `arguments`.
     */
    static async start(options = {}) {
        const server = new Server();
        server.folder = await mkdtemp(path.join(tmpdir(), 'tsubame-test-'));
        const arguments_ = ['--listen', options.listen ?? '127.0.0.1:0', '--api-listen', '127.0.0.1:0'];
        for (const udp of options.udp ?? [`${SERVER_ADDRESS}:0`]) arguments_.push('--udp', udp);
        for (const candidate of options.candidates ?? [SERVER_ADDRESS]) arguments_.push('--candidate', candidate);
        if (options.tls) {
            const port = await freePort(SERVER_ADDRESS);
            arguments_.push('--tls-listen', `${SERVER_ADDRESS}:${port}`);
            server.securePage = `https://${SERVER_ADDRESS}:${port}/`;
            server.secureSignaling = `wss://${SERVER_ADDRESS}:${port}/signaling`;
        }
        if (options.config) {
            const file = path.join(server.folder, 'tsubame.toml');
            await writeFile(file, options.config);
            arguments_.push('--config', file);
        }
        arguments_.push(...(options.arguments ?? []));
        server.run(arguments_);
        await server.ready();
        return server;
    }

    run(arguments_) {
        this.log = '';
        this.output = '';
        this.process = spawn(BINARY, arguments_, {
            stdio: ['ignore', 'pipe', 'pipe'],
            env: { ...process.env, RUST_BACKTRACE: '1' },
        });
        this.exited = new Promise((resolve) => {
            this.process.once('exit', (code, signal) => resolve({ code, signal }));
            this.process.once('error', (error) => resolve({ error }));
        });
        this.process.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    }

    async ready() {
        const line = new Promise((resolve) => {
            this.process.stdout.setEncoding('utf8').on('data', (text) => {
                this.output += text;
                const found = /^ready (.*)$/m.exec(this.output);
                if (found && this.output.includes('\n', found.index)) resolve(found[1]);
            });
        });
        const died = this.exited.then((how) => {
            throw new Error(`${BINARY} ended before it was ready: ${JSON.stringify(how)}\n${this.output}${this.log}`);
        });
        const fields = Object.fromEntries(
            (await within('the ready line', Promise.race([line, died]), 20_000)).split(' ').map((field) => {
                const cut = field.indexOf('=');
                return [field.slice(0, cut), field.slice(cut + 1)];
            }),
        );
        died.catch(() => {});
        this.signaling = fields.signaling;
        this.page = fields.page;
        this.api = fields.api;
        this.udp = fields.udp.split(',');
        for (const name of ['signaling', 'page', 'api']) assert.ok(this[name], `the ready line has no ${name}`);
    }

    /** The page with these URL parameters. */
    pageUrl(parameters, base = this.page) {
        return `${base}?${new URLSearchParams(parameters)}`;
    }

    /** Ends the server as an operator would, and checks that it ends well: within 3 s, with status 0, without a panic. */
    async stop() {
        const running = this.process.exitCode === null && this.process.signalCode === null;
        try {
            if (running) this.process.kill('SIGTERM');
            const how = await within('the server to end after SIGTERM', this.exited, 5_000);
            assert.deepEqual(how, { code: 0, signal: null }, 'how the server ended');
            assert.ok(!/panicked at/.test(this.log), 'the server panicked');
        } finally {
            this.process.kill('SIGKILL');
            await rm(this.folder, { recursive: true, force: true });
        }
    }
}

/** A TCP port nobody listens on. The namespace is ours alone, so nobody takes it meanwhile either. */
export async function freePort(address) {
    const probe = createServer();
    await new Promise((resolve, reject) => probe.once('error', reject).listen(0, address, resolve));
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    return port;
}
