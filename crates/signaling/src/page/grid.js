// The stage: one tile per stream, the own preview among them.

import { format } from './statistics.js';

export class Grid {
    #element;
    #tiles = new Map();
    #onChange;
    #onBlocked;

    /** `onChange(count)`: a tile came or went. `onBlocked()`: the browser plays nothing aloud before the person pressed something. */
    constructor(element, { onChange, onBlocked }) {
        this.#element = element;
        this.#onChange = onChange;
        this.#onBlocked = onBlocked;
    }

    get size() {
        return this.#tiles.size;
    }

    /** [{id, stream}] of the others' tiles. */
    get remote() {
        return [...this.#tiles.values()].filter(({ own }) => !own);
    }

    /** Shows what this page sends; without its sound. */
    preview(stream, mirrored) {
        const tile = this.#add('preview', stream, true);
        tile.element.dataset.test = 'preview';
        tile.element.classList.toggle('mirrored', mirrored);
        tile.video.muted = true;
        tile.name.textContent = 'You';
        tile.sound.remove();
        this.#play(tile);
    }

    /** Shows another's stream, or shows it again when its tracks have changed. */
    show(id, stream) {
        const tile = this.#tiles.get(id) ?? this.#add(id, stream, false);
        tile.stream = stream;
        if (tile.video.srcObject !== stream) tile.video.srcObject = stream;
        this.#showKind(tile);
        this.#play(tile);
    }

    remove(id) {
        const tile = this.#tiles.get(id);
        if (!tile) return;
        tile.video.srcObject = null;
        tile.element.remove();
        this.#tiles.delete(id);
        this.#changed();
    }

    clear(keepPreview = false) {
        for (const id of [...this.#tiles.keys()]) if (!(keepPreview && id === 'preview')) this.remove(id);
    }

    /** Plays everything aloud; call it from a press. */
    unmute() {
        for (const tile of this.remote) this.#setMuted(tile, false);
    }

    /** Writes each tile's numbers. `received`: Map(track id -> reading). */
    readings(received) {
        for (const tile of this.remote) {
            const own = tile.stream.getTracks().map(({ id }) => received.get(id)).filter(Boolean);
            const video = own.find(({ kind }) => kind === 'video');
            const bits = own.reduce((all, { bitrate }) => all + (bitrate ?? 0), 0);
            const parts = video ? [format.resolution(video), `${format.fps(video.fps)} fps`, format.bitrate(bits)] : [format.bitrate(bits)];
            tile.reading.textContent = parts.join(' · ');
        }
    }

    #add(id, stream, own) {
        const element = document.createElement('article');
        element.className = 'tile';
        element.dataset.test = 'tile';
        element.dataset.stream = id;
        const video = document.createElement('video');
        video.autoplay = true;
        video.playsInline = true;
        const voice = document.createElement('div');
        voice.className = 'voice';
        voice.append(icon('microphone'));
        const bar = document.createElement('div');
        bar.className = 'bar';
        const name = span('name', own ? '' : id.slice(0, 6));
        name.title = id;
        const reading = span('reading', '');
        const sound = button('sound', 'Sound');
        sound.setAttribute('aria-pressed', 'true');
        const full = button('full', 'Full screen');
        bar.append(name, reading, sound, full);
        element.append(video, voice, bar);
        const tile = { id, own, stream, element, video, voice, name, reading, sound };
        sound.addEventListener('click', () => this.#setMuted(tile, !video.muted));
        full.addEventListener('click', () => fullscreen(element, video));
        video.srcObject = stream;
        this.#tiles.set(id, tile);
        this.#element.append(element);
        this.#showKind(tile);
        this.#changed();
        return tile;
    }

    #setMuted(tile, muted) {
        tile.video.muted = muted;
        tile.sound.setAttribute('aria-pressed', String(!muted));
    }

    #showKind(tile) {
        tile.voice.hidden = tile.stream.getVideoTracks().length > 0;
    }

    async #play(tile) {
        try {
            await tile.video.play();
        } catch (error) {
            // Aloud only after a press: play without sound until then. Any other reason (a newer load) is none of ours.
            if (error.name !== 'NotAllowedError' || tile.own) return;
            this.#setMuted(tile, true);
            this.#onBlocked();
            tile.video.play().catch(() => {});
        }
    }

    #changed() {
        const count = this.#tiles.size;
        this.#element.dataset.count = count > 4 ? 'many' : String(count);
        this.#onChange(count);
    }
}

function span(name, text) {
    const element = document.createElement('span');
    element.className = name;
    element.textContent = text;
    return element;
}

function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    use.setAttribute('href', `#icon-${name}`);
    svg.append(use);
    return svg;
}

function button(name, label) {
    const element = document.createElement('button');
    element.type = 'button';
    element.className = name;
    element.setAttribute('aria-label', label);
    element.append(icon(name));
    return element;
}

function fullscreen(element, video) {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (element.requestFullscreen) element.requestFullscreen().catch(() => {});
    else video.webkitEnterFullscreen?.();
}
