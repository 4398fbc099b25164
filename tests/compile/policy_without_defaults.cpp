// SPDX-License-Identifier: MIT
// A policy inherits from defaults, so that it has what a later version adds.
// expect: tokenkeep: a policy inherits what it does not change: `struct ours : tokenkeep::defaults { ... };`
#include <tokenkeep/basic_store.hpp>

#include <mutex>
#include <vector>

#ifdef MISTAKE
struct ours {
#else
struct ours : tokenkeep::defaults {
#endif
    using rules = tokenkeep::default_rules;
    using ids = tokenkeep::random_id;
    using mutex = std::mutex;
};

void keep() {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, ours> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
