// SPDX-License-Identifier: MIT
// A transport gives a whole answer, not its body.
// expect: tokenkeep: a transport takes const http_request& and gives http_response; see the concept http_transport
#include <tokenkeep/tokenkeep.hpp>

#include <string>

void keep(tokenkeep::memory_store& store) {
#ifdef MISTAKE
    auto transport = [](const tokenkeep::http_request&) { return std::string("{}"); };
#else
    auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{.body = "{}"}; };
#endif
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{}};
    (void)keep.access_token({.user_name = "ada"});
}
