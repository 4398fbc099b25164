// SPDX-License-Identifier: MIT
// Zoho's authorization server and its CRM API for the integration test, in Zoho's own wire shapes and with its limits,
// and a few routes for the test itself. There is one client.
//
//   node zoho_server.mjs [--seconds 120] [--token-delay-ms 0] [--throttle 400|200|access_denied]
//
//   POST /oauth/v2/token             for authorization_code and refresh_token
//   POST /oauth/v2/token/revoke      of a refresh token with its access tokens, or of one access token
//   GET  /crm/v8/users?type=CurrentUser   the user, or 401
//   POST /test/code?user=            the user consents; answers {"code":...,"redirect_uri":...}
//   POST /test/pass?seconds=         so much time passes at once
//   GET  /test/log                   what was asked so far, as counts
//   GET  /test/alive?refresh_token=  {"alive":true} if there is this refresh token

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { answer as answerJson, count, countInFlight, readOptions, serve } from './local_server.mjs';

const options = readOptions({ throttle: '400' });

const client = {
    id: '1000.TOKENKEEP',
    secret: 'zoho-app-secret',
    redirectUri: 'https://zoho-app.example/callback',
    scope: 'ZohoCRM.modules.ALL ZohoCRM.users.READ',
};
const codeSeconds = 180;
const accessTokenSeconds = 3600;
const windowSeconds = 600;
const mostInWindow = 10; // access tokens of one refresh token
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

function answer(response, status, body) {
    answerJson(response, status, body, { 'content-type': 'application/json;charset=UTF-8', 'cache-control': 'no-store' });
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
        session.windowEnds = now() + windowSeconds * 1000;
        session.issued = 0;
    }
    return session.issued >= mostInWindow;
}

function newAccessToken(session) {
    for (const [token, ends] of session.active) if (now() >= ends) session.active.delete(token);
    const token = newToken();
    session.active.set(token, now() + accessTokenSeconds * 1000);
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
        expires_in: accessTokenSeconds,
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

async function token(request, response, origin, query) {
    countInFlight(log, response);
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

serve(options, (origin) => (request, response, what, query) => {
    switch (what) {
    case 'POST /oauth/v2/token': return token(request, response, origin, query);
    case 'POST /oauth/v2/token/revoke': return revoke(request, response, query);
    case 'GET /crm/v8/users': return users(request, response);
    case 'POST /test/code': return consent(response, query);
    case 'POST /test/pass': return pass(response, query);
    case 'GET /test/log': return answer(response, 200, log);
    case 'GET /test/alive': return answer(response, 200, { alive: sessions.has(query.get('refresh_token')) });
    default: return answer(response, 404, {});
    }
});
