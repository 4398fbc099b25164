// SPDX-License-Identifier: MIT
// A mutex can be locked.
// expect: tokenkeep: a policy's `mutex` must be a type with lock() and unlock()
#include <tokenkeep/basic_store.hpp>

#include <mutex>
#include <string>
#include <vector>

struct ours : tokenkeep::defaults {
#ifdef MISTAKE
    using mutex = bool;
#else
    using mutex = std::mutex;
#endif
};

void keep() {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, ours> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
