// Makes the pictures of docs/images: scripts/in-namespace node tests/browser/screenshots.js (after cargo build --release).
// A drawn scene stands in for the camera.

import { fileURLToPath } from 'node:url';
import { startChromium } from './lib/browser.js';
import { firstFrame } from './lib/media.js';
import { live, publish, watch } from './lib/product.js';
import { Server } from './lib/server.js';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const SWALLOW =
    'M56 9C50 9 45 11 41 15 31 9 19 7 6 10c9 4 16 10 20 19-3 3-6 6-8 9L4 44l14 0-1 16 7-17c4-2 7-4 10-7 8 5 14 12 18 22 4-13 3-25-4-35 4-4 7-9 8-14z';

function drawnCamera(swallow) {
    navigator.mediaDevices.getUserMedia = async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [1280, 720];
        const context = canvas.getContext('2d');
        const bird = new Path2D(swallow);
        const draw = () => {
            const t = performance.now() / 1000;
            const sky = context.createLinearGradient(0, 0, 0, 720);
            sky.addColorStop(0, '#1d2b6b');
            sky.addColorStop(0.55, '#d9705a');
            sky.addColorStop(0.8, '#ffd08a');
            context.fillStyle = sky;
            context.fillRect(0, 0, 1280, 720);
            context.fillStyle = '#fff1c9';
            context.beginPath();
            context.arc(860, 500, 70, 0, 2 * Math.PI);
            context.fill();
            for (const [height, colour, step] of [[560, '#5b3a63', 0.004], [620, '#33264f', 0.006], [675, '#17142e', 0.009]]) {
                context.fillStyle = colour;
                context.beginPath();
                context.moveTo(0, 720);
                for (let x = 0; x <= 1280; x += 8) context.lineTo(x, height - 34 * Math.sin(x * step + height) - 14 * Math.sin(x * step * 2.7));
                context.lineTo(1280, 720);
                context.fill();
            }
            for (const [x, y, scale, phase] of [[500, 200, 3.4, 0], [760, 130, 1.7, 1], [330, 130, 1.2, 2], [880, 270, 1.1, 3]]) {
                context.save();
                context.translate(x + 26 * Math.sin(t + phase), y + 16 * Math.cos(t * 1.3 + phase));
                context.scale(scale, scale);
                context.fillStyle = '#0d1230';
                context.fill(bird);
                context.restore();
            }
        };
        setInterval(draw, 33);
        draw();
        const stream = canvas.captureStream(30);
        const audio = new AudioContext();
        stream.addTrack(audio.createMediaStreamDestination().stream.getAudioTracks()[0]);
        return stream;
    };
}

const numbers = (tab) =>
    tab.until('its numbers', () =>
        ['bitrate', 'resolution', 'fps', 'rtt', 'loss'].every((name) => /\d/.test(document.querySelector(`[data-test="stat-${name}"]`).textContent)) &&
        parseInt(document.querySelector('[data-test="stat-fps"]').textContent, 10) >= 24 &&
        document.querySelector('[data-test="people"]').innerText.startsWith('1 publishing, 1'));

const server = await Server.start({ listen: '127.0.0.1:5000' });
const desktop = await startChromium('publisher', { context: { viewport: { width: 1280, height: 760 } } });
const phone = await startChromium('viewer', {
    context: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark', isMobile: true, hasTouch: true },
});
try {
    await desktop.tab.page.addInitScript(drawnCamera, SWALLOW);
    await live(await publish(desktop.tab, server, { channel: 'swallows', height: '720' }));
    await desktop.tab.evaluate(() => document.querySelector('.mirrored').classList.remove('mirrored'));
    await live(await watch(phone.tab, server, { channel: 'swallows' }));
    await firstFrame(phone.tab);
    await numbers(desktop.tab);
    await phone.tab.until('its numbers', () => /×720$/.test(document.querySelector('[data-test="stat-resolution"]').textContent) && /\d/.test(document.querySelector('[data-test="stat-fps"]').textContent));
    await desktop.tab.screenshot(`${IMAGES}page.png`);
    await phone.tab.screenshot(`${IMAGES}watch-phone.png`);
} finally {
    await desktop.stop();
    await phone.stop();
    await server.stop();
}
