// SPDX-License-Identifier: MIT
// Ids are text.
// expect: tokenkeep: a policy's `ids` must be a function object that gives a std::string
#include <tokenkeep/basic_store.hpp>

#include <mutex>
#include <string>
#include <vector>

struct counting {
#ifdef MISTAKE
    int operator()() const { return 1; }
#else
    std::string operator()() const { return "1"; }
#endif
};

struct ours : tokenkeep::defaults {
    using ids = counting;
};

void keep() {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, ours> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
