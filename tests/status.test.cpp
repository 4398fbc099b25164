// SPDX-License-Identifier: MIT
#include <tokenkeep/status.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <string>

using namespace tokenkeep;
using kind = status_kind;

namespace {

timestamp at(std::int64_t count) { return timestamp{std::chrono::milliseconds{count}}; }

} // namespace

TEST_CASE("status: each form is read as it was written", "[status]") {
    const token_status in_flight{kind::spend, "f00d", at(10), at(20), "nonce"};
    CHECK(to_status(in_flight) == "spend f00d 10 20 nonce");
    const token_status read = read_status("spend f00d 10 20 nonce");
    CHECK(read.kind == kind::spend);
    CHECK(read.fingerprint == "f00d");
    CHECK(read.first_sent == at(10));
    CHECK(read.last_sent == at(20));
    CHECK(read.nonce == "nonce");

    CHECK(to_status({kind::spend, "f00d", at(10), std::nullopt, "n"}) == "spend f00d 10 - n");
    CHECK(read_status("spend f00d 10 - n").kind == kind::spend);
    CHECK(!read_status("spend f00d 10 - n").last_sent);

    CHECK(to_status({.kind = kind::refused, .fingerprint = "f00d"}) == "dead f00d refused");
    CHECK(read_status("dead f00d refused").kind == kind::refused);
    CHECK(read_status("dead f00d refused").fingerprint == "f00d");
    const timestamp since{std::chrono::milliseconds{1'700'000'000'000}};
    CHECK(to_status({.kind = kind::refused, .fingerprint = "f00d", .since = since}) ==
          "dead f00d refused 1700000000000");
    CHECK(read_status("dead f00d refused 1700000000000").kind == kind::refused);
    CHECK(read_status("dead f00d refused 1700000000000").since == since);
    CHECK(!read_status("dead f00d refused").since);
    CHECK(to_status({.kind = kind::revoking, .fingerprint = "f00d", .since = since}) ==
          "dead f00d revoking 1700000000000");
    CHECK(to_status({.kind = kind::revoking, .fingerprint = "f00d"}) == "dead f00d revoking");
    CHECK(read_status("dead f00d revoking").kind == kind::revoking);

    CHECK(to_status({}) == "none");
    CHECK(read_status("none").kind == kind::none);
    CHECK(read_status("").kind == kind::none);
}

TEST_CASE("status: text of any other form reads as none", "[status]") {
    for (const char* text : {"spend",
                             "spend f00d",
                             "spend f00d 10",
                             "spend f00d 10 20",
                             "spend f00d 10 20 ",
                             "spend f00d ten 20 n",
                             "spend f00d 10 twenty n",
                             "spend f00d - 20 n",
                             "spend f00d 10 20 n more",
                             "spend  f00d 10 20 n",
                             "Spend f00d 10 20 n",
                             " spend f00d 10 20 n",
                             "dead",
                             "dead f00d",
                             "dead f00d ",
                             "dead f00d other",
                             "dead f00d refused more",
                             "dead f00d refused 17 more",
                             "dead f00d refused 17x",
                             "dead f00d Refused",
                             "none f00d",
                             "alive",
                             " ",
                             "\n",
                             "spend\tf00d\t10\t20\tn",
                             "{\"spend\":1}"}) {
        CAPTURE(text);
        CHECK(read_status(text).kind == kind::none);
    }
}

TEST_CASE("status: it is about the token whose fingerprint it names, and about no other", "[status]") {
    const secret spent = "abc";
    CHECK(token_status::fingerprint_of(spent) == "ba7816bf8f01cfea414140de5dae2223");
    token_status status{.kind = kind::refused, .fingerprint = token_status::fingerprint_of(spent)};
    CHECK(status.is_about(spent));
    CHECK(!status.is_about("abd"));
    CHECK(!status.is_about(secret()));
    status.kind = kind::none;
    CHECK(!status.is_about(spent));
    CHECK(!read_status("dead  refused").is_about(secret()));
}
