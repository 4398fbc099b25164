// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_ASCII_HPP
#define TOKENKEEP_TEXT_ASCII_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// An ASCII letter in lower case. Any other byte stays as it is, in every locale.
///   to_lower('A')   // 'a'
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The text with its ASCII letters in lower case.
///   to_lower(std::string("Bearer"))   // "bearer"
inline std::string to_lower(std::string text) {
    for (char& c : text) c = to_lower(c);
    return text;
}

/// Whether a character is an ASCII digit.
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whether a character is an ASCII letter.
constexpr bool is_letter(char c) noexcept { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

/// The value of a hexadecimal digit, in upper or lower case; -1 for any other character.
///   hex_value('f')   // 15
constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char letter = to_lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/// The bytes as hexadecimal digits in lower case, two for each.
///   to_hex(sha256("")).substr(0, 4)   // "e3b0"
inline std::string to_hex(std::span<const unsigned char> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) (hex += digits[byte >> 4]) += digits[byte & 15];
    return hex;
}

/// Whether two texts are equal if the case of ASCII letters does not count.
///   equal_ignoring_case("Bearer", "bearer")   // true
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

/// The text without the blanks at its ends: spaces and tabs, unless other characters are given.
///   trim(" a b ")   // "a b"
constexpr std::string_view trim(std::string_view text, std::string_view blanks = " \t") noexcept {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Whether a text consists of printable ASCII characters and spaces, as tokens do (VSCHAR, RFC 6749 Appendix A). It
/// reads eight bytes at a time.
///   is_printable("a b")   // true
inline bool is_printable(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    std::uint64_t odd = 0;
    std::size_t at = 0;
    for (; text.size() - at >= 8; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        // If no byte has its high bit set, no sum below carries over. If one has, the text is not printable.
        odd |= word | (word + ones) | ~(word + ones * 0x60);
    }
    bool printable = (odd & ones * 0x80) == 0;
    for (; at < text.size(); ++at) printable = printable && text[at] >= 0x20 && text[at] <= 0x7e;
    return printable;
}

/// Whether a text consists of printable ASCII characters without spaces, as tokens in a header do (RFC 6750 2.1).
///   is_visible("a b")   // false
inline bool is_visible(std::string_view text) noexcept {
    return is_printable(text) && text.find(' ') == std::string_view::npos;
}

}}} // namespace tokenkeep::v1::text

#endif
