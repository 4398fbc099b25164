// SPDX-License-Identifier: MIT
// One session that processes and threads share through a file, against a server that takes each refresh token once and
// ends the session when one comes back. TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
#include <tokenkeep/tokenkeep.hpp>

#include "catch.hpp"
#include "processes.hpp"
#include "real_server.hpp"
#include "temporary.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;
using tokenkeep::token;

namespace {

const client app{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
const token ada{.user_name = "ada"};

bool is_long() { return std::getenv("TOKENKEEP_TORTURE") != nullptr; }

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

/// Ada's session in a file, the server, and who uses them.
class shared_session {
  public:
    shared_session() {
        tokenkeep::keeper{store_, server_.transport, provider_}.access_token(server_.grant(app, "ada"));
    }

    /// One of the processes: its threads call the API until the time is up. Throws what a call has thrown, but for
    /// failures to reach the server where those are to be expected.
    template <class Transport = curl_transport, class Clock = tokenkeep::system_clock>
    void work(bool may_fail, Transport transport = {}, Clock clock = Clock()) const {
        tokenkeep::file_store store{path_};
        const tokenkeep::keeper_options options{.first_backoff = 50ms, .longest_backoff = 100ms};
        tokenkeep::keeper keep{store, transport, provider_, options, tokenkeep::ignore_events{}, clock};
        const auto call = [&] {
            try {
                expect(keep.send({.method = "GET", .url = server_.process.url() + "/me"}, ada).status == 200,
                       "a call is refused");
            } catch (const tokenkeep::error& failure) {
                if (!may_fail || failure.code() != tokenkeep::errc::transport_failure) throw;
            }
        };
        std::vector<std::future<void>> threads;
        for (unsigned n = 0; n < workers; ++n)
            threads.push_back(std::async(std::launch::async, [&] {
                for (; steady_clock::now() < end_; std::this_thread::sleep_for(20ms)) call();
            }));
        for (auto& each : threads) each.get();
    }

    /// Runs `act(n)` in each of the processes at a time, for that long.
    template <class Act>
    void share(std::chrono::seconds time, Act act) {
        end_ = steady_clock::now() + time;
        std::vector<pid_t> processes;
        for (unsigned n = 0; n < workers; ++n) processes.push_back(start_process([&] { act(n); }));
        for (const pid_t each : processes) CHECK(ended_well(each));
    }

    /// The session lives, what is stored is its live token, and no refresh token was sent twice or beside another.
    json check() {
        json log = server_.log();
        CHECK(log["invalid_grant"] == 0);
        CHECK(log["reuse_detected"] == 0);
        CHECK(log["most_in_flight"] == 1);
        CHECK(log["by_grant_type"]["authorization_code"] == 1);
        CHECK(log["by_grant_type"] == log["successes_by_grant_type"]);
        CHECK(server_.is_alive(store_.find_token(ada).value().refresh_token));
        return log;
    }

    const unsigned workers = is_long() ? 8 : 4; ///< As many processes, and threads in each.

  private:
    const real_server server_{{"--access-token-seconds", "1", "--token-delay-ms", "30", "--seconds", "240"}};
    const tokenkeep::oauth2_provider provider_ = server_.provider(app);
    const temporary_directory where_{};
    const std::string path_ = where_ / "tokens.tkj";
    tokenkeep::file_store store_{path_};
    steady_clock::time_point end_{};
};

/// How often a token of one second is renewed at the most: a fifth before its end.
int most_renewals(std::chrono::seconds time) { return static_cast<int>(time / 800ms) + 1; }

} // namespace

TEST_CASE("shared session: whoever finds it due renews it for all, once, and no call fails", "[oidc]") {
    shared_session session;
    const auto time = is_long() ? 120s : 20s;
    session.share(time, [&](unsigned) { session.work(false); });
    const int renewals = session.check()["by_grant_type"]["refresh_token"];
    CHECK(renewals <= most_renewals(time));
    CHECK(renewals >= most_renewals(time) / 2);
}

TEST_CASE("shared session: connections that fail before anything is sent cost calls, not the session", "[oidc]") {
    shared_session session;
    const auto time = is_long() ? 120s : 10s;
    session.share(time, [&](unsigned) { session.work(true, flaky_transport{}); });
    const int renewals = session.check()["by_grant_type"]["refresh_token"];
    CHECK(renewals <= most_renewals(time));
    CHECK(renewals >= 2);
}

TEST_CASE("shared session: a process whose clock is wrong by half a minute does not end it", "[oidc]") {
    const auto ahead = GENERATE(30s, -30s);
    CAPTURE(ahead.count());
    shared_session session;
    session.share(is_long() ? 60s : 5s, [&](unsigned n) {
        if (n == 0)
            session.work(false, curl_transport{}, wrong_clock(ahead));
        else
            session.work(false);
    });
    session.check();
}
