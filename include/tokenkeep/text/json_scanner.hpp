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

/// A position in a text, and functions that read JSON values without others inside: strings, words and numbers.
class json_scanner {
    using json_fault = text::json_fault;

  protected:
    json_scanner(std::string_view text, bad_json_value treatment) noexcept
        : begin_(text.data()),
          at_(begin_),
          end_(begin_ + text.size()),
          marks_bad_values_(treatment == bad_json_value::marked) {}

    /// Reads a string. Its opening quote has been read.
    json_fault read_string() {
        while (true) {
            at_ = skip_json_plain(at_, end_);
            if (take('"')) return json_fault::none;
            if (at_ == end_) return json_fault::syntax;
            const char* const odd = at_;
            const json_fault fault = read_character();
            if (fault == json_fault::none) continue;
            if (!marks_bad_values_) return fault;
            is_bad_ = true;
            at_ = odd + (*odd == '\\' && end_ - odd > 1 ? 2 : 1);
        }
    }

    /// Reads one character of a string that is not plain: an escape, or one that is not ASCII.
    json_fault read_character() noexcept {
        if (*at_ == '\\') return read_escape();
        if (static_cast<unsigned char>(*at_) < 0x20) return json_fault::syntax;
        const std::size_t length = utf8_length(at_, end_);
        if (length == 0) return json_fault::encoding;
        at_ += length;
        return json_fault::none;
    }

    /// Reads an escape. The position is at its backslash.
    json_fault read_escape() noexcept {
        ++at_;
        if (!take('u')) {
            if (json_escape(peek()) == 0) return json_fault::syntax;
            ++at_;
            return json_fault::none;
        }
        const std::int32_t code = json_hex4(at_, end_);
        if (code < 0) return json_fault::syntax;
        if (is_low_surrogate(code)) return json_fault::encoding;
        at_ += 4;
        if (!is_high_surrogate(code)) return json_fault::none;
        if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') return json_fault::encoding;
        if (!is_low_surrogate(json_hex4(at_ + 2, end_))) return json_fault::encoding;
        at_ += 6;
        return json_fault::none;
    }

    /// Reads true, false, null or a number.
    json_fault read_bare() noexcept {
        const char* const first = at_;
        const json_fault fault = read_word_or_number();
        if (!marks_bad_values_) return fault;
        const char* const understood = at_;
        if (fault != json_fault::none) at_ = first;
        while (at_ != end_ && is_bare(*at_)) ++at_;
        if (at_ == first) return json_fault::syntax;
        if (fault != json_fault::none || at_ != understood) is_bad_ = true;
        return json_fault::none;
    }

    json_fault read_word_or_number() noexcept {
        switch (peek()) {
        case 't': return read_word("true");
        case 'f': return read_word("false");
        case 'n': return read_word("null");
        default: return read_number();
        }
    }

    json_fault read_word(std::string_view word) noexcept {
        for (const char c : word)
            if (!take(c)) return json_fault::syntax;
        return json_fault::none;
    }

    /// Whether a character can be part of a value without quotes and brackets.
    static bool is_bare(char c) noexcept {
        return static_cast<unsigned char>(c) > ' ' && !is_json_bracket(c) && c != '"' && c != ',' && c != ':';
    }

    json_fault read_number() noexcept {
        if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with("\xef\xbb\xbf"))
            return json_fault::encoding;
        take('-');
        if (!take('0') && !take_digits()) return json_fault::syntax;
        if (take('.') && !take_digits()) return json_fault::syntax;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!take_digits()) return json_fault::syntax;
        }
        return json_fault::none;
    }

    char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
    bool take(char c) noexcept {
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool take_digits() noexcept {
        const char* const first = at_;
        while (at_ != end_ && text::is_digit(*at_)) ++at_;
        return at_ != first;
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    bool marks_bad_values_;
    bool is_bad_ = false; ///< Whether a bad value was read. Only if it marks bad values.
};

}}} // namespace tokenkeep::v1::detail

#endif
