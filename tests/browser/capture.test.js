// What goes over the wire in one whole session, read by tshark: nothing in it is malformed.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { assertWatches } from './lib/media.js';
import { live, publish, state, watch } from './lib/product.js';
import { OUT, scenario } from './lib/scenario.js';
import { within } from './lib/wait.js';

/** Records everything on all interfaces of the namespace until it is stopped. */
async function record(file) {
    const dumpcap = spawn('dumpcap', ['-q', '-i', 'any', '-B', '64', '-w', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    await within('dumpcap begins', new Promise((resolve, reject) => {
        dumpcap.stderr.setEncoding('utf8').on('data', (text) => {
            said += text;
            if (/^File:/m.test(said)) resolve();
        });
        dumpcap.once('error', reject);
        dumpcap.once('exit', () => reject(new Error(`dumpcap: ${said}`)));
    }), 20_000);
    return {
        stop: async () => {
            if (dumpcap.exitCode !== null) return;
            const ended = once(dumpcap, 'exit');
            dumpcap.kill('SIGINT');
            await ended;
        },
    };
}

async function tshark(file, port, ...words) {
    const { stdout } = await promisify(execFile)(
        'tshark',
        ['-n', '-r', file, '-o', 'rtp.heuristic_rtp:TRUE', '-d', `udp.port==${port},stun`, ...words],
        { maxBuffer: 256 * 1024 * 1024 },
    );
    return stdout;
}

scenario('A capture of a session holds STUN, DTLS 1.2, RTP and RTCP, and nothing malformed', async (s) => {
    const server = await s.server();
    const port = server.udp[0].split(':').at(-1);
    await mkdir(OUT, { recursive: true });
    const file = path.join(OUT, 'session.pcapng');
    const recording = await s.keep(await record(file));

    // From the first check to the last goodbye.
    const publisher = await s.chromium('publisher');
    const chromium = await s.chromium('chromium viewer');
    const firefox = await s.firefox('firefox viewer');
    await live(await publish(publisher, server));
    await live(await watch(chromium, server));
    await assertWatches(chromium, { from: publisher });
    await live(await watch(firefox, server));
    await assertWatches(firefox, { from: publisher });
    for (const tab of [publisher, chromium, firefox]) {
        await tab.press('stop');
        await state(tab, 'idle');
    }
    await recording.stop();

    const media = `udp.port == ${port}`;
    const count = async (filter) => (await tshark(file, port, '-Y', filter, '-T', 'fields', '-e', 'frame.number')).split('\n').filter(Boolean).length;
    const malformed = await tshark(file, port, '-Y', `${media} && _ws.malformed`, '-V');
    assert.equal(malformed, '', 'tshark finds something malformed');
    assert.ok((await count(`${media} && stun.type == 0x0001`)) >= 3, 'binding requests');
    assert.ok((await count(`${media} && stun.type == 0x0101`)) >= 3, 'binding responses');
    assert.equal(await count(`${media} && stun.type == 0x0101 && !(stun.att.crc32.status == 1)`), 0, 'every response has a right FINGERPRINT');
    assert.ok((await count(`${media} && dtls.handshake.type == 1`)) >= 3, 'ClientHellos');
    assert.ok((await count(`${media} && dtls.handshake.type == 2 && dtls.handshake.version == 0xfefd`)) >= 3, 'ServerHellos of DTLS 1.2');
    assert.ok((await count(`${media} && rtp`)) >= 600, 'RTP');
    assert.ok((await count(`${media} && rtcp`)) >= 10, 'RTCP');
    assert.equal(await count(`${media} && !stun && !dtls && !rtp && !rtcp`), 0, 'everything on the port is one of the four');
});
