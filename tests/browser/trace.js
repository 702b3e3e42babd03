// Records frames of Chromium's encoders for `tsubame load-test --trace`: benches/traces/README.md says how to run it. Not a test.
//
//     node trace.js [--only CODEC] [--seconds N] FOLDER      writes FOLDER/{vp8,h264,av1}.json (inside scripts/in-namespace)
//     node trace.js --print FOLDER                           prints what is in them as Markdown

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dumped, groups, quantile, runsOf, spread, table } from './lib/describe.js';
import { sent } from './lib/media.js';
import { movingPicture } from './lib/moving-picture.js';
import { BINARY, Server } from './lib/server.js';
import { servePages } from './lib/static.js';
import { until } from './lib/wait.js';
import { rtp } from './lib/wire.js';

const CODECS = ['VP8', 'H264', 'AV1'];
const BITRATE = 1_500;
const PICTURE = { width: 960, height: 540, frameRate: 30 };
/** For AV1, which needs no more than 1.1 Mbit/s for the same picture at its best quality. */
const LARGER_PICTURE = { width: 1120, height: 630, frameRate: 30 };
/** RTP's clock for video. */
const CLOCK_RATE = 90_000;

// The path of Chromium is read when the module is loaded.
process.env.LOGGED_CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
process.env.CHROMIUM = fileURLToPath(new URL('lib/logged-chromium', import.meta.url));
const { startChromium } = await import('./lib/browser.js');

async function record(codec, seconds) {
    const folder = await mkdtemp(path.join(tmpdir(), 'tsubame-trace-'));
    process.env.CHROMIUM_LOG = path.join(folder, 'log');
    const started = [];
    const keep = async (thing) => {
        started.push(await thing);
        return started.at(-1);
    };
    try {
        const server = await keep(Server.start());
        const pages = await keep(servePages());
        const browser = await keep(startChromium(codec, { flags: ['--enable-logging=stderr', '--v=1', '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/'] }));
        await browser.tab.page.addInitScript(movingPicture, codec === 'AV1' ? LARGER_PICTURE : PICTURE);
        const page = { signaling: server.signaling, channel: 'trace0', role: 'sendonly', codec, audio: 'false', bit_rate: BITRATE };
        await browser.tab.goto(pages.url('today.html', page));
        const video = async () => (await sent(browser.tab)).find(({ kind }) => kind === 'video') ?? { bytes: 0, frames: 0 };
        await settled(video);
        // A viewer that joins is given a keyframe, with which the trace begins.
        await keep(viewer(server, seconds + 8));
        const before = await video();
        const wanted = before.frames + (seconds + 7) * PICTURE.frameRate * 0.9;
        await until(`${seconds} s are recorded`, async () => (await video()).frames > wanted, { timeout: (seconds + 15) * 1000 });
        const { width, height } = await video();
        const frames = framesOf(dumped(await readFile(process.env.CHROMIUM_LOG, 'latin1')), codec);
        return trace(frames, seconds, { codec: codec.toLowerCase(), encoder: `Chromium ${browser.version}`, recorded: new Date().toISOString().slice(0, 10), picture: `${width}x${height}` });
    } finally {
        for (const thing of started.reverse()) await thing.stop();
        await rm(folder, { recursive: true, force: true });
    }
}

/** Waits until the bandwidth is found: the rate is what was asked for. */
async function settled(video) {
    let last = { bytes: 0, at: performance.now() };
    await until('the encoder reaches its bit rate', async () => {
        const [{ bytes }, at] = [await video(), performance.now()];
        const rate = ((bytes - last.bytes) * 8) / (at - last.at);
        last = { bytes, at };
        return rate > 0.85 * BITRATE;
    }, { timeout: 40_000, every: 1_500 });
}

async function viewer(server, seconds) {
    const process = spawn(BINARY, ['load-test', server.signaling, '--publishers', '0', '--subscribers', '1', '--channel-name', 'trace', '--duration', `${seconds}s`], { stdio: 'ignore' });
    const ended = new Promise((resolve) => process.once('exit', resolve));
    return {
        stop: () => {
            process.kill('SIGINT');
            return ended;
        },
    };
}

/** The frames of the video that was sent: [{timestamp, keyframe, sizes}], without retransmissions, which are another stream. */
function framesOf(dump, codec) {
    const packets = dump
        .filter(({ fromServer, bytes }) => !fromServer && (bytes[1] < 192 || bytes[1] >= 224))
        .map(({ bytes }) => {
            const packet = rtp(bytes);
            const end = bytes.length - packet.padding;
            return { ...packet, body: bytes.subarray(end - packet.payload, end) };
        })
        .filter(({ payload }) => payload > 0);
    const [video] = groups(packets, ({ type, ssrc }) => `${type} ${ssrc}`).sort((a, b) => b.length - a.length);
    return groups(video, ({ timestamp }) => timestamp).map((frame) => ({
        timestamp: frame[0].timestamp,
        keyframe: isKeyframe(frame[0].body, codec),
        sizes: frame.map(({ payload }) => payload),
    }));
}

