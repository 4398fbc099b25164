// SPDX-License-Identifier: MIT
// A policy that inherits nothing says everything.
// expect: tokenkeep: a policy needs `using rules`, a chain such as first_applicable<by_id, by_user>
#include <tokenkeep/basic_store.hpp>

#include <mutex>
#include <string>
#include <vector>

struct ours {
#ifndef MISTAKE
    using rules = tokenkeep::default_rules;
#endif
    using ids = tokenkeep::random_id;
    using mutex = std::mutex;
};

void keep() {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, ours> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
