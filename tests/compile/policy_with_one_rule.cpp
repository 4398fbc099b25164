// SPDX-License-Identifier: MIT
// The rules of a policy are a chain.
// expect: tokenkeep: a policy's `rules` must be a chain such as first_applicable<by_id, by_user>
#include <tokenkeep/basic_store.hpp>

#include <mutex>
#include <string>
#include <vector>

struct ours : tokenkeep::defaults {
#ifdef MISTAKE
    using rules = tokenkeep::by_user;
#else
    using rules = tokenkeep::first_applicable<tokenkeep::by_user>;
#endif
};

void keep() {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, ours> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
