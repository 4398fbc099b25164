// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/former.hpp>

#include "support/catch.hpp"

#include <string>

using tokenkeep::detail::with_former_hash, tokenkeep::detail::with_former_token;

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

TEST_CASE("former: the oldest of more than sixteen goes, and spare spaces too", "[former]") {
    std::string former;
    for (int n = 0; n < 40; ++n) former = with_former_token(former, std::to_string(n));
    CHECK(former.size() == 16 * 16 + 15);
    CHECK(former.starts_with(with_former_token("", "39") + " " + with_former_token("", "38")));
    CHECK(former.ends_with(with_former_token("", "24")));
    CHECK(with_former_token("  0123456789abcdef  ", "abc") == "ba7816bf8f01cfea 0123456789abcdef");
}
