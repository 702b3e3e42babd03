// One test case with everything it starts: it is stopped in reverse order, and when the case fails, what happened is written to out/.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium, startFirefox } from './browser.js';
import { report } from './media.js';
import { Server } from './server.js';
import { servePages } from './static.js';
import { within } from './wait.js';

export const OUT = fileURLToPath(new URL('../out', import.meta.url));

class Scenario {
    #started = [];
    servers = [];
    tabs = [];

    async #keep(thing) {
        this.#started.push(thing);
        return thing;
    }

    /** Starts a server; see Server.start. */
    async server(options) {
        const server = await this.#keep(await Server.start(options));
        this.servers.push(server);
        return server;
    }

    /** Serves the test's own pages. */
    async pages() {
        return this.#keep(await servePages());
    }

    /** A tab of a Chromium of its own. */
    async chromium(name, options) {
        const browser = await this.#keep(await startChromium(name, options));
        return this.#watch(browser.tab, browser);
    }

    /** A tab of a Firefox of its own. */
    async firefox(name, options) {
        const browser = await this.#keep(await startFirefox(name, options));
        return this.#watch(browser.tab, browser);
    }

    /** A tab of a browser of its own, by the browser's name. */
    browser(kind, name) {
        return kind === 'firefox' ? this.firefox(name) : this.chromium(name);
    }

    #watch(tab, browser) {
        tab.browser = browser;
        this.tabs.push(tab);
        return tab;
    }

    /** Has `thing.stop()` called at the end. */
    keep(thing) {
        return this.#keep(thing);
    }

    async stop() {
        const faults = [];
        for (const thing of this.#started.reverse()) {
            await within('the end of something this case started', thing.stop(), 20_000).catch((fault) => faults.push(fault));
        }
        if (faults.length > 0) throw faults[0];
    }

    /** What a person would want to see after a failure. */
    async describe() {
        const parts = [];
        for (const tab of this.tabs) {
            const state = await within('a report', report(tab), 5_000).catch((error) => `no report: ${error.message}`);
            parts.push(`=== ${tab.name}\n${tab.console.join('\n')}\n${state}`);
        }
        for (const server of this.servers) parts.push(`=== server\n${server.output}${server.log}`);
        return parts.join('\n\n');
    }
}

/** Declares a case. `steps` gets a Scenario. */
export function scenario(name, steps, { timeout = 240_000 } = {}) {
    test(name, { timeout }, async () => {
        const running = new Scenario();
        let fault;
        try {
            // Ends before the runner's own limit, so that the report is written and everything is stopped.
            await within(`the case "${name}"`, steps(running), timeout - 60_000);
        } catch (error) {
            fault = error;
            await mkdir(OUT, { recursive: true });
            const slug = path.join(OUT, name.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 80));
            await writeFile(`${slug}.txt`, `${error.stack}\n\n${await running.describe()}\n`);
            for (const [index, tab] of running.tabs.entries()) {
                await within('a screenshot', tab.screenshot(`${slug}-${index}.png`), 5_000).catch(() => {});
            }
            error.message += `\n(details: ${slug}.txt)`;
        }
        try {
            await running.stop();
        } catch (error) {
            fault ??= error;
        }
        if (fault) throw fault;
    });
}
