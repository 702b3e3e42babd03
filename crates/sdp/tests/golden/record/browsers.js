// Records offers and answers of Chromium and Firefox into the folder above. Run it where nothing can leave:
//
//     scripts/in-namespace node crates/sdp/tests/golden/record/browsers.js
//
// The packages of tests/browser have to be there (scripts/test --browser installs them).

import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { startChromium, startFirefox } from '../../../../../tests/browser/lib/browser.js';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

// Runs in the page: two peers of one browser with each other, and what they say at each step.
async function negotiate() {
    const said = {};
    const gathered = (peer) => peer.iceGatheringState === 'complete' || new Promise((resolve) => {
        peer.addEventListener('icegatheringstatechange', () => peer.iceGatheringState === 'complete' && resolve());
    });
    const exchange = async (from, to) => {
        await from.setLocalDescription(await from.createOffer());
        await gathered(from);
        await to.setRemoteDescription(from.localDescription);
        await to.setLocalDescription(await to.createAnswer());
        await gathered(to);
        await from.setRemoteDescription(to.localDescription);
        return [from.localDescription.sdp, to.localDescription.sdp];
    };
    const peers = [1, 2].map(() => new RTCPeerConnection({ bundlePolicy: 'max-bundle' }));
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) peers[0].addTrack(track, stream);
    peers[0].createDataChannel('data');
    [said['offer-gathered'], said['answer-gathered']] = await exchange(...peers);
    // A section is stopped, one is added, one is held, and ICE restarts.
    const [audio, video] = peers[0].getTransceivers();
    audio.direction = 'inactive';
    if (video.stop) video.stop();
    peers[0].addTransceiver('video', { direction: 'recvonly' });
    peers[0].restartIce();
    [said['offer-renegotiated'], said['answer-renegotiated']] = await exchange(...peers);
    return said;
}

/** Addresses of the namespace become those of documentation (RFC 5737, RFC 3849), so do mDNS names. */
const anonymous = (sdp) => sdp
    .replaceAll(/[0-9a-f-]{36}\.local|10\.99\.0\.1/g, '192.0.2.1')
    .replaceAll('10.99.1.1', '192.0.2.2')
    .replaceAll('fd00:99::1', '2001:db8::1')
    .replaceAll('fd00:99:1::1', '2001:db8:1::1');

// Devices need a page of a trustworthy origin.
const pages = createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>record</title>'));
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
for (const start of [startChromium, startFirefox]) {
    const browser = await start('record');
    try {
        console.log(browser.kind, browser.version);
        await browser.tab.goto(`http://127.0.0.1:${pages.address().port}/`);
        for (const [name, sdp] of Object.entries(await browser.tab.evaluate(negotiate))) {
            await writeFile(`${FOLDER}${browser.kind}-${name}.sdp`, anonymous(sdp));
        }
    } finally {
        await browser.stop();
    }
}
pages.close();
