// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/retry_after.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

std::chrono::milliseconds asked(const std::string& value, const std::string& date = "Sun, 06 Nov 1994 08:49:37 GMT") {
    return find_retry_after({.headers = {{"date", date}, {"RETRY-AFTER", value}}});
}

} // namespace

TEST_CASE("retry_after: seconds, at most a day", "[oauth]") {
    CHECK(asked("0") == 0s);
    CHECK(asked("7") == 7s);
    CHECK(asked(" 120\t") == 120s);
    CHECK(asked("3600") == 1h);
    CHECK(asked("86401") == 24h);
    CHECK(asked("999999999999999999999999999999") == 24h);
    CHECK(asked("2147483648") == 24h);
    CHECK(asked("1.5") == 2s);
    CHECK(asked("1.0") == 1s);
    CHECK(asked("0.001") == 1s);
}

TEST_CASE("retry_after: a date counts from the answer's own", "[oauth]") {
    CHECK(asked("Sun, 06 Nov 1994 08:50:00 GMT") == 23s);
    CHECK(asked("Sun, 06 Nov 1994 08:49:37 GMT") == 0s);
    CHECK(asked("Sun, 06 Nov 1994 08:49:36 GMT") == 0s);
    CHECK(asked("Tue, 08 Nov 1994 08:49:38 GMT") == 24h);
    CHECK(asked("Wed, 01 Mar 2000 00:00:01 GMT", "Tue, 29 Feb 2000 23:59:59 GMT") == 2s);
    CHECK(asked("Sat, 01 Jan 2000 00:00:10 GMT", "Fri, 31 Dec 1999 23:59:50 GMT") == 20s);
}

TEST_CASE("retry_after: what cannot be read asks for nothing", "[oauth]") {
    for (const char* value : {"",
                              " ",
                              "-1",
                              "+1",
                              "1.",
                              ".5",
                              "1.5s",
                              "1 2",
                              "soon",
                              "0x10",
                              "Sun, 06 Nov 1994 08:50:00",
                              "Sun, 06 Nov 1994 08:50:00 UTC",
                              "Sun, 31 Feb 1995 08:50:00 GMT",
                              "Sun, 00 Nov 1994 08:50:00 GMT",
                              "Sun, 06 ovD 1994 08:50:00 GMT",
                              "Sun, 06 Nov 1994 24:50:00 GMT",
                              "Sun, 06 Nov 1994 08:60:00 GMT",
                              "Sun, 06 Nov 1994 08:50:61 GMT",
                              "Sun, 6 Nov 1994 08:50:00 GMT",
                              "Sunday, 06-Nov-94 08:50:00 GMT"}) {
        CAPTURE(value);
        CHECK(asked(value) == 0s);
    }
    CHECK(asked("Sun, 06 Nov 1994 08:50:00 GMT", "") == 0s);
    CHECK(asked("Sun, 06 Nov 1994 08:50:00 GMT", "yesterday") == 0s);
    CHECK(find_retry_after({}) == 0s);
}

TEST_CASE("retry_after: a date without the answer's own counts from the caller's clock", "[oauth]") {
    const http_response answer{.headers = {{"Retry-After", "Sun, 06 Nov 1994 08:50:00 GMT"}}};
    const timestamp now{784'111'777s};
    CHECK(find_retry_after(answer, now) == 23s);
    CHECK(find_retry_after(answer, now + 1h) == 0s);
    CHECK(find_retry_after({.headers = {{"Retry-After", "7"}}}, now) == 7s);
}
