// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/flight.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

using flight = tokenkeep::detail::identity_flight;
using flights = tokenkeep::detail::identity_flights;

const std::exception_ptr failure = std::make_exception_ptr(std::runtime_error("as a test wants it"));
constexpr flight::time_point start = flight::time_point() + 1000h;

std::size_t count_of(flights& all) {
    std::size_t count = 0;
    all.for_each([&](const std::string&, flight&) { ++count; });
    return count;
}

} // namespace

TEST_CASE("flight: a failure counts until twice the length of its pause after the pause's end", "[flight]") {
    flight one;
    one.failed(failure, start, 1min);
    one.failed(failure, start, 1min);
    CHECK(one.pause(start + 59s));
    CHECK(!one.pause(start + 60s));
    CHECK(one.failures_that_count(start + 179s) == 2);
    CHECK(one.remembers(start + 179s));
    CHECK(!one.remembers(start + 180s));
    CHECK(one.failures_that_count(start + 180s) == 0);
    one.failed(failure, start + 180s, 1min);
    CHECK(one.failures_that_count(start + 181s) == 1);
    one.succeeded();
    CHECK(one.failures_that_count(start + 181s) == 0);
}

TEST_CASE("flight: what else is remembered is forgotten too", "[flight]") {
    flight one;
    CHECK(!one.remembers(start));
    CHECK(one.may_revive(start));
    CHECK(one.remembers(start + 59s));
    CHECK(!one.remembers(start + 60s));
    one.refreshed_in_vain({.access_token = "a"}, start + 2min);
    CHECK(one.remembers(start + 119s));
    CHECK(!one.remembers(start + 2min));
    CHECK(one.next_unexplained_pause(start) == 1min);
    CHECK(one.remembers(start + 179s));
    CHECK(!one.remembers(start + 3min));
    one.unsaved.emplace(tokenkeep::detail::new_tokens{});
    CHECK(one.remembers(start + 1000h));
}

TEST_CASE("flights: users who failed once are forgotten when their pauses are over", "[flight]") {
    flights all;
    for (int user = 0; user < 10'000; ++user) {
        const auto now = start + user * 1s;
        all.of(std::to_string(user), now)->failed(failure, now, 1min);
    }
    CHECK(count_of(all) < 1'000);
    const auto held = all.of("held", start + 10'000s);
    for (int user = 0; user < 1'000; ++user) all.of("later " + std::to_string(user), start + 20'000s);
    CHECK(all.of("held", start + 20'000s) == held); // it is in use
}
