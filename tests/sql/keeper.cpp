// SPDX-License-Identifier: MIT
// A keeper over each database, and over Zoho's ten columns.
// databases: SQLite, MariaDB, Postgres
#include "support/keeper_world.hpp"

#include <tokenkeep/zoho/schema.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace tests;
using tokenkeep::errc;
using tokenkeep::secret;

namespace {

template <class Backend, class Policy>
struct store_of_its_own : store_over<Backend, Policy> {
    store_of_its_own() : store_over<Backend, Policy>(Backend::connection(new_table())) {}
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: a keeper logs in, refreshes and revokes", "[sql]", every_backend) {
    live_a_session<store_of_its_own<TestType, tokenkeep::defaults>>();
}

#if defined(TOKENKEEP_TEST_SQLITE) || defined(TOKENKEEP_TEST_MARIADB)
TEMPLATE_LIST_TEST_CASE("sql_store: a keeper logs in, refreshes and revokes over Zoho's ten columns", "[sql]",
                        zoho_backends) {
    live_a_session<store_of_its_own<TestType, tokenkeep::zoho::policy>>();
}
#endif

TEMPLATE_LIST_TEST_CASE("sql_store: keepers of two connections spend a refresh token once", "[sql]", every_backend) {
    const std::string table = new_table();
    tokenkeep::testing::fake_server server;
    auto first = store_on<TestType>(table), second = store_on<TestType>(table);
    tokenkeep::keeper{first, server, server.provider()}.access_token(
        {.user_name = "ada", .grant_token = server.grant("ada")});
    const secret rejected = first.find_token({.user_name = "ada"})->access_token;
    const auto refreshed = server.log().refreshes;

    std::vector<std::thread> threads;
    std::vector<secret> given(8);
    tokenkeep::keeper one{first, server, server.provider()}, other{second, server, server.provider()};
    for (std::size_t n = 0; n < given.size(); ++n)
        threads.emplace_back([&, n] {
            given[n] = n % 2 == 0 ? one.refresh({.user_name = "ada"}, rejected)
                                  : other.refresh({.user_name = "ada"}, rejected);
        });
    for (std::thread& each : threads) each.join();

    CHECK(server.log().refreshes == refreshed + 1);
    for (const secret& each : given) CHECK(each == second.find_token({.user_name = "ada"})->access_token);
}
