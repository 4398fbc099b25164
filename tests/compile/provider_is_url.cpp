// SPDX-License-Identifier: MIT
// A provider says more than a URL.
// expect: tokenkeep: a provider needs exchange_request(const token&), giving
#include <tokenkeep/tokenkeep.hpp>

void keep(tokenkeep::memory_store& store) {
    auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
#ifdef MISTAKE
    const std::string provider = "https://auth.example/token";
#else
    const tokenkeep::oauth2_provider provider{.token_endpoint = "https://auth.example/token"};
#endif
    tokenkeep::keeper keep{store, transport, provider};
    (void)keep.access_token({.user_name = "ada"});
    (void)keep.send({.method = "GET", .url = "https://api.example/me"}, {.user_name = "ada"});
    keep.revoke({.user_name = "ada"});
}
