// SPDX-License-Identifier: MIT
// The token stores of one of Zoho's SDKs, for a program that writes calls to this one: node stores.mjs nodejs|typescript
// Each line of input is a call, and each is answered by a line, {"result": ...} or {"error": "..."}:
//   {"call": "open", "kind": "file", "place": PATH}     the store that the calls after it mean
//   {"call": "open", "kind": "database", "place": {"host": ..., "database": ..., "table": ..., "user": ..., ...}}
//   {"call": "find_token" or "save_token", "token": {"user_name": ..., "expiry_time": ...}}
//   {"call": "delete_token" or "find_token_by_id", "id": ...}
//   {"call": "get_tokens" or "delete_tokens"}
// The names are those of the columns; what is absent in the SDK's token is null.
import { createInterface } from 'node:readline';

const name = process.argv[2];
const module = await import(`@zohocrm/${name}-sdk-8.0`);
const sdk = module.FileStore ? module : module.default;

const texts = {
  id: 'Id', client_id: 'ClientId', client_secret: 'ClientSecret', refresh_token: 'RefreshToken',
  access_token: 'AccessToken', grant_token: 'GrantToken', expiry_time: 'ExpiresIn', redirect_url: 'RedirectURL',
  api_domain: 'APIDomain',
};

function toToken(values) {
  const token = new sdk.OAuthToken();
  for (const [field, suffix] of Object.entries(texts))
    if (field in values) token[`set${suffix}`](values[field]);
  if ('user_name' in values) token.setUserSignature(new sdk.UserSignature(values.user_name));
  return token;
}

function fromToken(token) {
  if (token == null) return null;
  const values = { user_name: token.getUserSignature()?.getName() ?? null };
  for (const [field, suffix] of Object.entries(texts)) values[field] = token[`get${suffix}`]() ?? null;
  return values;
}

const kinds = {
  file: (path) => new sdk.FileStore(path),
  database: ({ host, database, table, user, password, port }) => new sdk.DBBuilder().host(host).databaseName(database)
    .tableName(table).userName(user).password(password).portNumber(String(port)).build(),
};

let store;
const calls = {
  open: ({ kind, place }) => { store = kinds[kind](place); },
  find_token: async ({ token }) => fromToken(await store.findToken(toToken(token))),
  save_token: async ({ token }) => { await store.saveToken(toToken(token)); },
  delete_token: async ({ id }) => { await store.deleteToken(id); },
  get_tokens: async () => ((await store.getTokens()) ?? []).map(fromToken),
  delete_tokens: async () => { await store.deleteTokens(); },
  find_token_by_id: async ({ id }) => fromToken(await store.findTokenById(id)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await calls[request.call](request)) ?? null };
  } catch (fault) {
    answer = { error: fault.message || fault.code || String(fault) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
process.exit();