/** By the beginning of a frame's first packet. */
function isKeyframe(body, codec) {
    switch (codec) {
        case 'VP8': {
            // RFC 7741 §4.2 and §4.3.
            let at = 1;
            if (body[0] & 0x80) {
                const has = body[at++];
                if (has & 0x80) at += body[at] & 0x80 ? 2 : 1;
                if (has & 0x40) at += 1;
                if (has & 0x30) at += 1;
            }
            return (body[at] & 1) === 0;
        }
        case 'H264': {
            // RFC 6184 §5: STAP-A and FU-A say what they hold; a keyframe begins with its parameter sets.
            const type = body[0] & 0x1f;
            const inner = type === 24 ? body[3] & 0x1f : type === 28 ? body[1] & 0x1f : type;
            return inner === 7 || inner === 5;
        }
        case 'AV1':
            // The aggregation header's N: the first packet of a coded video sequence.
            return (body[0] & 0x08) !== 0;
    }
}

/** `seconds` of frames, from the last keyframe that has as many behind it. */
function trace(frames, seconds, about) {
    const since = (first, { timestamp }) => (((timestamp - first.timestamp) >>> 0) * 1000) / CLOCK_RATE;
    const begin = frames.findLastIndex((frame) => frame.keyframe && since(frame, frames.at(-1)) > seconds * 1000);
    if (begin < 0) throw new Error(`no keyframe with ${seconds} s behind it in ${frames.length} frames`);
    const first = frames[begin];
    const end = begin + frames.slice(begin).findIndex((frame) => since(first, frame) >= seconds * 1000);
    const lines = frames.slice(begin, end).map((frame) => JSON.stringify([Math.round(since(first, frame) * 10) / 10, Number(frame.keyframe), frame.sizes]));
    const head = Object.entries({ ...about, duration_ms: Math.round(since(first, frames[end]) * 10) / 10 });
    return `{\n${head.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},\n`).join('')}"frames": [\n${lines.join(',\n')}\n]}\n`;
}

/** What load-test makes of a trace, in numbers. */
function describe(trace) {
    const { codec, duration_ms: duration, frames } = trace;
    const sizes = frames.map(([, , sizes]) => sizes);
    const all = sizes.flat();
    const several = sizes.filter(({ length }) => length > 1);
    const runs = (slack) => spread(several.map((frame) => runsOf(frame, slack))).split(' / ').slice(1).join(' / ');
    const differences = several.map((frame) => Math.max(...frame) - Math.min(...frame));
    const keyframes = frames.filter(([, keyframe]) => keyframe);
    return {
        codec,
        picture: trace.picture,
        'frames/s': ((frames.length * 1000) / duration).toFixed(1),
        'kbit/s': ((all.reduce((sum, size) => sum + size, 0) * 8) / duration).toFixed(0),
        'packets/s': ((all.length * 1000) / duration).toFixed(0),
        'packets per frame: min / median / p90 / max': spread(sizes.map(({ length }) => length)),
        'keyframes: packets': keyframes.map(([, , sizes]) => sizes.length).join(', '),
        'payload octets: min / median / p90 / max': spread(all),
        'frames of several packets': several.length,
        'of these, largest less smallest: median / p90': `${quantile(differences, 0.5)} / ${quantile(differences, 0.9)}`,
        'GSO runs: median / p90 / max': runs(0),
        'with up to 2 octets of padding': runs(2),
    };
}

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { print: { type: 'boolean' }, only: { type: 'string' }, seconds: { type: 'string', default: '15' } },
});
const [folder] = positionals;
if (!folder) throw new Error('trace.js [--only CODEC] [--seconds N] [--print] FOLDER');
await mkdir(folder, { recursive: true });
const file = (codec) => path.join(folder, `${codec.toLowerCase()}.json`);
if (!values.print) {
    for (const codec of CODECS.filter((codec) => !values.only || codec.toLowerCase() === values.only.toLowerCase())) {
        console.error(codec);
        await writeFile(file(codec), await record(codec, Number(values.seconds)));
    }
}
const rows = [];
for (const codec of CODECS) rows.push(describe(JSON.parse(await readFile(file(codec), 'utf8').catch(() => '{"codec":"missing","duration_ms":1,"frames":[]}'))));
console.log(table(rows));
