// SPDX-License-Identifier: MIT
// What a look-up and a save cost in each store, with 100 rows, which the README says; and what several connections are
// worth to threads that look up rows on a server of this machine.
// databases: SQLite, MariaDB, Postgres, Redis
#include "benchmark/measuring.hpp"

#include <tokenkeep/tokenkeep.hpp>

#ifdef TOKENKEEP_TEST_REDIS
#include "redis/server.hpp"
#endif
#include "sql/backends.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using namespace measuring;

/// Look-ups in a second, by so many threads at once.
template <class Store>
double looks_in_a_second(Store& store, std::size_t threads, std::chrono::milliseconds time) {
    std::atomic<std::size_t> looks = 0;
    const auto begin = steady_clock::now(), end = begin + time;
    std::vector<std::thread> all;
    for (std::size_t n = 0; n < threads; ++n)
        all.emplace_back([&, n] {
            for (std::size_t at = n; steady_clock::now() < end; ++at, ++looks)
                require(store.find_token({.user_name = user_of(at % 100)}).has_value(), "find_token");
        });
    for (std::thread& each : all) each.join();
    return static_cast<double>(looks) / seconds_since(begin);
}

template <class Backend>
void compare(const char* name, bool quick) {
    show_costs(name, tests::store_on<Backend>(tests::new_table()), quick);
    const std::string table = tests::new_table();
    const auto store_of = [&](std::size_t connections) {
        return tests::store_over<Backend>(Backend::connection(table, connections));
    };
    auto one = store_of(1), four = store_of(4), sixteen = store_of(16);
    for (std::size_t row = 0; row < 100; ++row) one.save_token(row_of(row));
    const auto time = std::chrono::milliseconds(quick ? 20 : 2'000);
    for (const std::size_t threads : std::vector<std::size_t>{1, 8, 64}) {
        std::printf("%-10s %2zu threads, look-ups a second: ", name, threads);
        std::printf("1 connection %6.0f  4 connections %6.0f  16 connections %6.0f\n",
                    looks_in_a_second(one, threads, time), looks_in_a_second(four, threads, time),
                    looks_in_a_second(sixteen, threads, time));
    }
}

} // namespace

int main(int count, char** words) {
    try {
        const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
        const temporary_directory folder;
        show_costs("memory_store", tokenkeep::memory_store(), quick);
        show_costs("file_store", tokenkeep::file_store(folder / "tokens.tkj"), quick);
        show_costs("json_file_store", tokenkeep::json_file_store(folder / "tokens.json"), quick);
#ifdef TOKENKEEP_TEST_SQLITE
        show_costs("sqlite_store", tokenkeep::sqlite_store(folder / "tokens.db"), quick);
#endif
#ifdef TOKENKEEP_TEST_MARIADB
        compare<tests::mysql_backend>("MariaDB", quick);
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
        compare<tests::postgres_backend>("PostgreSQL", quick);
#endif
#ifdef TOKENKEEP_TEST_REDIS
        const tests::redis_server redis; // which writes nothing to a disk
        show_costs("redis_store", redis.store(), quick);
#endif
        return EXIT_SUCCESS;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return EXIT_FAILURE;
    }
}
