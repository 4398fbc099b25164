// SPDX-License-Identifier: MIT
//
// The library in one page: where tokens go, who is asked for them, and what a program calls from then on. The server is
// a stand-in within the process.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <map>
#include <string>

// Which row a probe means, and what the store is made with.
struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::same_client<tokenkeep::by_user>> {};
struct ours : tokenkeep::defaults {
    using rules = my_rules;
};

// A class that has a keeper: decltype spells the type out.
struct app {
    tokenkeep::memory_store store{};
    tokenkeep::testing::fake_server transport{};
    tokenkeep::oauth2_provider provider{transport.provider()};
    decltype(tokenkeep::keeper{store, transport, provider}) keep{store, transport, provider};
};

int main() {
    using tokenkeep::http_response;
    tokenkeep::testing::fake_server server{
        {.origin = "https://auth.example", .client_id = "my-app", .client_secret = "from-somewhere"}};
    const std::string api = "https://auth.example";
    const tokenkeep::secret secret_from_somewhere = "from-somewhere";

    // Who is asked for tokens.
    tokenkeep::oauth2_provider provider{.token_endpoint = "https://auth.example/token",
                                        .revocation_endpoint = "https://auth.example/revoke",
                                        .client_id = "my-app",
                                        .client_secret = secret_from_somewhere};
    // Where they are kept.
    tokenkeep::basic_store<std::map<std::string, tokenkeep::token>, ours> store;
    // Where the two meet.
    tokenkeep::keeper keep{store, server, provider};

    // Once: the user has logged in, and the redirect brought a grant token.
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});

    // From then on.
    tokenkeep::secret access = keep.access_token({.user_name = "ada"});
    http_response me = keep.send({.method = "GET", .url = api + "/me"}, {.user_name = "ada"});
    std::printf("%d %s\n", me.status, me.body.c_str());

    // After a 401 that the keeper did not see: another token.
    tokenkeep::secret other = keep.refresh({.user_name = "ada"}, access);
    std::printf("The tokens are %s.\n", other == access ? "the same" : "different");

    // The hot path: no store, no lock, no copy while the token is fresh.
    tokenkeep::session ada = keep.session({.user_name = "ada"});
    std::printf("The session gives %s one.\n", ada.access_token() == other ? "the new" : "an old");

    // From an event loop: what is at hand, without waiting for anything.
    if (auto now = keep.fresh_token({.user_name = "ada"}))
        std::printf("A token of %zu bytes is at hand.\n", now->size());

    // The end, on both sides.
    keep.revoke({.user_name = "ada"});
    try {
        keep.access_token({.user_name = "ada"});
    } catch (const tokenkeep::error& failure) {
        if (failure.code() == tokenkeep::errc::token_not_found) std::puts("Ada has to log in again.");
    }

    app one;
    one.keep.access_token({.user_name = "bob", .grant_token = one.transport.grant("bob")});
    std::printf("The app has %zu session.\n", one.store.get_tokens().size());
}
// prints:
// 200 {"user":"ada"}
// The tokens are different.
// The session gives the new one.
// A token of 35 bytes is at hand.
// Ada has to log in again.
// The app has 1 session.
