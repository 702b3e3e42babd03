// https and wss with the certificate that the server makes at its start.

import assert from 'node:assert/strict';
import { assertWatches } from './lib/media.js';
import { live, publish, watch } from './lib/product.js';
import { scenario } from './lib/scenario.js';
import { Socket, connect } from './lib/socket.js';

scenario('From another machine over https: Chromium publishes, Firefox watches', async (s) => {
    const server = await s.server({ tls: true });
    // Over the link between the namespaces, as another machine would.
    const publisher = await s.chromium('publisher', { edge: true });
    await live(await publish(publisher, server, { base: server.securePage }));
    assert.equal(await publisher.evaluate(() => location.protocol), 'https:');
    const viewer = await s.firefox('viewer');
    await live(await watch(viewer, server, { base: server.securePage }));
    await assertWatches(viewer, { from: publisher });
    // The printed fingerprint is how a person knows that it is the right certificate.
    assert.match(server.output + server.log, /([0-9A-F]{2}:){31}[0-9A-F]{2}/i);
});

scenario('wss answers a bare client', async (s) => {
    const server = await s.server({ tls: true });
    const socket = await s.keep(await Socket.open(server.secureSignaling));
    await socket.send(connect()).message('offer');
});

scenario('IPv6: Chromium publishes and watches over it', async (s) => {
    const server = await s.server({ udp: ['[fd00:99::1]:0'], candidates: ['fd00:99::1'] });
    const publisher = await s.chromium('publisher');
    await live(await publish(publisher, server));
    const viewer = await s.chromium('viewer');
    await live(await watch(viewer, server));
    await assertWatches(viewer, { from: publisher });
    const remote = await viewer.evaluate(async () => {
        const report = await window.testPeers.at(-1).getStats();
        const transport = [...report.values()].find(({ type }) => type === 'transport');
        return report.get(report.get(transport.selectedCandidatePairId).remoteCandidateId).address;
    });
    assert.match(remote, /^\[?fd00:99::1\]?$/);
});
