// Runs in a page before its own scripts: its camera is a picture that costs an encoder about what a room with a person in it does, and that is the same in
// every run. A textured background which is panned slowly, with noise as of a sensor over it, something large that moves before it, and a cut every ten
// seconds.

export function movingPicture({ width, height, frameRate }) {
    let seed = 1;
    const random = () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return seed / 2 ** 32;
    };
    const sheet = (width, height) => Object.assign(document.createElement('canvas'), { width, height });

    /** Blots of all sizes, the smaller the fainter: what is fine in natural pictures has little contrast. */
    function texture(size, hue) {
        const drawn = sheet(size, size);
        const context = drawn.getContext('2d');
        context.fillStyle = `hsl(${hue} 30% 45%)`;
        context.fillRect(0, 0, size, size);
        for (let radius = size / 4; radius >= 2; radius /= 1.5) {
            for (let blots = Math.min(4000, (size / radius) ** 2); blots > 0; blots -= 1) {
                context.fillStyle = `hsl(${hue + 60 * (random() - 0.5)} ${20 + 40 * random()}% ${20 + 60 * random()}% / ${0.05 + (0.3 * radius) / size})`;
                context.beginPath();
                context.ellipse(size * random(), size * random(), radius, radius * (0.3 + random()), Math.PI * random(), 0, 2 * Math.PI);
                context.fill();
            }
        }
        return drawn;
    }

    function noise(size) {
        const drawn = sheet(size, size);
        const pixels = new ImageData(size, size);
        for (let at = 0; at < pixels.data.length; at += 4) {
            pixels.data.fill(256 * random(), at, at + 3);
            pixels.data[at + 3] = 4;
        }
        drawn.getContext('2d').putImageData(pixels, 0, 0);
        return drawn;
    }

    const backgrounds = [200, 40, 120].map((hue) => texture(2 * width, hue));
    const skins = [20, 340].map((hue) => texture(width, hue));
    const grain = noise(2 * width);
    const canvas = sheet(width, height);
    const context = canvas.getContext('2d', { alpha: false });

    function draw(count) {
        const time = count / frameRate;
        const scene = Math.floor(time / 10);
        const wave = (period, amplitude) => amplitude * Math.sin((2 * Math.PI * time) / period);
        context.drawImage(backgrounds[scene % backgrounds.length], -width / 2 + wave(23, width / 4), -width / 2 + wave(31, height / 8));
        // Shoulders and a head, which nods, turns and breathes.
        const x = width / 2 + wave(5, width / 16) + wave(1.3, 4);
        const y = height * 0.42 + wave(2.1, height / 40);
        for (const [skin, cx, cy, rx, ry] of [
            [skins[1], x - wave(5, width / 40), height * 1.02, width * 0.32, height * 0.36 + wave(3.7, 3)],
            [skins[0], x, y, width * 0.13, height * 0.25],
        ]) {
            context.save();
            context.beginPath();
            context.ellipse(cx, cy, rx, ry, wave(2.7, 0.06), 0, 2 * Math.PI);
            context.clip();
            context.drawImage(skin, cx - width / 2 + wave(4.3, 12), cy - width / 2);
            context.restore();
        }
        // Eyes and a mouth that speaks.
        context.fillStyle = '#222';
        for (const [dx, dy, rx, ry] of [[-0.05, -0.06, 0.014, 0.012], [0.05, -0.06, 0.014, 0.012], [0, 0.12, 0.045, 0.012 + Math.abs(wave(0.37, 0.02))]]) {
            context.beginPath();
            context.ellipse(x + dx * width, y + dy * height, rx * width, ry * height, 0, 0, 2 * Math.PI);
            context.fill();
        }
        context.drawImage(grain, -width * random(), -width * random());
    }

    const camera = canvas.captureStream(0);
    const [track] = camera.getVideoTracks();
    let count = 0;
    const begun = performance.now();
    setInterval(() => {
        const due = Math.floor(((performance.now() - begun) * frameRate) / 1000);
        if (due < count) return;
        // What could not be drawn in time is left out, as a camera would.
        count = due + 1;
        draw(due);
        track.requestFrame();
    }, 2);
    navigator.mediaDevices.getUserMedia = async () => camera;
}
