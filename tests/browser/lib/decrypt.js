// Opens SRTP and SRTCP of a capture with what a browser's key log says (NSS writes one for DTLS as well), independently of the product's own code: so that
// tshark can read what is inside. AEAD profiles only (RFC 7714), DTLS 1.2 only.

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const PROFILES = new Map([[0x0007, 16], [0x0008, 32]]);
const SHA384_SUITES = new Set([0xc02c, 0xc030]);
const TAG = 16;

/** The connections of a capture, by the client's address. Feed every datagram, in order; media comes out in plain. */
export class Decryptor {
    #masters;
    #connections = new Map();

    /** `keyLog`: text of lines `CLIENT_RANDOM <random> <master secret>`. */
    constructor(keyLog) {
        this.#masters = new Map(
            [...keyLog.matchAll(/^CLIENT_RANDOM ([0-9a-f]{64}) ([0-9a-f]{96})$/gim)].map(([, random, master]) => [
                random.toLowerCase(),
                Buffer.from(master, 'hex'),
            ]),
        );
    }

    /** [{client, profile, suite}] of the connections whose keys are known. */
    get opened() {
        return [...this.#connections].filter(([, { keys }]) => keys).map(([client, { profile, suite }]) => ({ client, profile, suite }));
    }

    /**
     * `client`: the address and port of the side that is not the server; `fromServer`: who sent it. Returns {kind, plain}: kind is stun, dtls, rtp, rtcp or
     * unknown; `plain` is there for media of connections whose keys are known. Throws when such media does not authenticate.
     */
    feed(client, fromServer, datagram) {
        const first = datagram[0];
        if (first < 4) return { kind: 'stun' };
        if (first >= 20 && first < 64) {
            this.#handshake(client, fromServer, datagram);
            return { kind: 'dtls' };
        }
        if (first < 128 || first >= 192) return { kind: 'unknown' };
        const kind = datagram[1] >= 192 && datagram[1] < 224 ? 'rtcp' : 'rtp';
        const direction = this.#connections.get(client)?.keys?.[fromServer ? 'server' : 'client'];
        if (!direction) return { kind };
        return { kind, plain: kind === 'rtp' ? openRtp(direction, datagram) : openRtcp(direction, datagram) };
    }

    /** Reads the hellos: both randoms, the suite, the SRTP profile. */
    #handshake(client, fromServer, datagram) {
        for (let at = 0; at + 13 <= datagram.length; ) {
            const [type, epoch, length] = [datagram[at], datagram.readUInt16BE(at + 3), datagram.readUInt16BE(at + 11)];
            const record = datagram.subarray(at + 13, at + 13 + length);
            at += 13 + length;
            if (type !== 22 || epoch !== 0) continue;
            for (let begin = 0; begin + 12 <= record.length; begin += 12 + record.readUIntBE(begin + 9, 3)) {
                const offset = record.readUIntBE(begin + 6, 3);
                const body = record.subarray(begin + 12);
                if (offset === 0 && record[begin] === 1 && !fromServer) {
                    const random = body.subarray(2, 34).toString('hex');
                    const known = this.#connections.get(client);
                    if (known?.clientRandom !== random) this.#connections.set(client, { clientRandom: random });
                } else if (offset === 0 && record[begin] === 2 && fromServer) {
                    this.#serverHello(this.#connections.get(client), body);
                }
            }
        }
    }

    #serverHello(connection, body) {
        if (!connection || connection.keys) return;
        const serverRandom = body.subarray(2, 34);
        let at = 35 + body[34];
        connection.suite = body.readUInt16BE(at);
        at += 3;
        const end = at + 2 + body.readUInt16BE(at);
        for (at += 2; at + 4 <= end; at += 4 + body.readUInt16BE(at + 2)) {
            if (body.readUInt16BE(at) === 14) connection.profile = body.readUInt16BE(at + 6);
        }
        const master = this.#masters.get(connection.clientRandom);
        const size = PROFILES.get(connection.profile);
        if (!master || !size) return;
        const hash = SHA384_SUITES.has(connection.suite) ? 'sha384' : 'sha256';
        // RFC 5764 §4.2: client key, server key, client salt, server salt.
        const seed = Buffer.concat([Buffer.from('EXTRACTOR-dtls_srtp'), Buffer.from(connection.clientRandom, 'hex'), serverRandom]);
        const material = prf(hash, master, seed, 2 * size + 24);
        const side = (index) => ({
            ...sessionKeys(material.subarray(index * size, (index + 1) * size), material.subarray(2 * size + 12 * index, 2 * size + 12 * (index + 1))),
            rollovers: new Map(),
        });
        connection.keys = { client: side(0), server: side(1) };
    }
}

