// getStats, twice, as numbers for people.

/** Reads one RTCPeerConnection again and again; every reading is about the time since the reading before. */
export class Statistics {
    #before = new Map();

    /**
     * {roundTrip (ms), sent: reading, received: Map(track id -> reading)}; a reading is {bitrate (bit/s), width, height, fps, loss (0..1), codec},
     * with undefined where the browser does not say.
     */
    async read(peer) {
        const report = await peer.getStats();
        const stats = [...report.values()];
        const out = stats.filter(({ type }) => type === 'outbound-rtp');
        const result = { roundTrip: this.#roundTrip(report, stats), sent: undefined, received: new Map() };
        if (out.length > 0) result.sent = this.#sent(report, stats, out);
        for (const stat of stats) {
            if (stat.type === 'inbound-rtp') result.received.set(stat.trackIdentifier, this.#received(report, stat));
        }
        this.#before = new Map(stats.map((stat) => [stat.id, stat]));
        return result;
    }

    #roundTrip(report, stats) {
        const transport = stats.find(({ type }) => type === 'transport');
        const pair =
            report.get(transport?.selectedCandidatePairId) ??
            stats.find(({ type, nominated, selected, state }) => type === 'candidate-pair' && (selected ?? nominated) && state === 'succeeded');
        const seconds = pair?.currentRoundTripTime ?? stats.find(({ type, roundTripTime }) => type === 'remote-inbound-rtp' && roundTripTime)?.roundTripTime;
        return seconds === undefined ? undefined : seconds * 1000;
    }

    #sent(report, stats, out) {
        const video = out.filter(({ kind, frameWidth }) => kind === 'video' && frameWidth).sort((a, b) => b.frameWidth - a.frameWidth)[0];
        const main = video ?? out.find(({ kind }) => kind === 'audio') ?? out[0];
        const remote = stats.filter(({ type }) => type === 'remote-inbound-rtp').map(({ fractionLost }) => fractionLost).filter((lost) => lost !== undefined);
        return {
            bitrate: sum(out.map((stat) => this.#rate(stat, 'bytesSent'))),
            width: video?.frameWidth,
            height: video?.frameHeight,
            fps: video && (video.framesPerSecond ?? this.#perSecond(video, 'framesEncoded')),
            loss: remote.length > 0 ? Math.max(...remote) : undefined,
            codec: codecName(report.get(main?.codecId)),
        };
    }

    #received(report, stat) {
        const lost = this.#grown(stat, 'packetsLost');
        const arrived = this.#grown(stat, 'packetsReceived');
        const expected = (lost ?? 0) + (arrived ?? 0);
        return {
            kind: stat.kind,
            bitrate: this.#rate(stat, 'bytesReceived'),
            width: stat.frameWidth,
            height: stat.frameHeight,
            fps: stat.kind === 'video' ? (stat.framesPerSecond ?? this.#perSecond(stat, 'framesDecoded')) : undefined,
            loss: expected > 0 ? Math.max(0, lost) / expected : undefined,
            lost,
            expected,
            codec: codecName(report.get(stat.codecId)),
        };
    }

    #grown(stat, field) {
        const before = this.#before.get(stat.id);
        return before && stat[field] !== undefined ? stat[field] - (before[field] ?? 0) : undefined;
    }

    #perSecond(stat, field) {
        const grown = this.#grown(stat, field);
        const seconds = (stat.timestamp - this.#before.get(stat.id)?.timestamp) / 1000;
        return grown === undefined || !(seconds > 0) ? undefined : Math.max(0, grown) / seconds;
    }

    #rate(stat, field) {
        const bytes = this.#perSecond(stat, field);
        return bytes === undefined ? undefined : bytes * 8;
    }
}

/** Adds what is known; undefined when nothing is. */
export function sum(numbers) {
    const known = numbers.filter((number) => number !== undefined);
    return known.length > 0 ? known.reduce((a, b) => a + b, 0) : undefined;
}

function codecName(codec) {
    const name = codec?.mimeType?.split('/')[1];
    return name === 'H264' ? 'H.264' : name === 'H265' ? 'H.265' : name === 'opus' ? 'Opus' : name;
}

const NOTHING = '–';

export const format = {
    bitrate: (bits) =>
        bits === undefined ? NOTHING : bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`,
    resolution: (reading) => (reading?.width ? `${reading.width}×${reading.height}` : NOTHING),
    fps: (fps) => (fps === undefined ? NOTHING : String(Math.round(fps))),
    milliseconds: (ms) => (ms === undefined ? NOTHING : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`),
    loss: (fraction) => (fraction === undefined ? NOTHING : `${(fraction * 100).toFixed(fraction > 0 && fraction < 0.1 ? 1 : 0)} %`),
    text: (text) => text ?? NOTHING,
};
