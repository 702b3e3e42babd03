// Captures of the namespace's traffic, and tshark to read them.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { within } from './wait.js';

const SCRIPT = fileURLToPath(new URL('demultiplex.lua', import.meta.url));
/** LINKTYPE_IPV4: packets begin with the IPv4 header. */
const LINK_IPV4 = 228;

/** Records everything on all interfaces of the namespace until `stop()`. */
export async function record(file) {
    const dumpcap = spawn('dumpcap', ['-q', '-i', 'any', '-B', '64', '-w', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    await within('dumpcap begins', new Promise((resolve, reject) => {
        dumpcap.stderr.setEncoding('utf8').on('data', (text) => {
            said += text;
            if (/^File:/m.test(said)) resolve();
        });
        dumpcap.once('error', reject);
        dumpcap.once('exit', () => reject(new Error(`dumpcap: ${said}`)));
    }), 20_000);
    return {
        stop: async () => {
            if (dumpcap.exitCode !== null || dumpcap.signalCode !== null) return;
            const ended = once(dumpcap, 'exit');
            dumpcap.kill('SIGINT');
            await ended;
        },
    };
}

/** What tshark prints about a file with these arguments. With `port`, that port's datagrams are told apart as WebRTC does, RTCP being in plain. */
export async function tshark(file, arguments_, { port } = {}) {
    const script = port ? ['-X', `lua_script:${SCRIPT}`] : [];
    const { stdout } = await promisify(execFile)('tshark', ['-n', '-r', file, ...script, ...arguments_], {
        env: { ...process.env, TSUBAME_PORTS: String(port ?? '') },
        maxBuffer: 1024 * 1024 * 1024,
    });
    return stdout;
}

/** How many packets of the file a display filter lets through. */
export async function count(file, filter, options) {
    return (await tshark(file, ['-Y', filter, '-T', 'fields', '-e', 'frame.number'], options)).split('\n').filter(Boolean).length;
}

/** The UDP datagrams over IPv4 to and from a port: [{time, source, sourcePort, destination, destinationPort, payload}]. */
export async function datagrams(file, port) {
    const fields = ['frame.time_epoch', 'ip.src', 'udp.srcport', 'ip.dst', 'udp.dstport', 'udp.payload'];
    const text = await tshark(file, ['-Y', `ip && udp.port == ${port} && !icmp`, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])]);
    return text.split('\n').filter(Boolean).map((line) => {
        const [time, source, sourcePort, destination, destinationPort, payload] = line.split('\t');
        return {
            time: Number(time),
            source,
            sourcePort: Number(sourcePort),
            destination,
            destinationPort: Number(destinationPort),
            payload: Buffer.from(payload ?? '', 'hex'),
        };
    });
}

/** A capture file of UDP datagrams over IPv4. */
export function pcap(list) {
    const parts = [Buffer.alloc(24)];
    parts[0].writeUInt32LE(0xa1b2c3d4, 0);
    parts[0].writeUInt16LE(2, 4);
    parts[0].writeUInt16LE(4, 6);
    parts[0].writeUInt32LE(65_535, 16);
    parts[0].writeUInt32LE(LINK_IPV4, 20);
    for (const { time, source, sourcePort, destination, destinationPort, payload } of list) {
        const head = Buffer.alloc(16 + 28);
        const length = 28 + payload.length;
        head.writeUInt32LE(Math.floor(time), 0);
        head.writeUInt32LE(Math.floor((time % 1) * 1e6), 4);
        head.writeUInt32LE(length, 8);
        head.writeUInt32LE(length, 12);
        const ip = head.subarray(16);
        ip[0] = 0x45;
        ip.writeUInt16BE(length, 2);
        ip[8] = 64;
        ip[9] = 17;
        Buffer.from(source.split('.').map(Number)).copy(ip, 12);
        Buffer.from(destination.split('.').map(Number)).copy(ip, 16);
        ip.writeUInt16BE(sourcePort, 20);
        ip.writeUInt16BE(destinationPort, 22);
        ip.writeUInt16BE(8 + payload.length, 24);
        parts.push(head, payload);
    }
    return Buffer.concat(parts);
}
