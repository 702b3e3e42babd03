// The page: its form, its state, and what the person is told.

import { Client } from './client.js';
import { captureFailed, connectionEnded, insecure } from './explain.js';
import { Grid } from './grid.js';
import { capture, devices, mayCapture, mayCaptureScreen, release, sendableCodecs } from './media.js';
import { Statistics, format, sum } from './statistics.js';

const STATISTICS_INTERVAL = 1_000;
const RECONNECT_DELAYS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const ROLES = { publish: 'sendonly', watch: 'recvonly', meet: 'sendrecv' };
const REMEMBERED = ['channel', 'source', 'codec', 'height', 'bitrate'];

const $ = (id) => document.getElementById(id);
const form = $('form');
const grid = new Grid($('grid'), {
    onChange: (count) => {
        $('empty').hidden = count > 0;
        if (grid.remote.length === 0) $('unmute').hidden = true;
    },
    onBlocked: () => ($('unmute').hidden = false),
});

/** What runs now; null while nothing does. {mode, channel, stream, client, attempts, timers} */
let session = null;

const mode = () => form.elements.mode.value;
const sends = (which) => which !== 'watch';

// Starting and stopping.

async function start() {
    hideProblem();
    if (!form.reportValidity()) return;
    const begun = { mode: mode(), channel: $('channel').value.trim(), attempts: 0, live: false, timers: [] };
    if (sends(begun.mode) && !mayCapture()) return showProblem(insecure());
    session = begun;
    setState('connecting', sends(begun.mode) ? 'Opening devices' : 'Connecting');
    remember();
    if (sends(begun.mode)) {
        const source = $('source').value;
        try {
            begun.stream = await capture({ source, height: Number($('height').value), camera: $('camera').value, microphone: $('microphone').value });
        } catch (error) {
            if (session === begun) finish(captureFailed(error));
            return;
        }
        if (session !== begun) return release(begun.stream);
        showPreview(begun, source);
        listDevices();
    }
    connect(begun);
}

/** Ends the session, if any; `problem` says why when it was not the person's wish. */
function finish(problem) {
    const ended = session;
    session = null;
    if (ended) {
        for (const timer of ended.timers) clearTimeout(timer);
        clearInterval(ended.statistics);
        ended.client?.stop();
        release(ended.stream);
    }
    grid.clear();
    $('toolbar').hidden = true;
    $('numbers').hidden = true;
    $('people').parentElement.hidden = true;
    setState(problem ? 'failed' : 'idle', problem ? 'Stopped' : 'Not connected');
    if (problem) showProblem(problem);
}

