// SPDX-License-Identifier: MIT
// The authorization server of the integration test: oidc-provider with strict rotation of refresh tokens, a protected
// resource beside it, and a few routes for the test itself.
//
//   node server.mjs [--seconds 120] [--access-token-seconds 2] [--token-delay-ms 0] [--answer-delay-ms 0]
//                   [--grace-ms 0] [--answers none,close,cut,502] [--jwk '{"kty":...}']
//
// The delays are those of the token endpoint, before it does anything and before it answers. So long after it was spent,
// a refresh token may be spent again. What becomes of the answers to refreshes, one after another, for ever: none of it,
// closed without a byte, cut in the middle, or turned into a 502. With a public key there is one more client, app-jwt,
// which has it in place of a secret (private_key_jwt).
//
//   POST /token, /token/revocation   the provider's own endpoints, as are GET /auth and the metadata
//   GET  /interaction/UID            the page on which a user logs in and consents. If there is a login_hint, it asks
//                                    nothing: that user consents at once, or says no if the name is "nobody"
//   POST /interaction/UID            what the user has written there and pressed
//   GET  /me                         the protected resource: {"user":...}, or {"client":...} for its own token, or 401
//   POST /test/code?client_id=&user= logs the user in and answers {"code":...,"redirect_uri":...}
//   POST /test/device?user_code=&user= types in the code of a device and consents, or says no if the name is "nobody"
//   GET  /test/log                   what was asked so far, as counts
//   GET  /test/alive?refresh_token=  {"alive":true} if this refresh token can still be spent

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Provider, errors } from 'oidc-provider';
import { answer, count, countInFlight, readOptions, serve } from './local_server.mjs';

const options = readOptions({
    'access-token-seconds': '2', 'answer-delay-ms': '0', 'grace-ms': '0', answers: 'none', jwk: '',
});
const fates = options.answers.split(',');

const scope = 'openid offline_access';

// What the provider keeps. Nothing expires by itself: the provider judges ages, and the server lives for minutes.
const stored = new Map();
const spentAt = new Map();

function isInGrace(payload) {
    return payload.kind === 'RefreshToken' && performance.now() - spentAt.get(payload) < Number(options['grace-ms']);
}

class Rows {
    constructor(model) {
        this.model = model;
    }

    key(id) {
        return `${this.model}:${id}`;
    }

    async upsert(id, payload) {
        stored.set(this.key(id), payload);
    }

    async find(id) {
        const payload = stored.get(this.key(id));
        if (!payload || !isInGrace(payload)) return payload;
        const { consumed, ...unspent } = payload;
        return unspent;
    }

    async findByUid(uid) {
        for (const [key, payload] of stored) if (key.startsWith(`${this.model}:`) && payload.uid === uid) return payload;
        return undefined;
    }

    async findByUserCode(userCode) {
        for (const payload of stored.values()) if (payload.userCode === userCode) return payload;
        return undefined;
    }

    async destroy(id) {
        stored.delete(this.key(id));
    }

    // The provider looks at `consumed` well before it comes here, so of two requests at once both would pass that
    // look. Only the first may win; the second is a reuse, and a reuse ends the grant.
    async consume(id) {
        const payload = stored.get(this.key(id));
        if (payload && isInGrace(payload)) return;
        if (!payload || payload.consumed) {
            if (payload?.grantId) endGrant(payload.grantId);
            throw new errors.InvalidGrant(`${this.model} already used`);
        }
        payload.consumed = Math.floor(Date.now() / 1000);
        spentAt.set(payload, performance.now());
    }

    async revokeByGrantId(grantId) {
        endGrant(grantId, `${this.model}:`);
    }
}

function endGrant(grantId, prefix = '') {
    for (const [key, payload] of stored) {
        if (payload.grantId === grantId && key.startsWith(prefix)) stored.delete(key);
    }
    if (prefix === '') stored.delete(`Grant:${grantId}`);
}

