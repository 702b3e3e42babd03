// sora-js-sdk, unmodified, used as its documentation says. Parameters: signaling, channel, role, codec, token.

import Sora from '/sdk/sora.js';
import { client, devices, fail, parameters, show } from './common.js';

const sora = Sora.connection(parameters.signaling);
const metadata = parameters.token ? { access_token: parameters.token } : undefined;
const options = parameters.role === 'recvonly' ? {} : { videoCodecType: parameters.codec ?? 'VP8' };
const connection = sora[parameters.role](parameters.channel, metadata, options);

connection.on('notify', (event) => {
    client.notifies.push(event);
    if (event.event_type === 'connection.created' && event.connection_id === connection.connectionId) client.connected = true;
});
connection.on('track', ({ streams }) => show(streams[0]));
connection.on('removetrack', ({ target }) => {
    if (target.getTracks().length === 0) document.getElementById(target.id)?.remove();
});
connection.on('disconnect', (event) => {
    client.closed = { code: event.code, reason: event.reason, type: event.type, title: event.title };
});
client.disconnect = () => connection.disconnect();

try {
    if (parameters.role === 'recvonly') await connection.connect();
    else await connection.connect(await devices());
    client.connectionId = connection.connectionId;
    client.mids = { audio: connection.audio, video: connection.video };
} catch (error) {
    client.closed ??= { code: error.code, reason: error.reason };
    fail(error);
}
