// Records what Chromium and Firefox really send to the server, and prints it as Markdown: docs/browsers.md says how to run it. Not a test.
//
//     node record.js [--only NAME] [--seconds N] FOLDER      records into FOLDER (inside scripts/in-namespace), then prints
//     node record.js --print FOLDER                          prints what was recorded there
//
// FOLDER gets, for each run, NAME.pcapng (what was on the wire) and NAME.json (who was who, browser versions, session descriptions), and for each browser
// either its key log (Firefox) or its log with RTP and RTCP in plain (Chromium keeps its DTLS keys to itself).

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { record } from './lib/capture.js';
import { describe } from './lib/describe.js';
import { sent } from './lib/media.js';
import { live, publish, watch } from './lib/product.js';
import { Server, SERVER_ADDRESS } from './lib/server.js';
import { until } from './lib/wait.js';

/** One publisher, its viewers, and the share of datagrams that is lost, in both directions. */
const RUNS = [
    { name: 'chromium-vp8', publisher: 'chromium', codec: 'VP8', viewers: ['chromium', 'firefox'] },
    { name: 'chromium-vp9', publisher: 'chromium', codec: 'VP9', viewers: ['chromium'] },
    { name: 'chromium-h264', publisher: 'chromium', codec: 'H264', viewers: ['chromium'] },
    { name: 'chromium-av1', publisher: 'chromium', codec: 'AV1', viewers: ['chromium'] },
    { name: 'firefox-vp8', publisher: 'firefox', codec: 'VP8', viewers: ['chromium', 'firefox'] },
    { name: 'firefox-vp9', publisher: 'firefox', codec: 'VP9', viewers: ['firefox'] },
    { name: 'firefox-h264', publisher: 'firefox', codec: 'H264', viewers: ['firefox'] },
    { name: 'firefox-av1', publisher: 'firefox', codec: 'AV1', viewers: ['firefox'] },
    { name: 'chromium-loss', publisher: 'chromium', codec: 'VP8', viewers: ['chromium'], loss: 0.03 },
    { name: 'firefox-loss', publisher: 'firefox', codec: 'VP8', viewers: ['firefox'], loss: 0.03 },
];

// The path of Chromium is read when the module is loaded.
process.env.LOGGED_CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
process.env.CHROMIUM = fileURLToPath(new URL('lib/logged-chromium', import.meta.url));
const { startChromium, startFirefox } = await import('./lib/browser.js');

const CHROMIUM_LOGS = ['--enable-logging=stderr', '--v=1', '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/'];
/** Where the server is in the runs with loss. What loses datagrams stands before it, at the same port of SERVER_ADDRESS. */
const BEHIND = { address: '10.99.1.1', port: 40_000 };

async function start(kind, base) {
    if (kind === 'firefox') return startFirefox(base, { env: { SSLKEYLOGFILE: `${base}.keys` } });
    process.env.CHROMIUM_LOG = `${base}.log`;
    return startChromium(base, { flags: CHROMIUM_LOGS });
}

async function run({ name, publisher, codec, viewers, loss }, folder, seconds) {
    const started = [];
    const keep = async (thing) => {
        started.push(await thing);
        return started.at(-1);
    };
    const about = { name, codec, loss, date: new Date().toISOString(), browsers: [] };
    try {
        if (loss) await keep(lossy(loss));
        const server = await keep(Server.start(loss ? { udp: [`${BEHIND.address}:${BEHIND.port}`] } : {}));
        about.port = Number(server.udp[0].split(':').at(-1));
        const recording = await keep(record(path.join(folder, `${name}.pcapng`)));
        const tabs = [];
        const join = async (kind, role, enter) => {
            const label = `${name}.${role}`;
            const browser = await keep(start(kind, path.join(folder, label)));
            const { page } = browser.tab;
            if (loss) await (kind === 'firefox' ? page.evaluateOnNewDocument(forget, BEHIND.address) : page.addInitScript(forget, BEHIND.address));
            await live(await enter(browser.tab));
            tabs.push(browser.tab);
            about.browsers.push({ kind, role, label, version: browser.version });
        };
        await join(publisher, 'publisher', (tab) => publish(tab, server, { codec, height: '720' }));
        await until('video is sent', async () => (await sent(tabs[0])).some(({ kind, frames }) => kind === 'video' && frames > 0), { timeout: 20_000 });
        for (const [index, kind] of viewers.entries()) await join(kind, `viewer${index}`, (tab) => watch(tab, server));
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        for (const [index, tab] of tabs.entries()) Object.assign(about.browsers[index], await tab.evaluate(facts), { sent: await sent(tab) });
        await recording.stop();
    } catch (error) {
        about.failure = error.message;
    }
    for (const thing of started.reverse()) await thing.stop().catch((error) => console.error(`${name}: ${error.message}`));
    await writeFile(path.join(folder, `${name}.json`), JSON.stringify(about, null, 1));
}

/** Runs in the page: what was agreed, and with what it encodes. */
async function facts() {
    const peer = window.testPeers.at(-1);
    const report = [...(await peer.getStats()).values()];
    return {
        offer: peer.remoteDescription.sdp,
        answer: peer.localDescription.sdp,
        encoders: report.filter(({ type }) => type === 'outbound-rtp').map(({ kind, encoderImplementation }) => `${kind}: ${encoderImplementation}`),
    };
}

/** Runs in the page: the server names the address it is bound to as well, and nobody shall go there directly. */
function forget(address) {
    const native = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function setRemoteDescription({ type, sdp }) {
        const kept = sdp.split('\r\n').filter((line) => !(line.startsWith('a=candidate:') && line.includes(` ${address} `)));
        return native.call(this, { type, sdp: kept.join('\r\n') });
    };
}

/** Loses this share of the datagrams in either direction, by the same sequence in every run. */
async function lossy(share) {
    const outer = createSocket('udp4');
    const inner = new Map();
    let seed = 1;
    const lost = () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return seed < share * 2 ** 32;
    };
    outer.on('message', (datagram, { address, port: from }) => {
        const key = `${address}:${from}`;
        if (!inner.has(key)) {
            const socket = createSocket('udp4');
            socket.on('message', (reply) => lost() || outer.send(reply, from, address));
            // Not a loopback address: the server tells the browser, which would not have it.
            socket.bind(0, BEHIND.address);
            inner.set(key, socket);
        }
        if (!lost()) inner.get(key).send(datagram, BEHIND.port, BEHIND.address);
    });
    await new Promise((resolve, reject) => outer.once('error', reject).bind(BEHIND.port, SERVER_ADDRESS, resolve));
    return {
        stop: async () => {
            outer.close();
            for (const socket of inner.values()) socket.close();
        },
    };
}

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { print: { type: 'boolean' }, only: { type: 'string' }, seconds: { type: 'string', default: '40' } },
});
const [folder] = positionals;
if (!folder) throw new Error('record.js [--only NAME] [--seconds N] [--print] FOLDER');
await mkdir(folder, { recursive: true });
if (!values.print) {
    // Runs of datagrams (UDP GSO) are cut up before they are captured.
    await promisify(execFile)('ip', ['link', 'set', 'lo', 'gso_max_segs', '1']);
    for (const each of RUNS.filter(({ name }) => !values.only || name === values.only)) {
        console.error(each.name);
        await run(each, folder, Number(values.seconds));
    }
}
console.log(await describe(folder, RUNS.map(({ name }) => name)));
