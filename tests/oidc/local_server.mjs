// SPDX-License-Identifier: MIT
// What the servers of the integration test have in common. Each listens on 127.0.0.1 only, prints one line {"port":...}
// when it is ready, and ends when its standard input is closed or when its time (--seconds) is up.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

// The options of the command line; `defaults` has those that are the server's own.
export function readOptions(defaults) {
    const all = { seconds: '120', 'token-delay-ms': '0', ...defaults };
    const options = Object.fromEntries(Object.keys(all).map((name) => [name, { type: 'string', default: all[name] }]));
    return parseArgs({ options }).values;
}

export function count(table, key) {
    table[key] = (table[key] ?? 0) + 1;
}

export function answer(response, status, body, headers = {}) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

let inFlight = 0;

// Keeps the most requests that were in flight at one time in log.most_in_flight.
export function countInFlight(log, response) {
    inFlight += 1;
    log.most_in_flight = Math.max(log.most_in_flight, inFlight);
    response.once('close', () => { inFlight -= 1; });
}

// Serves until the end. `start` is given the server's origin, and gives what is called for each request with the
// request, the response, the method with the path, and the query.
export function serve(options, start) {
    process.stdin.on('close', () => process.exit(0)).resume();
    setTimeout(() => process.exit(0), Number(options.seconds) * 1000);
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        const origin = `http://127.0.0.1:${port}`;
        const handle = start(origin);
        server.on('request', async (request, response) => {
            const { pathname, searchParams } = new URL(request.url, origin);
            try {
                await handle(request, response, `${request.method} ${pathname}`, searchParams);
            } catch (error) {
                process.stderr.write(`${error.stack}\n`);
                answer(response, 500, { error: 'server_error' });
            }
        });
        process.stdout.write(`${JSON.stringify({ port })}\n`);
    });
}
