// SPDX-License-Identifier: MIT
// One session that two machines share through a database server, and processes of one machine through SQLite; while
// processes are killed, the server ends connections, or is away for a while. The machines are processes, each with a
// folder of its own, that have nothing in common but the database server and the authorization server.
// TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
// databases: SQLite, MariaDB, Postgres
#include <tokenkeep/tokenkeep.hpp>

#include "fragile_session.hpp"
#include "machines.hpp"
#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace tests;

namespace {

/// Where a session is: in a new table of a database.
template <class Backend>
struct in_a_table {
    const std::string table = new_table();

    auto store() const { return store_on<Backend>(table); }
};

/// How an administrator finds the sessions that hold an identity's lock.
template <class Backend>
struct administration;

template <>
struct administration<mysql_backend> {
    static constexpr const char* setup = "INSTALL PLUGIN IF NOT EXISTS metadata_lock_info SONAME 'metadata_lock_info'";
    static constexpr const char* holders =
        "SELECT thread_id FROM information_schema.METADATA_LOCK_INFO WHERE lock_type = 'User lock'";
};

template <>
struct administration<postgres_backend> {
    static constexpr const char* setup = "SELECT 1";
    static constexpr const char* holders = "SELECT pid::text FROM pg_locks WHERE locktype = 'advisory' AND granted";
};

struct ended_sessions {
    std::atomic<int> holders = 0, others = 0, between = 0;
};

/// The administrator of a database that a store is in.
template <class Backend>
class administrator {
    using how = administration<Backend>;

  public:
    explicit administrator(ended_sessions& ended) : ended_(ended) { visitor_.execute(how::setup); }

    /// Ends one session after the other until `is_calm()`: first two that hold a lock, for which it waits, then every
    /// other time one that holds a lock. At last it ends all sessions at once: a call that begins then finds each of
    /// its connections dead, and makes a new one.
    template <class IsCalm>
    void end_sessions(IsCalm is_calm) {
        std::minstd_rand chance{std::random_device{}()};
        for (; !is_calm(); std::this_thread::sleep_for(std::chrono::milliseconds(10 + chance() % 100))) {
            const bool needs_holder = ended_.holders < 2;
            const bool a_holder = needs_holder || chance() % 2 == 0;
            auto found = visitor_.ask(a_holder ? how::holders : Backend::other_sessions);
            if (needs_holder) holds_within(1s, [&] { return !(found = visitor_.ask(how::holders)).empty(); });
            if (!found.empty()) end(found[chance() % found.size()], a_holder ? ended_.holders : ended_.others);
            if (ended_.between == 0 || chance() % 8 == 0) end_a_holder_between_look_and_mark();
        }
        for (const std::string& session : visitor_.ask(Backend::other_sessions)) end(session, ended_.others);
    }

  private:
    /// While nobody can write, whoever holds the lock has looked at the row and waits to write the marker. Without its
    /// session another takes the lock and looks at the same row; then both may write.
    void end_a_holder_between_look_and_mark() {
        visitor_.execute(std::string(Backend::connection_type::dialect.begin));
        visitor_.ask("SELECT version FROM tokenkeep_schema FOR UPDATE");
        std::vector<std::string> first, second;
        if (holds_within(1s, [&] { return !(first = visitor_.ask(how::holders)).empty(); })) {
            std::this_thread::sleep_for(50ms);
            end(first.front(), ended_.between);
            holds_within(1s, [&] { return !(second = visitor_.ask(how::holders)).empty() && second != first; });
            std::this_thread::sleep_for(50ms);
        }
        visitor_.execute("COMMIT");
    }

    void end(const std::string& session, std::atomic<int>& counter) {
        try {
            visitor_.execute(Backend::end(session));
            ++counter;
        } catch (const tokenkeep::sql_error&) { // it has ended by itself
        }
    }

    ended_sessions& ended_;
    visitor<Backend> visitor_{};
};

/// An answer of the token endpoint that a transport keeps back, in whatever process it comes.
struct kept_answer {
    std::atomic<bool> is_wanted = false, has_come = false, may_go = false;
};

struct keeping_transport {
    kept_answer* kept;
    curl_transport inner{};

    tokenkeep::http_response operator()(const tokenkeep::http_request& request) {
        tokenkeep::http_response answer = inner(request);
        if (request.method == "POST" && kept->is_wanted.exchange(false)) {
            kept->has_come = true;
            holds_within(20s, [&] { return kept->may_go.load(); });
        }
        return answer;
    }
};

/// What a call may throw when the database is gone in the midst of it. The session is not harmed by any of these.
const std::vector<errc> passing{errc::storage_failure, errc::rotation_not_saved};

} // namespace

