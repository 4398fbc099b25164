// SPDX-License-Identifier: MIT
// The files of a policy are a model of file_system.
// expect: tokenkeep: a policy's files must be a model of file_system; see the concept file_system
#include <tokenkeep/file_store.hpp>

struct my_files : tokenkeep::system_files {
#ifdef MISTAKE
    bool find(const std::string&) const { return true; }
#endif
};
struct my_policy : tokenkeep::defaults {
    using files = my_files;
};

void keep() {
    tokenkeep::basic_file_store<my_policy> store{"tokens.tkj"};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
