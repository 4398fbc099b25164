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

namespace tokenkeep { inline namespace v0 { namespace text {

/// What can be wrong with a text that should be JSON.
enum class json_fault {
    none,
    syntax,    ///< Not JSON (RFC 8259).
    encoding,  ///< Not UTF-8, or with a lone surrogate or a byte order mark (RFC 8259 8.1).
    depth,     ///< Arrays and objects are nested deeper than json_depth_limit.
    size,      ///< The text is longer than the limit.
    duplicate, ///< An object has two members of one name, after unescaping. Everything else is in order.
};

}}} // namespace tokenkeep::v0::text

namespace tokenkeep { inline namespace v0 { namespace detail {

/// A position in a text, and functions that read JSON values without others inside: strings, words and numbers.
class json_scanner {
    using json_fault = text::json_fault;

  protected:
    explicit json_scanner(std::string_view text) noexcept
        : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

    /// Reads a string. Its opening quote has been read.
    json_fault read_string() {
        while (true) {
            at_ = skip_json_plain(at_, end_);
            if (take('"')) return json_fault::none;
            if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return json_fault::syntax;
            if (*at_ == '\\') {
                if (const json_fault fault = read_escape(); fault != json_fault::none) return fault;
                continue;
            }
            const std::size_t length = utf8_length(at_, end_);
            if (length == 0) return json_fault::encoding;
            at_ += length;
        }
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

    json_fault read_word(std::string_view word) noexcept {
        for (const char c : word)
            if (!take(c)) return json_fault::syntax;
        return json_fault::none;
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
};

}}} // namespace tokenkeep::v0::detail

#endif
