// SPDX-License-Identifier: MIT
// A keeper over each database, and over Zoho's ten columns; and databases that a URL names.
// databases: SQLite, MariaDB, Postgres
#include "support/keeper_world.hpp"

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "sql/backends.hpp"
#include "sql/sealed.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
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

TEMPLATE_LIST_TEST_CASE("sql_store: a keeper that lacks the key of a row logs nobody in, and sends nothing", "[sql]",
                        every_backend) {
    const std::string table = new_table();
    tokenkeep::testing::fake_server server;
    sealed_on<TestType, hidden>(table, old_key()).save_token({.user_name = "ada", .access_token = "at-1"});
    const tokenkeep::token login{.user_name = "ada", .grant_token = server.grant("ada")};
    const auto log_in = [&](toy_table_sealer sealer) {
        auto store = sealed_on<TestType, hidden>(table, std::move(sealer));
        (void)tokenkeep::keeper{store, server, server.provider()}.access_token(login);
    };
    CHECK(code_of([&] { log_in(new_key()); }) == errc::permissions);
    CHECK(server.log().token_requests == 0);
    log_in(both_keys());
    CHECK(server.log().token_requests == 1);
    CHECK(sealed_on<TestType, hidden>(table, both_keys()).get_tokens().size() == 1);
}

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

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("open_store: a URL names a file of SQLite", "[sql]") {
    const temporary_directory folder;
    const auto open = [&](const std::string& url) { return tokenkeep::open_store<tokenkeep::sqlite_store>(url); };
    open("sqlite:" + folder / "tokens.db").save_token({.user_name = "ada", .access_token = "a"});
    CHECK(open("sqlite://" + folder / "tokens.db").find_token({.user_name = "ada"}));
    CHECK(open("sqlite:" + folder / "tokens.db").locks());
}
#endif

#ifdef TOKENKEEP_TEST_MARIADB
TEST_CASE("open_store: a URL names a table of a MySQL server, and its option file the password", "[sql]") {
    visitor<mysql_backend> administrator;
    administrator.execute("CREATE USER 'a b'@'%' IDENTIFIED BY 's3cret word'");
    administrator.execute("GRANT ALL ON tokenkeep.* TO 'a b'@'%'");
    const temporary_directory folder;
    write_file(folder / "db.cnf", "[client]\npassword = 's3cret word'\n");
    const std::string server = "//a%20b@127.0.0.1:" + std::to_string(mysql_backend::server().port()) + "/tokenkeep";
    const auto open = [&](const std::string& options) {
        return tokenkeep::open_store<tokenkeep::mysql_store>("mysql:" + server + options);
    };
    const std::string table = new_table();
    auto store = open("?option_file=" + folder / "db.cnf" + "&table=" + table);
    store.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(store_on<mysql_backend>(table).find_token({.user_name = "ada"}));
    auto without_password = open("?table=" + table);
    CHECK(error_of([&] { without_password.get_tokens(); }) == errc::permissions);

    for (const std::string url :
         {"mysql:db.example/app", "mysql://db.example", "mysql://db.example/", "mysql://db.example:0/app",
          "mysql://db.example:70000/app", "mysql://db.example:x/app", "mysql://db.example/app?tabel=t", "mysql://[/app",
          "mysql://[::1/app", "mysql://[::1]x:3306/app"}) {
        INFO(url);
        CHECK(error_of([&] { tokenkeep::open_store<tokenkeep::mysql_store>(url); }) == errc::request_rejected);
    }
    CHECK(tokenkeep::detail::mysql_parameters_of("//[::1]:3307/app?socket=/s&tls_authorities=/t").host == "::1");
}
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("open_store: a URL names a database of a PostgreSQL server", "[sql]") {
    const auto& server = postgres_backend::server();
    const auto open = [&] {
        return tokenkeep::open_store<tokenkeep::postgres_store>(std::string("postgres://") + server.user() +
                                                                "@127.0.0.1:" + std::to_string(server.port()) +
                                                                "/tokenkeep?application_name=tokenkeep");
    };
    open().save_token({.user_name = "url", .access_token = "a"});
    CHECK(open().find_token({.user_name = "url"}));
    CHECK(error_of([] { tokenkeep::open_store<tokenkeep::postgres_store>("postgres:host=db.example"); }) ==
          errc::request_rejected);
}
#endif
