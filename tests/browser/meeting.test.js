// Three browsers in one channel as sendrecv.

import assert from 'node:assert/strict';
import { assertWatches, received } from './lib/media.js';
import { scenario } from './lib/scenario.js';

async function join(s, server, pages, kind, name) {
    const tab = await s.browser(kind, name);
    await tab.goto(pages.url('today.html', { signaling: server.signaling, channel: 'meeting', role: 'sendrecv' }));
    await tab.until('connected', () => {
        if (window.client.error) throw new Error(window.client.error);
        return window.client.connected;
    });
    tab.id = await tab.evaluate(() => window.client.connectionId);
    return tab;
}

scenario('Three browsers each see the two others; one leaves, the others are told and go on', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const a = await join(s, server, pages, 'chromium', 'a');
    const b = await join(s, server, pages, 'firefox', 'b');
    const c = await join(s, server, pages, 'chromium', 'c');
    assert.equal(new Set([a.id, b.id, c.id]).size, 3);

    for (const [tab, others] of [[a, [b, c]], [b, [a, c]], [c, [a, b]]]) {
        for (const other of others) await assertWatches(tab, { stream: other.id, from: other });
        assert.deepEqual(await shown(tab), others.map(({ id }) => id).sort(), 'the others, and not oneself');
    }
    // The newcomer is told who is there, and everybody is told of the newcomer.
    const created = (tab, id) => tab.evaluate((id) =>
        window.client.notifies.find((n) => n.event_type === 'connection.created' && n.connection_id === id), id);
    const own = await created(c, c.id);
    assert.deepEqual(own.data.map(({ connection_id }) => connection_id).sort(), [a.id, b.id].sort());
    assert.equal(own.channel_connections, 3);
    assert.equal(own.channel_sendrecv_connections, 3);
    for (const tab of [a, b]) assert.equal((await created(tab, c.id)).role, 'sendrecv');

    await b.evaluate(() => window.client.disconnect());
    const closed = await b.until('it is closed', () => window.client.closed);
    assert.deepEqual(closed, { code: 1000, reason: 'TYPE-DISCONNECT' });
    for (const [tab, other] of [[a, c], [c, a]]) {
        const told = await tab.until('told that b has left', (id) =>
            window.client.notifies.find((n) => n.event_type === 'connection.destroyed' && n.connection_id === id), b.id);
        assert.equal(told.channel_connections, 2, 'the leaver is not counted');
        await tab.until('b is not shown', (id) => !document.getElementById(id), b.id);
        await assertWatches(tab, { stream: other.id, from: other });
        const left = (await received(tab)).filter(({ stream, direction }) => stream === b.id && direction === 'recvonly');
        assert.deepEqual(left, [], 'the sections of the leaver are inactive');
    }
});

scenario('A newcomer takes over the sections of one who left', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const a = await join(s, server, pages, 'chromium', 'a');
    const b = await join(s, server, pages, 'chromium', 'b');
    await assertWatches(a, { stream: b.id, from: b });
    const sections = () => a.evaluate(() => window.testPeers[0].remoteDescription.sdp.split('\r\nm=').length - 1);
    const before = await sections();
    await b.evaluate(() => window.client.disconnect());
    await a.until('b is not shown', (id) => !document.getElementById(id), b.id);
    const c = await join(s, server, pages, 'chromium', 'c');
    await assertWatches(a, { stream: c.id, from: c });
    await assertWatches(c, { stream: a.id, from: a });
    assert.equal(await sections(), before, 'as many sections as before');
});

function shown(tab) {
    return tab.evaluate(() => [...document.querySelectorAll('video')].map(({ id }) => id).sort());
}
