// SPDX-License-Identifier: MIT
// A keeper is made of its parts.
// expect: tokenkeep: a keeper needs {store, transport, provider}
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>

struct my_transport {
    tokenkeep::http_response operator()(const tokenkeep::http_request&) { return {}; }
};
using my_keeper = tokenkeep::keeper<tokenkeep::memory_store, my_transport, tokenkeep::oauth2_provider>;

void keep() {
#ifdef MISTAKE
    my_keeper keep;
#else
    my_keeper keep{tokenkeep::memory_store{}, my_transport{}, tokenkeep::oauth2_provider{}};
#endif
    (void)keep.access_token({.user_name = "ada"});
}
