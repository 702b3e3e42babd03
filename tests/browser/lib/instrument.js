// Runs in every page before its own scripts, and stays out of their way: keeps each RTCPeerConnection where the test can ask it, and notes to
// which stream every remote track belongs.

export function instrument() {
    const Native = window.RTCPeerConnection;
    window.testPeers = [];
    window.testTracks = [];
    window.RTCPeerConnection = class extends Native {
        constructor(...parameters) {
            super(...parameters);
            window.testPeers.push(this);
            this.addEventListener('track', ({ track, streams, transceiver }) => {
                window.testTracks.push({ track, stream: streams[0]?.id, transceiver });
            });
        }
    };
}
