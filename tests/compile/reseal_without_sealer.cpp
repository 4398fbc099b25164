// SPDX-License-Identifier: MIT
// A store without a sealer has no key to change.
// expect: tokenkeep: reseal needs a store with a sealer, which has bool reseal_tokens() or bool reseal_token(const std::string& id); see the concept resealing_store
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/reseal.hpp>

#include <string>

struct my_store : tokenkeep::memory_store {
#ifndef MISTAKE
    bool reseal_tokens() { return false; }
#endif
};

void change_key(my_store& store) { (void)tokenkeep::reseal(store); }
