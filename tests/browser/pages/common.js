// What the test pages share: parameters from the URL, the devices, one video element per remote stream, and `window.client` for the test to read.

export const parameters = Object.fromEntries(new URLSearchParams(location.search));

export const client = {
    connectionId: null,
    connected: false,
    /** Every notify, as it came. */
    notifies: [],
    /** The type of every message, as it came. */
    types: [],
    offer: null,
    /** {code, reason} once the WebSocket is closed. */
    closed: null,
    error: null,
};
window.client = client;

export function fail(error) {
    client.error ??= String(error?.message ?? error);
}

export function devices() {
    const video = parameters.video !== 'false';
    return navigator.mediaDevices.getUserMedia({
        audio: parameters.audio !== 'false',
        video: video && { width: 640, height: 480 },
    });
}

/** Shows a remote stream, and takes it away once it has no live track left. */
export function show(stream) {
    if (document.getElementById(stream.id)) return;
    const video = document.createElement('video');
    video.id = stream.id;
    video.autoplay = true;
    video.playsInline = true;
    video.srcObject = stream;
    document.querySelector('main').append(video);
    stream.addEventListener('removetrack', () => {
        if (stream.getTracks().length === 0) video.remove();
    });
}
