// Chromium publishes, Chromium watches: at least 100 frames and audio in 10 s, with every codec.

import assert from 'node:assert/strict';
import { assertWatches, received, sent } from './lib/media.js';
import { live, publish, statistics, tiles, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';
import { until } from './lib/wait.js';

for (const codec of ['VP8', 'VP9', 'H264', 'AV1']) {
    scenario(`Chromium publishes ${codec} and Opus through the page, Chromium watches`, async (s) => {
        const server = await s.server();
        const publisher = await s.chromium('publisher');
        await live(await publish(publisher, server, { codec }));
        const viewer = await s.chromium('viewer');
        await live(await watch(viewer, server));
        await assertWatches(viewer, { from: publisher, codec });
        assert.equal((await tiles(viewer)).length, 1, 'the viewer has one tile');

        const shown = await statistics(viewer);
        const [video] = (await received(viewer)).filter(({ kind }) => kind === 'video');
        assert.match(shown.bitrate, /^[\d.]+ [kM]bit\/s$/);
        assert.match(shown.resolution, /^\d+×\d+$/);
        assert.match(shown.fps, /^\d+$/);
        assert.match(shown.loss, /^[\d.]+ %$/);
        assert.equal(shown.codec.replace('.', ''), codec, JSON.stringify(video));
        await until('the publisher sees loss and round trip', async () => {
            const { rtt, loss } = await statistics(publisher);
            return /ms$/.test(rtt) && /%$/.test(loss);
        });
    });
}

scenario('Audio alone, and video alone', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    for (const [missing, wanted] of [['video', { video: false }], ['audio', { audio: false }]]) {
        const parameters = { signaling: server.signaling, channel: `no-${missing}`, [missing]: 'false' };
        const publisher = await s.chromium(`publisher without ${missing}`);
        await publisher.goto(pages.url('today.html', { ...parameters, role: 'sendonly' }));
        await publisher.until('connected', () => window.client.connected);
        const viewer = await s.chromium(`viewer without ${missing}`);
        await viewer.goto(pages.url('today.html', { ...parameters, [missing]: 'true', role: 'recvonly' }));
        await assertWatches(viewer, { ...wanted, from: publisher });
        const kinds = (await sent(publisher)).filter(({ packets }) => packets > 0).map(({ kind }) => kind);
        assert.ok(!kinds.includes(missing), `nothing of the kind is sent: ${kinds}`);
    }
});

scenario('The bit rate asked for is kept to', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const publisher = await s.chromium('publisher');
    await publisher.goto(pages.url('today.html', { signaling: server.signaling, channel: 'a', role: 'sendonly', bit_rate: 200 }));
    await publisher.until('connected', () => window.client.connected);
    const bytes = async () => (await sent(publisher)).find(({ kind }) => kind === 'video')?.bytes ?? 0;
    await until('video is sent', bytes);
    const [begin, before] = [performance.now(), await bytes()];
    // Long enough for an encoder that was not told to climb well above it.
    await until('200 more frames', async () => (await sent(publisher)).find(({ kind }) => kind === 'video').frames >= 200);
    const rate = (((await bytes()) - before) * 8) / (performance.now() - begin);
    assert.ok(rate < 300, `video is sent at ${Math.round(rate)} kbit/s where 200 were asked for`);
});
