// Who comes and goes, and in which order.

import assert from 'node:assert/strict';
import { assertWatches, firstFrame } from './lib/media.js';
import { live, publish, state, tiles, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';
import { until } from './lib/wait.js';

scenario('The publisher leaves and comes back, the viewer stays; twice', async (s) => {
    const server = await s.server();
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));
    const publisher = await s.chromium('publisher');
    const seen = new Set();
    for (let round = 0; round < 3; round += 1) {
        await live(await publish(publisher, server));
        const [stream] = await until('a tile', async () => {
            const now = await tiles(viewer);
            return now.length === 1 && now;
        });
        assert.ok(!seen.has(stream), 'each publication has a name of its own');
        seen.add(stream);
        await assertWatches(viewer, { stream, from: publisher });
        await publisher.press('stop');
        await state(publisher, 'idle');
        await viewer.until('the tile goes', () => document.querySelectorAll('[data-test="tile"]').length === 0);
        await state(viewer, 'live');
    }
});

scenario('Late viewers get their first frame, in Chromium and Firefox', async (s) => {
    const server = await s.server();
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server));
    const early = await s.chromium('early viewer');
    await live(await watch(early, server));
    // By now the publisher's first keyframe is long gone.
    await assertWatches(early, { from: publisher });
    for (const kind of ['chromium', 'firefox']) {
        const late = await s.browser(kind, `late ${kind}`);
        await live(await watch(late, server));
        await firstFrame(late, { timeout: 10_000 });
        await assertWatches(late, { from: publisher });
    }
    await assertWatches(early, { from: publisher });
});

scenario('A publisher whose tab is closed is gone from the viewers', async (s) => {
    const server = await s.server();
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server));
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));
    await firstFrame(viewer);
    await publisher.close();
    s.tabs = [viewer];
    await viewer.until('the tile goes', () => document.querySelectorAll('[data-test="tile"]').length === 0);
    await state(viewer, 'live');
});

scenario('Channels are apart', async (s) => {
    const server = await s.server();
    const one = await s.chromium('publisher one');
    await live(await publish(one, server, { channel: 'one' }));
    const two = await s.chromium('viewer of two');
    await live(await watch(two, server, { channel: 'two' }));
    const viewer = await s.chromium('viewer of one');
    await live(await watch(viewer, server, { channel: 'one' }));
    await assertWatches(viewer, { from: one });
    assert.deepEqual(await tiles(two), [], 'the other channel shows nothing');
});
