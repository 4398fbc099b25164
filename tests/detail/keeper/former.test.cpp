// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/former.hpp>

#include "support/catch.hpp"

#include <string>

using tokenkeep::detail::is_former_hash, tokenkeep::detail::with_former_hash, tokenkeep::detail::with_former_token;

TEST_CASE("former: the newest comes first, by sixteen digits of its SHA-256", "[former]") {
    CHECK(with_former_token("", "abc") == "ba7816bf8f01cfea");
    CHECK(with_former_token("0123456789abcdef", "abc") == "ba7816bf8f01cfea 0123456789abcdef");
    CHECK(with_former_hash("0123456789abcdef", "ba7816bf8f01cfea414140de5dae2223") ==
          "ba7816bf8f01cfea 0123456789abcdef");
    CHECK(with_former_token("0123456789abcdef", "") == "0123456789abcdef");
}

TEST_CASE("former: one that is there already moves to the front", "[former]") {
    CHECK(with_former_token("0123456789abcdef ba7816bf8f01cfea fedcba9876543210", "abc") ==
          "ba7816bf8f01cfea 0123456789abcdef fedcba9876543210");
    CHECK(with_former_token("ba7816bf8f01cfea", "abc") == "ba7816bf8f01cfea");
}

TEST_CASE("former: a token is found by all sixteen digits", "[former]") {
    const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    CHECK(is_former_hash("ba7816bf8f01cfea", abc));
    CHECK(is_former_hash("0123456789abcdef ba7816bf8f01cfea fedcba9876543210", abc));
    for (const char* other : {"", " ", "ba7816bf8f01cfe", "ba7816bf8f01cfeb", "a7816bf8f01cfea4", "ba7816bf 8f01cfea",
                              "ba7816bf8f01cfea414140de5dae2223"}) {
        CAPTURE(other);
        CHECK(!is_former_hash(other, abc));
    }
}

TEST_CASE("former: the oldest of more than sixteen goes, and spare spaces too", "[former]") {
    std::string former;
    for (int n = 0; n < 40; ++n) former = with_former_token(former, std::to_string(n));
    CHECK(former.size() == 16 * 16 + 15);
    CHECK(former.starts_with(with_former_token("", "39") + " " + with_former_token("", "38")));
    CHECK(former.ends_with(with_former_token("", "24")));
    CHECK(with_former_token("  0123456789abcdef  ", "abc") == "ba7816bf8f01cfea 0123456789abcdef");
}
