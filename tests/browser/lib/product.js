// Drives the product's own page through its `data-test` hooks.

import { Hopeless, until } from './wait.js';

/** Opens the page and publishes. options: `channel`, `mode` (publish, meet), `codec`, `source`, `height`, `bitrate`, `token`, `base` (another origin). */
export async function publish(tab, server, { channel = 'test', mode = 'publish', base, ...fields } = {}) {
    await tab.goto(server.pageUrl({ channel, mode }, base));
    for (const [hook, value] of Object.entries({ source: 'camera', height: '480', ...fields })) await tab.fill(hook, value);
    await tab.press('start');
    return tab;
}

/** Follows the link that a publisher shares: the page begins to watch by itself. */
export async function watch(tab, server, { channel = 'test', base } = {}) {
    await tab.goto(server.pageUrl({ channel, mode: 'watch' }, base));
    return tab;
}

/** Waits until the page says that it is connected. */
export async function live(tab, timeout) {
    await state(tab, 'live', timeout);
    return tab;
}

/** Waits until the page says that it is `wanted`: idle, connecting, live, reconnecting or failed. */
export function state(tab, wanted, timeout = 60_000) {
    return until(`${tab.name}: the page says that it is ${wanted}`, async () => {
        const now = await tab.evaluate(() => ({
            state: document.querySelector('[data-test="status"]').dataset.state,
            problem: document.querySelector('[data-test="error"]').innerText,
        }));
        if (now.state === wanted) return true;
        const fault = tab.console.find((line) => line.startsWith('uncaught: '));
        if (fault) throw new Hopeless(`${tab.name}: ${fault}`);
        if (now.state === 'failed') throw new Hopeless(`${tab.name}: the page says: ${now.problem}`);
        return false;
    }, { timeout });
}

/** The publisher's ids whose tiles are on the stage. */
export function tiles(tab) {
    return tab.evaluate(() => [...document.querySelectorAll('[data-test="tile"]')].map((tile) => tile.dataset.stream));
}

/** The live statistics as the page shows them. */
export function statistics(tab) {
    return tab.evaluate(() =>
        Object.fromEntries(
            [...document.querySelectorAll('[data-test^="stat-"]')].map((element) => [element.dataset.test.slice(5), element.textContent]),
        ),
    );
}
