// A small web server for the test's own pages: `pages/` and, unmodified from its npm package, sora-js-sdk.

import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PAGES = fileURLToPath(new URL('../pages', import.meta.url));
const SDK = fileURLToPath(new URL('../node_modules/sora-js-sdk/dist/sora.js', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

export async function servePages() {
    const server = createServer((request, response) => {
        if (request.url === '/favicon.ico') return void response.writeHead(204).end();
        const { pathname } = new URL(request.url, 'http://localhost');
        const file = pathname === '/sdk/sora.js' ? SDK : path.join(PAGES, path.basename(pathname));
        const type = TYPES[path.extname(file)];
        if (!type) return void response.writeHead(404).end();
        const stream = createReadStream(file);
        stream.once('error', () => response.writeHead(404).end());
        stream.once('open', () => {
            response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
            stream.pipe(response);
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        url: (name, parameters) =>
            `http://127.0.0.1:${server.address().port}/${name}?${new URLSearchParams(parameters)}`,
        stop: () => new Promise((resolve) => {
            server.close(resolve);
            server.closeAllConnections();
        }),
    };
}
