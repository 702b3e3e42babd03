// What went wrong, in plain words, and what to do about it: {title, help, retry, again}.
// `retry`: a "Try again" button makes sense. `again`: the page reconnects by itself.

/** The page may not ask for devices. */
export function insecure() {
    return {
        title: 'The camera and microphone cannot be used from this address',
        help: `Browsers allow them only on pages opened over https, or on the server's own computer. Open this page with https:// (the server is started with --tls-listen for that), or on the server's computer as http://127.0.0.1${location.port ? `:${location.port}` : ''}/. Watching works here all the same.`,
        retry: false,
    };
}

/** getUserMedia or getDisplayMedia failed. */
export function captureFailed(error) {
    const screen = error.source?.startsWith('screen');
    const device = screen ? 'screen' : error.source === 'microphone' ? 'microphone' : 'camera or microphone';
    switch (error.name) {
        case 'NotAllowedError':
        case 'SecurityError':
            return screen
                ? { title: 'No screen was shared', help: 'Press Publish again and choose a screen, a window or a tab in the browser’s dialog.', retry: true }
                : {
                      title: `Permission to use the ${device} was refused`,
                      help: 'Allow it with the camera symbol in the address bar (on a phone: in the settings of the browser), then try again.',
                      retry: true,
                  };
        case 'NotFoundError':
            return {
                title: `No ${device} was found`,
                help: screen
                    ? 'This system offers no screen to share.'
                    : 'Connect one and try again, or choose another source: “Microphone only” and “Screen” need no camera.',
                retry: true,
            };
        case 'NotReadableError':
        case 'AbortError':
            return {
                title: `The ${device} does not answer`,
                help: 'Another program may be using it. Close that program, or unplug the device and plug it in again, then try again.',
                retry: true,
            };
        case 'OverconstrainedError':
            return {
                title: 'The chosen device is not there any more',
                help: 'Choose another camera or microphone under “More options”.',
                retry: true,
            };
        default:
            return { title: `The ${device} could not be opened`, help: `The browser says: ${error.message || error.name}`, retry: true };
    }
}

/** A Client has ended by something other than this page's wish. */
export function connectionEnded({ code, reason, cause, wasConnected }, { codec }) {
    switch (cause) {
        case 'unreachable':
            return {
                title: 'The server cannot be reached',
                help: 'Check that it is running and that this device is online.',
                retry: true,
                again: wasConnected,
            };
        case 'media':
            return noMedia('');
        case 'codec':
            if (reason === 'audio') {
                return {
                    title: 'This browser cannot send audio as Opus',
                    help: 'Opus is the only audio codec there is. Use another browser, or a source without sound.',
                    retry: false,
                };
            }
            return {
                title: `This browser cannot send video as ${codec}`,
                help: 'Choose another codec and publish again. VP8 works everywhere.',
                retry: false,
            };
        case 'negotiation':
            return { title: 'Browser and server could not agree', help: `The browser says: ${reason}`, retry: true };
        case 'network':
        case 'silence':
            return { title: 'The connection was lost', help: 'Reconnecting…', retry: true, again: true };
    }
    return closed(code, reason);
}

function noMedia(said) {
    return {
        title: 'The server answers, but no audio or video gets through',
        help: `Something between here and the server blocks UDP. Open the server’s UDP port (40000 unless configured otherwise) in its firewall, and check that the server advertises an address that this device can reach (--candidate).${said}`,
        retry: true,
    };
}

function closed(code, reason) {
    const said = reason ? ` It says: “${reason}”.` : '';
    if (code === 4490 && /^(CONSENT-EXPIRED|ANSWER-TIMEOUT|EVENTS-OVERFLOWED|PEER-CLOSED|IDLE-TIMEOUT)/.test(reason)) {
        return { title: 'The connection was lost', help: `Reconnecting…${said}`, retry: true, again: true };
    }
    if (code === 4490 && /^(SETUP-TIMEOUT|DTLS-FAILED)/.test(reason)) return noMedia(said);
    if (code === 4490 && /token|auth|denied|allowed|forbidden/i.test(reason)) {
        return { title: 'The server did not let you in', help: `Check the access token under “More options”.${said}`, retry: true, token: true };
    }
    if (code === 4490) return { title: 'The server refused the connection', help: `Check the channel name and the options.${said}`, retry: true };
    if (code === 1000) return { title: 'The server ended this connection', help: `Somebody who runs the server may have closed the channel.${said}`, retry: true };
    if (code === 1001) return { title: 'The server is restarting', help: 'Reconnecting…', retry: true, again: true };
    if (code === 1009) return { title: 'The server refused a message of this page', help: 'It was too large. Please report this.', retry: true };
    return { title: 'The connection to the server was lost', help: 'Reconnecting…', retry: true, again: true };
}
