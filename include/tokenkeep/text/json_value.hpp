// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_VALUE_HPP
#define TOKENKEEP_TEXT_JSON_VALUE_HPP

#include <tokenkeep/text/json_string.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace detail {

class json_reader;

inline const char* skip_json_space(const char* at, const char* end) noexcept {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
}

/// The closing quote of a string of valid JSON; `at` stands behind the opening one. A quote with an even number of
/// backslashes before it closes.
inline const char* end_of_json_string(const char* at, const char* end) noexcept {
    const char* const first = at;
    while (true) {
        const char* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
        const char* run = quote;
        while (run != first && run[-1] == '\\') --run;
        if ((quote - run) % 2 == 0) return quote;
        at = quote + 1;
    }
}

constexpr bool is_json_bracket(char c) noexcept { return c == '{' || c == '[' || c == '}' || c == ']'; }

/// Behind the value of valid JSON that begins at `at`; a number or word takes the space behind it along.
inline const char* end_of_json_value(const char* at, const char* end) noexcept {
    std::size_t depth = 0;
    do {
        switch (*at) {
        case '"': at = end_of_json_string(at + 1, end) + 1; break;
        case '{':
        case '[': ++depth, ++at; break;
        case '}':
        case ']': --depth, ++at; break;
        default:
            while (!is_json_bracket(*at) && *at != '"' && (depth != 0 || *at != ',')) ++at;
        }
    } while (depth != 0);
    return at;
}

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 { namespace text {

enum class json_kind { null, boolean, number, string, array, object };

/// A value of a JSON text that parse_json accepted: a view into that text, which must stay where it is. Made by
/// default it is null. Nothing is unescaped or converted before it is asked for, and what is asked of a value of
/// another kind is absent or empty.
class json_value {
  public:
    json_value() noexcept = default;

    json_kind kind() const noexcept {
        switch (raw_.front()) {
        case '{': return json_kind::object;
        case '[': return json_kind::array;
        case '"': return json_kind::string;
        case 't':
        case 'f': return json_kind::boolean;
        case 'n': return json_kind::null;
        default: return json_kind::number;
        }
    }

    /// The value as written, without space around it.
    std::string_view raw() const noexcept { return raw_; }

    std::optional<bool> boolean() const noexcept {
        if (kind() != json_kind::boolean) return std::nullopt;
        return raw_.front() == 't';
    }

    /// A number written without fraction and exponent that fits.
    std::optional<std::int64_t> integer() const noexcept {
        std::int64_t number{};
        const auto [stop, fault] = std::from_chars(raw_.data(), end(), number);
        if (kind() != json_kind::number || fault != std::errc{} || stop != end()) return std::nullopt;
        return number;
    }

    /// A string's text where it stands, if it is written without escapes.
    std::optional<std::string_view> plain_text() const noexcept {
        if (kind() != json_kind::string || raw_.find('\\') != std::string_view::npos) return std::nullopt;
        return raw_.substr(1, raw_.size() - 2);
    }

    /// The size of a string's text in bytes.
    std::size_t text_size() const noexcept {
        std::size_t size = 0;
        walk([&size](const char*, std::size_t piece) { return size += piece, true; });
        return size;
    }

    /// Writes a string's text, escapes resolved, and gives its size, which is text_size() and never more than
    /// raw().size(): the caller may own the memory and wipe it.
    std::size_t copy_text(char* out) const noexcept {
        char* at = out;
        walk([&at](const char* from, std::size_t piece) {
            std::memcpy(at, from, piece);
            at += piece;
            return true;
        });
        return static_cast<std::size_t>(at - out);
    }

    /// A string's text. For a secret, copy_text leaves no copy behind.
    std::string text() const {
        if (const std::optional<std::string_view> plain = plain_text()) return std::string(*plain);
        std::string copy;
        walk([&copy](const char* from, std::size_t piece) { return copy.append(from, piece), true; });
        return copy;
    }

    /// Whether this is a string with exactly that text.
    bool is_text(std::string_view expected) const noexcept {
        if (kind() != json_kind::string) return false;
        const std::string_view inside = raw_.substr(1, raw_.size() - 2);
        std::size_t same = 0;
        while (same < inside.size() && same < expected.size() && inside[same] == expected[same] && inside[same] != '\\')
            ++same;
        if (same < inside.size() && inside[same] == '\\') return is_unescaped_text(expected);
        return same == inside.size() && same == expected.size();
    }

    /// The value of an object's member of that name. Every call walks the object: to read several, for_each_member
    /// is faster.
    std::optional<json_value> find(std::string_view name) const noexcept {
        if (kind() != json_kind::object) return std::nullopt;
        json_value found_name, value;
        for (const char* at = raw_.data() + 1; next_member(at, found_name, value);)
            if (found_name.is_text(name)) return value;
        return std::nullopt;
    }

    /// Calls visit(json_value name, json_value value) for each member of an object, as written; the name is a string.
    template <class Visit>
    void for_each_member(Visit visit) const {
        if (kind() != json_kind::object) return;
        json_value name, value;
        for (const char* at = raw_.data() + 1; next_member(at, name, value);) visit(name, value);
    }

    /// Calls visit(json_value) for each element of an array, in order.
    template <class Visit>
    void for_each_element(Visit visit) const {
        if (kind() != json_kind::array) return;
        json_value value;
        for (const char* at = raw_.data() + 1; next_value(at, value);) visit(value);
    }

  private:
    friend class detail::json_reader;
    explicit json_value(std::string_view raw) noexcept : raw_(raw) {}

    const char* end() const noexcept { return raw_.data() + raw_.size(); }

    template <class Take>
    void walk(Take take) const {
        if (kind() == json_kind::string) detail::walk_json_string(raw_.substr(1, raw_.size() - 2), take);
    }

    bool is_unescaped_text(std::string_view expected) const noexcept {
        bool same = true;
        walk([&](const char* from, std::size_t piece) {
            same = expected.substr(0, piece) == std::string_view(from, piece);
            expected.remove_prefix(same ? piece : 0);
            return same;
        });
        return same && expected.empty();
    }

    /// The next element, `at` standing before it or before the comma; false at the end of the array.
    bool next_value(const char*& at, json_value& value) const noexcept {
        at = detail::skip_json_space(at, end());
        if (*at == ',') at = detail::skip_json_space(at + 1, end());
        if (*at == ']' || *at == '}') return false;
        const char* const first = at;
        at = detail::end_of_json_value(at, end());
        const char* last = at;
        while (last[-1] == ' ' || last[-1] == '\n' || last[-1] == '\r' || last[-1] == '\t') --last;
        value = json_value(std::string_view(first, static_cast<std::size_t>(last - first)));
        return true;
    }

    bool next_member(const char*& at, json_value& name, json_value& value) const noexcept {
        if (!next_value(at, name)) return false;
        at = detail::skip_json_space(at, end()) + 1;
        return next_value(at, value);
    }

    std::string_view raw_ = "null";
};

}}} // namespace tokenkeep::v0::text

#endif
