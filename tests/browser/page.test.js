// What the product's page tells a person, and that it fits a phone.

import assert from 'node:assert/strict';
import { firstFrame } from './lib/media.js';
import { live, publish, state, tiles, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';

const overflow = (tab) => tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

scenario('The page keeps to itself: no foreign resource, no console error, nothing outside a phone’s width', async (s) => {
    const server = await s.server();
    const tab = await s.chromium('phone', { context: PHONE });
    const asked = [];
    tab.page.on('request', (request) => asked.push(request.url()));
    await live(await publish(tab, server, { mode: 'meet' }));
    const other = await s.chromium('other', { context: PHONE });
    await live(await publish(other, server, { mode: 'meet' }));
    await firstFrame(tab);
    const origin = new URL(server.page).origin;
    assert.deepEqual(asked.filter((url) => new URL(url).origin !== origin && !url.startsWith('blob:')), []);
    assert.deepEqual(tab.console, []);
    assert.equal(await overflow(tab), 0, 'two people meet: the page can be scrolled sideways');
    await tab.press('stop');
    await state(tab, 'idle');
    assert.equal(await overflow(tab), 0, 'idle: the page can be scrolled sideways');
});

scenario('It can be used with the keyboard alone', async (s) => {
    const server = await s.server();
    const tab = await s.chromium('keyboard');
    await tab.goto(server.page);
    const focused = () => tab.evaluate(() => document.activeElement.dataset.test);
    const { keyboard } = tab.page;
    const reached = [];
    for (let i = 0; i < 14 && (await focused()) !== 'start'; i += 1) {
        await keyboard.press('Tab');
        reached.push(await focused());
    }
    for (const hook of ['mode-publish', 'channel', 'source', 'codec', 'start']) assert.ok(reached.includes(hook), `Tab reaches ${hook}: ${reached}`);
    await keyboard.press('Enter');
    await state(tab, 'live');
});

scenario('The link for viewers leads to the channel', async (s) => {
    const server = await s.server();
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server, { channel: 'swallows & co/燕' }));
    const link = await publisher.evaluate(() => document.querySelector('[data-test="share-link"]').value);
    const viewer = await s.chromium('viewer');
    await viewer.goto(link);
    await state(viewer, 'live');
    await firstFrame(viewer);
});

scenario('Sources: microphone alone, and the screen', async (s) => {
    const server = await s.server();
    const publisher = await s.chromium('publisher');
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));
    await live(await publish(publisher, server, { source: 'microphone' }));
    await viewer.until('a tile that is heard and shows no video', () => {
        const tile = document.querySelector('[data-test="tile"]');
        return tile && tile.querySelector('video').srcObject.getVideoTracks().length === 0 && tile.querySelector('video').srcObject.getAudioTracks().length === 1;
    });
    await publisher.press('stop');
    await viewer.until('the tile goes', () => document.querySelectorAll('[data-test="tile"]').length === 0);
    await live(await publish(publisher, server, { source: 'screen' }));
    await firstFrame(viewer);
});

for (const [name, title] of [
    ['NotFoundError', /No camera or microphone was found/],
    ['NotAllowedError', /Permission .* was refused/],
    ['NotReadableError', /does not answer/],
]) {
    scenario(`Told plainly: ${name}`, async (s) => {
        const server = await s.server();
        const tab = await s.chromium('publisher');
        await tab.goto(server.page);
        await tab.evaluate((name) => {
            const real = navigator.mediaDevices.getUserMedia;
            navigator.mediaDevices.getUserMedia = async () => {
                navigator.mediaDevices.getUserMedia = real;
                throw new DOMException('by the test', name);
            };
        }, name);
        await tab.press('start');
        await state(tab, 'failed');
        assert.match(await tab.text('error-title'), title);
        assert.ok((await tab.text('error-help')).length > 20);
        await tab.press('retry');
        await state(tab, 'live');
        assert.equal(await tab.text('error'), '');
    });
}

scenario('Told plainly: an address where no device may be used', async (s) => {
    const server = await s.server({ listen: '10.99.0.1:0' });
    const tab = await s.chromium('publisher');
    await tab.goto(server.page);
    await tab.press('start');
    await tab.until('the message', () => !document.querySelector('[data-test="error"]').hidden);
    assert.match(await tab.text('error-help'), /https:\/\//);
    // Watching needs no device.
    await live(await watch(tab, server));
});

scenario('Told plainly: a wrong token; the right one works', async (s) => {
    const token = 'a token of enough characters, 32 or more';
    const server = await s.server({ config: `access_token = ${JSON.stringify(token)}\n` });
    const tab = await s.chromium('publisher');
    await publish(tab, server);
    await state(tab, 'failed');
    assert.match(await tab.text('error-title'), /did not let you in/);
    await tab.fill('token', token);
    await tab.press('retry');
    await state(tab, 'live');
});

scenario('The server is restarted: the page says so, and reconnects', async (s) => {
    const server = await s.server();
    const viewer = await s.chromium('viewer');
    const publisher = await s.chromium('publisher');
    await live(await watch(viewer, server));
    await live(await publish(publisher, server));
    await firstFrame(viewer);
    const { host } = new URL(server.page);
    await server.stop();
    for (const tab of [viewer, publisher]) {
        await state(tab, 'reconnecting');
        assert.match(await tab.text('error'), /Reconnecting/);
    }
    await s.server({ listen: host });
    for (const tab of [viewer, publisher]) await state(tab, 'live');
    await viewer.until('the publisher is back', () => {
        const video = document.querySelector('[data-test="tile"] video');
        return video && video.videoWidth > 0;
    });
    assert.equal((await tiles(viewer)).length, 1);
});
