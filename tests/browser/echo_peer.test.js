// The tutorial for embedders: examples/echo_peer.rs joins the protocol crates, and a browser sees and hears itself through it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { EchoPeer } from './lib/echo.js';
import { assertWatches, sent } from './lib/media.js';
import { OUT, scenario } from './lib/scenario.js';
import { until } from './lib/wait.js';

async function start(tab, peer) {
    await tab.goto(peer.page);
    await tab.press('start');
    await tab.until('connected', () => {
        const said = document.querySelector('[data-test="status"]').value;
        if (said.startsWith('failed')) throw new Error(said);
        return said === 'connected';
    }, undefined, { timeout: 30_000 });
}

for (const kind of ['chromium', 'firefox']) {
    scenario(`The echo peer sends ${kind} its own media back`, async (s) => {
        const peer = await s.keep(await EchoPeer.start());
        const tab = await s.browser(kind, 'echoed');
        await start(tab, peer);
        await assertWatches(tab, { from: tab });
        // Our reports arrive: the browser knows what became of its packets.
        await until('reports about both streams', async () => {
            const reported = (await sent(tab)).filter(({ roundTrip, remoteLost }) => roundTrip !== undefined && remoteLost !== undefined);
            return ['audio', 'video'].every((kind) => reported.some((stream) => stream.kind === kind));
        }, { timeout: 30_000 });
        assert.deepEqual(tab.console.filter((line) => line.startsWith('uncaught') || line.startsWith('error')), []);
        await mkdir(OUT, { recursive: true });
        await tab.screenshot(path.join(OUT, `echo-peer-${kind}.png`));
    });
}

scenario('The echo peer passes a request for a keyframe on to where the picture comes from', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const tab = await s.chromium('echoed');
    // Every packet of the echo before this moment is lost to the decoder: it has to ask.
    await tab.page.addInitScript(() => {
        const Native = window.RTCPeerConnection;
        window.RTCPeerConnection = class extends Native {
            constructor(...parameters) {
                super({ ...parameters[0], encodedInsertableStreams: true });
                this.keyframes = 0;
                this.addEventListener('track', ({ receiver }) => {
                    const { readable, writable } = receiver.createEncodedStreams();
                    readable.pipeThrough(new TransformStream({
                        transform: (frame, out) => {
                            // The first keyframe never reaches the decoder.
                            if (frame.type === 'key' && this.keyframes++ === 0) return;
                            out.enqueue(frame);
                        },
                    })).pipeTo(writable);
                });
            }

            addTrack(...parameters) {
                const sender = super.addTrack(...parameters);
                const { readable, writable } = sender.createEncodedStreams();
                readable.pipeTo(writable);
                return sender;
            }
        };
    });
    await start(tab, peer);
    await assertWatches(tab, { from: tab });
    const video = (await sent(tab)).find(({ kind }) => kind === 'video');
    assert.ok(video.plis > 0, 'the sender was asked for a keyframe');
});

scenario('Two browsers at one echo peer: each gets its own media', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const tabs = [await s.chromium('first'), await s.chromium('second')];
    for (const tab of tabs) await start(tab, peer);
    for (const tab of tabs) await assertWatches(tab, { from: tab });
});

/** An offer as curl would post it. */
const post = (peer, body, headers = {}) => fetch(`${peer.page}offer`, { method: 'POST', headers: { 'content-type': 'application/sdp', ...headers }, body });

/** One section of video, with more lines. */
const offer = (...lines) => [
    'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=rtcp-mux', 'a=rtpmap:96 VP8/90000',
    'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuv', `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, ...lines, '',
].join('\r\n');

scenario('The echo peer says what is wrong with an offer', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const answer = await post(peer, 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\na=setup:both\r\n');
    assert.equal(answer.status, 400);
    assert.equal(await answer.text(), 'SDP line 4: expected a=setup:actpass, active, passive or holdconn, found "a=setup:both"');
    assert.equal((await post(peer, offer('a=setup:holdconn'))).status, 400);
    assert.equal((await fetch(`${peer.page}elsewhere`)).status, 404);
});

scenario('The echo peer answers each direction with the one that fits', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    for (const [offered, answered] of [['sendrecv', 'sendrecv'], ['sendonly', 'recvonly'], ['recvonly', 'inactive'], ['inactive', 'inactive']]) {
        const answer = await (await post(peer, offer('a=setup:actpass', `a=${offered}`))).text();
        assert.ok(answer.includes(`\r\na=${answered}\r\n`), `${offered}: ${answer}`);
        // Who sends nothing names no source.
        assert.equal(answer.includes('\r\na=ssrc:'), offered === 'sendrecv', answer);
    }
});

scenario('The echo peer takes the part in DTLS that the offer leaves', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    for (const [offered, answered] of [['a=setup:actpass', 'passive'], ['a=setup:active', 'passive'], ['a=x', 'passive'], ['a=setup:passive', 'active']]) {
        const answer = await (await post(peer, offer(offered))).text();
        assert.ok(answer.includes(`\r\na=setup:${answered}\r\n`), `${offered}: ${answer}`);
    }
    // And plays it: the browser waits for the handshake, because its offer says so.
    const tab = await s.chromium('passive');
    await tab.page.addInitScript(() => {
        const native = window.fetch;
        window.fetch = (url, options) => native(url, { ...options, body: options.body.replaceAll('a=setup:actpass', 'a=setup:passive') });
    });
    await start(tab, peer);
    await assertWatches(tab, { from: tab });
});

scenario('The echo peer rejects a section without media', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const answer = await (await post(peer, offer('a=setup:actpass').replace('VP8', 'rtx'))).text();
    assert.match(answer, /\r\nm=video 0 UDP\/TLS\/RTP\/SAVPF 96\r\n/);
    assert.ok(!answer.includes('a=candidate'), answer);
});

scenario('The echo peer takes offers from its own page only', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const status = async (headers) => (await post(peer, offer('a=setup:actpass'), headers)).status;
    const { origin } = new URL(peer.page);
    assert.equal(await status({}), 201, 'no page at all');
    assert.equal(await status({ origin }), 201);
    assert.equal(await status({ origin: 'http://elsewhere.example' }), 403);
    assert.equal(await status({ origin: 'null' }), 403);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        assert.equal(await status({ 'content-type': type }), 415, type);
    }
    assert.equal((await fetch(`${peer.page}offer`, { method: 'OPTIONS' })).status, 404, 'no permission for other sites');
});

scenario('Offers of browsers that never come put nobody out of the echo peer', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const tab = await s.chromium('echoed');
    await start(tab, peer);
    for (let count = 0; count < 40; count++) assert.equal((await post(peer, offer('a=setup:actpass'))).status, 201);
    await assertWatches(tab, { from: tab });
});

scenario('The echo peer on all addresses offers one that can be reached', async (s) => {
    const peer = await s.keep(await EchoPeer.start('0.0.0.0'));
    const answer = await (await post(peer, offer('a=setup:actpass'))).text();
    const [, address] = /\r\na=candidate:\S+ 1 udp \d+ (\S+) \d+ typ host/.exec(answer);
    assert.notEqual(address, '0.0.0.0');
});
