// SPDX-License-Identifier: MIT
//
// Counts for Prometheus: how often tokens came from the store, how often they were refreshed, and what failed.
#include "prometheus.hpp"

#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <chrono>
#include <cstdio>

int main() {
    tokenkeep::testing::virtual_clock clock;
    tokenkeep::testing::fake_server server{{}, clock};
    tokenkeep::memory_store store;
    prometheus_events events{"mailer"};
    tokenkeep::keeper keep{store, server, server.provider(), {}, events, clock};

    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    for (int call = 0; call < 3; ++call) keep.access_token({.user_name = "ada"});
    clock.advance(std::chrono::hours(2));
    keep.access_token({.user_name = "ada"});

    std::fputs(events.text().c_str(), stdout); // your program's answer to GET /metrics
}
// prints:
// # HELP tokenkeep_events_total What the keepers of tokens did.
// # TYPE tokenkeep_events_total counter
// tokenkeep_events_total{kind="cache_hit",program="mailer"} 3
// tokenkeep_events_total{kind="waited",program="mailer"} 0
// tokenkeep_events_total{kind="adopted",program="mailer"} 0
// tokenkeep_events_total{kind="seeded",program="mailer"} 0
// tokenkeep_events_total{kind="marked",program="mailer"} 2
// tokenkeep_events_total{kind="spent",program="mailer"} 2
// tokenkeep_events_total{kind="replayed",program="mailer"} 0
// tokenkeep_events_total{kind="settled",program="mailer"} 0
// tokenkeep_events_total{kind="saved",program="mailer"} 2
// tokenkeep_events_total{kind="not_saved",program="mailer"} 0
// tokenkeep_events_total{kind="dropped",program="mailer"} 0
// tokenkeep_events_total{kind="taken_back",program="mailer"} 0
// tokenkeep_events_total{kind="served_old",program="mailer"} 0
// tokenkeep_events_total{kind="refused",program="mailer"} 0
// tokenkeep_events_total{kind="outcome_unknown",program="mailer"} 0
// tokenkeep_events_total{kind="throttled",program="mailer"} 0
// tokenkeep_events_total{kind="revoked",program="mailer"} 0
// tokenkeep_events_total{kind="warning",program="mailer"} 0
