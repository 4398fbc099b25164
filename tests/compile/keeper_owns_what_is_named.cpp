// SPDX-License-Identifier: MIT
// A keeper whose type owns its store is not given one by name.
// expect: tokenkeep: keeper<Store&, ...> refers to a named store
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>

struct my_transport {
    tokenkeep::http_response operator()(const tokenkeep::http_request&) { return {}; }
};

void keep(tokenkeep::memory_store& store, my_transport& transport) {
#ifdef MISTAKE
    using my_keeper = tokenkeep::keeper<tokenkeep::memory_store, my_transport, tokenkeep::oauth2_provider>;
#else
    using my_keeper = tokenkeep::keeper<tokenkeep::memory_store&, my_transport&, tokenkeep::oauth2_provider>;
#endif
    my_keeper keep{store, transport, tokenkeep::oauth2_provider{}};
    (void)keep.access_token({.user_name = "ada"});
}
