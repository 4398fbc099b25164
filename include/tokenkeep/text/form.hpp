// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_FORM_HPP
#define TOKENKEEP_TEXT_FORM_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/utf8.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace text {

/// One name and its value, before they are encoded.
struct form_pair {
    std::string_view name{}, value{};
};

}}} // namespace tokenkeep::v1::text

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Whether a form writes the character as it is.
constexpr bool is_form_plain(char c) noexcept {
    return text::is_letter(c) || text::is_digit(c) || c == '*' || c == '-' || c == '.' || c == '_';
}

/// How many bytes the text has when it is encoded.
inline std::size_t form_size(std::string_view part) noexcept {
    std::size_t size = 0;
    for (const char c : part) size += is_form_plain(c) || c == ' ' ? 1u : 3u;
    return size;
}

/// Appends the text, encoded.
inline void append_form(std::string& out, std::string_view part) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : part) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_form_plain(c))
            out += c;
        else if (c == ' ')
            out += '+';
        else
            (out += '%').append({digits[byte >> 4], digits[byte & 15]});
    }
}

/// Decodes percent signs, and pluses to `plus`. A percent sign that is not followed by two digits stays as it is.
inline std::string form_decoded(std::string_view part, char plus = ' ') {
    std::string decoded;
    decoded.reserve(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
        const int high = part[i] == '%' && part.size() - i > 2 ? text::hex_value(part[i + 1]) : -1;
        const int low = high >= 0 ? text::hex_value(part[i + 2]) : -1;
        if (low >= 0) {
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            decoded += part[i] == '+' ? plus : part[i];
        }
    }
    return decoded;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Encodes one name or value for application/x-www-form-urlencoded (WHATWG URL 5.2). RFC 6749 2.3.1 asks for it in HTTP
/// Basic too. Memory is reserved once, because a string that grows leaves copies of a secret behind.
///   form_encode("a b&c")   // "a+b%26c"
inline std::string form_encode(std::string_view part) {
    std::string encoded;
    encoded.reserve(detail::form_size(part));
    detail::append_form(encoded, part);
    return encoded;
}

/// The body of a form, with the pairs in their order. Memory is reserved once.
///   to_form(pairs)   // "grant_type=refresh_token&scope=a+b"
inline std::string to_form(std::span<const form_pair> pairs) {
    std::size_t size = 0;
    for (const form_pair& pair : pairs) size += detail::form_size(pair.name) + detail::form_size(pair.value) + 2;
    std::string form;
    form.reserve(size);
    for (const form_pair& pair : pairs) {
        if (&pair != pairs.data()) form += '&';
        detail::append_form(form, pair.name);
        form += '=';
        detail::append_form(form, pair.value);
    }
    return form;
}

/// The same for a list in braces.
///   to_form({{"grant_type", "refresh_token"}, {"scope", "a b"}})   // "grant_type=refresh_token&scope=a+b"
inline std::string to_form(std::initializer_list<form_pair> pairs) {
    return to_form(std::span<const form_pair>(pairs.begin(), pairs.size()));
}

/// The pairs of a form, in their order (WHATWG URL 5.1). `plus` is what a plus sign stands for. A name that is repeated
/// appears each time. Nullopt if a decoded name or value is not UTF-8; the function does not guess, as WHATWG does with
/// U+FFFD.
///   from_form("code=a%2Fb&state=1")   // {"code", "a/b"}, {"state", "1"}
inline std::optional<std::vector<std::pair<std::string, std::string>>> from_form(std::string_view form,
                                                                                 char plus = ' ') {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!form.empty()) {
        const std::string_view piece = form.substr(0, form.find('&'));
        form.remove_prefix(piece.size() < form.size() ? piece.size() + 1 : piece.size());
        if (piece.empty()) continue;
        const std::string_view name = piece.substr(0, piece.find('='));
        const std::string_view value = name.size() < piece.size() ? piece.substr(name.size() + 1) : std::string_view{};
        pairs.emplace_back(detail::form_decoded(name, plus), detail::form_decoded(value, plus));
        if (!is_utf8(pairs.back().first) || !is_utf8(pairs.back().second)) return std::nullopt;
    }
    return pairs;
}

}}} // namespace tokenkeep::v1::text

#endif
