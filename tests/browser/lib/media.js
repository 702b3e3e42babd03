// What a page really receives and shows: numbers from getStats, pixels from a canvas.

import assert from 'node:assert/strict';
import { until } from './wait.js';

/** Everything the tab receives now, one object per live incoming track, each with the stream (the publisher) it belongs to. */
export function received(tab) {
    return tab.evaluate(async () => {
        const found = [];
        for (const peer of window.testPeers) {
            if (peer.connectionState === 'closed') continue;
            const report = await peer.getStats();
            const codecs = new Map([...report.values()].filter((s) => s.type === 'codec').map((s) => [s.id, s]));
            for (const stat of report.values()) {
                if (stat.type !== 'inbound-rtp') continue;
                const known = window.testTracks.findLast(({ track }) => track.id === stat.trackIdentifier);
                found.push({
                    kind: stat.kind,
                    ssrc: stat.ssrc,
                    mid: known?.transceiver.mid,
                    direction: known?.transceiver.currentDirection,
                    stream: known?.stream,
                    muted: known?.track.muted,
                    codec: codecs.get(stat.codecId)?.mimeType ?? '',
                    packets: stat.packetsReceived ?? 0,
                    lost: stat.packetsLost ?? 0,
                    frames: stat.framesDecoded ?? 0,
                    dropped: stat.framesDropped ?? 0,
                    keyframes: stat.keyFramesDecoded ?? 0,
                    width: stat.frameWidth ?? 0,
                    height: stat.frameHeight ?? 0,
                    samples: stat.totalSamplesReceived ?? 0,
                    energy: stat.totalAudioEnergy ?? 0,
                    nacks: stat.nackCount ?? 0,
                    plis: stat.pliCount ?? 0,
                });
            }
        }
        return found;
    });
}

/** Everything the tab sends now, one object per outgoing RTP stream. */
export function sent(tab) {
    return tab.evaluate(async () => {
        const found = [];
        for (const peer of window.testPeers) {
            if (peer.connectionState === 'closed') continue;
            const report = await peer.getStats();
            const codecs = new Map([...report.values()].filter((s) => s.type === 'codec').map((s) => [s.id, s]));
            const reports = [...report.values()].filter((s) => s.type === 'remote-inbound-rtp');
            for (const stat of report.values()) {
                if (stat.type !== 'outbound-rtp') continue;
                const remote = reports.find(({ ssrc }) => ssrc === stat.ssrc);
                found.push({
                    kind: stat.kind,
                    codec: codecs.get(stat.codecId)?.mimeType ?? '',
                    packets: stat.packetsSent ?? 0,
                    bytes: stat.bytesSent ?? 0,
                    frames: stat.framesEncoded ?? 0,
                    width: stat.frameWidth ?? 0,
                    height: stat.frameHeight ?? 0,
                    plis: stat.pliCount ?? 0,
                    nacks: stat.nackCount ?? 0,
                    limitation: stat.qualityLimitationReason,
                    remoteLost: remote?.packetsLost,
                    roundTrip: remote?.roundTripTime,
                });
            }
        }
        return found;
    });
}

const pick = (all, kind, stream) =>
    all.filter((track) => track.kind === kind && (stream === undefined || track.stream === stream) && track.packets > 0);

/** Frames decoded so far of `stream`'s video (of any, without one). */
async function frames(tab, stream) {
    return pick(await received(tab), 'video', stream).reduce((sum, { frames }) => sum + frames, 0);
}

/** Waits for the first decoded frame. */
export function firstFrame(tab, { stream, timeout = 45_000 } = {}) {
    return until(`${tab.name} decodes a first frame`, () => frames(tab, stream), { timeout });
}

/**
 * Asserts that the tab watches: at least 100 frames and audio with sound in it within 10 s, pixels that change, and the resolution and codec the
 * publisher sends. wanted: `stream` (the publisher's connection id), `from` (the publisher's tab), `codec`, `video` and `audio` (false: not there).
 */
