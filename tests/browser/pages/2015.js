// A client of the messages of 2015: roles upstream and downstream, camelCase. Parameters: signaling, channel, role, token.

import { client, devices, fail, parameters, show } from './common.js';

const socket = new WebSocket(parameters.signaling);
const send = (message) => socket.send(JSON.stringify(message));
let peer;
let local;
let work = Promise.resolve();

client.send = send;
// 2015 has no message for it: leaving is closing the WebSocket.
client.disconnect = () => socket.close(1000);

socket.addEventListener('open', async () => {
    try {
        if (parameters.role === 'upstream') local = await devices();
        const message = { type: 'connect', role: parameters.role, channelId: parameters.channel };
        if (parameters.token) message.accessToken = parameters.token;
        send(message);
    } catch (error) {
        fail(error);
    }
});
socket.addEventListener('close', ({ code, reason }) => {
    client.closed = { code, reason };
    peer?.close();
});
socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    client.types.push(message.type);
    work = work.then(() => handle(message)).catch(fail);
});

async function handle(message) {
    if (message.type === 'ping') return send({ type: 'pong' });
    if (message.type === 'notify') return void client.notifies.push(message);
    if (message.type !== 'offer' && message.type !== 're-offer') return;
    if (!peer) {
        client.connectionId = message.clientId;
        client.offer = message;
        peer = new RTCPeerConnection(message.config ?? {});
        peer.addEventListener('icecandidate', ({ candidate }) => {
            if (candidate) send({ type: 'candidate', ...candidate.toJSON() });
        });
        peer.addEventListener('connectionstatechange', () => {
            if (peer.connectionState === 'connected') client.connected = true;
        });
        peer.addEventListener('track', ({ streams }) => {
            if (streams[0] && streams[0].id !== 'default') show(streams[0]);
        });
    }
    await peer.setRemoteDescription({ type: 'offer', sdp: message.sdp });
    if (message.type === 'offer') for (const track of local?.getTracks() ?? []) peer.addTrack(track, local);
    await peer.setLocalDescription(await peer.createAnswer());
    send({ type: message.type === 'offer' ? 'answer' : 're-answer', sdp: peer.localDescription.sdp });
}
