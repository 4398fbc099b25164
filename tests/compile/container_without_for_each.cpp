// SPDX-License-Identifier: MIT
// A container's traits have all three functions.
// expect: tokenkeep: a container is a sequence of token, a map from std::string to token, rows of strings, or has a container_traits with for_each; see container_traits
#include <tokenkeep/basic_store.hpp>

#include <string>

struct my_rows {};

template <>
struct tokenkeep::container_traits<my_rows> {
#ifndef MISTAKE
    template <class Visit>
    static void for_each(const my_rows&, Visit) {}
#endif
    static void insert_or_assign(my_rows&, const token&) {}
    static void erase(my_rows&, const std::string&) {}
};

void keep() {
    tokenkeep::basic_store<my_rows> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
