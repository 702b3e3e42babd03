// What goes over the wire in one whole session, read by tshark: as it was captured, and again with the browsers' own keys, decrypted by code that
// shares nothing with the product. Nothing in it is malformed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { count, datagrams, pcap, record, tshark } from './lib/capture.js';
import { Decryptor } from './lib/decrypt.js';
import { assertWatches } from './lib/media.js';
import { live, publish, state, watch } from './lib/product.js';
import { OUT, scenario } from './lib/scenario.js';

scenario('A capture of a session: STUN, DTLS 1.2, RTP and RTCP, nothing malformed, on the wire and decrypted', async (s) => {
    const server = await s.server();
    const port = Number(server.udp[0].split(':').at(-1));
    await mkdir(OUT, { recursive: true });
    const wire = path.join(OUT, 'session.pcapng');
    const keys = await mkdtemp(path.join(tmpdir(), 'tsubame-keys-'));
    await s.keep({ stop: () => rm(keys, { recursive: true, force: true }) });
    // A run of datagrams that leaves in one system call (UDP GSO) is cut up only on a real network card: have loopback cut it too, so that the capture
    // holds datagrams.
    await promisify(execFile)('ip', ['link', 'set', 'lo', 'gso_max_segs', '1']);
    await s.keep({ stop: () => promisify(execFile)('ip', ['link', 'set', 'lo', 'gso_max_segs', '65535']) });
    const recording = await s.keep(await record(wire));

    // From the first check to the last goodbye. Firefox logs its keys.
    const env = { SSLKEYLOGFILE: path.join(keys, 'firefox') };
    const publisher = await s.firefox('firefox publisher', { env });
    await live(await publish(publisher, server, { codec: 'VP8' }));
    const chromium = await s.chromium('chromium viewer');
    await live(await watch(chromium, server));
    await assertWatches(chromium, { from: publisher });
    const firefox = await s.firefox('firefox viewer', { env: { SSLKEYLOGFILE: path.join(keys, 'viewer') } });
    await live(await watch(firefox, server));
    await assertWatches(firefox, { from: publisher });
    for (const tab of [publisher, chromium, firefox]) {
        await tab.press('stop');
        await state(tab, 'idle');
    }
    await recording.stop();

    await onTheWire(wire, port);
    const keyLog = (await Promise.all(['firefox', 'viewer'].map((name) => readFile(path.join(keys, name), 'utf8')))).join('\n');
    await decrypted(wire, port, keyLog);
});

async function onTheWire(file, port) {
    const media = `udp.port == ${port} && !icmp`;
    // Without RTCP, which begins in plain and goes on encrypted: tshark would take the cipher's bytes for reports. It is read further down.
    const malformed = await tshark(file, ['--enable-heuristic', 'rtp_udp', '--disable-protocol', 'rtcp', '-Y', `${media} && _ws.malformed`]);
    // A flight that was repeated, as DTLS does when an answer takes its time, is not malformed; tshark's reassembly takes it for a conflict.
    const repeated = /\[Reassembly error, protocol DTLS: New fragment overlaps old data \(retransmission\?\)\]$/;
    const left = malformed.split('\n').filter((line) => line !== '' && !repeated.test(line));
    assert.deepEqual(left, [], 'tshark finds something malformed on the wire');
    const atLeast = async (least, filter) => {
        const found = await count(file, `${media} && ${filter}`);
        assert.ok(found >= least, `${found} of at least ${least} packets are ${filter}`);
    };
    await atLeast(3, 'stun.type == 0x0001');
    await atLeast(3, 'stun.type == 0x0101');
    assert.equal(await count(file, `${media} && stun.type == 0x0101 && !(stun.att.crc32.status == 1)`), 0, 'every response has a right FINGERPRINT');
    await atLeast(3, 'dtls.handshake.type == 1');
    await atLeast(3, 'dtls.handshake.type == 2');
    assert.equal(await count(file, `${media} && dtls.handshake.type == 2 && dtls.handshake.version != 0xfefd`), 0, 'DTLS 1.2 everywhere');
}

async function decrypted(file, port, keyLog) {
    const decryptor = new Decryptor(keyLog);
    const kinds = { stun: 0, dtls: 0, rtp: 0, rtcp: 0, unknown: 0 };
    const plain = [];
    let large = 0;
    for (const datagram of await datagrams(file, port)) {
        const fromServer = datagram.sourcePort === port;
        const client = fromServer ? `${datagram.destination}:${datagram.destinationPort}` : `${datagram.source}:${datagram.sourcePort}`;
        const { kind, plain: payload } = decryptor.feed(client, fromServer, datagram.payload);
        kinds[kind] += 1;
        large = Math.max(large, datagram.payload.length);
        if (payload) plain.push({ ...datagram, payload });
    }
    assert.equal(kinds.unknown, 0, `everything on the port is STUN, DTLS, RTP or RTCP: ${JSON.stringify(kinds)}`);
    assert.ok(large <= 1472, `the largest datagram has ${large} bytes`);
    assert.equal(decryptor.opened.length, 2, 'both Firefoxes negotiated an AEAD profile, and their keys are known');

    const readable = path.join(OUT, 'session-plain.pcap');
    await writeFile(readable, pcap(plain));
    const malformed = await tshark(readable, ['-d', 'rtp.pt==96,vp8', '-Y', '_ws.malformed'], { port });
    assert.equal(malformed, '', 'tshark finds something malformed in the plaintext');
    const packets = (filter) => count(readable, filter, { port });
    assert.equal(await packets('rtp || rtcp'), plain.length, 'tshark takes all of it for RTP and RTCP');
    for (const [direction, end] of [['to', 'dst'], ['from', 'src']]) {
        const at = `udp.${end}port == ${port}`;
        assert.ok((await packets(`${at} && rtp.p_type == 96`)) >= 100, `VP8 ${direction} the server`);
        assert.ok((await packets(`${at} && rtp.p_type == 111`)) >= 100, `Opus ${direction} the server`);
        assert.ok((await packets(`${at} && rtcp.pt == 200`)) >= 3, `sender reports ${direction} the server`);
        assert.ok((await packets(`${at} && rtcp.pt == 201`)) >= 3, `receiver reports ${direction} the server`);
    }
    assert.ok((await packets(`udp.srcport == ${port} && rtcp.pt == 205 && rtcp.rtpfb.fmt == 15`)) >= 10, 'transport-cc feedback from the server');
    assert.ok((await packets(`udp.srcport == ${port} && rtcp.pt == 206 && (rtcp.psfb.fmt == 1 || rtcp.psfb.fmt == 4)`)) >= 1, 'a keyframe request from the server, for the later viewers');
    assert.equal(await packets('rtcp.length_check.bad'), 0, 'compound lengths add up');
}
