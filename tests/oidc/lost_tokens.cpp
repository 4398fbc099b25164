// SPDX-License-Identifier: MIT
// What no client can save: the server has taken a refresh token, and whoever sent it is killed, or never hears of it.
// The session is then lost, once; the others find it out by one request; and the next login works.
#include <tokenkeep/event.hpp>

#include "catch.hpp"
#include "shared_session.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/mman.h>

using namespace tests;
using tokenkeep::errc, tokenkeep::event_kind;

namespace {

/// Counts that outlive the processes that count.
struct tally {
    std::atomic<int> saved = 0, refused = 0, lost = 0, answers = 0, dropped = 0;
    std::atomic<pid_t> spender = 0;

    void operator()(const tokenkeep::event& e) {
        if (e.kind == event_kind::spent) spender = ::getpid();
        if (e.kind == event_kind::saved) ++saved;
        if (e.kind == event_kind::refused) ++refused;
        if (e.kind != event_kind::spent && spender == ::getpid()) spender = 0;
    }
};

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

/// Memory that forked processes share.
template <class T>
class shared_memory {
  public:
    shared_memory() : at_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (at_ == MAP_FAILED) throw std::bad_alloc();
        ::new (at_) T();
    }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory() { ::munmap(at_, sizeof(T)); }

    T& operator*() const { return *static_cast<T*>(at_); }
    T* operator->() const { return static_cast<T*>(at_); }

  private:
    void* at_;
};

/// Every fourth answer to a token request never arrives.
struct losing_transport {
    tally& seen;
    curl_transport inner{};

    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        tokenkeep::http_response answer = inner(request);
        if (!request.url.ends_with("/token") || ++seen.answers % 4 != 0) return answer;
        ++seen.dropped;
        throw tokenkeep::transport_error("connection reset");
    }
};

/// The same, where a request without an answer is taken for ended after two seconds.
struct fragile_session : shared_session {
    explicit fragile_session(std::chrono::milliseconds answer_delay) : shared_session(answer_delay) {
        options.settle_after = 2s;
        may_fail = {errc::outcome_unknown, errc::reauthorization_required, errc::lock_timeout, errc::transport_failure};
    }
};

/// The user logs in again until the end, whenever the session is lost.
void look_after(const fragile_session& session, tally& seen) {
    for (; steady_clock::now() < session.end; std::this_thread::sleep_for(50ms))
        if (session.log_in_if_lost(std::ref(seen))) ++seen.lost;
}

/// After all that: what was lost is what was not saved, was found out by one request each, and the session lives.
json check(fragile_session& session, tally& seen) {
    if (session.log_in_if_lost(std::ref(seen))) ++seen.lost;
    json log = session.log();
    const int lost = seen.lost, rotations = log["successes_by_grant_type"]["refresh_token"];
    CAPTURE(log, lost, seen.saved.load(), seen.refused.load());
    CHECK(lost > 0);
    CHECK(lost <= rotations - (seen.saved - lost)); // each login was saved too
    CHECK(log["reuse_detected"] == lost);
    CHECK(log["by_grant_type"]["authorization_code"] == lost + 1);
    CHECK(log["successes_by_grant_type"]["authorization_code"] == lost + 1);
    CHECK(log["most_in_flight"] == 1);
    CHECK(log["resource_rejected"] == 0); // no access token ended before its time
    CHECK_NOTHROW(session.access_token());
    CHECK(session.is_alive());
    return log;
}

} // namespace

TEST_CASE("lost answers: each costs a session at most, which is found out once, and the next login works", "[oidc]") {
    fragile_session session(0ms);
    const shared_memory<tally> seen;
    session.end = steady_clock::now() + (is_long() ? 120s : 15s);
    const pid_t user = start_process([&] { look_after(session, *seen); });
    session.share([&](unsigned) { session.work(losing_transport{*seen}, std::ref(*seen)); });
    CHECK(ended_well(user));
    const json log = check(session, *seen);
    CHECK(seen->lost <= seen->dropped);
    CHECK(seen->refused == seen->lost);
    CHECK(log["invalid_grant"] <= seen->lost + seen->dropped); // a refusal that is lost is asked for again
}

TEST_CASE("kills: each costs a session at most, which is found out, and the next login works", "[oidc]") {
    fragile_session session(200ms);
    const shared_memory<tally> seen;
    session.end = steady_clock::now() + (is_long() ? 120s : 20s);
    const auto work = [&] { session.work(curl_transport{}, std::ref(*seen)); };
    std::vector<pid_t> processes;
    for (unsigned n = 0; n < session.workers; ++n) processes.push_back(start_process(work));
    const pid_t user = start_process([&] { look_after(session, *seen); });

    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::minstd_rand chance{seed};
    int kills = 0;
    for (; steady_clock::now() < session.end - 1s; ++kills) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50 + chance() % 300));
        const auto spender = std::find(processes.begin(), processes.end(), seen->spender.load());
        pid_t& chosen =
            spender != processes.end() && chance() % 2 == 0 ? *spender : processes[chance() % processes.size()];
        ::kill(chosen, SIGKILL);
        int status = 0;
        ::waitpid(chosen, &status, 0);
        CHECK(WIFSIGNALED(status)); // one that has ended by itself has failed
        chosen = start_process(work);
    }
    for (const pid_t each : processes) CHECK(ended_well(each));
    CHECK(ended_well(user));
    const json log = check(session, *seen);
    CHECK(seen->refused >= seen->lost);
    CHECK(log["invalid_grant"] <= seen->lost + kills); // who finds it out may be killed before it says so
}