/** RFC 5246 §5. */
function prf(hash, secret, seed, length) {
    const hmac = (...parts) => parts.reduce((mac, part) => mac.update(part), createHmac(hash, secret)).digest();
    let a = seed;
    let out = Buffer.alloc(0);
    while (out.length < length) {
        a = hmac(a);
        out = Buffer.concat([out, hmac(a, seed)]);
    }
    return out.subarray(0, length);
}

/** RFC 3711 §4.3.1 with the salt of RFC 7714 §11: 96 bits, as if followed by 16 zero bits. */
function sessionKeys(key, salt) {
    const derive = (label, length) => {
        const iv = Buffer.alloc(16);
        salt.copy(iv);
        iv[7] ^= label;
        return createCipheriv(`aes-${key.length * 8}-ctr`, key, iv).update(Buffer.alloc(length));
    };
    return { rtpKey: derive(0, key.length), rtpSalt: derive(2, 12), rtcpKey: derive(3, key.length), rtcpSalt: derive(5, 12) };
}

function open(key, salt, iv, associated, sealed) {
    for (let i = 0; i < 12; i += 1) iv[i] ^= salt[i];
    const cipher = createDecipheriv(`aes-${key.length * 8}-gcm`, key, iv);
    cipher.setAAD(associated);
    cipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    return Buffer.concat([cipher.update(sealed.subarray(0, sealed.length - TAG)), cipher.final()]);
}

/** RFC 7714 §8. */
function openRtp({ rtpKey, rtpSalt, rollovers }, packet) {
    let header = 12 + 4 * (packet[0] & 0x0f);
    if (packet[0] & 0x10) header += 4 + 4 * packet.readUInt16BE(header + 2);
    const sequence = packet.readUInt16BE(2);
    const ssrc = packet.readUInt32BE(8);
    const state = rollovers.get(ssrc) ?? { highest: sequence };
    rollovers.set(ssrc, state);
    // RFC 3711 §3.3.1 with the rollover counter kept inside `highest`.
    let distance = ((sequence - state.highest) << 16) >> 16;
    if (state.highest + distance < 0) distance += 0x10000;
    const index = state.highest + distance;
    const iv = Buffer.alloc(12);
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUInt32BE(Math.floor(index / 0x10000), 6);
    iv.writeUInt16BE(sequence, 10);
    const plain = open(rtpKey, rtpSalt, iv, packet.subarray(0, header), packet.subarray(header));
    state.highest = Math.max(state.highest, index);
    return Buffer.concat([packet.subarray(0, header), plain]);
}

/** RFC 7714 §9. */
function openRtcp({ rtcpKey, rtcpSalt }, packet) {
    const word = packet.subarray(packet.length - 4);
    const index = word.readUInt32BE() & 0x7fffffff;
    if (!(word[0] & 0x80)) throw new Error('SRTCP that is not encrypted');
    const iv = Buffer.alloc(12);
    packet.copy(iv, 2, 4, 8);
    iv.writeUInt32BE(index, 8);
    const plain = open(rtcpKey, rtcpSalt, iv, Buffer.concat([packet.subarray(0, 8), word]), packet.subarray(8, packet.length - 4));
    return Buffer.concat([packet.subarray(0, 8), plain]);
}
