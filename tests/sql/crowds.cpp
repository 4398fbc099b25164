// SPDX-License-Identifier: MIT
// Many processes that use one database at the same moment, from the first on.
// databases: SQLite, MariaDB, Postgres
#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <chrono>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

using namespace tests;
using tokenkeep::token;

namespace {

token record(const std::string& name, const std::string& value) {
    return {.user_name = name, .client_id = "client", .refresh_token = "of " + name, .access_token = value};
}

/// A place where no table is, and no file.
template <class Backend>
class new_place {
  public:
    new_place() {
        if constexpr (!std::is_same_v<Backend, sqlite_backend>)
            visitor<Backend>().execute("DROP TABLE IF EXISTS tokenkeep_schema");
    }
    typename Backend::connection_type connection() const {
        if constexpr (std::is_same_v<Backend, sqlite_backend>)
            return typename Backend::connection_type(folder_ / "tokens.db", table_);
        else
            return Backend::connection(table_);
    }
    store_over<Backend> store() const { return store_over<Backend>(connection()); }

  private:
    temporary_directory folder_{};
    std::string table_ = new_table();
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: processes that save at the same time lose nothing and double nothing", "[sql]",
                        every_backend) {
    constexpr int processes = 4, saves = 50;
    const new_place<TestType> place;
    CHECK(run_together(processes, [&](int process) {
        auto store = place.store();
        for (int n = 0; n < saves; ++n) {
            const std::string name = std::to_string(process) + "-" + std::to_string(n);
            store.save_token(record(name, name));
            store.save_token(record("everyone", name));
        }
    }));
    auto store = place.store();
    std::map<std::string, std::string> there;
    for (const token& row : store.get_tokens()) CHECK(there.emplace(row.user_name, row.access_token.reveal()).second);
    CHECK(there.size() == processes * saves + 1);
    for (int process = 0; process < processes; ++process)
        for (int n = 0; n < saves; ++n) {
            const std::string name = std::to_string(process) + "-" + std::to_string(n);
            CHECK(there[name] == name);
        }
    CHECK(there["everyone"].ends_with("-" + std::to_string(saves - 1)));
}

TEMPLATE_LIST_TEST_CASE("sql_store: processes that are the first in a database make its tables together", "[sql]",
                        every_backend) {
    constexpr int processes = 4;
    const int rounds = std::is_same_v<TestType, sqlite_backend> ? 30 : 8;
    for (int round = 0; round < rounds; ++round) {
        const new_place<TestType> place;
        CHECK(run_together(processes, [&](int process) {
            auto store = place.store();
            if ((process + round) % 2 == 0) store.get_tokens();
            store.save_token(record("user " + std::to_string(process), "a"));
            store.save_token(record("everyone", "b"));
        }));
        CHECK(place.store().get_tokens().size() == processes + 1);
    }
}
