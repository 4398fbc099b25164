// SPDX-License-Identifier: MIT
// Which row a save may change depends on the record and the row.
// expect: tokenkeep: a rule's saves_over is `static bool saves_over(const token& record, const token& row)`; see the concept matching_rule
#include <tokenkeep/rules.hpp>

struct my_rule {
    static constexpr auto key = &tokenkeep::token::user_name;
    static bool applies(const tokenkeep::token& probe) { return !probe.user_name.empty(); }
#ifdef MISTAKE
    static bool saves_over(const tokenkeep::token& row) { return row.status.empty(); }
#else
    static bool saves_over(const tokenkeep::token&, const tokenkeep::token& row) { return row.status.empty(); }
#endif
};

struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, my_rule> {};

bool is_found(const tokenkeep::token& probe) {
    return my_rules::find(probe, [](auto) { return true; });
}
