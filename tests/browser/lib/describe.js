// Turns what record.js recorded into Markdown tables.

import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { datagrams } from './capture.js';
import { Decryptor } from './decrypt.js';
import { SERVER_ADDRESS } from './server.js';
import { clientHello, handshakes, rtcp, rtp, serverHello, stun } from './wire.js';

/** What AEAD adds to RTP; SRTCP has an index of 4 bytes too. */
const TAG = 16;

const NAMES = {
    version: { 0x0303: 'TLS 1.2', 0xfefc: 'DTLS 1.3', 0xfefd: 'DTLS 1.2', 0xfeff: 'DTLS 1.0' },
    suite: {
        0x1301: 'TLS_AES_128_GCM_SHA256', 0x1302: 'TLS_AES_256_GCM_SHA384', 0x1303: 'TLS_CHACHA20_POLY1305_SHA256',
        0xc02b: 'ECDHE_ECDSA_AES_128_GCM_SHA256', 0xc02c: 'ECDHE_ECDSA_AES_256_GCM_SHA384', 0xc02f: 'ECDHE_RSA_AES_128_GCM_SHA256',
        0xc030: 'ECDHE_RSA_AES_256_GCM_SHA384', 0xcca8: 'ECDHE_RSA_CHACHA20_POLY1305', 0xcca9: 'ECDHE_ECDSA_CHACHA20_POLY1305',
        0xc009: 'ECDHE_ECDSA_AES_128_CBC_SHA', 0xc00a: 'ECDHE_ECDSA_AES_256_CBC_SHA', 0xc013: 'ECDHE_RSA_AES_128_CBC_SHA', 0xc014: 'ECDHE_RSA_AES_256_CBC_SHA',
        0x002f: 'RSA_AES_128_CBC_SHA', 0x0035: 'RSA_AES_256_CBC_SHA', 0x009c: 'RSA_AES_128_GCM_SHA256', 0x009d: 'RSA_AES_256_GCM_SHA384', 0x00ff: 'EMPTY_RENEGOTIATION_INFO_SCSV',
        0x0033: 'DHE_RSA_AES_128_CBC_SHA', 0x0039: 'DHE_RSA_AES_256_CBC_SHA',
    },
    group: { 0x11ec: 'X25519MLKEM768', 0x001d: 'x25519', 0x0017: 'secp256r1', 0x0018: 'secp384r1', 0x0019: 'secp521r1', 0x0100: 'ffdhe2048', 0x0101: 'ffdhe3072' },
    signature: {
        0x0403: 'ecdsa_secp256r1_sha256', 0x0503: 'ecdsa_secp384r1_sha384', 0x0603: 'ecdsa_secp521r1_sha512', 0x0203: 'ecdsa_sha1', 0x0804: 'rsa_pss_rsae_sha256',
        0x0805: 'rsa_pss_rsae_sha384', 0x0806: 'rsa_pss_rsae_sha512', 0x0401: 'rsa_pkcs1_sha256', 0x0501: 'rsa_pkcs1_sha384', 0x0601: 'rsa_pkcs1_sha512', 0x0201: 'rsa_pkcs1_sha1',
        0x0402: 'dsa_sha256', 0x0502: 'dsa_sha384', 0x0602: 'dsa_sha512', 0x0202: 'dsa_sha1',
    },
    srtp: { 1: 'AES128_CM_HMAC_SHA1_80', 2: 'AES128_CM_HMAC_SHA1_32', 7: 'AEAD_AES_128_GCM', 8: 'AEAD_AES_256_GCM' },
    extension: {
        5: 'status_request', 10: 'supported_groups', 11: 'ec_point_formats', 13: 'signature_algorithms', 14: 'use_srtp', 16: 'alpn', 21: 'padding', 23: 'extended_master_secret', 28: 'record_size_limit',
        34: 'delegated_credentials', 35: 'session_ticket', 42: 'early_data', 43: 'supported_versions', 44: 'cookie', 45: 'psk_key_exchange_modes', 51: 'key_share', 54: 'connection_id', 0xff01: 'renegotiation_info',
    },
    attribute: {
        0x0006: 'USERNAME', 0x0008: 'MESSAGE-INTEGRITY', 0x0009: 'ERROR-CODE', 0x0020: 'XOR-MAPPED-ADDRESS', 0x0024: 'PRIORITY', 0x0025: 'USE-CANDIDATE', 0x8022: 'SOFTWARE',
        0x8028: 'FINGERPRINT', 0x8029: 'ICE-CONTROLLED', 0x802a: 'ICE-CONTROLLING', 0xc057: 'GOOG-NETWORK-INFO',
    },
};
const name = (kind, id) => NAMES[kind][id] ?? `0x${id.toString(16).padStart(4, '0')}`;
const names = (kind, ids) => ids.map((id) => name(kind, id)).join(', ');

