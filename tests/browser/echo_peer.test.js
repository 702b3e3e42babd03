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

scenario('The echo peer says what is wrong with an offer', async (s) => {
    const peer = await s.keep(await EchoPeer.start());
    const post = (body) => fetch(`${peer.page}offer`, { method: 'POST', body });
    const answer = await post('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\na=setup:both\r\n');
    assert.equal(answer.status, 400);
    assert.equal(await answer.text(), 'SDP line 4: expected a=setup:actpass, active, passive or holdconn, found "a=setup:both"');
    assert.equal((await fetch(`${peer.page}elsewhere`)).status, 404);
});
