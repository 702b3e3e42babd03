// One connection to the server: today's signaling over a WebSocket and one RTCPeerConnection for everything sent and received. The server always
// offers. A Client lives for one attempt: whoever wants to reconnect makes a new one.
//
// Events: `connected`; `stream` and `streamgone` {id, stream}; `people` {counts}; `ended` {code, reason, cause}, once, whatever the end was.

/** Signaling is up and media is not: after this long there is probably no way for UDP. */
const MEDIA_LIMIT = 20_000;
/** The server pings every few seconds; this long without a word and the network is gone, even if no socket noticed. */
const SILENCE_LIMIT = 30_000;
/** ICE says `disconnected` at every hiccup; it is a loss when it stays. */
const DISCONNECTED_LIMIT = 10_000;
/** How long a polite goodbye may take. */
const GOODBYE_LIMIT = 1_000;

export class Client extends EventTarget {
    #socket;
    #peer;
    #settings;
    #work = Promise.resolve();
    #timers = new Map();
    #ended = false;
    #connected = false;

    /** The name this connection has in its channel, once the server gave one. */
    id = null;

    /** settings: `url`, `channel`, `role`, `audio` (boolean), `video` (false, true or {codec_type, bit_rate}), `token`, `stream` (what to send). */
    constructor(settings) {
        super();
        this.#settings = settings;
    }

    get peer() {
        return this.#peer;
    }

    start() {
        this.#socket = new WebSocket(this.#settings.url);
        this.#socket.addEventListener('open', () => this.#send(this.#connectMessage()));
        this.#socket.addEventListener('message', ({ data }) => this.#received(data));
        this.#socket.addEventListener('close', ({ code, reason }) => {
            this.#end({ code, reason, cause: this.id || code === 4490 ? 'closed' : 'unreachable' });
        });
    }

    /** Leaves. `ended` comes with the cause `left`. */
    stop() {
        if (this.#ended) return;
        this.#send({ type: 'disconnect', reason: 'NO-ERROR' });
        const socket = this.#socket;
        setTimeout(() => socket.close(1000), GOODBYE_LIMIT);
        this.#end({ code: 1000, reason: '', cause: 'left' });
    }

    #connectMessage() {
        const { role, channel, audio, video, token } = this.#settings;
        const message = {
            type: 'connect',
            role,
            channel_id: channel,
            audio,
            video,
            sora_client: 'Tsubame page',
            environment: navigator.userAgent,
        };
        if (token) message.metadata = { access_token: token };
        return message;
    }

    #received(data) {
        if (this.#ended) return;
        this.#limit('silence', SILENCE_LIMIT, () => this.#lost('silence'));
        const message = JSON.parse(data);
        // One after the other: a re-offer must not overtake the answer before it.
        this.#work = this.#work.then(() => this.#handle(message)).catch((error) => {
            if (this.#ended) return;
            console.error(error);
            this.#lost('negotiation', error.message);
        });
    }

    async #handle(message) {
        if (this.#ended) return;
        switch (message.type) {
            case 'offer':
                this.id = message.connection_id;
                await this.#open(message);
                break;
            case 're-offer':
            case 'update':
                await this.#answer(message.sdp, message.type === 'update' ? 'update' : 're-answer');
                break;
            case 'ping':
                this.#send(message.stats ? { type: 'pong', stats: await this.#allStats() } : { type: 'pong' });
                break;
            case 'notify':
                this.#notified(message);
                break;
        }
    }

    async #open(offer) {
        this.#peer = new RTCPeerConnection(offer.config);
        this.#peer.addEventListener('icecandidate', ({ candidate }) => {
            if (candidate) this.#send({ type: 'candidate', ...candidate.toJSON() });
        });
        this.#peer.addEventListener('track', ({ streams }) => this.#tracked(streams[0]));
        this.#peer.addEventListener('connectionstatechange', () => this.#mediaState());
        this.#limit('media', MEDIA_LIMIT, () => this.#lost('media'));
        await this.#answer(offer.sdp, 'answer');
    }

    async #answer(sdp, type) {
        const peer = this.#peer;
        await peer.setRemoteDescription({ type: 'offer', sdp });
        if (type === 'answer') {
            const { stream } = this.#settings;
            for (const track of stream?.getTracks() ?? []) peer.addTrack(track, stream);
        }
        await peer.setLocalDescription(await peer.createAnswer());
        this.#send({ type, sdp: peer.localDescription.sdp });
        if (type === 'answer') this.#checkCodec();
    }

    /** The browser rejects a section without a word when it cannot encode the codec: say it. */
    #checkCodec() {
        const wanted = this.#settings.stream?.getVideoTracks()[0];
        if (!wanted) return;
        const sending = this.#peer
            .getTransceivers()
            .some(({ sender, currentDirection }) => sender.track === wanted && /send/.test(currentDirection ?? ''));
        if (!sending) this.#lost('codec', 'video');
    }

    #tracked(stream) {
        if (!stream || stream.id === 'default' || stream.id === this.id) return;
        stream.onremovetrack = () => {
            if (stream.getTracks().length === 0) this.#tell('streamgone', { id: stream.id, stream });
        };
        this.#tell('stream', { id: stream.id, stream });
    }

    #notified(message) {
        if (message.event_type === 'track.refused' && message.connection_id === this.id) {
            // About what this page publishes: its own answer refused the codec.
            this.#lost('codec', message.kind);
            return;
        }
        if (!message.event_type?.startsWith('connection.')) return;
        if (message.channel_connections !== undefined) {
            this.#tell('people', {
                all: message.channel_connections,
                publishing: (message.channel_sendonly_connections ?? 0) + (message.channel_sendrecv_connections ?? 0),
                watching: (message.channel_recvonly_connections ?? 0) + (message.channel_sendrecv_connections ?? 0),
            });
        }
    }

    #mediaState() {
        const state = this.#peer.connectionState;
        if (state === 'connected') {
            this.#clear('media');
            this.#clear('disconnected');
            if (!this.#connected) {
                this.#connected = true;
                this.#tell('connected');
            }
        } else if (state === 'disconnected') {
            this.#limit('disconnected', DISCONNECTED_LIMIT, () => this.#lost('network'));
        } else if (state === 'failed') {
            this.#lost(this.#connected ? 'network' : 'media');
        }
    }

    async #allStats() {
        return this.#peer ? [...(await this.#peer.getStats()).values()] : [];
    }

    #lost(cause, reason = '') {
        if (this.#ended) return;
        this.#send({ type: 'disconnect', reason: 'INTERNAL-ERROR' });
        const socket = this.#socket;
        this.#end({ code: 0, reason, cause });
        socket.close(1000);
    }

    #end(how) {
        if (this.#ended) return;
        this.#ended = true;
        for (const name of [...this.#timers.keys()]) this.#clear(name);
        this.#peer?.close();
        this.#tell('ended', { ...how, wasConnected: this.#connected });
    }

    #send(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    }

    #limit(name, milliseconds, action) {
        this.#clear(name);
        this.#timers.set(name, setTimeout(action, milliseconds));
    }

    #clear(name) {
        clearTimeout(this.#timers.get(name));
        this.#timers.delete(name);
    }

    #tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
