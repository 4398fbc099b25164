// SPDX-License-Identifier: MIT
// Servers and processes that stand still (SIGSTOP) while their connections live: each caller is back by its deadline,
// and afterwards nothing is lost, and nothing is there twice.
// databases: SQLite, MariaDB, Postgres
#include "support/laws.hpp"

#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;
using steady = std::chrono::steady_clock;

namespace {

token record(const std::string& name) {
    return {.user_name = name, .client_id = "client", .access_token = "access of " + name, .id = "id of " + name};
}
token changed(token row) {
    row.access_token = "changed";
    return row;
}

/// Processes that stand still for as long as this object lives, or until they are told to go on.
class standstill {
  public:
    explicit standstill(std::set<pid_t> processes) : processes_(std::move(processes)) {
        for (const pid_t each : processes_) ::kill(each, SIGSTOP);
        for (const pid_t each : processes_) holds_within(10s, [&] { return stands_still(each); });
    }
    standstill(const standstill&) = delete;
    standstill& operator=(const standstill&) = delete;
    ~standstill() { end(); }

    void end() {
        for (const pid_t each : std::exchange(processes_, {})) ::kill(each, SIGCONT);
    }

  private:
    /// All threads of the process do, or there is no such process. A signal takes a moment to reach those that run.
    static bool stands_still(pid_t process) {
        std::error_code none;
        for (const auto& thread :
             std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", none)) {
            const std::string status = bytes_of(thread.path().string() + "/status");
            if (!status.empty() && status.find("\nState:\tT") == std::string::npos) return false;
        }
        return true;
    }

    std::set<pid_t> processes_;
};

#ifdef TOKENKEEP_TEST_POSTGRES
/// The server lets clients in, but those that serve the sessions which are there stand still.
struct postgres_sessions : postgres_backend {
    static std::set<pid_t> that_stand_still() {
        std::set<pid_t> all;
        for (const std::string& session : visitor<postgres_backend>().ask(other_sessions))
            all.insert(std::atoi(session.c_str()));
        return all;
    }
};
#endif

template <class Backend>
std::set<pid_t> processes_of() {
    if constexpr (requires { Backend::that_stand_still(); })
        return Backend::that_stand_still();
    else
        return Backend::server().processes();
}

#ifdef TOKENKEEP_TEST_POSTGRES
using standing_backends = joined<server_backends, std::tuple<postgres_sessions>>;
#else
using standing_backends = server_backends;
#endif

/// How calls have ended, and when.
struct ended {
    std::error_code code{};
    steady::time_point at{};
};

/// Calls each of `calls` on a thread of its own. If they are not back after ten seconds, calls `give_up`.
std::vector<ended> ends_of(const std::vector<std::function<void()>>& calls, const std::function<void()>& give_up) {
    std::vector<ended> ends(calls.size());
    std::mutex mutex;
    std::condition_variable is_one_back;
    std::size_t back = 0;
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < calls.size(); ++n)
        threads.emplace_back([&, n] {
            const std::error_code code = code_of(calls[n]);
            ends[n] = {code, steady::now()};
            const std::lock_guard lock(mutex);
            ++back;
            is_one_back.notify_one();
        });
    {
        std::unique_lock lock(mutex);
        if (!is_one_back.wait_for(lock, 10s, [&] { return back == calls.size(); })) {
            lock.unlock();
            give_up();
        }
    }
    for (std::thread& each : threads) each.join();
    return ends;
}

/// How late a thread wakes that only sleeps until then. On a machine that is busy, callers are as late several times.
class punctuality {
  public:
    explicit punctuality(steady::time_point until) : until_(until) {}
    punctuality(const punctuality&) = delete;
    punctuality& operator=(const punctuality&) = delete;
    ~punctuality() {
        if (sleeping_.joinable()) sleeping_.join();
    }

    /// When a caller is back in time: the deadline came `after` the call.
    steady::time_point limit(std::chrono::milliseconds after) {
        sleeping_.join();
        return until_ + after / 5 + 100ms + (std::min)(5 * late_, steady::duration(5s));
    }

  private:
    steady::time_point until_;
    steady::duration late_{0};
    std::thread sleeping_{[this] {
        std::this_thread::sleep_until(until_);
        late_ = steady::now() - until_;
    }};
};

template <class Store>
std::map<std::string, int> counted_rows(Store& store) {
    std::map<std::string, int> rows;
    for (const token& row : store.get_tokens()) ++rows[row.user_name];
    return rows;
}

