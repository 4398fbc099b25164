// SPDX-License-Identifier: MIT
// The contract of stores, kept by sql_store over sealed tables, and a keeper over them.
// databases: SQLite, MariaDB, Postgres
#include "support/keeper_world.hpp"
#include "support/laws.hpp"

#include "sql/sealed.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace tests;

namespace {

template <class Backend, class Policy>
struct store_of_its_own : store_over<Backend, Policy> {
    store_of_its_own() : store_over<Backend, Policy>(Backend::connection(new_table()), old_key()) {}
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sealed table: keeps every law", "[sql]", every_backend) {
    const law_findings found =
        findings_about([] { return sealed_on<TestType>(new_table()); }, {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEMPLATE_LIST_TEST_CASE("sealed table: keeps every law if names are sealed too", "[sql]", every_backend) {
    const law_findings found = findings_about([] { return sealed_on<TestType, hidden>(new_table(), both_keys()); },
                                              {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
}

TEMPLATE_LIST_TEST_CASE("sealed table: a keeper logs in, refreshes and revokes", "[sql]", every_backend) {
    live_a_session<store_of_its_own<TestType, sealed>>();
    live_a_session<store_of_its_own<TestType, hidden>>();
}
