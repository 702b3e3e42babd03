// A publisher's network link goes down, without a FIN and without a goodbye.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HeadlessViewers } from './lib/headless.js';
import { assertWatches } from './lib/media.js';
import { live, publish, state, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';
import { SERVER_ADDRESS } from './lib/server.js';

/** RFC 7675 §5.1: consent expires after 30 s. What else there is to do may take this much longer. */
const CONSENT = 30_000;
const GRACE = 10_000;

const link = (state) =>
    promisify(execFile)('nsenter', ['--target', process.env.EDGE_PID, '--net', '--', 'ip', 'link', 'set', 'e0', state]);

scenario('The link of a publisher goes down: browsers and twenty headless viewers are told within the consent time; it comes back: the page reconnects', async (s) => {
    const server = await s.server({ tls: true });
    const pages = await s.pages();
    await s.keep({ stop: () => raise() });
    const publisher = await s.chromium('publisher', { edge: true });
    await live(await publish(publisher, server, { base: server.securePage }));
    const viewers = [];
    for (const kind of ['chromium', 'firefox']) {
        const viewer = await s.browser(kind, `${kind} viewer`);
        await viewer.goto(pages.url('today.html', { signaling: server.signaling, channel: 'test', role: 'recvonly' }));
        await viewer.until('connected', () => window.client.connected);
        await assertWatches(viewer, { from: publisher });
        viewers.push(viewer);
    }
    const page = await s.chromium('page');
    await live(await watch(page, server));
    await assertWatches(page, { from: publisher });
    const headless = await s.keep(HeadlessViewers.start(server, 'test', 20, SERVER_ADDRESS));
    await headless.until('watching', 60_000);

    await link('down');
    const cut = performance.now();
    await Promise.all(viewers.map((viewer) =>
        viewer.until('told that the publisher is gone', () =>
            window.client.notifies.some((n) => n.event_type === 'connection.destroyed'), undefined, { timeout: CONSENT + GRACE })));
    assert.ok(performance.now() - cut > 5_000, 'a hiccup of the network ends nobody');
    await headless.until('told', GRACE);
    for (const viewer of viewers) {
        await viewer.until('its video is taken away', () => document.querySelectorAll('video').length === 0);
        assert.equal(await viewer.evaluate(() => window.client.closed), null, 'the viewer stays');
    }
    await page.until('the tile goes', () => document.querySelectorAll('[data-test="tile"]').length === 0);
    await state(page, 'live');
    await state(publisher, 'reconnecting');

    await raise();
    await state(publisher, 'live', 90_000);
    await assertWatches(page, { from: publisher });
}, { timeout: 360_000 });

async function raise() {
    await link('up');
    // Routes and the IPv6 address go with the link.
    const ip = (...words) =>
        promisify(execFile)('nsenter', ['--target', process.env.EDGE_PID, '--net', '--', 'ip', ...words]).catch(() => {});
    await ip('route', 'replace', 'default', 'via', '10.99.1.1');
    await ip('addr', 'add', 'fd00:99:1::2/64', 'dev', 'e0', 'nodad');
    await ip('-6', 'route', 'replace', 'default', 'via', 'fd00:99:1::1');
}