/** The Markdown of all runs of a folder that are in `order`. */
export async function describe(folder, order) {
    const runs = [];
    for (const each of order.filter((each) => existsSync(path.join(folder, `${each}.json`)))) runs.push(await load(folder, each));
    const browsers = runs.flatMap((run) => run.browsers.map((browser) => ({ ...browser, run })));
    const good = browsers.filter(({ run }) => !run.failure);
    const first = ['chromium', 'firefox'].map((kind) => good.find((browser) => browser.kind === kind && browser.role === 'publisher')).filter(Boolean);
    return [
        runs.map(({ name: run, date, failure, browsers: all, loss }) =>
            `* ${run}${loss ? ` (${loss * 100} % lost each way)` : ''}, ${date.slice(0, 16)}Z: ${failure ? `FAILED: ${failure}` : all.map(({ label, kind, version }) => `${label.split('.')[1]} ${kind} ${version.split('/').at(-1)}`).join('; ')}`).join('\n'),
        ...first.flatMap((browser) => [`## DTLS: ${browser.kind}`, dtls(browser)]),
        '## ClientHellos', table(good.map(hellos)),
        '## STUN', table(good.map(checks)),
        '## RTP from publishers', table(good.filter(({ role }) => role === 'publisher').flatMap(streams)),
        '## Frames', table(good.filter(({ role }) => role === 'publisher').map(frames).filter(Boolean)),
        '## Header extensions', table(good.filter(({ role }) => role === 'publisher').flatMap(extensions)),
        '## Padding and RTX', table(good.filter(({ role }) => role === 'publisher').flatMap(padding)),
        '## Retransmission', table(good.filter(({ run }) => run.loss).map(repair)),
        '## RTCP from browsers', table(good.flatMap((browser) => reports(browser, false))),
        '## RTCP to browsers', table(good.flatMap((browser) => reports(browser, true))),
    ].join('\n\n');
}

/** A run with, for each browser, `wire` (its datagrams) and `plain` (its media in plain: [{time, fromServer, bytes}]). */
async function load(folder, run) {
    const about = JSON.parse(await readFile(path.join(folder, `${run}.json`), 'utf8'));
    const wire = (await datagrams(path.join(folder, `${run}.pcapng`), about.port)).map((datagram) => {
        const fromServer = datagram.source === SERVER_ADDRESS && datagram.sourcePort === about.port;
        const client = fromServer ? `${datagram.destination}:${datagram.destinationPort}` : `${datagram.source}:${datagram.sourcePort}`;
        return { ...datagram, fromServer, client };
        // In runs with loss there is traffic behind SERVER_ADDRESS as well.
    }).filter(({ fromServer, destination, destinationPort }) => fromServer || (destination === SERVER_ADDRESS && destinationPort === about.port));
    for (const browser of about.browsers) {
        Object.assign(browser, own(wire, /^a=ice-ufrag:(.*?)\r?$/m.exec(browser.answer)[1]));
        browser.plain = browser.kind === 'chromium'
            ? dumped(await readFile(path.join(folder, `${browser.label}.log`), 'latin1'))
            : opened([...browser.wire, ...browser.elsewhere].sort((a, b) => a.time - b.time), await readFile(path.join(folder, `${browser.label}.keys`), 'utf8'));
        const encrypted = [...browser.wire, ...browser.elsewhere].filter(({ payload }) => payload[0] >= 128 && payload[0] < 192).length;
        if (Math.abs(browser.plain.length - encrypted) > 0.1 * encrypted) console.error(`${browser.label}: ${encrypted} packets on the wire, ${browser.plain.length} of them in plain`);
    }
    return about;
}

