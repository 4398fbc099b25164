// SPDX-License-Identifier: MIT
// Who waits for whom: locks on identities, and transactions that others block.
// databases: SQLite, MariaDB, Postgres
#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;
using steady = std::chrono::steady_clock;

namespace {

token record(const std::string& name) {
    return {.user_name = name, .client_id = "client", .access_token = "access of " + name, .id = "id of " + name};
}

template <class Act>
std::chrono::milliseconds duration_of(Act act) {
    const auto begin = steady::now();
    act();
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
}

template <class Store>
bool is_free(Store& store, const std::string& key) {
    return !code_of([&] { (void)store.lock_token(key, steady::now()); });
}

template <class Backend>
std::size_t sessions() {
    return visitor<Backend>().ask(Backend::other_sessions).size();
}

/// A pipe on which a child says that it got somewhere.
class signpost {
  public:
    signpost() {
        if (::pipe(ends_) != 0) throw std::runtime_error("no pipe");
    }
    signpost(const signpost&) = delete;
    signpost& operator=(const signpost&) = delete;
    ~signpost() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    void reached() const { expect(::write(ends_[1], "!", 1) == 1, "a pipe is broken"); }
    void wait() const {
        char byte = 0;
        expect(::read(ends_[0], &byte, 1) == 1, "a pipe is broken");
    }

  private:
    int ends_[2]{};
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: a lock keeps out threads, stores and processes", "[sql]", every_backend) {
    const std::string table = new_table(), other_table = new_table();
    TestType::connection(); // the server is running before there are processes

    SECTION("of the same store and others") {
        auto one = store_on<TestType>(table), two = store_on<TestType>(table),
             stranger = store_on<TestType>(other_table);
        {
            const auto guard = one.lock_token("a", steady::now() + 5s);
            CHECK(!is_free(one, "a"));
            CHECK(!is_free(two, "a"));
            CHECK(is_free(one, "b"));
            CHECK(is_free(two, "b"));
            CHECK(is_free(stranger, "a"));
            one.save_token(record("u")); // the operations go on
            two.save_token(record("v"));
            CHECK(one.get_tokens().size() == 2);
            one.delete_tokens();
        }
        CHECK(is_free(two, "a"));
        CHECK(is_free(one, "a"));
    }

    SECTION("and ends in about the time that was given") {
        auto one = store_on<TestType>(table), two = store_on<TestType>(table);
        const auto guard = one.lock_token("a", steady::now() + 5s);
        for (auto* store : {&one, &two}) {
            CHECK(duration_of([&] {
                      CHECK(code_of([&] { (void)store->lock_token("a", steady::now() - 1h); }) == errc::lock_timeout);
                  }) < 10s);
            const auto waited = duration_of([&] {
                CHECK(code_of([&] { (void)store->lock_token("a", steady::now() + 300ms); }) == errc::lock_timeout);
            });
            CHECK(waited >= 299ms);
            CHECK(waited < 10s);
        }
    }

    SECTION("until any thread releases it") {
        auto one = store_on<TestType>(table), two = store_on<TestType>(table);
        auto guard = std::make_optional(one.lock_token("a", steady::now() + 5s));
        std::atomic<bool> has_it = false;
        std::thread waiting([&] {
            const auto mine = two.lock_token("a", steady::now() + 10s);
            has_it = true;
        });
        std::this_thread::sleep_for(100ms);
        CHECK(!has_it);
        std::thread([&] { guard.reset(); }).join();
        waiting.join();
        CHECK(has_it);
    }

    SECTION("though the store is gone") {
        auto one = std::make_unique<store_over<TestType>>(TestType::connection(table));
        auto two = store_on<TestType>(table);
        {
            const auto guard = one->lock_token("a", steady::now() + 5s);
            one.reset();
            CHECK(!is_free(two, "a"));
        }
        CHECK(is_free(two, "a"));
    }

    SECTION("until its process is killed") {
        const signpost locked;
        const pid_t child = start_process([&] {
            auto store = store_on<TestType>(table);
            const auto guard = store.lock_token("a", steady::now() + 5s);
            locked.reached();
            for (;;) ::pause();
        });
        locked.wait();
        auto store = store_on<TestType>(table);
        CHECK(!is_free(store, "a"));
        CHECK(is_free(store, "b"));
        ::kill(child, SIGKILL);
        CHECK(!ended_well(child));
        CHECK(duration_of([&] { (void)store.lock_token("a", steady::now() + 10s); }) < 9s);
    }

