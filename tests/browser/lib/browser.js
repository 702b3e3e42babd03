// Chromium (playwright-core) and Firefox (puppeteer-core, WebDriver BiDi) behind one small interface.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium as playwright } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { instrument } from './instrument.js';
import { Hopeless, until } from './wait.js';

const EDGE_CHROMIUM = fileURLToPath(new URL('edge-chromium', import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const CHROMIUM_FLAGS = [
    '--no-sandbox',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--auto-select-desktop-capture-source=Entire screen',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-domain-reliability',
    '--disable-gpu',
    '--disable-sync',
    '--metrics-recording-only',
    '--no-first-run',
    // Host candidates as addresses: there is no multicast DNS in the namespace.
    '--disable-features=WebRtcHideLocalIpsWithMdns,OptimizationHints,MediaRouter',
];

const FIREFOX_PREFERENCES = {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.autoplay.default': 0,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    // The OpenH264 plug-in would be downloaded.
    'media.gmp-manager.updateEnabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'extensions.update.enabled': false,
    'app.normandy.enabled': false,
    'browser.safebrowsing.downloads.remote.enabled': false,
    'toolkit.telemetry.enabled': false,
};

/** One page of one browser. `evaluate` takes a function and one JSON argument, as both drivers do. */
export class Tab {
    constructor(name, page) {
        this.name = name;
        this.page = page;
        this.console = [];
        page.on('console', (message) => this.console.push(`${message.type()}: ${message.text()}`));
        page.on('pageerror', (error) => this.console.push(`uncaught: ${error?.message ?? error}`));
    }

    goto(url) {
        return this.page.goto(url, { waitUntil: 'load', timeout: 60_000 });
    }

    evaluate(callback, argument) {
        return this.page.evaluate(callback, argument);
    }

    /** Waits until `callback`, evaluated in the page, is truthy, and returns what it gave. */
    until(what, callback, argument, options) {
        return until(`${this.name}: ${what}`, () => {
            const fault = this.console.find((line) => line.startsWith('uncaught: '));
            if (fault) throw new Hopeless(`${this.name}: ${fault}`);
            return this.evaluate(callback, argument);
        }, options);
    }

    /** Presses the element with this `data-test` name, once it is there and not disabled. */
    press(hook) {
        return this.until(`${hook} can be pressed`, (name) => {
            const element = document.querySelector(`[data-test="${name}"]`);
            if (!element || element.disabled || element.getClientRects().length === 0) return false;
            element.click();
            return true;
        }, hook, { timeout: 20_000 });
    }

    /** Gives the form field with this `data-test` name a value. */
    fill(hook, value) {
        return this.evaluate(({ hook, value }) => {
            const element = document.querySelector(`[data-test="${hook}"]`);
            if (element.type === 'checkbox') element.checked = value;
            else element.value = value;
            if (element.value !== value && element.type !== 'checkbox') throw new Error(`${hook} cannot be ${value}`);
            element.dispatchEvent(new Event('input', { bubbles: true }));
            element.dispatchEvent(new Event('change', { bubbles: true }));
        }, { hook, value });
    }

    /** The visible text of the element with this `data-test` name; empty when it is hidden or not there. */
    text(hook) {
        return this.evaluate((name) => {
            const element = document.querySelector(`[data-test="${name}"]`);
            return element && element.getClientRects().length > 0 ? element.innerText : '';
        }, hook);
    }

    screenshot(file) {
        return this.page.screenshot({ path: file });
    }

    close() {
        return this.page.close();
    }
}

/** Starts Chromium with one tab. options: `edge` (in the second namespace), `flags`, `context` (playwright's). */
export async function startChromium(name, { edge = false, flags = [], context = {} } = {}) {
    const browser = await playwright.launch({
        executablePath: edge ? EDGE_CHROMIUM : CHROMIUM,
        headless: true,
        args: [...CHROMIUM_FLAGS, ...flags],
        env: { ...process.env, CHROMIUM },
        timeout: 60_000,
    });
    const session = await browser.newContext({ ignoreHTTPSErrors: true, ...context });
    await session.addInitScript(instrument);
    const open = async (label) => new Tab(label, await session.newPage());
    return { kind: 'chromium', version: browser.version(), tab: await open(name), open, stop: () => browser.close() };
}

/** Starts Firefox with one tab. options: `preferences`, `env`. */
export async function startFirefox(name, { preferences = {}, env = {} } = {}) {
    // A profile of our own: the driver's is not always gone when the browser is.
    const profile = await mkdtemp(path.join(tmpdir(), 'tsubame-firefox-'));
    const browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath: FIREFOX,
        headless: true,
        acceptInsecureCerts: true,
        userDataDir: profile,
        extraPrefsFirefox: { ...FIREFOX_PREFERENCES, ...preferences },
        env: { ...process.env, HOME: profile, MOZ_DISABLE_AUTO_SAFE_MODE: '1', ...env },
        timeout: 60_000,
    });
    const open = async (label) => {
        const page = await browser.newPage();
        await page.evaluateOnNewDocument(instrument);
        return new Tab(label, page);
    };
    return {
        kind: 'firefox',
        version: await browser.version(),
        tab: await open(name),
        open,
        stop: async () => {
            await browser.close();
            await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
        },
    };
}
