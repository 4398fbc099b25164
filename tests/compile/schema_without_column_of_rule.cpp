// SPDX-License-Identifier: MIT
// Zoho's table has no column for the seed, so no rule can look it up there.
// expect: tokenkeep: the policy's schema needs a column for each field that a rule of the policy looks up; see the struct sql_schema
#include "whole_connection.hpp"

#include <tokenkeep/zoho/schema.hpp>

struct ours : tokenkeep::zoho::policy {
#ifdef MISTAKE
    using rules = tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::by_seed>;
#else
    using rules = tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::by_refresh_token>;
#endif
};

void look() {
    tokenkeep::sql_store<whole_connection<>, ours> store;
    (void)store.find_token({.seed = "s"});
}
