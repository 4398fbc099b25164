// SPDX-License-Identifier: MIT
// The field a rule looks up is text.
// expect: tokenkeep: a matching rule needs `static constexpr auto key = &token::user_name;` or another member that holds text; see the concept matching_rule
#include <tokenkeep/rules.hpp>

struct my_rule {
#ifdef MISTAKE
    static constexpr auto key = &tokenkeep::token::expires_at;
#else
    static constexpr auto key = &tokenkeep::token::user_name;
#endif
    static bool applies(const tokenkeep::token& probe) { return !probe.user_name.empty(); }
};

struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, my_rule> {};

bool is_found(const tokenkeep::token& probe) {
    return my_rules::find(probe, [](auto) { return true; });
}
