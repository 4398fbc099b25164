// SPDX-License-Identifier: MIT
// What no client can save: the server has taken a refresh token, and whoever sent it is killed, or never hears of it.
// The session is then lost, once; the others find it out by one request; and the next login works.
#include <tokenkeep/tokenkeep.hpp>

#include "fragile_session.hpp"
#include "support/catch.hpp"

using namespace tests;

namespace {

using fragile_session = basic_fragile_session<in_a_file>;

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

/// The checks of every fragile session; and each login worked at once.
json check(fragile_session& session, tally& seen) {
    json log = session.check_losses(seen);
    CHECK(log["by_grant_type"]["authorization_code"] == seen.lost + 1);
    CHECK(log["successes_by_grant_type"]["authorization_code"] == seen.lost + 1);
    return log;
}

} // namespace

TEST_CASE("lost answers: each costs a session at most, which is found out once, and the next login works", "[oidc]") {
    fragile_session session(0ms, is_long() ? 120s : 15s);
    const shared_memory<tally> seen;
    const pid_t user = start_process([&] { session.look_after(*seen); });
    session.share([&](unsigned) { session.work(losing_transport{*seen}, std::ref(*seen)); });
    CHECK(ended_well(user));
    const json log = check(session, *seen);
    CHECK(seen->lost <= seen->dropped);
    CHECK(seen->refused == seen->lost);
    CHECK(log["invalid_grant"] <= seen->lost + seen->dropped); // a refusal that is lost is asked for again
}

TEST_CASE("kills: each costs a session at most, which is found out, and the next login works", "[oidc]") {
    fragile_session session(200ms, is_long() ? 120s : 20s);
    const shared_memory<tally> seen;
    const pid_t user = start_process([&] { session.look_after(*seen); });
    const int kills =
        session.share_among_mortals(*seen, [&](std::size_t) { session.work(curl_transport{}, std::ref(*seen)); });
    CHECK(ended_well(user));
    const json log = check(session, *seen);
    CHECK(seen->refused >= seen->lost);
    CHECK(log["invalid_grant"] <= seen->lost + kills); // who finds it out may be killed before it says so
}
