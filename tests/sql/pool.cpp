// SPDX-License-Identifier: MIT
// Stores with several connections to a server, which their threads use side by side.
// databases: MariaDB, Postgres
#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tests;
using tokenkeep::errc, tokenkeep::token;

namespace {

/// A store with so many connections to a table.
template <class Backend, class Policy = hasty>
store_over<Backend, Policy> pool_on(const std::string& table, std::size_t most) {
    return store_over<Backend, Policy>(Backend::connection(table, most));
}

const token ada{.user_name = "ada"};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: with several connections, a look-up does not wait for a change", "[sql]",
                        server_backends) {
    const std::string table = new_table();
    auto one = pool_on<TestType>(table, 1), two = pool_on<TestType>(table, 2);
    one.save_token({.user_name = "ada", .access_token = "a"});
    const auto looks_while_changing = [&](auto& store) {
        blocked_table<TestType> blocked(table);
        std::atomic<bool> is_changing = false;
        std::thread change([&] {
            is_changing = true;
            CHECK(error_of([&] { store.save_token({.user_name = "ada", .scope = "s"}); }) == errc::lock_timeout);
        });
        while (!is_changing) std::this_thread::yield();
        std::this_thread::sleep_for(100ms); // by now the change most likely has its connection
        std::optional<errc> failure;
        for (int n = 0; n < 20; ++n)
            if (!failure)
                failure = error_of([&] { store.until(std::chrono::steady_clock::now() + 200ms).find_token(ada); });
        change.join();
        return !failure;
    };
    CHECK(looks_while_changing(two));
    CHECK(two.find_token(ada));
}

TEMPLATE_LIST_TEST_CASE("sql_store: it makes no more connections than it may, and all threads get their turn", "[sql]",
                        server_backends) {
    const std::string table = new_table();
    auto store = pool_on<TestType, tokenkeep::defaults>(table, 3);
    store.save_token({.user_name = "ada", .access_token = "a"});
    visitor<TestType> administrator;
    const auto sessions = [&] { return administrator.ask(TestType::other_sessions).size(); };
    const std::size_t before = sessions();
    std::vector<std::thread> threads;
    {
        blocked_table<TestType> blocked(table);
        const std::size_t with_blocker = sessions();
        for (int n = 0; n < 8; ++n)
            threads.emplace_back([&, n] {
                store.save_token({.user_name = "user " + std::to_string(n), .access_token = std::to_string(n)});
            });
        CHECK(holds_within(20s, [&] { return sessions() == with_blocker + 2; }));
        std::this_thread::sleep_for(200ms);
        CHECK(sessions() == with_blocker + 2);
    }
    for (std::thread& each : threads) each.join();
    CHECK(store.get_tokens().size() == 9);
    CHECK(sessions() <= before + 2);
}

TEMPLATE_LIST_TEST_CASE("sql_store: if the server ends all connections, each call makes its own again", "[sql]",
                        server_backends) {
    const std::string table = new_table();
    auto store = pool_on<TestType, tokenkeep::defaults>(table, 4);
    store.save_token({.user_name = "ada", .access_token = "a"});
    const auto use_all = [&] {
        std::vector<std::thread> threads;
        std::atomic<int> found = 0;
        for (int n = 0; n < 4; ++n)
            threads.emplace_back([&] {
                for (int times = 0; times < 20; ++times) found += store.find_token(ada).has_value();
            });
        for (std::thread& each : threads) each.join();
        return found == 80;
    };
    CHECK(use_all());
    visitor<TestType> administrator;
    for (const std::string& session : administrator.ask(TestType::other_sessions))
        administrator.execute(TestType::end(session));
    CHECK(use_all());
}

TEMPLATE_LIST_TEST_CASE("sql_store: with several connections it keeps every law", "[sql]", server_backends) {
    const auto found = findings_about([] { return pool_on<TestType, tokenkeep::defaults>(new_table(), 4); },
                                      {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}
