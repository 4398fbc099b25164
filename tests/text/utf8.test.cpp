// SPDX-License-Identifier: MIT
#include <tokenkeep/text/utf8.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string>

using namespace tokenkeep;

TEST_CASE("utf8: every code point is written and taken, and every cut is refused", "[text]") {
    std::size_t refused = 0, wrong = 0;
    for (std::uint32_t code = 0; code <= 0x10ffff; ++code) {
        char bytes[4];
        const std::size_t size = detail::put_utf8(bytes, code);
        const bool surrogate = code >= 0xd800 && code <= 0xdfff;
        wrong += text::is_utf8({bytes, size}) == surrogate;
        refused += surrogate;
        for (std::size_t cut = 1; cut < size; ++cut) wrong += text::is_utf8({bytes, cut});
    }
    CHECK(wrong == 0);
    CHECK(refused == 2048);
}

TEST_CASE("utf8: exactly the well-formed sequences are taken", "[text]") {
    // RFC 3629 4: 1,920 sequences of two bytes, 61,440 of three, 1,048,576 of four.
    std::size_t two = 0, three = 0, four = 0;
    for (int a = 0x80; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const std::string start{static_cast<char>(a), static_cast<char>(b)};
            if (text::is_utf8(start)) {
                ++two;
                continue;
            }
            for (int c = 0x7f; c < 0xc1; ++c) {
                const std::string longer = start + static_cast<char>(c);
                if (b >= 0x80 && text::is_utf8(longer)) {
                    ++three;
                    continue;
                }
                for (int d = 0x7f; d < 0xc1 && b >= 0x80 && a >= 0xf0; ++d)
                    four += text::is_utf8(longer + static_cast<char>(d));
            }
        }
    }
    CHECK(two == 1'920);
    CHECK(three == 61'440);
    CHECK(four == 1'048'576);
}

TEST_CASE("utf8: ASCII, and the empty text, are UTF-8", "[text]") {
    CHECK(text::is_utf8(""));
    CHECK(text::is_utf8(std::string(1, '\0')));
    CHECK(text::is_utf8("plain \x7f"));
    CHECK_FALSE(text::is_utf8("plain \x80 plain"));
}