const log = {
    token_requests: 0, // all that reached the token endpoint, and by what they asked for
    by_grant_type: {},
    by_authentication: {},
    successes: 0,
    successes_by_grant_type: {},
    refreshes_by_user: {},
    invalid_grant: 0,
    reuse_detected: 0,
    other_errors: {},
    revocations: 0,
    resource_ok: 0,
    resource_rejected: 0,
    most_in_flight: 0,
    refresh_answers: 0,
    fates: {},
};

function newProvider(issuer) {
    const client = (client_id, client_secret, token_endpoint_auth_method) => ({
        client_id,
        client_secret,
        token_endpoint_auth_method,
        redirect_uris: [`https://${client_id}.example/callback`],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
    });
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const provider = new Provider(issuer, {
        adapter: Rows,
        // The second secret means something else if it is not form-encoded before it goes into the Basic credentials.
        clients: [
            client('app-post', 'app-post-secret', 'client_secret_post'),
            client('app-basic', 'b+s/%41&c:=%', 'client_secret_basic'),
            {
                ...client('app-native', undefined, 'none'),
                application_type: 'native',
                grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
                redirect_uris: ['http://127.0.0.1/callback'], // at any port (RFC 8252 7.3)
            },
            ...(options.jwk
                ? [{ ...client('app-jwt', undefined, 'private_key_jwt'), jwks: { keys: [JSON.parse(options.jwk)] } }]
                : []),
        ],
        clockTolerance: 2, // a token lives a second longer than it says, although the provider counts whole seconds
        cookies: { keys: [randomBytes(16).toString('hex')] },
        features: {
            clientCredentials: { enabled: true },
            deviceFlow: { enabled: true },
            devInteractions: { enabled: false },
            revocation: { enabled: true },
        },
        findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
        jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
        pkce: { required: (_, { clientId }) => clientId === 'app-native' },
        rotateRefreshToken: true,
        ttl: {
            AccessToken: Number(options['access-token-seconds']),
            AuthorizationCode: 60,
            DeviceCode: 600,
            ClientCredentials: Number(options['access-token-seconds']),
            Grant: 86400,
            IdToken: 3600,
            RefreshToken: 86400,
        },
    });

    provider.use(async (ctx, next) => {
        await next();
        if (ctx.path !== '/token') return;
        await delay(Number(options['answer-delay-ms']));
        if (ctx.oidc?.params?.grant_type !== 'refresh_token') return;
        const fate = fates[log.refresh_answers++ % fates.length];
        count(log.fates, fate);
        if (fate === '502') {
            ctx.status = 502;
            ctx.body = 'bad gateway';
        } else if (fate === 'cut' || fate === 'close') {
            ctx.respond = false;
            const body = JSON.stringify(ctx.body);
            if (fate === 'cut') {
                ctx.res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
                await new Promise((written) => { ctx.res.write(body.slice(0, body.length / 2), written); });
            }
            ctx.req.socket.destroy();
        }
    });

    const tokenRequest = (ctx) => {
        log.token_requests += 1;
        count(log.by_grant_type, ctx.oidc.params?.grant_type ?? '');
        const inForm = ctx.oidc.params?.client_assertion ? 'assertion' : 'post';
        count(log.by_authentication, ctx.headers.authorization ? 'basic' : inForm);
    };
    provider.on('grant.success', (ctx) => {
        tokenRequest(ctx);
        log.successes += 1;
        count(log.successes_by_grant_type, ctx.oidc.params.grant_type);
        if (ctx.oidc.params.grant_type === 'refresh_token') count(log.refreshes_by_user, ctx.oidc.entities.Account.accountId);
    });
    const refused = (ctx, error) => {
        tokenRequest(ctx);
        if (error.error === 'invalid_grant') log.invalid_grant += 1;
        else count(log.other_errors, error.error ?? 'server_error');
        if (/already (used|consumed)$/.test(error.error_detail)) log.reuse_detected += 1;
    };
    provider.on('grant.error', refused);
    provider.on('server_error', (ctx, error) => {
        process.stderr.write(`${error.stack}\n`);
        refused(ctx, error);
    });
    return provider;
}