/** A browser's datagrams, by its user name fragment: on the pair it used most, and `elsewhere`. */
function own(wire, ufrag) {
    const clients = new Set(wire.filter(({ payload, fromServer }) => !fromServer && payload[0] < 2 && stun(payload).username?.endsWith(`:${ufrag}`)).map(({ client }) => client));
    const pairs = groups(wire.filter(({ client }) => clients.has(client)), ({ client }) => client).sort((a, b) => b.length - a.length);
    return { wire: pairs[0] ?? [], elsewhere: pairs.slice(1).flat() };
}

/** libwebrtc's dump for text2pcap. Its clock begins anew each minute. */
export function dumped(log) {
    let [minutes, last] = [0, 0];
    return [...log.matchAll(/^([IO]) \d+:\d+:([\d.]+) 0000((?: [0-9a-f]{2})+) # RTP_DUMP/gm)].map(([, way, seconds, hex]) => {
        if (Number(seconds) < last - 30) minutes += 1;
        last = Number(seconds);
        return { time: 60 * minutes + last, fromServer: way === 'I', bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex') };
    });
}

function opened(wire, keys) {
    const decryptor = new Decryptor(keys);
    // One connection, whatever its path.
    return wire.flatMap(({ time, fromServer, payload }) => {
        const { plain } = decryptor.feed('browser', fromServer, payload);
        return plain ? [{ time, fromServer, bytes: plain }] : [];
    });
}

const isRtcp = ({ bytes }) => bytes[1] >= 192 && bytes[1] < 224;

function dtls({ wire }) {
    const records = wire.filter(({ payload }) => payload[0] >= 20 && payload[0] < 64);
    const messages = handshakes(records);
    const find = (type, fromServer) => messages.find((message) => message.type === type && message.fromServer === fromServer);
    const [client, server, share, certificate, request] = [find(1, false), find(2, true), find(12, true), find(11, false), find(13, true)];
    if (!client) return 'No ClientHello from the browser: it is the DTLS server.';
    const [hello, answer] = [clientHello(client.body), serverHello(server.body)];
    const chain = certificate && new X509Certificate(certificate.body.subarray(6));
    const days = chain && (new Date(chain.validTo) - new Date(chain.validFrom)) / 86_400_000;
    const key = chain?.publicKey;
    return [
        ['setup', 'the browser is the DTLS client (`a=setup:active`)'],
        ['ClientHello', `${hello.bytes + 12} bytes with its header, ${client.fragments} fragment(s), in datagrams of ${client.datagrams.join(' and ')} bytes; session id ${hello.session} bytes, cookie ${hello.cookie} bytes`],
        ['versions', `legacy_version ${name('version', hello.version)}; supported_versions ${names('version', hello.versions)}`],
        ['cipher suites', names('suite', hello.suites)],
        ['groups', names('group', hello.groups)],
        ['key shares', hello.shares.map(({ group, length }) => `${name('group', group)} (${length} bytes)`).join(', ')],
        ['signature algorithms', names('signature', hello.signatures)],
        ['SRTP profiles', names('srtp', hello.srtp)],
        ['extensions, in order (bytes)', hello.extensions.map(({ id, length }) => `${name('extension', id)} (${length})`).join(', ')],
        ['negotiated with us', `${name('version', answer.version)}, ${name('suite', answer.suite)}, ${share ? name('group', share.body.readUInt16BE(1)) : 'no ServerKeyExchange'}, ${name('srtp', answer.srtp)}; extensions ${names('extension', answer.extensions)}`],
        ['client certificate', chain ? `${key.asymmetricKeyType} ${key.asymmetricKeyDetails.namedCurve ?? key.asymmetricKeyDetails.modulusLength}, ${chain.raw.length} bytes, subject \`${chain.subject}\`, valid for ${days.toFixed(0)} days` : `none${request ? '' : ' asked for'}`],
        ['flights', flights(records)],
    ].map(([what, value]) => `* ${what}: ${value}`).join('\n');
}

/** Whether they are all alike. */
function hellos({ label, wire, elsewhere }) {
    const messages = handshakes([...wire, ...elsewhere].sort((a, b) => a.time - b.time).filter(({ payload }) => payload[0] >= 20 && payload[0] < 64));
    const message = messages.find(({ type, fromServer }) => type === 1 && !fromServer);
    const hello = clientHello(message.body);
    return {
        browser: label,
        datagrams: message.datagrams.join(', '),
        'SRTP profiles': hello.srtp.join(' '),
        'extensions in order': hello.extensions.map(({ id }) => id).join(' '),
        negotiated: (({ suite, srtp }) => `${name('suite', suite)}, ${name('srtp', srtp)}`)(serverHello(messages.find(({ type, fromServer }) => type === 2 && fromServer).body)),
    };
}

/** Who sent how many bytes in which order, until the handshake is over. */
function flights(records) {
    const begin = records[0].time;
    return records.slice(0, 16).map(({ time, fromServer, payload }) => `${fromServer ? 'server' : 'browser'} ${payload.length} B at ${((time - begin) * 1000).toFixed(0)} ms`).join(', ');
}

function checks({ label, wire, elsewhere, run }) {
    const all = wire.filter(({ payload }) => payload[0] < 2).map(({ time, fromServer, payload }) => ({ time, fromServer, ...stun(payload) }));
    const requests = all.filter(({ type, fromServer }) => type === 1 && !fromServer);
    const first = requests[0].time;
    const others = elsewhere.filter(({ payload, fromServer }) => payload[0] < 2 && !fromServer).map(({ time, client, payload }) => ({ time, client, ...stun(payload) }));
    const nominated = requests.findIndex(({ attributes }) => attributes.some(({ type }) => type === 0x25));
    const gaps = intervals(requests.map(({ time }) => time));
    const early = intervals(requests.filter(({ time }) => time < first + 2).map(({ time }) => time));
    const late = intervals(requests.filter(({ time }) => time > first + 10).map(({ time }) => time));
    const shape = ({ attributes }) => attributes.map(({ type, length }) => `${name('attribute', type)} ${length}`).join(', ');
    const shapes = tally(requests.map(shape));
    return {
        browser: label,
        requests: requests.length,
        retransmitted: requests.length - new Set(requests.map(({ transaction }) => transaction)).size,
        'USE-CANDIDATE': `${requests.filter(({ attributes }) => attributes.some(({ type }) => type === 0x25)).length}, first in check ${nominated + 1}, at ${((requests[nominated]?.time - first) * 1000).toFixed(0)} ms`,
        'gaps in the first 2 s (ms)': early.map((gap) => (gap * 1000).toFixed(0)).join(' '),
        'gaps after 10 s (s): min/median/max': late.length ? [Math.min(...late), quantile(late, 0.5), Math.max(...late)].map((gap) => gap.toFixed(2)).join(' / ') : `none in ${gaps.length}`,
        'on other pairs': groups(others, ({ client }) => client).map((pair) =>
            `${pair.length}, gaps ${intervals(pair.map(({ time }) => time)).map((gap) => gap.toFixed(1)).join(' ')} s, USE-CANDIDATE in ${pair.filter(({ attributes }) => attributes.some(({ type }) => type === 0x25)).length}`).join('; ') || 'none',
        'indications, others': all.filter(({ type, fromServer }) => type !== 1 && !fromServer).map(({ type }) => `0x${type.toString(16)}`).join(' ') || 'none',
        'attributes (bytes): how often': run.loss ? '' : shapes.map(([what, count]) => `${what}: ${count}×`).join('; '),
    };
}

const media = ({ plain }) => plain.filter((packet) => !packet.fromServer && !isRtcp(packet)).map(({ time, bytes }) => ({ time, ...rtp(bytes) }));
const perStream = (packets) => groups(packets, ({ type, ssrc }) => `${type} ${ssrc}`);

function streams(browser) {
    return perStream(media(browser)).map((packets) => {
        const real = packets.filter(({ payload }) => payload > 0);
        const sizes = real.map(({ length }) => length + TAG);
        const seconds = packets.at(-1).time - packets[0].time;
        return {
            browser: browser.label,
            'payload type': packets[0].type,
            packets: packets.length,
            'with payload': real.length,
            'UDP payload min / median / p90 / max': real.length ? spread(sizes) : '–',
            'packets/s': (packets.length / seconds).toFixed(1),
            'kbit/s': ((sizes.reduce((sum, size) => sum + size, 0) * 8) / seconds / 1000).toFixed(0),
            'RTP padding on packets with payload': real.filter(({ padding: bytes }) => bytes).length,
        };
    });
}

/** Of the video stream: packets per frame, and how many runs of equal sizes (UDP GSO: the last may be shorter) a frame makes. */
function frames(browser) {
    const video = perStream(media(browser).filter(({ type, payload }) => type !== 111 && payload > 0)).sort((a, b) => b.length - a.length)[0];
    if (!video) return undefined;
    const all = groups(video, ({ timestamp }) => timestamp);
    const large = all.filter((frame) => frame.length > 1);
    const differences = large.map((frame) => Math.max(...frame.map(({ payload }) => payload)) - Math.min(...frame.map(({ payload }) => payload)));
    const runs = (slack) => large.map((frame) => runsOf(frame.map(({ payload }) => payload), slack));
    return {
        browser: browser.label,
        frames: all.length,
        'packets per frame min / median / p90 / max': spread(all.map(({ length }) => length)),
        'frames of several packets': large.length,
        'their largest payload less their smallest: min / median / p90 / max': large.length ? spread(differences) : '–',
        'GSO runs per such frame: median / p90 / max': large.length ? spread(runs(0)).split(' / ').slice(1).join(' / ') : '–',
        'with up to 2 bytes of padding': large.length ? spread(runs(2)).split(' / ').slice(1).join(' / ') : '–',
    };
}

export function runsOf(sizes, slack) {
    let runs = 0;
    for (let at = 0; at < sizes.length; ) {
        // The segment is as large as the largest of the run; its last packet may be smaller by anything.
        let [low, high, end] = [sizes[at], sizes[at], at + 1];
        while (end < sizes.length) {
            const [lower, higher] = [Math.min(low, sizes[end]), Math.max(high, sizes[end])];
            if (higher - lower <= slack) [low, high] = [lower, higher];
            else if (sizes[end] < high) {
                end += 1;
                break;
            } else break;
            end += 1;
        }
        runs += 1;
        at = end;
    }
    return runs;
}

function extensions(browser) {
    const uris = new Map([...browser.offer.matchAll(/^a=extmap:(\d+)(?:\/\w+)? (\S+)/gm)].map(([, id, uri]) => [Number(id), uri.split('/').at(-1).split(':').at(-1)]));
    const agreed = new Set([...browser.answer.matchAll(/^a=extmap:(\d+)/gm)].map(([, id]) => Number(id)));
    return perStream(media(browser)).map((packets) => ({
        browser: browser.label,
        'payload type': packets[0].type,
        packets: packets.length,
        form: [...new Set(packets.map(({ form }) => (form ? `${form} byte` : 'none')))].join(', '),
        'sent: id name (bytes) on how many': tally(packets.flatMap((packet) => packet.extensions.map(({ id }) => id)))
            .sort(([a], [b]) => a - b)
            .map(([id, count]) => {
                const lengths = packets.flatMap((packet) => packet.extensions.filter((each) => each.id === id).map(({ length }) => length));
                const [least, most] = [Math.min(...lengths), Math.max(...lengths)];
                return `${id} ${uris.get(id)} (${least === most ? least : `${least} to ${most}`}) on ${count}`;
            }).join('; '),
        'in the answer': [...agreed].sort((a, b) => a - b).join(' '),
    }));
}

/** Packets without payload, and retransmission streams. */
function padding(browser) {
    const rtx = new Set([...browser.offer.matchAll(/^a=rtpmap:(\d+) rtx\//gm)].map(([, type]) => Number(type)));
    const all = media(browser);
    const begin = all[0].time;
    return perStream(all).flatMap((packets) => {
        const empty = packets.filter(({ payload }) => payload === 0);
        const repair = rtx.has(packets[0].type);
        if (empty.length === 0 && !repair) return [];
        const times = empty.map(({ time }) => time - begin);
        return [{
            browser: browser.label,
            'payload type': `${packets[0].type}${repair ? ' (RTX)' : ''}`,
            'padding only': empty.length,
            'of them in the first 5 s': times.filter((time) => time < 5).length,
            'from / to (s)': times.length ? `${times[0].toFixed(1)} / ${times.at(-1).toFixed(1)}` : '–',
            'sizes': tally(empty.map(({ length }) => length + TAG)).map(([size, count]) => `${size} (${count}×)`).slice(0, 6).join(', '),
            'RTX with payload': repair ? packets.length - empty.length : '–',
            'of them in the first 5 s ': repair ? packets.filter(({ time, payload }) => payload && time - begin < 5).length : '–',
        }];
    });
}

/** What was asked for with NACK in either direction, and what came for it. */
function repair({ label, plain, offer }) {
    const rtx = new Set([...offer.matchAll(/^a=rtpmap:(\d+) rtx\//gm)].map(([, type]) => Number(type)));
    const side = (fromServer) => {
        const here = plain.filter((packet) => packet.fromServer === fromServer);
        const lost = here.filter(isRtcp).flatMap(({ bytes }) => rtcp(bytes)).flatMap((packet) => packet.lost ?? []);
        // A retransmission begins with the sequence number it had.
        const repaired = here.filter((packet) => !isRtcp(packet)).map(({ bytes }) => ({ bytes, ...rtp(bytes) })).filter(({ type, payload }) => rtx.has(type) && payload > 0)
            .map(({ bytes, payload, padding: end }) => bytes.readUInt16BE(bytes.length - end - payload));
        return { lost, repaired };
    };
    const [browser, server] = [side(false), side(true)];
    return {
        browser: label,
        'NACKed by the server (distinct)': `${server.lost.length} (${new Set(server.lost).size})`,
        'RTX of the browser (distinct; never NACKed)': `${browser.repaired.length} (${new Set(browser.repaired).size}; ${browser.repaired.filter((number) => !server.lost.includes(number)).length})`,
        'NACKed by the browser (distinct)': `${browser.lost.length} (${new Set(browser.lost).size})`,
        'RTX of the server that arrived (distinct; never NACKed)': `${server.repaired.length} (${new Set(server.repaired).size}; ${server.repaired.filter((number) => !browser.lost.includes(number)).length})`,
    };
}

const RTCP_NAMES = {
    200: 'SR', 201: 'RR', 202: 'SDES', 203: 'BYE', 204: 'APP', 207: 'XR', '205/1': 'NACK', '205/15': 'TCC', '205/11': 'CCFB', '206/1': 'PLI', '206/4': 'FIR', '206/15': 'AFB',
};
const kindOf = ({ type, format, name: application }) => application ?? RTCP_NAMES[`${type}/${format}`] ?? RTCP_NAMES[type] ?? `${type}/${format}`;

/** RTCP datagrams by what they are made of. */
function reports(browser, fromServer) {
    const sources = new Map(browser.plain.filter((packet) => !isRtcp(packet)).map(({ bytes }) => rtp(bytes)).map(({ ssrc, type }) => [ssrc, type === 111 ? 'audio' : 'video']));
    const all = browser.plain.filter((packet) => packet.fromServer === fromServer && isRtcp(packet)).map(({ time, bytes }) => {
        const packets = rtcp(bytes);
        // Browsers report on each stream apart; the server on all of them at once.
        const about = packets.length > 2 || fromServer ? undefined : sources.get(packets[0].about);
        return { time, size: bytes.length + TAG + 4, shape: `${packets.map(kindOf).join(' ')}${about ? ` of ${about}` : ''}`, packets };
    });
    return groups(all, ({ shape }) => shape).sort((a, b) => b.length - a.length).map((same) => {
        const gaps = intervals(same.map(({ time }) => time)).map((gap) => gap * 1000);
        const told = same.flatMap(({ packets }) => packets.filter(({ count }) => count).map(({ count }) => count));
        return {
            browser: browser.label,
            packets: same[0].shape,
            'reduced size': [200, 201].includes(same[0].packets[0].type) ? 'no' : 'yes',
            datagrams: same.length,
            'UDP payload min / median / p90 / max': spread(same.map(({ size }) => size)),
            'interval (ms) min / median / p90 / max': gaps.length ? spread(gaps) : '–',
            'packets told of, min / median / p90 / max': told.length ? spread(told) : '',
        };
    });
}

export function groups(values, key) {
    const found = new Map();
    for (const value of values) {
        if (!found.has(key(value))) found.set(key(value), []);
        found.get(key(value)).push(value);
    }
    return [...found.values()];
}

const intervals = (times) => times.slice(1).map((time, i) => time - times[i]);

export function quantile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const spread = (values) => [0, 0.5, 0.9, 1].map((share) => Math.round(quantile(values, share))).join(' / ');

function tally(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a);
}

export function table(rows) {
    if (rows.length === 0) return 'None.';
    const heads = Object.keys(rows[0]);
    const line = (cells) => `| ${cells.join(' | ')} |`;
    return [line(heads), line(heads.map(() => '---')), ...rows.map((row) => line(heads.map((head) => row[head])))].join('\n');
}
