// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_STRING_HPP
#define TOKENKEEP_TEXT_JSON_STRING_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/utf8.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tokenkeep { inline namespace v1 { namespace detail {

constexpr bool is_json_bracket(char c) noexcept { return c == '{' || c == '[' || c == '}' || c == ']'; }

/// The ASCII characters from First to Last, except quote and backslash.
template <char First, char Last>
struct json_characters {
    static constexpr bool has(char c) noexcept {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= First && byte <= Last && c != '"' && c != '\\';
    }

    /// Sets the high bit of every byte of a word that is not such a character. The lowest mark is right. Marks above it
    /// may be wrong, because sums of bytes that are not ASCII carry over.
    static constexpr std::uint64_t others(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101;
        const std::uint64_t not_quote = (word ^ ones * '"') + ones * 0x7f;
        const std::uint64_t not_backslash = (word ^ ones * '\\') + ones * 0x7f;
        const std::uint64_t not_below = word + ones * (0x80 - First);
        const std::uint64_t above = word + ones * (0x7f - Last);
        return (word | above | ~(not_quote & not_backslash & not_below)) & ones * 0x80;
    }

#if defined(__SSE2__)
    /// Sets the high bit of every byte that is not such a character. What is added to a byte's distance from First sets
    /// the high bit if the distance is more than that of Last.
    static __m128i others(__m128i bytes) noexcept {
        const __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(First));
        const __m128i outside = _mm_adds_epu8(distance, _mm_set1_epi8(0x7f - (Last - First)));
        const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        return _mm_or_si128(outside, _mm_or_si128(quote, backslash));
    }
#endif

    /// The first byte at or after `at` that is not such a character, or `end`. It reads sixteen or eight bytes at a
    /// time.
    static const char* skip(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
        for (; end - at >= 16; at += 16) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
            const int found = _mm_movemask_epi8(others(bytes));
            if (found != 0) return at + std::countr_zero(static_cast<unsigned>(found));
        }
#endif
        for (; end - at >= 8; at += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, 8);
            const std::uint64_t found = others(word);
            if (found == 0) continue;
            if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(found) / 8;
            break;
        }
        while (at != end && has(*at)) ++at;
        return at;
    }
};

/// What a string may have without further reading.
using json_plain = json_characters<' ', '\x7f'>;

/// The plain characters that a token may have (RFC 6750 2.1). Nearly all of a token response is made of them.
using json_visible = json_characters<'!', '~'>;

/// The value of the four hexadecimal digits at `at`; -1 if they are not there.
inline std::int32_t json_hex4(const char* at, const char* end) noexcept {
    if (end - at < 4) return -1;
    std::int32_t code = 0;
    for (int i = 0; i < 4; ++i) {
        const int digit = text::hex_value(at[i]);
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

constexpr bool is_high_surrogate(std::int32_t code) noexcept { return code >= 0xd800 && code <= 0xdbff; }
constexpr bool is_low_surrogate(std::int32_t code) noexcept { return code >= 0xdc00 && code <= 0xdfff; }

/// The character that a two-character escape with this letter means; 0 if there is no such escape.
constexpr char json_escape(char letter) noexcept {
    switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

/// The character that replaces an escape that means nothing: the control character SUB.
inline constexpr char json_substitute = '\x1a';

/// Decodes the escape whose backslash is at `at`. A character must follow the backslash. It writes one to four bytes,
/// gives their number, and moves `at` behind the escape. An escape that means nothing, such as a lone surrogate,
/// becomes json_substitute.
inline std::size_t resolve_json_escape(const char*& at, const char* end, char* out) noexcept {
    const char letter = at[1];
    at += 2;
    out[0] = letter != 'u' ? json_escape(letter) : '\0';
    if (out[0] != 0) return 1;
    out[0] = json_substitute;
    std::int32_t code = letter == 'u' ? json_hex4(at, end) : -1;
    if (code < 0) return 1;
    at += 4;
    if (is_low_surrogate(code)) return 1;
    if (is_high_surrogate(code)) {
        const std::int32_t low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? json_hex4(at + 2, end) : -1;
        if (!is_low_surrogate(low)) return 1;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    return put_utf8(out, static_cast<std::uint32_t>(code));
}

/// Calls take(const char*, std::size_t) with the pieces of the decoded text, until it gives false. `inside` is what a
/// JSON string has between its quotes.
template <class Take>
void walk_json_string(std::string_view inside, Take take) {
    const char* at = inside.data();
    const char* const end = at + inside.size();
    while (at != end) {
        const void* found = std::memchr(at, '\\', static_cast<std::size_t>(end - at));
        const char* const stop = found != nullptr ? static_cast<const char*>(found) : end;
        if (stop != at && !take(at, static_cast<std::size_t>(stop - at))) return;
        at = stop;
        if (at == end) return;
        char resolved[4];
        const std::size_t size = resolve_json_escape(at, end, resolved);
        if (!take(resolved, size)) return;
    }
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Appends text as a JSON string with quotes. `out` needs push_back(char) and append(const char*, size). Quotes,
/// backslashes and control characters are escaped, other bytes are not changed. If the text may not be UTF-8, ask
/// is_utf8 first.
///   append_json_string(line, "ada");   // appends "ada", with the quotes
template <class Out>
void append_json_string(Out& out, std::string_view utf8) {
    constexpr std::string_view digits = "0123456789abcdef";
    out.push_back('"');
    const char* at = utf8.data();
    const char* const end = at + utf8.size();
    while (at != end) {
        const char* stop = at;
        do {
            stop = detail::json_plain::skip(stop, end);
            while (stop != end && static_cast<unsigned char>(*stop) >= 0x80) ++stop;
        } while (stop != end && detail::json_plain::has(*stop));
        out.append(at, static_cast<std::size_t>(stop - at));
        if (stop == end) break;
        const auto byte = static_cast<unsigned char>(*stop);
        out.push_back('\\');
        switch (*stop) {
        case '"':
        case '\\': out.push_back(*stop); break;
        case '\n': out.push_back('n'); break;
        case '\r': out.push_back('r'); break;
        case '\t': out.push_back('t'); break;
        default:
            out.append("u00", 3);
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        }
        at = stop + 1;
    }
    out.push_back('"');
}

}}} // namespace tokenkeep::v1::text

#endif