async function login(provider, response, query) {
    const client = await provider.Client.find(query.get('client_id') ?? '');
    const user = query.get('user');
    if (!client || !user) return answer(response, 400, { error: 'client_id and user are needed' });
    const grant = new provider.Grant({ accountId: user, clientId: client.clientId });
    grant.addOIDCScope(scope);
    const [redirectUri] = client.redirectUris;
    const code = new provider.AuthorizationCode({
        accountId: user,
        authTime: Math.floor(Date.now() / 1000),
        client,
        grantId: await grant.save(),
        redirectUri,
        ...(query.has('code_challenge') && { codeChallenge: query.get('code_challenge'), codeChallengeMethod: 'S256' }),
        scope, // asked for directly: by way of a browser, offline_access is dropped without prompt=consent
    });
    return answer(response, 200, { code: await code.save(), redirect_uri: redirectUri });
}

async function decideDevice(provider, response, query) {
    const code = await provider.DeviceCode.findByUserCode((query.get('user_code') ?? '').replaceAll('-', ''));
    const user = query.get('user');
    if (!code || !user) return answer(response, 400, { error: 'a user_code that waits and a user are needed' });
    if (user === 'nobody') {
        code.error = 'access_denied';
    } else {
        const grant = new provider.Grant({ accountId: user, clientId: code.clientId });
        grant.addOIDCScope(code.params.scope);
        Object.assign(code, {
            accountId: user,
            authTime: Math.floor(Date.now() / 1000),
            grantId: await grant.save(),
            scope: code.params.scope,
        });
    }
    await code.save();
    return answer(response, 200, {});
}

async function interact(provider, request, response) {
    const { params } = await provider.interactionDetails(request, response);
    let user = params.login_hint;
    let allows = user !== 'nobody';
    if (request.method === 'POST') {
        const form = new URLSearchParams(await text(request));
        user = form.get('user');
        allows = form.has('allow');
    } else if (!user) {
        return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>
            <title>Log in</title>
            <form method="post">
            <p><label>Name <input name="user"></label>
            <p>May ${params.client_id} use your account?
            <p><button name="allow">Allow</button> <button name="refuse">Refuse</button>
            </form>`);
    }
    if (!allows) return provider.interactionFinished(request, response, { error: 'access_denied' });
    const grant = new provider.Grant({ accountId: user, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const result = { login: { accountId: user }, consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result);
}

async function resource(provider, request, response) {
    const [type, value] = (request.headers.authorization ?? '').split(' ');
    const own = type === 'Bearer' ? await provider.ClientCredentials.find(value) : undefined;
    const token = type === 'Bearer' ? await provider.AccessToken.find(value) : undefined;
    if (!own && (!token || !(await provider.Grant.find(token.grantId)))) {
        log.resource_rejected += 1;
        return answer(response, 401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
    }
    log.resource_ok += 1;
    return answer(response, 200, own ? { client: own.clientId } : { user: token.accountId });
}

async function alive(provider, response, query) {
    const token = await provider.RefreshToken.find(query.get('refresh_token') ?? '');
    const grant = token?.isValid ? await provider.Grant.find(token.grantId) : undefined;
    return answer(response, 200, { alive: grant !== undefined });
}

async function oauth(callback, what, request, response) {
    if (what === 'POST /token') {
        countInFlight(log, response);
        await delay(Number(options['token-delay-ms']));
    }
    if (what === 'POST /token/revocation') {
        response.once('finish', () => { if (response.statusCode === 200) log.revocations += 1; });
    }
    return callback(request, response);
}

serve(options, (issuer) => {
    const provider = newProvider(issuer);
    const callback = provider.callback();
    return (request, response, what, query) => {
        switch (what) {
        case 'POST /test/code': return login(provider, response, query);
        case 'POST /test/device': return decideDevice(provider, response, query);
        case 'GET /test/log': return answer(response, 200, log);
        case 'GET /test/alive': return alive(provider, response, query);
        case 'GET /me': return resource(provider, request, response);
        default:
            if (/^(GET|POST) \/interaction\//.test(what)) return interact(provider, request, response);
            return oauth(callback, what, request, response);
        }
    };
});
