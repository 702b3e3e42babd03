// A bare WebSocket client for what no decent page would send.

import { WebSocket } from 'ws';
import { within } from './wait.js';

export class Socket {
    static async open(url, options = {}) {
        const socket = new Socket();
        socket.messages = [];
        socket.native = new WebSocket(url, { rejectUnauthorized: false, ...options });
        socket.closed = new Promise((resolve) => {
            socket.native.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
        });
        socket.native.on('error', () => {});
        socket.native.on('message', (data) => {
            socket.messages.push(JSON.parse(data));
            socket.native.emit('parsed');
        });
        await within('a WebSocket opens', new Promise((resolve, reject) => {
            socket.native.once('open', resolve);
            socket.native.once('error', reject);
        }), 20_000);
        return socket;
    }

    /** Sends text, bytes or an object as JSON. */
    send(message) {
        this.native.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
        return this;
    }

    /** Sends one frame with this payload as text, be it UTF-8 or not. */
    sendTextBytes(bytes) {
        this.native.send(bytes, { binary: false });
        return this;
    }

    /** The next message of this type, or one that has come already. */
    async message(type, timeout = 20_000) {
        const find = () => this.messages.find((message) => message.type === type);
        return find() ?? within(`a message ${type}`, new Promise((resolve, reject) => {
            this.native.on('parsed', () => find() && resolve(find()));
            this.closed.then((how) => reject(new Error(`closed with ${JSON.stringify(how)} before a message ${type}`)));
        }), timeout);
    }

    /** How the server closed it: {code, reason}. */
    end(timeout = 20_000) {
        return within('the server closes the WebSocket', this.closed, timeout);
    }

    stop() {
        this.native.terminate();
    }
}

export const connect = (fields = {}) => ({ type: 'connect', role: 'recvonly', channel_id: 'test', audio: true, video: true, ...fields });
