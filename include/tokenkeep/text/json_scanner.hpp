// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_SCANNER_HPP
#define TOKENKEEP_TEXT_JSON_SCANNER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/json_string.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// What can be wrong with a text that should be JSON.
enum class json_fault {
    none,
    syntax,    ///< Not JSON (RFC 8259).
    encoding,  ///< Not UTF-8, or with a lone surrogate or a byte order mark (RFC 8259 8.1).
    depth,     ///< Arrays and objects are nested deeper than json_depth_limit.
    size,      ///< The text is longer than the limit.
    duplicate, ///< An object has two members of one name, after unescaping. Everything else is in order.
};

}}} // namespace tokenkeep::v1::text

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a reader does about a value that is not JSON although it is clear where it ends: a string with bytes that are
/// not UTF-8, with a bad escape or a control character, a word or a number that is none, an object that repeats a name.
enum class bad_json_value {
    refused, ///< It is a fault of the text (RFC 8259).
    marked,  ///< The member of the outermost object in which it lies is marked as bad. The reader goes on.
};

/// Functions that read JSON values without others inside: strings, words and numbers. Each begins at the position that
/// it is given, and gives the position behind what it has read. If there is a fault, it remembers that and gives null.
/// Positions are passed on and not kept in a member, because reading waits for each of them.
class json_scanner {
    using json_fault = text::json_fault;

  protected:
    json_scanner(std::string_view text, bad_json_value treatment) noexcept
        : begin_(text.data()), end_(begin_ + text.size()), marks_bad_values_(treatment == bad_json_value::marked) {}

    /// Reads a string from behind its opening quote on.
    const char* read_string(const char* at) noexcept {
        at = json_visible::skip(at, end_);
        is_visible_ = is(at, '"');
        return is_visible_ ? at + 1 : read_other_string(at);
    }

    /// Reads the rest of a string that has a character which is not visible, or an escape.
    const char* read_other_string(const char* at) noexcept {
        while (true) {
            at = json_plain::skip(at, end_);
            if (at == end_) return fail(json_fault::syntax, at);
            if (*at == '"') return at + 1;
            if (const char* const next = read_character(at); next != nullptr) {
                at = next;
                continue;
            }
            if (!marks_bad_values_) return nullptr;
            is_bad_ = true;
            at += *at == '\\' && end_ - at > 1 ? 2 : 1;
        }
    }

    /// Reads one character of a string that is not plain: an escape, or one that is not ASCII.
    const char* read_character(const char* at) noexcept {
        if (*at == '\\') return read_escape(at + 1);
        if (static_cast<unsigned char>(*at) < 0x20) return fail(json_fault::syntax, at);
        const std::size_t length = utf8_length(at, end_);
        return length != 0 ? at + length : fail(json_fault::encoding, at);
    }

    /// Reads an escape from behind its backslash on.
    const char* read_escape(const char* at) noexcept {
        if (!is(at, 'u')) return at != end_ && json_escape(*at) != 0 ? at + 1 : fail(json_fault::syntax, at);
        ++at;
        const std::int32_t code = json_hex4(at, end_);
        if (code < 0) return fail(json_fault::syntax, at);
        if (is_low_surrogate(code)) return fail(json_fault::encoding, at);
        at += 4;
        if (!is_high_surrogate(code)) return at;
        if (end_ - at < 6 || at[0] != '\\' || at[1] != 'u') return fail(json_fault::encoding, at);
        if (!is_low_surrogate(json_hex4(at + 2, end_))) return fail(json_fault::encoding, at);
        return at + 6;
    }

    /// Reads true, false, null or a number.
    const char* read_bare(const char* const first) noexcept {
        const char* const understood = read_word_or_number(first);
        if (!marks_bad_values_) return understood;
        const char* at = understood != nullptr ? understood : first;
        while (at != end_ && is_bare(*at)) ++at;
        if (at == first) return fail(json_fault::syntax, at);
        if (at != understood) is_bad_ = true;
        return at;
    }

    const char* read_word_or_number(const char* at) noexcept {
        if (is(at, 't')) return read_word(at, "true");
        if (is(at, 'f')) return read_word(at, "false");
        if (is(at, 'n')) return read_word(at, "null");
        return read_number(at);
    }

    const char* read_word(const char* at, std::string_view word) noexcept {
        for (const char c : word) {
            if (!is(at, c)) return fail(json_fault::syntax, at);
            ++at;
        }
        return at;
    }

    /// Whether a character can be part of a value without quotes and brackets.
    static bool is_bare(char c) noexcept {
        return static_cast<unsigned char>(c) > ' ' && !is_json_bracket(c) && c != '"' && c != ',' && c != ':';
    }

    const char* read_number(const char* at) noexcept {
        if (std::string_view(at, static_cast<std::size_t>(end_ - at)).starts_with("\xef\xbb\xbf"))
            return fail(json_fault::encoding, at);
        if (is(at, '-')) ++at;
        at = is(at, '0') ? at + 1 : read_digits(at);
        if (at != nullptr && is(at, '.')) at = read_digits(at + 1);
        if (at == nullptr || (!is(at, 'e') && !is(at, 'E'))) return at;
        ++at;
        return read_digits(is(at, '+') || is(at, '-') ? at + 1 : at);
    }

    const char* read_digits(const char* at) noexcept {
        if (at == end_ || !text::is_digit(*at)) return fail(json_fault::syntax, at);
        while (at != end_ && text::is_digit(*at)) ++at;
        return at;
    }

    /// Whether this character is at this position.
    bool is(const char* at, char c) const noexcept { return at != end_ && *at == c; }

    const char* fail(json_fault fault, const char* at) noexcept {
        fault_ = fault;
        noticed_ = at;
        return nullptr;
    }

    const char* begin_;
    const char* end_;
    json_fault fault_ = json_fault::none; ///< The last one. It counts only if it ended the reading.
    const char* noticed_ = nullptr;       ///< Where that fault was found.
    bool marks_bad_values_;
    bool is_bad_ = false;     ///< Whether a bad value was read. Only if it marks bad values.
    bool is_visible_ = false; ///< Whether the last string has only visible characters, and no escape.
};

}}} // namespace tokenkeep::v1::detail

#endif
