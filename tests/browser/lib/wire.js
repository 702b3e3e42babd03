// Bytes of STUN (RFC 8489), DTLS 1.2 handshakes (RFC 6347), RTP (RFC 3550, RFC 8285) and RTCP as plain objects, for tools that describe traffic. Nothing
// here judges: unknown numbers stay numbers.

/** {type, length, transaction, username, attributes: [{type, length}]}; attributes in the order they stand in. */
export function stun(bytes) {
    const attributes = [];
    let username;
    for (let at = 20; at + 4 <= bytes.length; ) {
        const length = bytes.readUInt16BE(at + 2);
        attributes.push({ type: bytes.readUInt16BE(at), length });
        if (attributes.at(-1).type === 6) username = bytes.toString('latin1', at + 4, at + 4 + length);
        at += 4 + Math.ceil(length / 4) * 4;
    }
    return { type: bytes.readUInt16BE(0), length: bytes.length, transaction: bytes.subarray(8, 20).toString('hex'), username, attributes };
}

/** Whole handshake messages in plain out of datagrams [{time, fromServer, payload}]: [{fromServer, type, time, body, fragments, datagrams: [bytes]}]. */
export function handshakes(datagrams) {
    const messages = new Map();
    for (const { time, fromServer, payload } of datagrams) {
        for (const { type, sequence, length, offset, body } of fragmentsOf(payload)) {
            const key = `${fromServer} ${sequence}`;
            if (!messages.has(key)) messages.set(key, { fromServer, type, time, body: Buffer.alloc(length), have: 0, fragments: 0, datagrams: [] });
            const message = messages.get(key);
            // Retransmissions repeat what is there already.
            if (offset < message.have) continue;
            body.copy(message.body, offset);
            message.have = offset + body.length;
            message.fragments += 1;
            message.datagrams.push(payload.length);
        }
    }
    return [...messages.values()].filter(({ have, body }) => have === body.length);
}

function* fragmentsOf(datagram) {
    for (let at = 0; at + 13 <= datagram.length; ) {
        const [type, epoch, length] = [datagram[at], datagram.readUInt16BE(at + 3), datagram.readUInt16BE(at + 11)];
        const record = datagram.subarray(at + 13, at + 13 + length);
        at += 13 + length;
        if (type !== 22 || epoch !== 0) continue;
        for (let begin = 0; begin + 12 <= record.length; ) {
            const size = record.readUIntBE(begin + 9, 3);
            yield {
                type: record[begin],
                length: record.readUIntBE(begin + 1, 3),
                sequence: record.readUInt16BE(begin + 4),
                offset: record.readUIntBE(begin + 6, 3),
                body: record.subarray(begin + 12, begin + 12 + size),
            };
            begin += 12 + size;
        }
    }
}

const words = (bytes) => Array.from({ length: Math.floor(bytes.length / 2) }, (_, i) => bytes.readUInt16BE(2 * i));

/** RFC 5246 §7.4.1.2 and the extensions that matter for WebRTC. */
export function clientHello(body) {
    const hello = { version: body.readUInt16BE(0), bytes: body.length, session: body[34] };
    let at = 35 + body[34];
    hello.cookie = body[at];
    at += 1 + body[at];
    hello.suites = words(body.subarray(at + 2, at + 2 + body.readUInt16BE(at)));
    at += 2 + body.readUInt16BE(at);
    at += 1 + body[at];
    const extensions = readExtensions(body, at);
    const list = (id) => {
        const data = extensions.get(id);
        return data ? words(data.subarray(2, 2 + data.readUInt16BE(0))) : [];
    };
    const versions = extensions.get(43);
    hello.extensions = [...extensions].map(([id, data]) => ({ id, length: data.length }));
    hello.versions = versions ? words(versions.subarray(1)) : [hello.version];
    hello.groups = list(10);
    hello.signatures = list(13);
    hello.srtp = list(14);
    hello.shares = [];
    const shares = extensions.get(51);
    for (let i = 2; shares && i + 4 <= shares.length; i += 4 + shares.readUInt16BE(i + 2)) {
        hello.shares.push({ group: shares.readUInt16BE(i), length: shares.readUInt16BE(i + 2) });
    }
    return hello;
}

export function serverHello(body) {
    const at = 35 + body[34];
    const extensions = readExtensions(body, at + 3);
    return {
        version: body.readUInt16BE(0),
        suite: body.readUInt16BE(at),
        srtp: extensions.get(14)?.readUInt16BE(2),
        extensions: [...extensions.keys()],
    };
}

function readExtensions(body, begin) {
    const found = new Map();
    for (let at = begin + 2; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2)) {
        found.set(body.readUInt16BE(at), body.subarray(at + 4, at + 4 + body.readUInt16BE(at + 2)));
    }
    return found;
}

/** A packet in plain. `payload` is without padding; `extensions`: [{id, length}]; `form`: bytes of an extension's head, 1 or 2. */
export function rtp(bytes) {
    let at = 12 + 4 * (bytes[0] & 0x0f);
    const packet = {
        type: bytes[1] & 0x7f,
        marker: bytes[1] >= 128,
        sequence: bytes.readUInt16BE(2),
        timestamp: bytes.readUInt32BE(4),
        ssrc: bytes.readUInt32BE(8),
        extensions: [],
        length: bytes.length,
    };
    if (bytes[0] & 0x10) {
        const end = at + 4 + 4 * bytes.readUInt16BE(at + 2);
        packet.form = bytes.readUInt16BE(at) === 0xbede ? 1 : 2;
        for (at += 4; at < end; ) {
            if (bytes[at] === 0) {
                at += 1;
                continue;
            }
            const [id, length] = packet.form === 1 ? [bytes[at] >> 4, (bytes[at] & 15) + 1] : [bytes[at], bytes[at + 1]];
            packet.extensions.push({ id, length });
            at += packet.form + length;
        }
        at = end;
    }
    packet.padding = bytes[0] & 0x20 ? bytes[bytes.length - 1] : 0;
    packet.payload = bytes.length - at - packet.padding;
    return packet;
}

/** The packets of a compound: [{type, format, length}]; transport-cc also with the `count` of packets it tells of, a NACK the sequence numbers that are `lost`, reports with the `about` SSRC: an SR's own, an RR's first block's. */
export function rtcp(bytes) {
    const packets = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
        const [type, format, length] = [bytes[at + 1], bytes[at] & 0x1f, 4 + 4 * bytes.readUInt16BE(at + 2)];
        const packet = { type, format, length };
        if (type === 205 && format === 15) packet.count = bytes.readUInt16BE(at + 14);
        if (type === 205 && format === 1) packet.lost = nacked(bytes.subarray(at + 12, at + length));
        if (type === 200 || type === 201) packet.about = type === 200 ? bytes.readUInt32BE(at + 4) : length >= 12 ? bytes.readUInt32BE(at + 8) : undefined;
        if (type === 206 && format === 15) packet.name = bytes.subarray(at + 12, at + 16).toString('latin1');
        packets.push(packet);
        at += length;
    }
    return packets;
}

/** RFC 4585 §6.2.1. */
function nacked(blocks) {
    const lost = [];
    for (let at = 0; at + 4 <= blocks.length; at += 4) {
        const [first, mask] = [blocks.readUInt16BE(at), blocks.readUInt16BE(at + 2)];
        lost.push(first);
        for (let bit = 0; bit < 16; bit += 1) if (mask & (1 << bit)) lost.push((first + bit + 1) & 0xffff);
    }
    return lost;
}