export async function assertWatches(tab, { stream, from, codec, video = true, audio = true } = {}) {
    if (video) await firstFrame(tab, { stream });
    if (audio) {
        await until(`${tab.name} receives audio`, async () => pick(await received(tab), 'audio', stream).length > 0);
    }
    const only = (all, kind) => {
        const tracks = pick(all, kind, stream);
        assert.ok(tracks.length <= 1 || stream === undefined, `one ${kind} track of ${stream}: ${JSON.stringify(tracks)}`);
        return tracks.at(-1);
    };
    const before = await received(tab);
    await until(`${tab.name} has decoded 100 more frames and some audio in 10 s`, async () => {
        const now = await received(tab);
        const grown = (kind, field) => only(now, kind)[field] - only(before, kind)[field];
        return (
            (!video || grown('video', 'frames') >= 100) &&
            (!audio || (grown('audio', 'packets') >= 100 && grown('audio', 'samples') >= 48_000 && grown('audio', 'energy') > 0))
        );
    }, { timeout: 10_000 }).catch(async (error) => {
        error.message += `\nbefore: ${JSON.stringify(before)}\nnow: ${JSON.stringify(await received(tab))}`;
        throw error;
    });
    if (video) {
        await assertPixelsChange(tab, stream);
        if (codec) assert.equal(only(await received(tab), 'video').codec.toLowerCase(), `video/${codec}`.toLowerCase());
        if (from) await assertSameResolution(tab, from, stream);
    } else {
        assert.equal(await frames(tab, stream), 0, 'no video is watched');
    }
    if (!audio) assert.deepEqual(pick(await received(tab), 'audio', stream), [], 'no audio is received');
    return received(tab);
}

/** Draws the video that shows `stream` onto a canvas until two drawings differ and neither is of one colour. */
export function assertPixelsChange(tab, stream) {
    return tab.until('the pixels of the video change', async (stream) => {
        const track = window.testTracks.findLast(
            (known) => known.track.kind === 'video' && known.track.readyState === 'live' &&
                (stream === undefined ? !known.track.muted : known.stream === stream),
        )?.track;
        const video = [...document.querySelectorAll('video')].find(
            (element) => element.srcObject?.getVideoTracks().some(({ id }) => id === track?.id),
        );
        if (!video || video.videoWidth === 0 || video.paused) return false;
        const canvas = document.createElement('canvas');
        canvas.width = 160;
        canvas.height = 120;
        const context = canvas.getContext('2d', { willReadFrequently: true });
        const draw = () => {
            context.drawImage(video, 0, 0, canvas.width, canvas.height);
            return context.getImageData(0, 0, canvas.width, canvas.height).data;
        };
        const first = draw();
        for (let attempt = 0; attempt < 50; attempt += 1) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            const second = draw();
            const colours = new Set();
            let changed = 0;
            for (let i = 0; i < second.length; i += 4) {
                colours.add(((second[i] >> 4) << 8) | ((second[i + 1] >> 4) << 4) | (second[i + 2] >> 4));
                if (Math.abs(second[i] - first[i]) + Math.abs(second[i + 1] - first[i + 1]) + Math.abs(second[i + 2] - first[i + 2]) > 48) changed += 1;
            }
            if (colours.size > 3 && changed > 20) return true;
        }
        return false;
    }, stream, { timeout: 30_000 });
}

/** Asserts that what is decoded has the size of what is encoded. Encoders change it with the load, so both must agree at one moment. */
async function assertSameResolution(tab, from, stream) {
    let seen;
    await until('the viewer sees the resolution that the publisher sends', async () => {
        const published = (await sent(from)).filter(({ kind, width }) => kind === 'video' && width > 0).at(-1);
        const watched = pick(await received(tab), 'video', stream).at(-1);
        seen = { published, watched };
        return published && published.width >= 160 && published.width === watched.width && published.height === watched.height;
    }, { timeout: 30_000 }).catch((error) => {
        error.message += `\n${JSON.stringify(seen)}`;
        throw error;
    });
    await tab.until('the video element has that size', ({ width, height }) =>
        [...document.querySelectorAll('video')].some((v) => v.videoWidth === width && v.videoHeight === height),
    seen.watched, { timeout: 20_000 });
}

/** The state of a page in text, for the report of a failed case. */
export async function report(tab) {
    const peers = await tab.evaluate(() => ({
        url: location.href,
        client: window.client && { ...window.client, socket: undefined, peer: undefined, sdk: undefined },
        text: document.body?.innerText.slice(0, 2000),
        peers: (window.testPeers ?? []).map((peer) => ({
            state: [peer.connectionState, peer.iceConnectionState, peer.signalingState],
            local: peer.localDescription?.sdp,
            remote: peer.remoteDescription?.sdp,
        })),
    }));
    const sdp = peers.peers.map(({ state, local, remote }) => `${state}\n--- remote\n${remote}\n--- local\n${local}`).join('\n');
    return [
        `url: ${peers.url}`,
        `client: ${JSON.stringify(peers.client)}`,
        `text: ${peers.text}`,
        `received: ${JSON.stringify(await received(tab), null, 1)}`,
        `sent: ${JSON.stringify(await sent(tab), null, 1)}`,
        sdp,
    ].join('\n');
}
