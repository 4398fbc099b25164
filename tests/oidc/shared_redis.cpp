// SPDX-License-Identifier: MIT
// One session that processes share through Redis, against the real authorization server: while nothing fails, while the
// locks end at any moment and the server drops its connections, and while processes are killed, whose locks last.
// TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
// databases: Redis
#include <tokenkeep/redis.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "fragile_session.hpp"
#include "redis/server.hpp"
#include "shared_session.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <unistd.h>

using namespace tests;

namespace {

redis_server& server() {
    static redis_server one;
    return one;
}

/// Where a session is: in a new table of the server.
struct in_redis {
    const std::string table = new_table();

    tokenkeep::redis_store store() const {
        tokenkeep::redis_parameters parameters = server().parameters(table);
        parameters.lease = 2s;
        return tokenkeep::redis_store{parameters};
    }

    static std::string new_table() {
        static int number = 0;
        return "table-" + std::to_string(++number);
    }
};

/// What was broken, counted by another process.
struct breakages {
    std::atomic<int> locks = 0, connections = 0;

    /// Takes locks away from those that hold them, and ends connections, until then.
    void go_on_until(steady_clock::time_point calm) {
        for (int round = 0; steady_clock::now() < calm; ++round, std::this_thread::sleep_for(10ms)) {
            for (const std::string& lock : server().ask({"KEYS", "*:lock:*"}))
                if (server().ask({"DEL", lock}) == words{"1"}) ++locks;
            if (round % 32 == 0 && server().ask({"CLIENT", "KILL", "TYPE", "normal"}) != words{"0"}) ++connections;
        }
    }
};

} // namespace

TEST_CASE("shared in Redis: whoever finds it due refreshes it for all, once, and no call fails", "[oidc]") {
    basic_shared_session<in_redis> session;
    const auto time = is_long() ? 45s : 5s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned) { session.work(); });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= session.most_refreshes(time) / 2);
}

TEST_CASE("shared in Redis: locks that end too early and lost connections cost calls, not the session", "[oidc]") {
    basic_shared_session<in_redis> session(200ms);
    session.options.doubt_expires_after = 2s; // of a marker that was written, though nothing could be sent
    session.may_fail = {tokenkeep::errc::storage_failure, tokenkeep::errc::rotation_not_saved};
    const shared_memory<breakages> broken;
    const auto time = is_long() ? 45s : 6s;
    session.end = steady_clock::now() + time;
    session.calm = session.end - 1s;
    const pid_t breaker = start_process([&] { broken->go_on_until(session.calm); });
    session.share([&](unsigned) { session.work(); });
    CHECK(ended_well(breaker));
    CAPTURE(broken->locks.load(), broken->connections.load());
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= 2);
    CHECK(broken->locks >= 2);
    CHECK(broken->connections >= 2);
}

TEST_CASE("shared in Redis: a kill costs a session at most, and others wait until the lease of the killed ends",
          "[oidc]") {
    basic_fragile_session<in_redis> session(200ms, is_long() ? 45s : 7s);
    session.options.request_timeout = 1s;
    session.options.save_timeout = 1s;
    session.may_fail.insert(session.may_fail.end(), {errc::storage_failure, errc::rotation_not_saved}); // if it is late
    session.longest_pause = 4s; // more kills than leases that end would leave no one time to refresh
    const shared_memory<tally> seen;
    const pid_t user = start_process([&] { session.look_after(*seen); });
    const int kills =
        session.share_among_mortals(*seen, [&](std::size_t) { session.work(curl_transport{}, std::ref(*seen)); });
    CHECK(ended_well(user));
    CAPTURE(kills);
    const json log = session.check_losses(*seen);
    CHECK(seen->lost <= kills);
    CHECK(log["invalid_grant"] <= seen->lost + kills); // who finds it out may be killed before it says so
}
