// SPDX-License-Identifier: MIT
#include <tokenkeep/text/ascii.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <numeric>
#include <string>

using namespace tokenkeep;

TEST_CASE("ascii: case is that of the 26 letters, whatever the locale", "[text]") {
    for (int i = 0; i < 256; ++i) {
        CAPTURE(i);
        const char c = static_cast<char>(i);
        CHECK(text::to_lower(c) == (i >= 'A' && i <= 'Z' ? static_cast<char>(i + 32) : c));
        CHECK(text::is_letter(c) == ((i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z')));
        CHECK(text::is_digit(c) == (i >= '0' && i <= '9'));
    }
    CHECK(text::equal_ignoring_case("bEaReR", "Bearer"));
    CHECK(text::equal_ignoring_case("", ""));
    CHECK_FALSE(text::equal_ignoring_case("Bearer", "Bearer "));
    CHECK_FALSE(text::equal_ignoring_case("[", "{"));
}

TEST_CASE("ascii: bytes as hexadecimal digits", "[text]") {
    std::array<unsigned char, 256> all{};
    std::iota(all.begin(), all.end(), static_cast<unsigned char>(0));
    const std::string hex = text::to_hex(all);
    REQUIRE(hex.size() == 512);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(text::hex_value(hex[2 * i]) * 16 + text::hex_value(hex[2 * i + 1]) == all[i]);
        CHECK(text::to_lower(hex[2 * i]) == hex[2 * i]);
    }
    CHECK(text::to_hex({}).empty());
}

TEST_CASE("ascii: a hexadecimal digit has its value, anything else -1", "[text]") {
    int digits = 0;
    for (int i = 0; i < 256; ++i) digits += text::hex_value(static_cast<char>(i)) >= 0;
    CHECK(digits == 22);
    CHECK(text::hex_value('0') == 0);
    CHECK(text::hex_value('9') == 9);
    CHECK(text::hex_value('a') == 10);
    CHECK(text::hex_value('F') == 15);
}

TEST_CASE("ascii: trim takes spaces and tabs from the ends only", "[text]") {
    CHECK(text::trim(" \ta b\t ") == "a b");
    CHECK(text::trim("a") == "a");
    CHECK(text::trim(" \t ").empty());
    CHECK(text::trim("").empty());
    CHECK(text::trim("a\n") == "a\n");
}

TEST_CASE("ascii: printable is from the space to the tilde, wherever it stands", "[text]") {
    CHECK(text::is_printable(""));
    for (std::size_t size = 1; size < 26; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int i = 0; i < 256; ++i) {
                std::string sample(size, i % 2 == 0 ? ' ' : '~');
                sample[at] = static_cast<char>(i);
                if (text::is_printable(sample) != (i >= 0x20 && i <= 0x7e))
                    FAIL("byte " << i << " at " << at << " of " << size);
            }
        }
    }
}
