// SPDX-License-Identifier: MIT
#include <tokenkeep/sql_store.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using tokenkeep::errc;

namespace {

struct unused_statement {
    void bind(std::size_t, std::optional<std::string_view>) {}
    bool step() { return false; }
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
    std::uint64_t changes() { return 0; }
    void reset() {}
};

/// A connection that fails if anything is sent.
struct unused_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    std::string name{};

    std::string table() const { return name; }
    void connect(std::chrono::milliseconds) { throw std::logic_error("it connects"); }
    void execute(const std::string&) { throw std::logic_error("it sends something"); }
    unused_statement prepare(const std::string&) { throw std::logic_error("it sends something"); }
};

struct nameless : tokenkeep::defaults {
    struct schema : tokenkeep::sql_schema {
        static constexpr std::string_view table{};
    };
};

using steady = std::chrono::steady_clock;

/// A server that never answers: each connecting takes `pause`.
struct silence {
    std::chrono::milliseconds pause{0};
    int tries = 0;
    std::atomic<bool> is_connecting{false};
    std::vector<tokenkeep::deadline> deadlines{};    ///< That the connection was given.
    std::optional<tokenkeep::deadline> lock_until{}; ///< That a lock was given.
    std::optional<tokenkeep::deadline> lock_end{};
};

struct silent_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    silence* seen;

    void set_deadline(tokenkeep::deadline until) { seen->deadlines.push_back(until); }
    void connect(std::chrono::milliseconds) {
        ++seen->tries;
        seen->is_connecting = true;
        std::this_thread::sleep_for(seen->pause);
        throw tokenkeep::sql_error(tokenkeep::sql_fault::connection_lost, "silence");
    }
    void execute(const std::string&) {}
    unused_statement prepare(const std::string&) { return {}; }
    std::unique_ptr<int> lock(const std::string&, tokenkeep::deadline until, tokenkeep::deadline end = {}) {
        seen->lock_until = until;
        seen->lock_end = end;
        return std::make_unique<int>();
    }
};

template <class Policy = tokenkeep::defaults>
void make_store_on(const std::string& table) {
    tokenkeep::sql_store<unused_connection, Policy> store(unused_connection{table});
}

} // namespace

TEST_CASE("sql_store: the name of a table is plain, or refused before anything is sent", "[sql_store]") {
    for (const std::string& name :
         {"two words"s, "a-b"s, "a\"b"s, "a`b"s, "a'b"s, "a;drop table b"s, "a.b"s, "\xc3\xa4"s, "a\0b"s, "a\n"s, " "s,
          "%"s, "tokenkeep_schema"s, "Tokenkeep_Schema"s, std::string(49, 'a')}) {
        CAPTURE(name);
        CHECK(code_of([&] { make_store_on(name); }) == errc::invalid_record);
    }
    CHECK(code_of([] { make_store_on<nameless>(""); }) == errc::invalid_record);
    for (const std::string& name : {std::string(48, 'a'), "select"s, "Order"s, "_"s, "9"s, "a__b"s, ""s})
        CHECK_NOTHROW(make_store_on(name));
}

TEST_CASE("sql_store: the connection hears the deadline of each call, and five seconds more if it is the store's own",
          "[sql_store]") {
    static_assert(tokenkeep::deadline_store<tokenkeep::sql_store<silent_connection>>);
    static_assert(tokenkeep::deadline_store<tokenkeep::sql_store<unused_connection>>);
    silence seen;
    tokenkeep::sql_store store{silent_connection{&seen}};
    const auto end = steady::now() + 10s; // before store_lock_timeout
    CHECK(code_of([&] { (void)store.until(end).get_tokens(); }) == errc::storage_failure);
    CHECK(code_of([&] { store.until(end + 1s).save_token({.user_name = "ada", .access_token = "a"}); }) ==
          errc::not_saved);
    const auto begin = steady::now();
    CHECK(code_of([&] { store.delete_tokens(); }) == errc::not_saved);
    REQUIRE(seen.deadlines.size() == 3);
    CHECK(seen.deadlines[0] == end);
    CHECK(seen.deadlines[1] == end + 1s);
    CHECK(seen.deadlines[2] >= begin + tokenkeep::defaults::store_lock_timeout + 5s);
    CHECK(seen.deadlines[2] <= steady::now() + tokenkeep::defaults::store_lock_timeout + 5s);
}