TEMPLATE_LIST_TEST_CASE("shared in a database: whoever finds it due refreshes it for all, once, and no call fails",
                        "[oidc]", every_backend) {
    basic_shared_session<in_a_table<TestType>> session;
    const machines hosts;
    const auto time = is_long() ? 45s : 6s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned n) {
        hosts.enter(n);
        session.work();
    });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= session.most_refreshes(time) / 2);
    CHECK(hosts.are_clean());
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("shared in a database: connections that the server ends cost calls, not the session", "[oidc]",
                        server_backends) {
    basic_shared_session<in_a_table<TestType>> session(200ms);
    session.options.doubt_expires_after = 2s; // of a marker that was written, though nothing could be sent
    session.may_fail = passing;
    const shared_memory<tally> seen;
    const shared_memory<ended_sessions> ended;
    const auto time = is_long() ? 45s : 7s;
    session.end = steady_clock::now() + time;
    session.calm = session.end - 1s;
    const pid_t ender = start_process(
        [&] { administrator<TestType>(*ended).end_sessions([&] { return steady_clock::now() >= session.calm; }); });
    session.share([&](unsigned) { session.work(curl_transport{}, std::ref(*seen)); });
    CHECK(ended_well(ender));
    CAPTURE(ended->holders.load(), ended->others.load(), ended->between.load(), seen->not_saved.load());
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= 2);
    CHECK(ended->holders >= 2);
    CHECK(ended->others >= 10);
    CHECK(ended->between >= 1);
}
#endif

TEMPLATE_LIST_TEST_CASE(
    "shared in a database: kills cost a session each at most, which is found out, and the next login "
    "works, though the server ends connections as well",
    "[oidc]", every_backend) {
    basic_fragile_session<in_a_table<TestType>> session(200ms, is_long() ? 45s : 7s);
    session.may_fail.insert(session.may_fail.end(), passing.begin(), passing.end());
    const shared_memory<tally> seen;
    const shared_memory<ended_sessions> ended;
    const machines hosts;
    const pid_t user = start_process([&] { session.look_after(*seen); });
    const pid_t ender = start_process([&] {
        if constexpr (!std::is_same_v<TestType, sqlite_backend>)
            administrator<TestType>(*ended).end_sessions([&] { return session.is_calm(); });
    });
    const int kills = session.share_among_mortals(*seen, [&](std::size_t n) {
        hosts.enter(n);
        session.work(curl_transport{}, std::ref(*seen));
    });
    CHECK(ended_well(user));
    CHECK(ended_well(ender));
    CAPTURE(kills, ended->holders.load(), ended->others.load());
    const json log = session.check_losses(*seen);
    CHECK(seen->lost <= kills);
    CHECK(seen->refused >= seen->lost);
    CHECK(log["invalid_grant"] <= seen->lost + kills); // who finds it out may be killed before it says so
    CHECK(hosts.are_clean());
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE(
    "shared in a database: while its server is away sessions give the token they have, and new tokens "
    "wait in memory until it is back",
    "[oidc]", server_backends) {
    basic_shared_session<in_a_table<TestType>> session(0ms, 10s); // refreshed after 8 s
    session.may_fail = passing;
    const shared_memory<tally> seen;
    const shared_memory<failed_calls> failed_in_sessions;
    const shared_memory<kept_answer> kept;
    const machines hosts;
    session.end = steady_clock::now() + 150s; // at the latest; see finish
    std::vector<pid_t> processes;
    for (unsigned n = 0; n < session.workers; ++n)
        processes.push_back(start_process([&, n] {
            hosts.enter(n);
            if (n / 2 % 2 == 0)
                session.work(keeping_transport{&*kept}, std::ref(*seen));
            else
                session.work_in_sessions(*failed_in_sessions, keeping_transport{&*kept}, std::ref(*seen));
        }));
    auto& server = TestType::server();

    CHECK(holds_within(20s, [&] { return session.at_work() == session.workers * session.workers; }));
    const int early = seen->saved;
    CHECK(holds_within(20s, [&] { return seen->saved > early; }));
    std::this_thread::sleep_for(500ms); // by now all sessions have the new token
    server.stop();
    CHECK(holds_within(20s, [&] { // the keeper looks at the row at each call
        return session.failed->of(errc::storage_failure) > 0;
    }));
    CHECK(failed_in_sessions->all() == 0); // a session does not, before its token is due
    server.start();

    kept->is_wanted = true;
    CHECK(holds_within(20s, [&] { return kept->has_come.load(); }));
    const int saved = seen->saved;
    server.stop();
    kept->may_go = true;
    CHECK(holds_within(20s, [&] { return seen->not_saved > 0; }));
    CHECK(seen->saved == saved);
    server.start();
    CHECK(holds_within(20s, [&] { return seen->saved == saved + 1; }));

    CHECK(holds_within(20s, [&] { // those that have failed are over
        const auto failures = [&] { return session.failed->all() + failed_in_sessions->all(); };
        const int before = failures();
        std::this_thread::sleep_for(1s);
        return failures() == before;
    }));
    session.finish();
    for (const pid_t each : processes) CHECK(ended_well(each));
    CAPTURE(failed_in_sessions->in_words(), seen->not_saved.load(), seen->saved.load());
    CHECK(session.check_unharmed() >= 1);
    CHECK(hosts.are_clean());
}
#endif