bool is_one_of(const std::error_code& code, std::initializer_list<errc> codes) {
    return std::any_of(codes.begin(), codes.end(), [&](errc each) { return code == each; });
}

} // namespace

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: callers are back by their deadlines while the server is stopped", "[sql]",
                        standing_backends) {
    constexpr std::chrono::milliseconds left = 2s;
    auto store = store_on<TestType, tokenkeep::defaults>(new_table());
    const token first = record("first"), second = record("second");
    store.save_token(first);
    store.save_token(second);
    std::optional guard(store.until(steady::now() + left).lock_token("short", steady::now() + 5s)),
        patient_guard(store.lock_token("patient", steady::now() + 5s));
    { const auto used_again = store.lock_token("used", steady::now() + 5s); }

    standstill still(processes_of<TestType>());
    const auto begin = steady::now(), end = begin + left;
    auto soon = store.until(end);
    punctuality punctual(end);
    std::vector<std::function<void()>> calls;
    std::set<std::string> saved;
    for (int n = 0; n < 4; ++n) {
        const std::string name = "user " + std::to_string(n);
        saved.insert(name);
        calls.emplace_back([&] { (void)soon.find_token({.user_name = "first"}); });
        calls.emplace_back([&, name] { soon.save_token(record(name)); });
        calls.emplace_back([&] { (void)soon.replace_token(first, changed(first)); });
        calls.emplace_back([&, name] { (void)soon.lock_token(name, steady::now() + 1h); });
    }
    const std::size_t callers = calls.size();
    calls.emplace_back([&] {
        std::this_thread::sleep_until(end);
        guard.reset(); // its caller has no time left
    });
    calls.emplace_back([&] { patient_guard.reset(); });
    const std::vector<ended> ends = ends_of(calls, [&] { still.end(); });
    const auto limit = punctual.limit(left);
    std::size_t may_be_made = 0;
    for (std::size_t n = 0; n < ends.size(); ++n) {
        CAPTURE(n, ends[n].code.message(), (ends[n].at - begin) / 1ms, (limit - begin) / 1ms);
        CHECK(ends[n].at <= limit);
        if (n >= callers) continue;
        const bool is_change = n % 4 == 1 || n % 4 == 2, is_lock = n % 4 == 3;
        if (is_change)
            CHECK(is_one_of(ends[n].code, {errc::not_saved, errc::lock_timeout, errc::indeterminate}));
        else if (!is_lock || ends[n].code)
            CHECK(is_one_of(ends[n].code, {errc::storage_failure, errc::lock_timeout}));
        may_be_made += ends[n].code == errc::indeterminate ? 1u : 0u;
    }
    CHECK(may_be_made == 0); // no commit was sent
    still.end();

    CHECK(store.find_token_by_id(first.id) == first);
    CHECK(counted_rows(store) == std::map<std::string, int>{{"first", 1}, {"second", 1}});
    for (const std::string& name : saved) store.save_token(record(name));
    CHECK(store.replace_token(second, changed(second)));
    CHECK(counted_rows(store).size() == 2 + saved.size());
    for (const std::string name : {"short", "patient", "user 0"}) // the guards have ended with their sessions
        CHECK_NOTHROW(store.lock_token(name, steady::now() + 10s));
}

namespace {

/// A connection that calls `act` before a statement that begins with a text.
template <class Backend>
class interrupted_connection {
  public:
    struct interruption {
        std::string before{};
        std::function<void()> act{};
    };
    using real_connection = typename Backend::connection_type;
    using real_statement = decltype(std::declval<real_connection&>().prepare(""));
    static constexpr tokenkeep::sql_dialect dialect = real_connection::dialect;

    class statement {
      public:
        statement(real_statement real, std::string sql, std::shared_ptr<interruption> by)
            : real_(std::move(real)), sql_(std::move(sql)), by_(std::move(by)) {}
        void bind(std::size_t parameter, std::optional<std::string_view> value) { real_.bind(parameter, value); }
        bool step() {
            interrupt(*by_, sql_);
            return real_.step();
        }
        std::optional<std::string_view> column(std::size_t column) { return real_.column(column); }
        std::uint64_t changes() { return real_.changes(); }
        void reset() { real_.reset(); }

      private:
        real_statement real_;
        std::string sql_;
        std::shared_ptr<interruption> by_;
    };

    interrupted_connection(const std::string& table, std::shared_ptr<interruption> by)
        : real_(Backend::connection(table)), by_(std::move(by)), table_(table) {}

    std::string table() const { return table_; }
    void set_deadline(tokenkeep::deadline until) { real_.set_deadline(until); }
    void connect(std::chrono::milliseconds patience) { real_.connect(patience); }
    void execute(const std::string& sql) {
        interrupt(*by_, sql);
        real_.execute(sql);
    }
    statement prepare(const std::string& sql) { return {real_.prepare(sql), sql, by_}; }

