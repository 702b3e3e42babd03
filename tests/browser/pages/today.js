// A client of today's messages in the fewest lines that do the whole of it. Parameters: signaling, channel, role, codec, audio, video, bit_rate,
// token, silent=1 (never answers a re-offer), first (text sent instead of a connect), vanish.

import { client, devices, fail, parameters, show } from './common.js';

const socket = new WebSocket(parameters.signaling);
const send = (message) => socket.send(JSON.stringify(message));
let peer;
let local;
let work = Promise.resolve();

client.send = send;
client.sendText = (text) => socket.send(text);
client.disconnect = () => send({ type: 'disconnect', reason: 'NO-ERROR' });

socket.addEventListener('open', async () => {
    try {
        if (parameters.first !== undefined) return socket.send(parameters.first);
        if (parameters.role !== 'recvonly') local = await devices();
        send(connect());
    } catch (error) {
        fail(error);
    }
});
socket.addEventListener('close', ({ code, reason }) => {
    client.closed = { code, reason };
    peer?.close();
});
// One after the other: a re-offer must not overtake the answer before it.
socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    client.types.push(message.type);
    work = work.then(() => handle(message)).catch(fail);
});

function connect() {
    const video = { codec_type: parameters.codec ?? 'VP8' };
    if (parameters.bit_rate) video.bit_rate = Number(parameters.bit_rate);
    const message = {
        type: 'connect',
        role: parameters.role,
        channel_id: parameters.channel,
        audio: parameters.audio !== 'false',
        video: parameters.video === 'false' ? false : parameters.role === 'recvonly' ? true : video,
    };
    if (parameters.token) message.metadata = { access_token: parameters.token };
    return message;
}

async function handle(message) {
    switch (message.type) {
        case 'offer':
            client.connectionId = message.connection_id;
            client.offer = message;
            await start(message);
            break;
        case 're-offer':
            if (!parameters.silent) await answer(message.sdp, 're-answer');
            break;
        case 'ping':
            send({ type: 'pong' });
            break;
        case 'notify':
            client.notifies.push(message);
            if (message.event_type === 'connection.created' && message.connection_id === client.connectionId) client.connected = true;
            break;
    }
}

async function start(offer) {
    peer = new RTCPeerConnection(offer.config);
    peer.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate) send({ type: 'candidate', ...candidate.toJSON() });
    });
    peer.addEventListener('track', ({ streams }) => {
        if (streams[0] && streams[0].id !== 'default' && streams[0].id !== client.connectionId) show(streams[0]);
    });
    await answer(offer.sdp, 'answer');
}

async function answer(sdp, type) {
    await peer.setRemoteDescription({ type: 'offer', sdp });
    if (type === 'answer') for (const track of local?.getTracks() ?? []) peer.addTrack(track, local);
    await peer.setLocalDescription(await peer.createAnswer());
    send({ type, sdp: peer.localDescription.sdp });
}
