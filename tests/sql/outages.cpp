// SPDX-License-Identifier: MIT
// Servers that stop and processes that are killed: what was acknowledged is there, and the store goes on.
// databases: SQLite, MariaDB, Postgres
#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;

namespace {

token record(const std::string& name, const std::string& value = "token") {
    return {.user_name = name, .client_id = "client", .access_token = value};
}

/// A process that saves the users PREFIX0, PREFIX1 and so on, and tells of each that was saved.
class saver {
  public:
    template <class Make>
    saver(const std::string& prefix, Make make) : prefix_(prefix) {
        expect(::pipe(ends_) == 0, "no pipe");
        child_ = start_process([&] {
            auto store = make();
            for (int n = 0;; ++n) {
                try {
                    store.save_token(record(prefix + std::to_string(n), std::to_string(n)));
                    expect(::write(ends_[1], &n, sizeof n) == sizeof n, "nobody listens");
                    std::this_thread::sleep_for(2ms); // for the other, whom SQLite does not queue
                } catch (const tokenkeep::error&) {   // the server is down; the user may or may not be saved
                    std::this_thread::sleep_for(5ms);
                }
            }
        });
        ::close(ends_[1]);
    }
    saver(const saver&) = delete;
    saver& operator=(const saver&) = delete;
    ~saver() {
        if (child_ > 0) kill();
        ::close(ends_[0]);
    }

    /// Waits for that many more.
    void wait_for(int count) {
        for (; count != 0; --count) expect(hear(), "the process has ended");
    }
    void kill() {
        ::kill(child_, SIGKILL);
        CHECK(!ended_well(std::exchange(child_, -1)));
        while (hear()) {
        }
    }

    /// The users that were saved for certain, and their tokens.
    const std::map<std::string, std::string>& saved() const { return saved_; }

  private:
    bool hear() {
        int n = 0;
        if (::read(ends_[0], &n, sizeof n) != sizeof n) return false;
        saved_[prefix_ + std::to_string(n)] = std::to_string(n);
        return true;
    }

    std::string prefix_;
    int ends_[2]{};
    pid_t child_ = -1;
    std::map<std::string, std::string> saved_{};
};

/// Every user that was saved is there, each user once, and each as one of them has saved it.
template <class Store>
void check_saved(Store& store, const std::map<std::string, std::string>& saved) {
    std::map<std::string, std::string> there;
    bool is_sound = true;
    for (const token& row : store.get_tokens()) {
        is_sound = there.emplace(row.user_name, row.access_token.reveal()).second && is_sound;
        is_sound = row.user_name.ends_with(row.access_token.reveal()) && is_sound;
    }
    CHECK(is_sound);
    CHECK(std::includes(there.begin(), there.end(), saved.begin(), saved.end()));
}

} // namespace

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: fails while the server is down, and works when it is back", "[sql]",
                        server_backends) {
    auto store = store_on<TestType, hasty>(new_table());
    store.save_token(record("u"));
    const token before = store.get_tokens().at(0);
    std::optional guard(store.lock_token("a", std::chrono::steady_clock::now() + 5s));
    { const auto used_again = store.lock_token("b", std::chrono::steady_clock::now() + 5s); }

    const auto check_down = [&] {
        const auto check = [](errc expected, const std::function<void()>& act) {
            const auto begin = std::chrono::steady_clock::now();
            CHECK(code_of(act) == expected);
            CHECK(std::chrono::steady_clock::now() - begin < 30s);
        };
        for (int n = 0; n < 2; ++n) {
            check(errc::not_saved, [&] { store.save_token(record("v")); });
            check(errc::not_saved, [&] { store.replace_token(before, before); });
            check(errc::not_saved, [&] { store.remove_token(before); });
            check(errc::not_saved, [&] { store.delete_token(before.id); });
            check(errc::not_saved, [&] { store.delete_tokens(); });
            check(errc::storage_failure, [&] { store.find_token(record("u")); });
            check(errc::storage_failure, [&] { store.find_token_by_id(before.id); });
            check(errc::storage_failure, [&] { store.get_tokens(); });
            check(errc::storage_failure, [&] { store.lock_token("b", std::chrono::steady_clock::now() + 1s); });
        }
    };
    SECTION("stopped") {
        TestType::server().stop();
        check_down();
    }
    SECTION("killed") {
        TestType::server().kill();
        check_down();
    }
    TestType::server().start();
    CHECK(store.get_tokens() == std::vector<token>{before});
    store.save_token(record("v"));
    CHECK(store.get_tokens().size() == 2);
    const auto again = store.lock_token("b", std::chrono::steady_clock::now() + 5s);
    guard.reset(); // its session went with the server
    const auto mine = store.lock_token("a", std::chrono::steady_clock::now() + 5s);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a server that was restarted between two calls is not noticed", "[sql]",
                        server_backends) {
    auto store = store_on<TestType, hasty>(new_table());
    store.save_token(record("u"));
    TestType::server().stop();
    TestType::server().start();
    store.save_token(record("u", "new"));
    CHECK(store.get_tokens().at(0).access_token == "new");
}

TEMPLATE_LIST_TEST_CASE("sql_store: what was saved before a server was killed is there", "[sql]", server_backends) {
    const std::string table = new_table();
    TestType::server();
    saver one("one", [&] { return store_on<TestType, hasty>(table); });
    saver two("two", [&] { return store_on<TestType, hasty>(table); });
    one.wait_for(20);
    two.wait_for(20);
    TestType::server().kill();
    TestType::server().start();
    one.wait_for(20);
    two.wait_for(20);
    one.kill();
    two.kill();
    auto store = store_on<TestType>(table);
    check_saved(store, one.saved());
    check_saved(store, two.saved());
    store.save_token(record("after", "after")); // nothing that the killed have left is in the way
}
#endif

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("sqlite_store: what was saved before a process was killed is there", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    tokenkeep::sqlite_store(path).save_token(record("first", "first"));
    std::map<std::string, std::string> saved{{"first", "first"}};
    for (int round = 0; round < 12; ++round) {
        const std::string name = std::string(1, static_cast<char>('a' + round));
        saver one("one " + name, [&] { return tokenkeep::sqlite_store(path); });
        saver two("two " + name, [&] { return tokenkeep::sqlite_store(path); });
        one.wait_for(3);
        two.wait_for(round % 4);
        std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
        one.kill();
        if (round % 2 == 0) two.wait_for(3); // the other goes on
        two.kill();
        saved.insert(one.saved().begin(), one.saved().end());
        saved.insert(two.saved().begin(), two.saved().end());

        tokenkeep::sqlite_store store(path);
        check_saved(store, saved);
        tokenkeep::sqlite_connection observer(path);
        observer.connect(5s);
        auto checked = observer.prepare("PRAGMA integrity_check");
        REQUIRE(checked.step());
        CHECK(checked.column(0) == "ok");
    }
    CHECK(saved.size() > 60);
}

TEST_CASE("sqlite_store: a process that was killed while it made the file is in nobody's way", "[sql]") {
    for (int round = 0; round < 25; ++round) {
        const temporary_directory folder;
        const std::string path = folder / "tokens.db";
        const pid_t child = start_process([&] { tokenkeep::sqlite_store(path).save_token(record("one")); });
        std::this_thread::sleep_for(std::chrono::microseconds(600 * round));
        ::kill(child, SIGKILL);
        ended_well(child);
        tokenkeep::sqlite_store store(path);
        CHECK_NOTHROW(store.save_token(record("two")));
        CHECK_NOTHROW(store.get_tokens());
        CHECK_FALSE(exists(path + ".new"));
    }
}
#endif
