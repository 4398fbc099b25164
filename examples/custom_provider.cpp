// SPDX-License-Identifier: MIT
//
// An authorization server with a peculiarity: it wants one more parameter at a refresh. Inherit from a provider and
// hide the one function that differs.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <chrono>
#include <cstdio>

struct my_provider : tokenkeep::oauth2_provider {
    tokenkeep::http_request refresh_request(const tokenkeep::token& record) const {
        tokenkeep::http_request request = tokenkeep::oauth2_provider::refresh_request(record);
        request.body += "&audience=https%3A%2F%2Fapi.example";
        return request;
    }
};

int main() {
    tokenkeep::testing::virtual_clock clock;
    tokenkeep::testing::fake_server server{{}, clock};
    auto transport = [&](const tokenkeep::http_request& request) {
        if (request.body.ends_with("audience=https%3A%2F%2Fapi.example")) std::puts("a refresh names the audience");
        return server(request);
    };
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, transport, my_provider{server.provider()}, {}, tokenkeep::ignore_events{}, clock};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    clock.advance(std::chrono::hours(2));
    keep.access_token({.user_name = "ada"});
}
// prints:
// a refresh names the audience
