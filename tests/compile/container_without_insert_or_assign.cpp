// SPDX-License-Identifier: MIT
// A container's traits have all three functions.
// expect: tokenkeep: container_traits needs insert_or_assign(rows, const token&); see container_traits
#include <tokenkeep/basic_store.hpp>

#include <string>

struct my_rows {};

template <>
struct tokenkeep::container_traits<my_rows> {
    template <class Visit>
    static void for_each(const my_rows&, Visit) {}
#ifndef MISTAKE
    static void insert_or_assign(my_rows&, const token&) {}
#endif
    static void erase(my_rows&, const std::string&) {}
};

void keep() {
    tokenkeep::basic_store<my_rows> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
}
