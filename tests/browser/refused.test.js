// Who is refused, with which close code and reason; and that nobody else notices.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { assertWatches } from './lib/media.js';
import { live, publish, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';
import { Socket, connect } from './lib/socket.js';

const TOKEN = 'a token of enough characters, 32 or more';

/** Closed with 4490 and a reason that fits. */
async function assertRefused(socket, reason, timeout) {
    const closed = await socket.end(timeout);
    assert.equal(closed.code, 4490, JSON.stringify(closed));
    assert.match(closed.reason, reason);
    assert.ok(Buffer.byteLength(closed.reason) <= 123, 'a close reason has room for 123 bytes');
}

/** An auth webhook. `answer(request body, response)`. */
async function webhook(s, answer) {
    const asked = [];
    const server = createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (text) => (body += text));
        request.on('end', () => {
            asked.push({ method: request.method, type: request.headers['content-type'], body: JSON.parse(body) });
            answer(asked.at(-1).body, response);
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await s.keep({
        stop: () => new Promise((resolve) => {
            server.close(resolve);
            server.closeAllConnections();
        }),
    });
    return { url: `http://127.0.0.1:${server.address().port}/auth`, asked };
}

scenario('Faults in messages are named, and a running session does not notice', async (s) => {
    const server = await s.server();
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server));
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));

    const open = async () => s.keep(await Socket.open(server.signaling));
    const faults = [
        ['garbage', 'garbage', /json/i],
        ['an array', '[]', /./],
        ['no type', '{}', /type/i],
        ['an unknown first message', { type: 'answer', sdp: '' }, /connect|answer|order/i],
        ['an unknown role', connect({ role: 'spectator' }), /role/i],
        ['mixed generations: channel_id and upstream', connect({ role: 'upstream' }), /role|mixed|upstream|channel/i],
        ['mixed generations: channelId and sendonly', { type: 'connect', role: 'sendonly', channelId: 'test' }, /role|mixed|sendonly|channel/i],
        ['no channel', { type: 'connect', role: 'recvonly' }, /channel/i],
        ['a channel name of 256 bytes', connect({ channel_id: 'x'.repeat(256) }), /channel/i],
        ['a channel name of 255 bytes in 86 characters, plus one', connect({ channel_id: `${'燕'.repeat(85)}x` }), /channel/i],
        ['a codec nobody knows', connect({ role: 'sendonly', video: { codec_type: 'MPEG2' } }), /codec|video/i],
    ];
    for (const [name, first, reason] of faults) {
        await assertRefused((await open()).send(first), reason).catch((error) => {
            error.message = `${name}: ${error.message}`;
            throw error;
        });
    }

    const second = (await open()).send(connect());
    await second.message('offer');
    await assertRefused(second.send(connect()), /connect/i);

    const unasked = (await open()).send(connect());
    await unasked.message('offer');
    await assertRefused(unasked.send({ type: 're-answer', sdp: 'v=0\r\n' }), /answer/i);

    const impossible = (await open()).send(connect());
    await impossible.message('offer');
    await assertRefused(impossible.send({ type: 'answer', sdp: 'this is no SDP' }), /sdp|answer/i);

    const bytes = (await open()).sendTextBytes(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
    assert.equal((await bytes.end()).code, 1007, 'not UTF-8');

    const large = (await open()).send(JSON.stringify(connect({ metadata: 'x'.repeat(300 * 1024) })));
    assert.equal((await large.end()).code, 1009, 'over 256 KiB');

    await assertWatches(viewer, { from: publisher });
});

scenario('A name of 255 bytes is let in', async (s) => {
    const server = await s.server();
    const socket = await s.keep(await Socket.open(server.signaling));
    const offer = await socket.send(connect({ channel_id: '燕'.repeat(85) })).message('offer');
    assert.match(offer.sdp, /^v=0/);
});

scenario('The access token of the configuration, in both generations', async (s) => {
    const server = await s.server({ config: `access_token = ${JSON.stringify(TOKEN)}\n` });
    const old = (accessToken) => ({ type: 'connect', role: 'downstream', channelId: 'test', ...(accessToken && { accessToken }) });
    for (const first of [
        connect(),
        connect({ metadata: { access_token: 'another' } }),
        connect({ metadata: { access_token: `${TOKEN}x` } }),
        connect({ metadata: TOKEN }),
        old(),
        old('another'),
    ]) {
        await assertRefused((await s.keep(await Socket.open(server.signaling))).send(first), /token|auth/i);
    }
    for (const first of [connect({ metadata: { access_token: TOKEN } }), old(TOKEN)]) {
        await (await s.keep(await Socket.open(server.signaling))).send(first).message('offer');
    }
});

scenario('The webhook: asked as in 2015, 200 lets in, 403 refuses', async (s) => {
    const hook = await webhook(s, (body, response) => response.writeHead(body.accessToken === 'good' ? 200 : 403).end());
    const server = await s.server({ config: `auth_url = ${JSON.stringify(hook.url)}\n` });
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server, { token: 'good' }));
    await assertRefused((await s.keep(await Socket.open(server.signaling))).send(connect()), /auth|webhook|403/i);
    const old = { type: 'connect', role: 'downstream', channelId: 'test', accessToken: 'good' };
    await (await s.keep(await Socket.open(server.signaling))).send(old).message('offer');

    assert.ok(hook.asked.every(({ method, type }) => method === 'POST' && /^application\/json/.test(type)));
    const [first, , last] = hook.asked.map(({ body }) => body);
    assert.equal(first.channelId, 'test');
    assert.equal(first.accessToken, 'good');
    assert.equal(first.connected, 0);
    assert.deepEqual(last, { role: 'downstream', channelId: 'test', accessToken: 'good', connected: 1 });
    await live(publisher);
});

scenario('A silent webhook refuses after 5 s, and holds up nobody else', async (s) => {
    const hook = await webhook(s, (body, response) => {
        if (body.channelId !== 'silent') response.writeHead(200).end();
    });
    const server = await s.server({ config: `auth_url = ${JSON.stringify(hook.url)}\n` });
    const waiting = (await s.keep(await Socket.open(server.signaling))).send(connect({ channel_id: 'silent' }));
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server, { channel: 'other' }));
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server, { channel: 'other' }));
    await assertRefused(waiting, /auth|webhook|time/i, 30_000);
    await assertWatches(viewer, { from: publisher });
});

scenario('A webhook that is not there refuses', async (s) => {
    const server = await s.server({ config: 'auth_url = "http://127.0.0.1:9/auth"\n' });
    await assertRefused((await s.keep(await Socket.open(server.signaling))).send(connect()), /auth|webhook/i, 30_000);
});

scenario('A viewer that never answers a re-offer is ended, and nobody else notices', async (s) => {
    const server = await s.server();
    const pages = await s.pages();
    const mute = await s.chromium('never answers');
    await mute.goto(pages.url('today.html', { signaling: server.signaling, channel: 'test', role: 'recvonly', silent: 1 }));
    await mute.until('connected', () => window.client.connected);
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server));
    const closed = await mute.until('it is closed', () => window.client.closed, undefined, { timeout: 60_000 });
    assert.equal(closed.code, 4490);
    assert.match(closed.reason, /answer/i);
    await assertWatches(viewer, { from: publisher });
});
