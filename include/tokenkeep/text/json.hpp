// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_HPP
#define TOKENKEEP_TEXT_JSON_HPP

#include <tokenkeep/text/json_value.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep::inline v0::text {

enum class json_fault {
    none,
    syntax,    ///< Not JSON (RFC 8259).
    encoding,  ///< Not UTF-8, a lone surrogate, or a byte order mark (RFC 8259 8.1).
    depth,     ///< Arrays and objects nested deeper than json_depth_limit.
    size,      ///< Longer than the reader was told to take.
    duplicate, ///< An object names a member twice, as they read after unescaping; all else is in order.
};

/// What parse_json found.
struct json_result {
    json_fault fault = json_fault::none;
    std::size_t offset = 0; ///< Where the fault was noticed, in bytes.
    json_value value{};     ///< Null if there is a fault.

    explicit operator bool() const noexcept { return fault == json_fault::none; }
};

inline constexpr std::size_t json_depth_limit = 64;

} // namespace tokenkeep::inline v0::text

namespace tokenkeep::inline v0::detail {

/// One pass over a text that finds out whether it is JSON. It keeps no tree: only which brackets are open and, to
/// find repeated names, where the names of the objects now open lie.
class json_reader {
    using json_fault = text::json_fault;

  public:
    explicit json_reader(std::string_view text) noexcept
        : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

    text::json_result read() {
        const char* const first = at_ = skip_json_space(at_, end_);
        json_fault fault = read_values();
        const auto offset = static_cast<std::size_t>((fault == json_fault::duplicate ? repeated_ : at_) - begin_);
        if (fault != json_fault::none) return {fault, offset, {}};
        const char* last = end_;
        while (static_cast<unsigned char>(last[-1]) <= ' ') --last;
        return {fault, 0, text::json_value(std::string_view(first, static_cast<std::size_t>(last - first)))};
    }

  private:
    struct name {
        std::string_view text; ///< Unescaped.
        const char* at;
    };

    json_fault read_values() {
        while (true) {
            json_fault fault = read_value_or_bracket();
            if (fault == json_fault::none && !value_due_) fault = read_after_value();
            if (fault != json_fault::none) return fault;
            if (!value_due_) return repeated_ != nullptr ? json_fault::duplicate : json_fault::none;
        }
    }

    /// Reads a whole scalar or empty container, or the beginning of a container: then a value is due.
    json_fault read_value_or_bracket() {
        at_ = skip_json_space(at_, end_);
        value_due_ = false;
        switch (peek()) {
        case '"': ++at_; return read_string();
        case '{': return open(true);
        case '[': return open(false);
        case 't': return read_word("true");
        case 'f': return read_word("false");
        case 'n': return read_word("null");
        default: return read_number();
        }
    }

    /// Closes what closes behind a value, up to the comma before the next value or to the end.
    json_fault read_after_value() {
        while (true) {
            at_ = skip_json_space(at_, end_);
            if (depth_ == 0) return at_ == end_ ? json_fault::none : json_fault::syntax;
            if (take(',')) {
                value_due_ = true;
                return in_object() ? read_name() : json_fault::none;
            }
            if (!take(in_object() ? '}' : ']')) return json_fault::syntax;
            close();
        }
    }

    json_fault open(bool object) {
        if (depth_ == text::json_depth_limit) return json_fault::depth;
        ++at_;
        objects_ = objects_ << 1 | (object ? 1u : 0u);
        first_names_[depth_++] = names_.size();
        at_ = skip_json_space(at_, end_);
        if (take(object ? '}' : ']')) {
            close();
            return json_fault::none;
        }
        value_due_ = true;
        return object ? read_name() : json_fault::none;
    }

    void close() {
        --depth_;
        if (in_object()) {
            if (repeated_ == nullptr) find_repeated(first_names_[depth_]);
            names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(first_names_[depth_]), names_.end());
        }
        objects_ >>= 1;
    }

    bool in_object() const noexcept { return (objects_ & 1) != 0; }

    json_fault read_name() {
        at_ = skip_json_space(at_, end_);
        if (!take('"')) return json_fault::syntax;
        const char* const first = at_;
        if (const json_fault fault = read_string(); fault != json_fault::none) return fault;
        if (names_.empty()) names_.reserve(16);
        names_.push_back(name_at(first));
        at_ = skip_json_space(at_, end_);
        return take(':') ? json_fault::none : json_fault::syntax;
    }

    /// The name whose text begins at `first` and ends before the quote just read.
    name name_at(const char* first) {
        const std::string_view inside(first, static_cast<std::size_t>(at_ - first) - 1);
        if (inside.find('\\') == std::string_view::npos) return {inside, first};
        std::string& unescaped = unescaped_.emplace_front();
        walk_json_string(inside,
                         [&](const char* from, std::size_t size) { return unescaped.append(from, size), true; });
        return {unescaped, first};
    }

    /// Reads a string behind its opening quote.
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

    /// Looks for a repeated name among those from `first` on: each with each while they are few, else sorted.
    void find_repeated(std::size_t first) {
        name* const begin = names_.data() + first;
        name* const end = names_.data() + names_.size();
        const bool few = end - begin <= 16;
        if (!few) std::sort(begin, end, [](const name& a, const name& b) { return a.text < b.text; });
        for (name* one = begin; one != end; ++one) {
            name* const stop = few || end - one < 2 ? end : one + 2;
            for (name* other = one + 1; other < stop; ++other)
                if (one->text == other->text) repeated_ = std::max(one->at, other->at);
        }
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
    const char* repeated_ = nullptr;
    bool value_due_ = true;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0; ///< A bit for every open bracket, the innermost lowest: whether it is an object.
    std::array<std::size_t, text::json_depth_limit> first_names_{};
    std::vector<name> names_{};
    std::forward_list<std::string> unescaped_{}; ///< The names that had to be unescaped.
};

} // namespace tokenkeep::inline v0::detail

namespace tokenkeep::inline v0::text {

/// Finds out once whether a text is JSON (RFC 8259), strictly: UTF-8 without a byte order mark, no lone surrogates,
/// no repeated names, at most json_depth_limit brackets deep and `size_limit` bytes long. Takes time in proportion to
/// the text, and a logarithm for names. The value refers to `text`. A fault never carries text, only its place.
inline json_result parse_json(std::string_view text, std::size_t size_limit = std::size_t{1} << 30) {
    if (text.size() > size_limit) return {json_fault::size, size_limit, {}};
    return detail::json_reader(text).read();
}

} // namespace tokenkeep::inline v0::text

#endif
