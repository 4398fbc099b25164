// SPDX-License-Identifier: MIT
// Rows are tokens, or text.
// expect: tokenkeep: a container is a sequence of token, a map from std::string to token, rows of strings, or has a container_traits with for_each; see container_traits
#include <tokenkeep/basic_store.hpp>

#include <vector>

#ifdef MISTAKE
using row = int;
#else
using row = tokenkeep::token;
#endif

void keep() {
    tokenkeep::basic_store<std::vector<row>> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
