// The unmodified sora-js-sdk in both browsers, and the messages of 2015.

import assert from 'node:assert/strict';
import { assertWatches } from './lib/media.js';
import { scenario } from './lib/scenario.js';

async function open(s, pages, page, kind, name, parameters) {
    const tab = await s.browser(kind, name);
    await tab.goto(pages.url(page, parameters));
    await tab.until('connected', () => {
        if (window.client.error) throw new Error(`${window.client.error} ${JSON.stringify(window.client.closed)}`);
        return window.client.connected && window.client.connectionId;
    });
    tab.id = await tab.evaluate(() => window.client.connectionId);
    return tab;
}

for (const [from, to] of [['chromium', 'firefox'], ['firefox', 'chromium']]) {
    scenario(`sora-js-sdk: ${from} is sendonly, ${to} is recvonly`, async (s) => {
        const server = await s.server();
        const pages = await s.pages();
        const common = { signaling: server.signaling, channel: 'sdk' };
        const viewer = await open(s, pages, 'sdk.html', to, 'viewer', { ...common, role: 'recvonly' });
        const publisher = await open(s, pages, 'sdk.html', from, 'publisher', { ...common, role: 'sendonly' });
        assert.match(publisher.id, /^[0-9A-Z]{26}$/, 'a connection id has 26 characters');
        await assertWatches(viewer, { stream: publisher.id, from: publisher, codec: 'VP8' });
        assert.deepEqual(await publisher.evaluate(() => window.client.mids), { audio: true, video: true });

        await publisher.evaluate(() => window.client.disconnect());
        const closed = await publisher.until('its disconnect callback', () => window.client.closed);
        assert.deepEqual([closed.type, closed.code, closed.reason], ['normal', 1000, 'TYPE-DISCONNECT']);
        await viewer.until('the stream is gone', (id) => !document.getElementById(id), publisher.id);
        await viewer.until('it is told', (id) =>
            window.client.notifies.some((n) => n.event_type === 'connection.destroyed' && n.connection_id === id), publisher.id);
    });
}

scenario('sora-js-sdk: sendrecv in Chromium and Firefox', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const common = { signaling: server.signaling, channel: 'sdk', role: 'sendrecv' };
    const a = await open(s, pages, 'sdk.html', 'chromium', 'a', common);
    const b = await open(s, pages, 'sdk.html', 'firefox', 'b', common);
    await assertWatches(a, { stream: b.id, from: b });
    await assertWatches(b, { stream: a.id, from: a });
});

scenario('sora-js-sdk is refused with the reason', async (s) => {
    const server = await s.server({ config: 'access_token = "a token of enough characters, 32 or more"\n' });
    const pages = await s.pages();
    const tab = await s.chromium('publisher');
    await tab.goto(pages.url('sdk.html', { signaling: server.signaling, channel: 'sdk', role: 'sendonly', token: 'another' }));
    const closed = await tab.until('connect() is rejected', () => window.client.error && window.client.closed);
    assert.equal(closed.code, 4490);
    assert.ok(closed.reason.length > 0);
});

for (const kind of ['chromium', 'firefox']) {
    scenario(`The messages of 2015: upstream and downstream in ${kind}`, async (s) => {
        const server = await s.server();
        const pages = await s.pages();
        const common = { signaling: server.signaling, channel: 'spam' };
        const upstream = await open(s, pages, '2015.html', kind, 'upstream', { ...common, role: 'upstream' });
        const downstream = await open(s, pages, '2015.html', kind, 'downstream', { ...common, role: 'downstream' });
        const offer = await upstream.evaluate(() => window.client.offer);
        assert.equal(offer.type, 'offer');
        assert.ok(offer.clientId && offer.sdp && !('connection_id' in offer) && !('client_id' in offer), JSON.stringify(Object.keys(offer)));
        await assertWatches(downstream, { from: upstream });
    });
}

scenario('A client of 2015 and clients of today in one channel', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const upstream = await open(s, pages, '2015.html', 'chromium', 'upstream', { signaling: server.signaling, channel: 'both', role: 'upstream' });
    const today = await open(s, pages, 'today.html', 'chromium', 'today', { signaling: server.signaling, channel: 'both', role: 'recvonly' });
    await assertWatches(today, { from: upstream });
});
