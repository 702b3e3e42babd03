// Camera, microphone and screen, and the codecs this browser can send.

const CODEC_NAMES = new Map([
    ['video/vp8', { value: 'VP8', label: 'VP8' }],
    ['video/vp9', { value: 'VP9', label: 'VP9' }],
    ['video/h264', { value: 'H264', label: 'H.264' }],
    ['video/av1', { value: 'AV1', label: 'AV1' }],
    ['video/h265', { value: 'H265', label: 'H.265' }],
]);

/** [{value, label}] of the video codecs this browser can send, best understood first. */
export function sendableCodecs() {
    const capabilities = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? [];
    const present = new Set(capabilities.map(({ mimeType }) => mimeType.toLowerCase()));
    return [...CODEC_NAMES].filter(([mime]) => present.has(mime)).map(([, codec]) => codec);
}

/** Whether this page may ask for devices at all. */
export function mayCapture() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
}

export function mayCaptureScreen() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia);
}

const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * Opens what `source` names (`camera`, `microphone`, `screen`, `screen-voice`). `height` in pixels, device ids may be empty.
 * Throws what the browser threw, with `source` on it.
 */
export async function capture({ source, height, camera, microphone }) {
    const chosen = (id) => (id ? { deviceId: { exact: id } } : {});
    const voice = { ...VOICE, ...chosen(microphone) };
    try {
        if (source === 'microphone') return await navigator.mediaDevices.getUserMedia({ audio: voice });
        if (source === 'camera') {
            const width = Math.round((height * (height <= 480 ? 4 / 3 : 16 / 9)) / 2) * 2;
            const video = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 }, ...chosen(camera) };
            return await navigator.mediaDevices.getUserMedia({ audio: voice, video });
        }
        return await captureScreen(source === 'screen-voice' ? voice : null);
    } catch (error) {
        error.source = source;
        throw error;
    }
}

async function captureScreen(voice) {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: !voice });
    // Text must stay sharp: rather fewer frames than fewer pixels.
    for (const track of stream.getVideoTracks()) track.contentHint = 'detail';
    if (voice) {
        try {
            const spoken = await navigator.mediaDevices.getUserMedia({ audio: voice });
            for (const track of spoken.getAudioTracks()) stream.addTrack(track);
        } catch (error) {
            release(stream);
            throw error;
        }
    }
    return stream;
}

/** Gives the devices back. */
export function release(stream) {
    for (const track of stream?.getTracks() ?? []) track.stop();
}

/** {cameras, microphones}: [{value, label}]; labels are empty until the person allowed a device once. */
export async function devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const of = (kind, name) =>
        all
            .filter((device) => device.kind === kind && device.deviceId)
            .map((device, index) => ({ value: device.deviceId, label: device.label || `${name} ${index + 1}` }));
    return { cameras: of('videoinput', 'Camera'), microphones: of('audioinput', 'Microphone') };
}
