// SPDX-License-Identifier: MIT
// An observer takes events.
// expect: tokenkeep: an observer takes const event&; see ignore_events
#include <tokenkeep/tokenkeep.hpp>

void keep(tokenkeep::memory_store& store) {
    auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
#ifdef MISTAKE
    auto observer = [](int) {};
#else
    auto observer = [](const tokenkeep::event&) {};
#endif
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{}, {}, observer};
    (void)keep.access_token({.user_name = "ada"});
}
