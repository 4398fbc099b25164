// SPDX-License-Identifier: MIT
// Zoho's authorization server and its CRM API for the integration test, in Zoho's own wire shapes and with its limits,
// and a few routes for the test itself. There is one client.
//
//   node zoho_server.mjs [--port 0] [--seconds 120] [--access-token-seconds 3600] [--token-delay-ms 0]
//                        [--window-seconds 600] [--window-tokens 10] [--throttle 400|200|access_denied]
//
// It listens on 127.0.0.1 only, prints one line {"port":...} when it is ready, and ends when its standard input is
// closed or when its time is up.
//
//   POST /oauth/v2/token             for authorization_code and refresh_token
//   POST /oauth/v2/token/revoke      of a refresh token with its access tokens, or of one access token
//   GET  /crm/v8/users?type=CurrentUser   the user, or 401
//   POST /test/code?user=            the user consents; answers {"code":...,"redirect_uri":...}
//   POST /test/pass?seconds=         so much time passes at once
//   GET  /test/log                   what was asked so far, as counts
//   GET  /test/alive?refresh_token=  {"alive":true} if there is this refresh token

import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
    options: {
        port: { type: 'string', default: '0' },
        seconds: { type: 'string', default: '120' },
        'access-token-seconds': { type: 'string', default: '3600' },
        'token-delay-ms': { type: 'string', default: '0' },
        'window-seconds': { type: 'string', default: '600' },
        'window-tokens': { type: 'string', default: '10' },
        throttle: { type: 'string', default: '400' },
    },
});

process.stdin.on('close', () => process.exit(0)).resume();
setTimeout(() => process.exit(0), Number(options.seconds) * 1000);

const client = {
    id: '1000.TOKENKEEP',
    secret: 'zoho-app-secret',
    redirectUri: 'https://zoho-app.example/callback',
    scope: 'ZohoCRM.modules.ALL ZohoCRM.users.READ',
};
const codeSeconds = 180;
const mostActive = 15; // access tokens of one refresh token: one more kills the oldest
const mostSessions = 20; // refresh tokens of one user and client: one more deletes the first

const tooMany = 'You have made too many requests continuously. Please try again after some time.';
const throttles = {
    400: [400, 'Access Denied'],
    200: [200, 'Access Denied'],
    access_denied: [400, 'access_denied'],
};

let ahead = 0;
const now = () => Date.now() + ahead;

const hex = () => randomBytes(16).toString('hex');
const newToken = () => `1000.${hex()}.${hex()}`;

const codes = new Map(); // code -> user, ends
const sessions = new Map(); // refresh token -> user, active (access token -> ends), windowEnds, issued in the window

const log = {
    token_requests: 0, // all that reached the token endpoint, and by what they asked for
    by_grant_type: {},
    by_authentication: {},
    answered: 0, // with tokens
    throttled: 0,
    refused: {}, // by error, the throttle apart
    most_in_flight: 0,
    revocations: 0,
    calls_ok: 0,
    calls_refused: 0,
};

function count(table, key) {
    table[key] = (table[key] ?? 0) + 1;
}

function answer(response, status, body) {
    response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
}

// Zoho takes parameters in the query and in a body of either kind.
async function parametersOf(request, query) {
    const parameters = Object.fromEntries(query);
    const type = request.headers['content-type'];
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (!type || body.length === 0) return parameters;
    const form = await new Response(body, { headers: { 'content-type': type } }).formData();
    return { ...parameters, ...Object.fromEntries(form) };
}

function credentialsOf(request, parameters) {
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    if (scheme !== 'Basic') return [parameters.client_id, parameters.client_secret];
    return Buffer.from(value, 'base64').toString().split(':');
}

function login(user) {
    const own = [...sessions].filter(([, session]) => session.user === user);
    if (own.length >= mostSessions) sessions.delete(own[0][0]);
    const refreshToken = newToken();
    sessions.set(refreshToken, { user, active: new Map(), windowEnds: 0, issued: 0 });
    return refreshToken;
}

function isThrottled(session) {
    if (now() >= session.windowEnds) {
        session.windowEnds = now() + Number(options['window-seconds']) * 1000;
        session.issued = 0;
    }
    return session.issued >= Number(options['window-tokens']);
}

function newAccessToken(session) {
    for (const [token, ends] of session.active) if (now() >= ends) session.active.delete(token);
    const token = newToken();
    session.active.set(token, now() + Number(options['access-token-seconds']) * 1000);
    if (session.active.size > mostActive) session.active.delete(session.active.keys().next().value);
    return token;
}

function tokens(origin, session, refreshToken) {
    log.answered += 1;
    return {
        access_token: newAccessToken(session),
        ...(refreshToken && { refresh_token: refreshToken }),
        scope: client.scope,
        api_domain: origin,
        token_type: 'Bearer',
        expires_in: Number(options['access-token-seconds']),
    };
}