    SECTION("in another process, too") {
        const signpost locked, asked;
        const pid_t holder = start_process([&] {
            auto store = store_on<TestType>(table);
            {
                const auto guard = store.lock_token("a", steady::now() + 5s);
                locked.reached();
                asked.wait();
                std::this_thread::sleep_for(200ms);
            }
            store.save_token(record("u"));
        });
        locked.wait();
        const pid_t waiting = start_process([&] {
            auto store = store_on<TestType>(table);
            expect(!is_free(store, "a"), "the lock of another process is no lock");
            asked.reached();
            const auto guard = store.lock_token("a", steady::now() + 10s);
        });
        CHECK(ended_well(waiting));
        CHECK(ended_well(holder));
    }
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: a lock whose session was killed is free, and its guard does no harm", "[sql]",
                        server_backends) {
    const std::string table = new_table();
    auto one = store_on<TestType>(table), two = store_on<TestType>(table);
    visitor<TestType> administrator;
    const auto kill = [&](const std::string& session) { administrator.execute(TestType::end(session)); };
    const auto newest_session = [&] {
        return administrator
            .ask(std::is_same_v<TestType, mysql_backend> ? "SELECT MAX(id) FROM information_schema.processlist"
                                                         : "SELECT pid::text FROM pg_locks WHERE locktype = 'advisory'")
            .front();
    };
    {
        auto first = std::make_optional(one.lock_token("a", steady::now() + 5s));
        kill(newest_session());
        const auto second = two.lock_token("a", steady::now() + 5s);
        CHECK(code_of([&] { (void)one.lock_token("a", steady::now() + 50ms); }) == errc::lock_timeout);
        first.reset();
        CHECK(!is_free(one, "a"));
    }
    CHECK(is_free(one, "a"));

    // A session that is kept for the next lock may be killed as well.
    { const auto guard = one.lock_token("a", steady::now() + 5s); }
    for (const std::string& session : administrator.ask(TestType::other_sessions)) kill(session);
    const auto guard = one.lock_token("a", steady::now() + 5s);
    CHECK(!is_free(two, "a"));
}

TEMPLATE_LIST_TEST_CASE("sql_store: threads that wait for one lock take turns on few sessions", "[sql]",
                        server_backends) {
    auto store = store_on<TestType>(new_table());
    const std::size_t before = sessions<TestType>();
    auto guard = std::make_optional(store.lock_token("a", steady::now() + 5s));
    std::atomic<int> inside = 0, had = 0;
    std::atomic<bool> is_alone = true;
    std::vector<std::thread> threads;
    for (int n = 0; n < 20; ++n)
        threads.emplace_back([&] {
            const auto mine = store.lock_token("a", steady::now() + 30s);
            if (++inside != 1) is_alone = false;
            std::this_thread::sleep_for(1ms);
            --inside;
            ++had;
        });
    std::this_thread::sleep_for(200ms);
    CHECK(sessions<TestType>() <= before + 3);
    guard.reset();
    for (std::thread& each : threads) each.join();
    CHECK(had == 20);
    CHECK(is_alone);
    CHECK(sessions<TestType>() <= before + 3);
}
#endif

TEMPLATE_LIST_TEST_CASE("sql_store: a change waits for others for as long as the policy says", "[sql]", every_backend) {
    const std::string table = new_table();
    auto store = store_on<TestType, hasty>(table);
    store.save_token(record("u"));
    token changed = record("u");
    changed.access_token = "new";

    SECTION("and is made when they let it") {
        blocked_table<TestType> block(table);
        std::thread others([&] {
            std::this_thread::sleep_for(300ms);
            block.release();
        });
        CHECK(duration_of([&] { store.save_token(changed); }) >= 250ms);
        others.join();
        CHECK(store.get_tokens() == std::vector<token>{changed});
    }
    SECTION("and is given up") {
        blocked_table<TestType> block(table);
        for (const auto& act : std::vector<std::function<void()>>{
                 [&] { store.save_token(changed); }, [&] { store.save_token(record("v")); },
                 [&] { store.replace_token(record("u"), changed); }, [&] { store.remove_token(record("u")); },
                 [&] { store.delete_token("id of u"); }, [&] { store.delete_tokens(); }}) {
            const auto waited = duration_of([&] { CHECK(code_of(act) == errc::lock_timeout); });
            CHECK(waited >= 900ms);
            CHECK(waited < 10s);
            CHECK(store.get_tokens() == std::vector<token>{record("u")}); // which waits for nobody
        }
        block.release();
        store.save_token(changed);
        CHECK(store.get_tokens() == std::vector<token>{changed});
    }
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: a lock is kept though the server ends idle sessions soon", "[sql]",
                        server_backends) {
    constexpr bool is_mysql = std::is_same_v<TestType, mysql_backend>;
    visitor<TestType> administrator;
    administrator.execute(is_mysql ? "SET GLOBAL wait_timeout = 1"
                                   : "ALTER DATABASE tokenkeep SET idle_session_timeout = '1s'");
    const std::string table = new_table();
    auto one = store_on<TestType>(table), two = store_on<TestType>(table);
    {
        const auto guard = one.lock_token("a", steady::now() + 5s);
        std::this_thread::sleep_for(2500ms);
        CHECK(code_of([&] { (void)two.lock_token("a", steady::now() + 50ms); }) == errc::lock_timeout);
        one.save_token(record("ada")); // over a connection that is made anew
    }
    CHECK(two.get_tokens().size() == 1);
    administrator.execute(is_mysql ? "SET GLOBAL wait_timeout = 28800"
                                   : "ALTER DATABASE tokenkeep RESET idle_session_timeout");
}

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("postgres_store: a change that others keep waiting ends by its deadline, and its session lives on", "[sql]") {
    const std::string table = new_table();
    auto store = store_on<postgres_backend>(table);
    store.save_token(record("u"));
    visitor<postgres_backend> administrator;
    const auto session_that_did = [&](const std::string& last) {
        return administrator.ask("SELECT pid::text FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
                                 "'tokenkeep' AND query = '" +
                                 last + "'");
    };
    const std::vector<std::string> session = session_that_did("COMMIT");
    CHECK(session.size() == 1);
    {
        const blocked_table<postgres_backend> block(table);
        const auto end = steady::now() + 2s;
        const std::error_code code = code_of([&] { store.until(end).save_token(record("v")); });
        CHECK(steady::now() > end - 1s);
        if (code == errc::lock_timeout) // a busy machine may be too late for what the server says, and closes
            CHECK(session_that_did("ROLLBACK") == session);
        else
            CHECK(code == errc::not_saved);
    }
    store.save_token(record("v"));
    CHECK(store.get_tokens().size() == 2);
}
#endif

TEMPLATE_LIST_TEST_CASE("sql_store: a change that a deadlock has undone is made again", "[sql]", server_backends) {
    const std::string table = new_table();
    auto store = store_on<TestType, tokenkeep::defaults>(table);
    store.save_token(record("u"));
    token changed = record("u");
    changed.access_token = "new";
    // The visitor holds the row and wants the table, the store holds the table and wants the row. Only the store tries
    // again: the visitor has changed more, or waits longer, so that it is not the one who is chosen each time.
    bool was_undone = false;
    for (int round = 0; round < 12 && !was_undone; ++round) {
        visitor<TestType> other;
        other.execute("BEGIN");
        other.execute("UPDATE " + table + " SET scope = 'other" + std::to_string(round) + "' WHERE id = 'id of u'");
        std::atomic<bool> is_done = false;
        std::thread saving([&] {
            changed.access_token = "new " + std::to_string(round);
            store.save_token(changed);
            is_done = true;
        });
        std::this_thread::sleep_for(round % 2 == 0 ? 150ms : 1'200ms);
        try {
            other.execute("UPDATE tokenkeep_schema SET version = version WHERE name = '" + table + "'");
            was_undone = true; // the store's transaction, that is
            CHECK(!is_done);
            other.execute("COMMIT");
        } catch (const tokenkeep::sql_error& fault) {
            CHECK(fault.fault() == tokenkeep::sql_fault::conflict);
            other.execute("ROLLBACK");
        }
        saving.join();
        CHECK(store.find_token_by_id("id of u")->access_token == changed.access_token);
    }
    CHECK(was_undone);
}
#endif
