// SPDX-License-Identifier: MIT
#include <tokenkeep/text/date.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <string>

using namespace tokenkeep;

namespace {

std::optional<long long> seconds(std::optional<std::chrono::sys_seconds> moment) {
    return moment ? std::optional<long long>(moment->time_since_epoch().count()) : std::nullopt;
}

} // namespace

TEST_CASE("date: RFC 3339, with its examples", "[text]") {
    const auto read = [](const char* text) { return seconds(text::parse_date(text)); };
    CHECK(read("1970-01-01T00:00:00Z") == 0);
    CHECK(read("1985-04-12T23:20:50.52Z") == 482'196'050);
    CHECK(read("1996-12-19T16:39:57-08:00") == 851'042'397);
    CHECK(read("1996-12-20T00:39:57Z") == 851'042'397);
    CHECK(read("1990-12-31T23:59:60Z") == 662'688'000);
    CHECK(read("1937-01-01T12:00:27.87+00:20") == -1'041'337'173);
    CHECK(read("2033-05-18 03:33:19z") == 1'999'999'999);
    CHECK(read("2033-05-18t03:33:19Z") == 1'999'999'999);
    for (const char* bad :
         {"", "2033", "2033-05-18", "2033-05-18T03:33:19", "2033-05-18T03:33Z", "2033-13-18T03:33:19Z",
          "2033-02-29T03:33:19Z", "2033-05-18T24:33:19Z", "2033-05-18T03:60:19Z", "2033-05-18T03:33:61Z",
          "33-05-18T03:33:19Z", "2033-5-18T03:33:19Z", "2033-05-18T03:33:19+0200", "2033-05-18T03:33:19+02",
          "2033-05-18T03:33:19Zx", " 2033-05-18T03:33:19Z", "2033/05/18T03:33:19Z", "-2033-05-18T03:33:19Z"}) {
        CAPTURE(bad);
        CHECK_FALSE(read(bad));
    }
}

TEST_CASE("date: as HTTP writes it", "[text]") {
    const auto read = [](const char* text) { return seconds(text::parse_http_date(text)); };
    CHECK(read("Sun, 06 Nov 1994 08:49:37 GMT") == 784'111'777);
    CHECK(read("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    CHECK(read("Tue, 29 Feb 2000 23:59:59 GMT") == 951'868'799);
    for (const char* bad :
         {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1995 08:50:00 GMT",
          "Sun, 06 Foo 1994 08:50:00 GMT", "Sun, 6 Nov 1994 08:50:00 GMT", "Sun 06 Nov 1994 08:50:00 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
        CAPTURE(bad);
        CHECK_FALSE(read(bad));
    }
}
