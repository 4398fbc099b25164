// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_UTF8_HPP
#define TOKENKEEP_TEXT_UTF8_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The length of the UTF-8 sequence at `at`. Its first byte must be 0x80 or more. The result is 0 if the
/// sequence is cut off, overlong, a surrogate, or beyond U+10FFFF (RFC 3629 4).
inline std::size_t utf8_length(const char* at, const char* end) noexcept {
    const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
    const auto left = static_cast<std::size_t>(end - at);
    const unsigned first = byte(0);
    if (first >= 0xc2 && first <= 0xdf) return left >= 2 && within(1, 0x80, 0xbf) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = first == 0xed ? 0x9f : 0xbf;
        return left >= 3 && within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80;
        const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
        return left >= 4 && within(1, low, high) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

/// Writes a code point as UTF-8, and gives the number of bytes, at most four. A surrogate is not allowed.
inline std::size_t put_utf8(char* out, std::uint32_t code) noexcept {
    const auto tail = [code](unsigned shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) {
        out[0] = static_cast<char>(code);
        return 1;
    }
    if (code < 0x800) {
        out[0] = static_cast<char>(0xc0 | code >> 6);
        out[1] = tail(0);
        return 2;
    }
    if (code < 0x10000) {
        out[0] = static_cast<char>(0xe0 | code >> 12);
        out[1] = tail(6);
        out[2] = tail(0);
        return 3;
    }
    out[0] = static_cast<char>(0xf0 | code >> 18);
    out[1] = tail(12);
    out[2] = tail(6);
    out[3] = tail(0);
    return 4;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Whether the bytes are well-formed UTF-8 (RFC 3629). A byte order mark is allowed: it counts as a character.
///   is_utf8("\xff")   // false
inline bool is_utf8(std::string_view bytes) noexcept {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
        if (static_cast<unsigned char>(*at) < 0x80) {
            ++at;
            continue;
        }
        const std::size_t length = detail::utf8_length(at, end);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

}}} // namespace tokenkeep::v1::text

#endif
