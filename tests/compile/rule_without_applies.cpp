// SPDX-License-Identifier: MIT
// A rule says when it applies.
// expect: tokenkeep: a matching rule needs `static bool applies(const token& probe)`; see the concept matching_rule
#include <tokenkeep/rules.hpp>

struct my_rule {
    static constexpr auto key = &tokenkeep::token::user_name;
#ifndef MISTAKE
    static bool applies(const tokenkeep::token& probe) { return !probe.user_name.empty(); }
#endif
};

struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, my_rule> {};

bool is_found(const tokenkeep::token& probe) {
    return my_rules::find(probe, [](auto) { return true; });
}
