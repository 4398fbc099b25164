// SPDX-License-Identifier: MIT
// The contract of stores, kept by sql_store over each database.
// databases: SQLite, MariaDB, Postgres
#include "support/laws.hpp"

#include <tokenkeep/zoho/rules.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace tests;

namespace {

struct zoho_chain : tokenkeep::defaults {
    using rules = tokenkeep::zoho::rules;
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: keeps every law", "[sql]", every_backend) {
    const law_findings found =
        findings_about([] { return store_on<TestType>(new_table()); }, {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEMPLATE_LIST_TEST_CASE("sql_store: keeps every law under Zoho's chain", "[sql]", every_backend) {
    const law_findings found = findings_about<tokenkeep::zoho::rules>(
        [] { return store_on<TestType, zoho_chain>(new_table()); }, {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
}
