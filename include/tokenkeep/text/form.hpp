// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_FORM_HPP
#define TOKENKEEP_TEXT_FORM_HPP

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

namespace tokenkeep { inline namespace v0 { namespace text {

/// One name and its value, before encoding.
struct form_pair {
    std::string_view name{}, value{};
};

}}} // namespace tokenkeep::v0::text

namespace tokenkeep { inline namespace v0 { namespace detail {

constexpr bool is_form_plain(char c) noexcept {
    return text::is_letter(c) || text::is_digit(c) || c == '*' || c == '-' || c == '.' || c == '_';
}

inline std::size_t form_size(std::string_view part) noexcept {
    std::size_t size = 0;
    for (const char c : part) size += is_form_plain(c) || c == ' ' ? 1u : 3u;
    return size;
}

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

/// A part with its percent signs and pluses resolved; a percent sign without two digits stands for itself.
inline std::string form_decoded(std::string_view part) {
    std::string decoded;
    decoded.reserve(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
        const int high = part[i] == '%' && part.size() - i > 2 ? text::hex_value(part[i + 1]) : -1;
        const int low = high >= 0 ? text::hex_value(part[i + 2]) : -1;
        if (low >= 0) {
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            decoded += part[i] == '+' ? ' ' : part[i];
        }
    }
    return decoded;
}

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 { namespace text {

/// One name or value in application/x-www-form-urlencoded (WHATWG URL 5.2), as RFC 6749 2.3.1 asks for the two parts
/// of Basic. The result has its memory from the start: growth would leave copies of a secret behind.
inline std::string form_encode(std::string_view part) {
    std::string encoded;
    encoded.reserve(detail::form_size(part));
    detail::append_form(encoded, part);
    return encoded;
}

/// Pairs as the body of a form, in their order, in memory reserved once.
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

/// The same for a braced list.
inline std::string to_form(std::initializer_list<form_pair> pairs) {
    return to_form(std::span<const form_pair>(pairs.begin(), pairs.size()));
}

/// The pairs of a form in their order (WHATWG URL 5.1), repeated names included; nullopt if what they decode to is
/// not UTF-8. Where WHATWG would put U+FFFD, nothing is guessed.
inline std::optional<std::vector<std::pair<std::string, std::string>>> from_form(std::string_view form) {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!form.empty()) {
        const std::string_view piece = form.substr(0, form.find('&'));
        form.remove_prefix(piece.size() < form.size() ? piece.size() + 1 : piece.size());
        if (piece.empty()) continue;
        const std::string_view name = piece.substr(0, piece.find('='));
        const std::string_view value = name.size() < piece.size() ? piece.substr(name.size() + 1) : std::string_view{};
        pairs.emplace_back(detail::form_decoded(name), detail::form_decoded(value));
        if (!is_utf8(pairs.back().first) || !is_utf8(pairs.back().second)) return std::nullopt;
    }
    return pairs;
}

}}} // namespace tokenkeep::v0::text

#endif