  private:
    static void interrupt(interruption& by, const std::string& sql) {
        if (by.before.empty() || !sql.starts_with(by.before)) return;
        by.before.clear();
        by.act();
    }

    real_connection real_;
    std::shared_ptr<interruption> by_;
    std::string table_;
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: a change that the server had when the time ended is not reported as made or not",
                        "[sql]", server_backends) {
    using connection = interrupted_connection<TestType>;
    const std::string table = new_table();
    const auto by = std::make_shared<typename connection::interruption>();
    tokenkeep::sql_store<connection> store(connection(table, by));
    store.save_token(record("first"));
    std::optional<standstill> still;
    by->act = [&] { still.emplace(TestType::server().processes()); };
    const auto save = [&](const std::string& before, const std::string& name) {
        by->before = before;
        const auto begin = steady::now();
        const std::error_code code = code_of([&] { store.until(begin + 400ms).save_token(record(name)); });
        CHECK(steady::now() - begin < 5s);
        CHECK(still);
        still.reset();
        return code;
    };
    CHECK(save("COMMIT", "committed") == errc::indeterminate);
    CHECK(holds_within(10s, [&] { return counted_rows(store)["committed"] == 1; })); // the server goes on with it
    CHECK(save("INSERT", "inserted") == errc::not_saved);
    store.save_token(record("committed")); // waits until that transaction has ended
    CHECK(counted_rows(store) == std::map<std::string, int>{{"first", 1}, {"committed", 1}});
    store.save_token(record("inserted"));
    CHECK(counted_rows(store)["inserted"] == 1);
}
#endif

TEMPLATE_LIST_TEST_CASE("sql_store: callers are back by their deadlines while a process is stopped in a change",
                        "[sql]", every_backend) {
    constexpr std::chrono::milliseconds left = 1s;
    const std::string table = new_table();
    auto store = store_on<TestType, tokenkeep::defaults>(table);
    const token first = record("first");
    store.save_token(first);
    const pid_t child = start_process([&] {
        const blocked_table<TestType> block(table);
        ::raise(SIGSTOP);
        ::_exit(1);
    });
    int status = 0;
    REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
    const auto begin = steady::now(), end = begin + left;
    auto soon = store.until(end);
    punctuality punctual(end);
    std::vector<std::function<void()>> calls;
    for (int n = 0; n < 4; ++n) {
        calls.emplace_back([&] { (void)soon.find_token({.user_name = "first"}); });
        calls.emplace_back([&, n] { soon.save_token(record("user " + std::to_string(n))); });
        calls.emplace_back([&] { (void)soon.replace_token(first, changed(first)); });
        calls.emplace_back([&] { (void)soon.remove_token(first); });
    }
    const std::vector<ended> ends = ends_of(calls, [&] { ::kill(child, SIGKILL); });
    const auto limit = punctual.limit(left);
    ::kill(child, SIGKILL);
    CHECK(WIFSTOPPED(status));
    CHECK(!ended_well(child));
    for (std::size_t n = 0; n < ends.size(); ++n) {
        CAPTURE(n, ends[n].code.message(), (ends[n].at - begin) / 1ms, (limit - begin) / 1ms);
        CHECK(ends[n].at <= limit);
        if (n % 4 != 0) CHECK(is_one_of(ends[n].code, {errc::not_saved, errc::lock_timeout}));
        if (n % 4 == 0 && ends[n].code) CHECK(is_one_of(ends[n].code, {errc::storage_failure, errc::lock_timeout}));
    }
    CHECK(store.get_tokens() == std::vector<token>{first});
    CHECK(store.replace_token(first, changed(first)));
    store.save_token(record("user 0"));
    CHECK(store.get_tokens().size() == 2);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a deadline may be as far away as the clock can say", "[sql]", every_backend) {
    auto store = store_on<TestType>(new_table()).until((steady::time_point::max)());
    store.save_token(record("first"));
    CHECK(store.find_token_by_id("id of first") == record("first"));
    CHECK_NOTHROW(store.lock_token("a", steady::now() + 5s));
    CHECK(code_of([&] { (void)store.until(steady::now() - 1s).get_tokens(); }) == errc::lock_timeout);
}

TEMPLATE_LIST_TEST_CASE("sql_store: what until gives keeps every law", "[sql]", every_backend) {
    const std::string table = new_table(); // one table for all stores, as making one takes its time
    const auto make = [&] {
        auto store = store_on<TestType>(table);
        store.delete_tokens();
        return store.until(steady::now() + 1h);
    };
    const law_findings found = findings_about(make, {.longest_id = TestType::longest_id});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}
