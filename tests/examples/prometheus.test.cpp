// SPDX-License-Identifier: MIT
#include "prometheus.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using tokenkeep::event, tokenkeep::event_kind;

namespace {

constexpr auto last = static_cast<std::size_t>(event_kind::warning);

/// The names as event.hpp has them.
std::string_view name_of(event_kind kind) {
    switch (kind) {
    case event_kind::cache_hit: return "cache_hit";
    case event_kind::waited: return "waited";
    case event_kind::adopted: return "adopted";
    case event_kind::seeded: return "seeded";
    case event_kind::marked: return "marked";
    case event_kind::spent: return "spent";
    case event_kind::replayed: return "replayed";
    case event_kind::settled: return "settled";
    case event_kind::saved: return "saved";
    case event_kind::not_saved: return "not_saved";
    case event_kind::dropped: return "dropped";
    case event_kind::taken_back: return "taken_back";
    case event_kind::served_old: return "served_old";
    case event_kind::refused: return "refused";
    case event_kind::outcome_unknown: return "outcome_unknown";
    case event_kind::throttled: return "throttled";
    case event_kind::revoked: return "revoked";
    case event_kind::warning: return "warning";
    }
    return "";
}

/// The line of a kind.
std::string line(event_kind kind, std::size_t count, const std::string& labels = "") {
    return "tokenkeep_events_total{kind=\"" + std::string(name_of(kind)) + "\"" + labels + "} " +
           std::to_string(count) + "\n";
}

constexpr const char* head = "# HELP tokenkeep_events_total What the keepers of tokens did.\n"
                             "# TYPE tokenkeep_events_total counter\n";

} // namespace

TEST_CASE("prometheus: each kind of event is counted under its name, from zero on", "[prometheus]") {
    prometheus_events events;
    std::string zeros = head, counted = head;
    for (std::size_t kind = 0; kind <= last; ++kind) {
        zeros += line(static_cast<event_kind>(kind), 0);
        counted += line(static_cast<event_kind>(kind), kind + 1);
    }
    CHECK(events.text() == zeros);
    for (std::size_t kind = 0; kind <= last; ++kind)
        for (std::size_t n = 0; n <= kind; ++n) events({.kind = static_cast<event_kind>(kind)});
    CHECK(events.text() == counted);
    events({.kind = static_cast<event_kind>(last + 1)}); // of a newer library
    CHECK(events.text() == counted);
}

TEST_CASE("prometheus: the label is escaped", "[prometheus]") {
    const prometheus_events events{"a\"b\\c\nd"};
    CHECK(events.text().find(line(event_kind::waited, 0, R"(,program="a\"b\\c\nd")")) != std::string::npos);
}

TEST_CASE("prometheus: no text of an event comes out", "[prometheus]") {
    prometheus_events events;
    events({event_kind::refused, "row-7", "fingerprint", "invalid_grant"});
    CHECK(events.text().find(line(event_kind::refused, 1)) != std::string::npos);
    for (const char* text : {"row-7", "fingerprint", "invalid_grant"})
        CHECK(events.text().find(text) == std::string::npos);
}

TEST_CASE("prometheus: no event of many threads is lost", "[prometheus]") {
    prometheus_events events;
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&] {
            for (int i = 0; i < 50'000; ++i) events({.kind = event_kind::saved});
        });
    for (std::thread& each : threads) each.join();
    CHECK(events.text().find(line(event_kind::saved, 200'000)) != std::string::npos);
}