TEST_CASE("sql_store: a lost connection is made again once, but not after the deadline", "[sql_store]") {
    silence seen{.pause = 60ms};
    tokenkeep::sql_store store{silent_connection{&seen}};
    const auto look = [](auto use) { (void)use.get_tokens(); };
    const auto save = [](auto use) { use.save_token({.user_name = "ada", .access_token = "a"}); };
    const auto tries_of = [&](auto act, std::chrono::milliseconds left) {
        seen.tries = 0;
        CHECK(code_of([&] { act(store.until(steady::now() + left)); }) != std::error_code());
        return seen.tries;
    };
    CHECK(tries_of(look, 1h) == 2);
    CHECK(tries_of(save, 1h) == 2);
    CHECK(tries_of(look, 50ms) == 1);
    CHECK(tries_of(save, 50ms) == 1);
    CHECK(tries_of(look, -1ms) == 0);
    CHECK(tries_of(save, 0ms) == 0);
    CHECK(code_of([&] { (void)store.until(steady::now()).get_tokens(); }) == errc::lock_timeout);
}

TEST_CASE(
    "sql_store: threads that wait for a thread whose time ends have their own deadlines, and say what is true of them",
    "[sql_store]") {
    silence seen{.pause = 300ms};
    tokenkeep::sql_store store{silent_connection{&seen}};
    const auto begin = steady::now();
    std::thread first([&] { (void)code_of([&] { (void)store.until(begin + 200ms).get_tokens(); }); });
    while (!seen.is_connecting) std::this_thread::yield();
    std::error_code looked, saved, late;
    std::thread second([&] { looked = code_of([&] { (void)store.until(begin + 400ms).get_tokens(); }); });
    std::thread third([&] {
        saved = code_of([&] { store.until(begin + 400ms).save_token({.user_name = "ada", .access_token = "a"}); });
    });
    std::thread fourth([&] { late = code_of([&] { (void)store.until(begin + 100ms).get_tokens(); }); });
    for (std::thread* each : {&first, &second, &third, &fourth}) each->join();
    CHECK(seen.tries <= 2); // one of the others may have had its turn
    CHECK((looked == errc::storage_failure || looked == errc::lock_timeout));
    CHECK((saved == errc::not_saved || saved == errc::lock_timeout));
    CHECK(late == errc::lock_timeout);
}

TEST_CASE("sql_store: a lock waits for others till the earlier deadline, and for the database till its own",
          "[sql_store]") {
    silence seen;
    tokenkeep::sql_store store{silent_connection{&seen}};
    const auto now = steady::now();
    { const auto guard = store.lock_token("a", now + 1h); }
    CHECK(seen.lock_until == now + 1h);
    CHECK(seen.lock_end == (tokenkeep::deadline::max)());
    { const auto guard = store.until(now + 2h).lock_token("a", now + 1h); }
    CHECK(seen.lock_until == now + 1h);
    CHECK(seen.lock_end == now + 2h);
    { const auto guard = store.until(now + 1h).lock_token("a", now + 2h); }
    CHECK(seen.lock_until == now + 1h);
    CHECK(code_of([&] { (void)store.until(now).lock_token("a", now + 2h); }) == errc::lock_timeout);
    const auto guard = store.lock_token("a", now + 1h); // the same store, the same locks
    const auto begin = steady::now();
    CHECK(code_of([&] { (void)store.until(begin + 20ms).lock_token("a", begin + 5s); }) == errc::lock_timeout);
    CHECK(steady::now() - begin < 4s);
}

TEST_CASE("sql_store: what until gives may outlive the store", "[sql_store]") {
    silence seen;
    auto store = std::make_unique<tokenkeep::sql_store<silent_connection>>(silent_connection{&seen});
    auto soon = store->until(steady::now() + 1h);
    store.reset();
    CHECK(code_of([&] { (void)soon.get_tokens(); }) == errc::storage_failure);
}
