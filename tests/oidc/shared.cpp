// SPDX-License-Identifier: MIT
// One session that processes and threads share through a file, against a server that takes each refresh token once and
// ends the session when one comes back. TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
#include <tokenkeep/tokenkeep.hpp>

#include "shared_session.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <random>

using namespace tests;

namespace {

/// No connection comes about for three of ten token requests.
struct flaky_transport {
    curl_transport inner{};

    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        thread_local std::minstd_rand chance{std::random_device{}()};
        if (request.url.ends_with("/token") && chance() % 10 < 3)
            throw tokenkeep::transport_error("no connection", false);
        return inner(request);
    }
};

/// The machine's clock, set wrong.
struct wrong_clock : tokenkeep::system_clock {
    explicit wrong_clock(std::chrono::seconds ahead) : ahead_(ahead) {}
    tokenkeep::timestamp now() const { return system_clock::now() + ahead_; }

  private:
    std::chrono::seconds ahead_;
};

} // namespace

TEST_CASE("shared session: whoever finds it due refreshes it for all, once, and no call fails", "[oidc]") {
    shared_session session;
    const auto time = is_long() ? 120s : 20s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned) { session.work(); });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= session.most_refreshes(time) / 2);
}

TEST_CASE("shared session: connections that fail before anything is sent cost calls, not the session", "[oidc]") {
    shared_session session;
    session.may_fail = {tokenkeep::errc::transport_failure};
    const auto time = is_long() ? 120s : 10s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned) { session.work(flaky_transport{}); });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= 2);
}

TEST_CASE("shared session: a process whose clock is wrong by half a minute does not end it", "[oidc]") {
    const auto ahead = GENERATE(30s, -30s);
    CAPTURE(ahead.count());
    shared_session session;
    session.end = steady_clock::now() + (is_long() ? 60s : 5s);
    session.share([&](unsigned n) {
        if (n == 0)
            session.work(curl_transport{}, tokenkeep::ignore_events{}, wrong_clock(ahead));
        else
            session.work();
    });
    session.check_unharmed();
}
