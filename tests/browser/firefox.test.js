// Chromium and Firefox watch each other.

import assert from 'node:assert/strict';
import { assertWatches } from './lib/media.js';
import { live, publish, statistics, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';

for (const [from, to] of [['chromium', 'firefox'], ['firefox', 'chromium'], ['firefox', 'firefox']]) {
    scenario(`${from} publishes VP8 through the page, ${to} watches`, async (s) => {
        const server = await s.server();
        const publisher = await s.browser(from, 'publisher');
        await live(await publish(publisher, server, { codec: 'VP8' }));
        const viewer = await s.browser(to, 'viewer');
        await live(await watch(viewer, server));
        await assertWatches(viewer, { from: publisher, codec: 'VP8' });
        const shown = await statistics(viewer);
        assert.match(shown.bitrate, /bit\/s$/);
        assert.match(shown.resolution, /^\d+×\d+$/);
    });
}

for (const kind of ['chromium', 'firefox']) {
    scenario(`${kind} watches an empty channel, and then somebody publishes`, async (s) => {
        const server = await s.server();
        const viewer = await s.browser(kind, 'viewer');
        await live(await watch(viewer, server));
        assert.match(await viewer.text('empty'), /Nobody is publishing/);
        const publisher = await s.chromium('publisher');
        await live(await publish(publisher, server));
        await assertWatches(viewer, { from: publisher, codec: 'VP8' });
        assert.equal(await viewer.text('empty'), '');
    });
}