function connect(running) {
    const client = new Client({
        url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/signaling`,
        role: ROLES[running.mode],
        channel: running.channel,
        token: $('token').value,
        stream: running.stream,
        ...wanted(running),
    });
    running.client = client;
    setState(running.attempts > 0 ? 'reconnecting' : 'connecting', running.attempts > 0 ? 'Reconnecting' : 'Connecting');
    client.addEventListener('connected', () => connected(running));
    client.addEventListener('stream', ({ detail }) => grid.show(detail.id, detail.stream));
    client.addEventListener('streamgone', ({ detail }) => grid.remove(detail.id));
    client.addEventListener('people', ({ detail }) => showPeople(detail));
    client.addEventListener('ended', ({ detail }) => ended(running, detail));
    client.start();
}

/** What the server is asked for: a publisher names what it sends, a viewer takes what there is. */
function wanted({ mode: which, stream }) {
    if (which === 'watch') return { audio: true, video: true };
    const video = { codec_type: $('codec').value };
    if ($('bitrate').value) video.bit_rate = Number($('bitrate').value);
    const has = { audio: stream.getAudioTracks().length > 0, video: stream.getVideoTracks().length > 0 };
    const receives = which === 'meet';
    return { audio: has.audio || receives, video: has.video || receives ? video : false };
}

function connected(running) {
    if (session !== running) return;
    running.attempts = 0;
    running.live = true;
    hideProblem();
    setState('live', sends(running.mode) ? 'Live' : 'Connected');
    const statistics = new Statistics();
    clearInterval(running.statistics);
    const read = () => showStatistics(running, statistics).catch(() => {});
    read();
    running.statistics = setInterval(read, STATISTICS_INTERVAL);
    $('numbers').hidden = false;
}

function ended(running, how) {
    if (session !== running || how.cause === 'left') return;
    clearInterval(running.statistics);
    const problem = connectionEnded(how, { codec: $('codec').selectedOptions[0]?.label });
    // Once it had worked, an unreachable server is one that will be back.
    if (!(problem.again || (running.live && how.cause === 'unreachable'))) return finish(problem);
    const delay = RECONNECT_DELAYS[Math.min(running.attempts, RECONNECT_DELAYS.length - 1)];
    running.attempts += 1;
    grid.clear(true);
    setState('reconnecting', 'Reconnecting');
    showProblem({ ...problem, help: 'Reconnecting…', retry: false });
    running.timers.push(setTimeout(() => session === running && connect(running), delay));
}

// What is shown.

const EMPTY = {
    publish: { idle: ['Live, in one press', 'Choose a channel and a source, then press Publish.'], live: ['You are live', 'Microphone only: there is no picture to show.'] },
    watch: { idle: ['Watch a channel', 'Type the channel’s name, then press Watch.'], live: ['Nobody is publishing', 'The picture appears here as soon as somebody does.'] },
    meet: { idle: ['Meet in a channel', 'Everybody who joins sees and hears everybody else.'], live: ['Connected', 'Others appear here as they join.'] },
};
const VERBS = { publish: 'Publish', watch: 'Watch', meet: 'Join' };

function setState(state, text) {
    $('status').dataset.state = state;
    $('status').textContent = text;
    const running = state !== 'idle' && state !== 'failed';
    $('start').hidden = running;
    $('stop').hidden = !running;
    $('stop').textContent = sends(mode()) ? 'Stop' : 'Stop watching';
    // While it runs there is nothing to choose: the numbers move up.
    $('sending').hidden = running || !sends(mode());
    $('more').hidden = running;
    for (const field of form.querySelectorAll('fieldset, input, select')) field.disabled = running;
    document.title = state === 'live' ? `● ${session.channel} – Tsubame` : 'Tsubame';
    const [title, help] = EMPTY[mode()][state === 'live' ? 'live' : 'idle'];
    $('empty-title').textContent = running && state !== 'live' ? `${text}…` : title;
    $('empty-text').textContent = running && state !== 'live' ? `Channel ${session.channel}` : help;
}

function showPreview(running, source) {
    const [picture] = running.stream.getVideoTracks();
    const [voice] = running.stream.getAudioTracks();
    if (picture || running.mode === 'meet') grid.preview(running.stream, source === 'camera');
    for (const [id, track] of [['toggle-camera', picture], ['toggle-microphone', voice]]) {
        $(id).hidden = !track;
        $(id).setAttribute('aria-pressed', 'true');
    }
    $('toolbar').hidden = false;
    // The browser's own "Stop sharing", or a device that was pulled out.
    for (const track of running.stream.getTracks()) {
        track.addEventListener('ended', () => {
            if (session !== running) return;
            if (source.startsWith('screen')) finish();
            else finish({ title: 'A device was disconnected', help: 'Connect it again, or choose another one, then publish again.', retry: true });
        });
    }
}

function toggle(button, tracks) {
    const on = button.getAttribute('aria-pressed') !== 'true';
    for (const track of tracks) track.enabled = on;
    button.setAttribute('aria-pressed', String(on));
}

function showPeople({ publishing, watching }) {
    $('publishing').textContent = `${publishing} publishing, `;
    $('watching').textContent = String(watching);
    $('people').parentElement.title = `${publishing} publishing, ${watching} watching`;
    $('people').parentElement.hidden = false;
}

async function showStatistics(running, statistics) {
    const peer = running.client.peer;
    const { roundTrip, sent, received } = await statistics.read(peer);
    if (session !== running || running.client.peer !== peer) return;
    const live = new Set(grid.remote.flatMap(({ stream }) => stream.getTracks().map(({ id }) => id)));
    const readings = [...received].filter(([id]) => live.has(id)).map(([, reading]) => reading);
    const videos = readings.filter(({ kind }) => kind === 'video');
    const main = sent ?? (videos.length > 1 ? undefined : (videos[0] ?? readings[0]));
    const lost = sum(readings.map(({ lost }) => lost)) ?? 0;
    const expected = sum(readings.map(({ expected }) => expected)) ?? 0;
    $('numbers-title').textContent = sent ? 'Sending' : videos.length > 1 ? `Receiving ${videos.length} streams` : 'Receiving';
    write('bitrate', format.bitrate(sent ? sent.bitrate : sum(readings.map(({ bitrate }) => bitrate))));
    write('resolution', main || videos.length === 0 ? format.resolution(main) : 'see each');
    write('fps', main || videos.length === 0 ? format.fps(main?.fps) : 'see each');
    write('rtt', format.milliseconds(roundTrip));
    write('loss', format.loss(sent ? sent.loss : expected > 0 ? Math.max(0, lost) / expected : undefined));
    const codecs = [...new Set((main ? [main] : videos).map(({ codec }) => codec))];
    write('codec', codecs.join(', ') || format.text());
    grid.readings(received);
}

function write(name, text) {
    document.querySelector(`[data-test="stat-${name}"]`).textContent = text;
}

function showProblem({ title, help, retry, token }) {
    $('problem-title').textContent = title;
    $('problem-help').textContent = help;
    $('retry').hidden = !retry;
    $('problem').hidden = false;
    if (token) {
        $('more').open = true;
        $('token').focus();
    }
}

function hideProblem() {
    $('problem').hidden = true;
}

// The form.

function modeChanged() {
    const which = mode();
    $('more-sending').hidden = !sends(which);
    $('codec-field').hidden = $('source').value === 'microphone' && which !== 'meet';
    $('start').textContent = VERBS[which];
    setState('idle', 'Not connected');
    addressChanged();
}

function addressChanged() {
    const channel = $('channel').value.trim();
    const link = new URL('/', location.href);
    link.search = new URLSearchParams({ channel, mode: 'watch' });
    $('share').value = link.href;
    $('share-hint').textContent = /^(127\.|localhost|\[::1\])/.test(location.hostname)
        ? 'This link works on this computer only. For others, start the server with --tls-listen and open its https address.'
        : '';
    const own = new URL(location.href);
    own.search = new URLSearchParams({ channel, mode: mode() });
    history.replaceState(null, '', own);
}

async function copyLink() {
    try {
        await navigator.clipboard.writeText($('share').value);
        $('share-hint').textContent = 'Copied.';
    } catch {
        // Without https there is no clipboard: leave the link selected, ready for the keyboard.
        $('share').select();
        $('share-hint').textContent = 'Press Ctrl+C (⌘C) to copy the selected link.';
    }
}

function options(select, entries) {
    const before = select.value;
    select.replaceChildren(...entries.map(({ value, label }) => new Option(label, value)));
    if (entries.some(({ value }) => value === before)) select.value = before;
}

async function listDevices() {
    const { cameras, microphones } = await devices();
    options($('camera'), [{ value: '', label: 'Default' }, ...cameras]);
    options($('microphone'), [{ value: '', label: 'Default' }, ...microphones]);
}

function remember() {
    try {
        localStorage.setItem('tsubame', JSON.stringify(Object.fromEntries(REMEMBERED.map((id) => [id, $(id).value]))));
    } catch {
        // Storage is off: nothing is remembered.
    }
}

function recall() {
    let saved = {};
    try {
        saved = JSON.parse(localStorage.getItem('tsubame')) ?? {};
    } catch {
        // Storage is off or holds something foreign.
    }
    for (const id of REMEMBERED) {
        const field = $(id);
        if (typeof saved[id] !== 'string') continue;
        if (field.tagName !== 'SELECT' || [...field.options].some(({ value }) => value === saved[id])) field.value = saved[id];
    }
}

function begin() {
    options($('codec'), sendableCodecs());
    if (!mayCaptureScreen()) for (const option of [...$('source').options]) if (option.value.startsWith('screen')) option.remove();
    recall();
    const parameters = new URLSearchParams(location.search);
    if (parameters.get('channel')) $('channel').value = parameters.get('channel');
    if (ROLES[parameters.get('mode')]) form.elements.mode.value = parameters.get('mode');
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        if (!session) start();
    });
    $('stop').addEventListener('click', () => finish());
    $('retry').addEventListener('click', start);
    $('dismiss').addEventListener('click', hideProblem);
    $('copy').addEventListener('click', copyLink);
    $('channel').addEventListener('input', addressChanged);
    for (const id of ['modes', 'source']) $(id).addEventListener('change', modeChanged);
    $('unmute').addEventListener('click', () => {
        grid.unmute();
        $('unmute').hidden = true;
    });
    $('toggle-microphone').addEventListener('click', ({ currentTarget }) => toggle(currentTarget, session?.stream?.getAudioTracks() ?? []));
    $('toggle-camera').addEventListener('click', ({ currentTarget }) => toggle(currentTarget, session?.stream?.getVideoTracks() ?? []));
    addEventListener('pagehide', () => session?.client?.stop());
    modeChanged();
    listDevices();
    // A viewer who followed a link wants to watch, not to press a button.
    if (parameters.get('mode') === 'watch' && parameters.get('channel')) start();
}

begin();
