// SPDX-License-Identifier: MIT
// needs: httplib, Boost, OpenSSL, transports
// The flow of the quickstart over each transport of examples/transports/, against a certified authorization server.
#include <tokenkeep/tokenkeep.hpp>

#include "real_server.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "transports/transports.hpp"

using tokenkeep::errc, tokenkeep::token;

TEST_CASE("real server: login, a call, rotation and revocation over each transport of the examples", "[oidc]") {
    const client who{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
    const real_server server({"--access-token-seconds", "60", "--seconds", "90"});
    for (const example_transport& which : example_transports) {
        CAPTURE(which.name);
        const any_transport transport = which.make("");
        const temporary_directory where;
        tokenkeep::file_store store{where / "tokens.tkj"};
        tokenkeep::keeper keep{store, transport, server.provider(who)};
        const token user{.user_name = which.name};
        const tokenkeep::http_request me{.method = "GET", .url = server.process.url() + "/me"};

        keep.access_token(server.grant(who, which.name));
        CHECK(keep.send(me, user).status == 200);
        const token first = store.find_token(user).value();
        CHECK(server.is_alive(first.refresh_token));

        keep.refresh(user, first.access_token);
        CHECK(keep.send(me, user).status == 200);
        const token second = store.find_token(user).value();
        CHECK(second.refresh_token != first.refresh_token);
        CHECK(server.is_alive(second.refresh_token));

        keep.revoke(user);
        CHECK(store.get_tokens().empty());
        CHECK(!server.is_alive(second.refresh_token));
        CHECK(code_of([&] { keep.access_token(user); }) == errc::token_not_found);
    }
    CHECK(server.log()["by_grant_type"]["authorization_code"] == example_transports.size());
    CHECK(server.log()["by_grant_type"]["refresh_token"] == example_transports.size());
    CHECK(server.log()["reuse_detected"] == 0);
}
