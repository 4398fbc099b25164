// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_BASE64URL_HPP
#define TOKENKEEP_TEXT_BASE64URL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// From a digit of base64url to its value; from any other character to 64.
inline constexpr std::array<unsigned char, 256> base64url_values = [] {
    std::array<unsigned char, 256> values{};
    values.fill(64);
    unsigned char next = 0;
    for (const char digit : base64url_alphabet) values[static_cast<unsigned char>(digit)] = next++;
    return values;
}();

/// How many bytes so many digits stand for.
constexpr std::size_t size_of_base64url(std::size_t digits) noexcept { return digits / 4 * 3 + digits % 4 * 3 / 4; }

/// Writes the bytes that the digits of base64url stand for. False if there is any other character, or if the digits are
/// not those that encode_base64 gives for these bytes.
inline bool decode_base64url(std::string_view digits, char* out) noexcept {
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char digit : digits) {
        const unsigned char value = base64url_values[static_cast<unsigned char>(digit)];
        if (value == 64) return false;
        bits = bits << 6 | value;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        *out++ = static_cast<char>(bits >> held & 0xff);
    }
    const bool lone_digit = held == 6;
    const bool bits_left = (bits & ((1u << held) - 1)) != 0;
    return !lone_digit && !bits_left;
}

/// Turns each three bytes into four digits. Memory is reserved once, because a string that grows leaves copies behind.
inline std::string encode_base64(std::string_view bytes, std::string_view alphabet, bool padded) {
    std::string digits;
    digits.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::string_view group = bytes.substr(i, 3);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0u);
        for (std::size_t j = 0; j <= group.size(); ++j) digits += alphabet[bits >> (18 - 6 * j) & 63];
        if (padded) digits.append(3 - group.size(), '=');
    }
    return digits;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Base64 (RFC 4648 4) with padding, as HTTP Basic needs it.
///   to_base64("ada")   // "YWRh"
inline std::string to_base64(std::string_view bytes) {
    return detail::encode_base64(bytes, detail::base64_alphabet, true);
}

/// Base64url (RFC 4648 5) without padding, as in RFC 7636 Appendix A.
///   to_base64url("a")   // "YQ"
inline std::string to_base64url(std::string_view bytes) {
    return detail::encode_base64(bytes, detail::base64url_alphabet, false);
}

/// The reverse of to_base64url. Nullopt if there is padding, any other character, or a bit that is not zero behind the
/// last byte. So each byte string has exactly one text.
///   from_base64url("YQ")   // "a"
inline std::optional<std::string> from_base64url(std::string_view digits) {
    std::string bytes(detail::size_of_base64url(digits.size()), '\0');
    if (!detail::decode_base64url(digits, bytes.data())) return std::nullopt;
    return bytes;
}

}}} // namespace tokenkeep::v1::text

#endif