function refuse(response, error) {
    count(log.refused, error);
    return answer(response, 200, { error });
}

function exchange(response, origin, parameters) {
    const granted = codes.get(parameters.code);
    codes.delete(parameters.code);
    if (!granted || now() >= granted.ends) return refuse(response, 'invalid_code');
    if (parameters.redirect_uri !== client.redirectUri) return refuse(response, 'invalid_redirect_uri');
    const refreshToken = login(granted.user);
    return answer(response, 200, tokens(origin, sessions.get(refreshToken), refreshToken));
}

function refresh(response, origin, parameters) {
    const session = sessions.get(parameters.refresh_token);
    if (!session) return refuse(response, 'invalid_code');
    if (isThrottled(session)) {
        log.throttled += 1;
        const [status, error] = throttles[options.throttle];
        return answer(response, status, { error_description: tooMany, error, status: 'failure' });
    }
    session.issued += 1;
    return answer(response, 200, tokens(origin, session));
}

let inFlight = 0;

async function token(request, response, origin, query) {
    inFlight += 1;
    log.most_in_flight = Math.max(log.most_in_flight, inFlight);
    response.once('close', () => { inFlight -= 1; });
    const parameters = await parametersOf(request, query);
    log.token_requests += 1;
    count(log.by_grant_type, parameters.grant_type ?? '');
    count(log.by_authentication, request.headers.authorization ? 'basic' : 'post');
    await delay(Number(options['token-delay-ms']));

    const [id, secret] = credentialsOf(request, parameters);
    if (id !== client.id) return refuse(response, 'invalid_client');
    if (secret !== client.secret) return refuse(response, 'invalid_client_secret');
    switch (parameters.grant_type) {
    case 'authorization_code': return exchange(response, origin, parameters);
    case 'refresh_token': return refresh(response, origin, parameters);
    default: return refuse(response, 'unsupported_grant_type');
    }
}

async function revoke(request, response, query) {
    const { token: revoked } = await parametersOf(request, query);
    let known = sessions.delete(revoked);
    for (const session of sessions.values()) known = session.active.delete(revoked) || known;
    if (!known) return answer(response, 400, { status: 'failure' });
    log.revocations += 1;
    return answer(response, 200, { status: 'success' });
}

function refuseCall(response, code, message) {
    log.calls_refused += 1;
    return answer(response, 401, { code, details: {}, message, status: 'error' });
}

// The tokens call themselves Bearer, and yet this scheme of its own is what the API takes.
function users(request, response) {
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    if (!scheme) return refuseCall(response, 'AUTHENTICATION_FAILURE', 'Authentication failed');
    const found = [...sessions.values()].find((session) => now() < session.active.get(value));
    if (scheme !== 'Zoho-oauthtoken' || !found) return refuseCall(response, 'INVALID_TOKEN', 'invalid oauth token');
    log.calls_ok += 1;
    const user = { id: '554023000000235011', full_name: found.user, email: `${found.user}@example.com`, status: 'active' };
    return answer(response, 200, { users: [user], info: { per_page: 200, count: 1, page: 1, more_records: false } });
}

function consent(response, query) {
    const user = query.get('user');
    if (!user) return answer(response, 400, { error: 'a user is needed' });
    const code = newToken();
    codes.set(code, { user, ends: now() + codeSeconds * 1000 });
    return answer(response, 200, { code, redirect_uri: client.redirectUri });
}

function pass(response, query) {
    ahead += Number(query.get('seconds')) * 1000;
    return answer(response, 200, {});
}

const server = createServer();
server.listen(Number(options.port), '127.0.0.1', () => {
    const { port } = server.address();
    const origin = `http://127.0.0.1:${port}`;
    server.on('request', async (request, response) => {
        const { pathname, searchParams } = new URL(request.url, origin);
        try {
            switch (`${request.method} ${pathname}`) {
            case 'POST /oauth/v2/token': return await token(request, response, origin, searchParams);
            case 'POST /oauth/v2/token/revoke': return await revoke(request, response, searchParams);
            case 'GET /crm/v8/users': return users(request, response);
            case 'POST /test/code': return consent(response, searchParams);
            case 'POST /test/pass': return pass(response, searchParams);
            case 'GET /test/log': return answer(response, 200, log);
            case 'GET /test/alive':
                return answer(response, 200, { alive: sessions.has(searchParams.get('refresh_token')) });
            default: return answer(response, 404, {});
            }
        } catch (error) {
            process.stderr.write(`${error.stack}\n`);
            return answer(response, 500, { error: 'server_error' });
        }
    });
    process.stdout.write(`${JSON.stringify({ port })}\n`);
});
