// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_VALUE_HPP
#define TOKENKEEP_TEXT_JSON_VALUE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/json_string.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

class json_reader;

constexpr bool is_json_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline const char* skip_json_space(const char* at, const char* end) noexcept {
    while (at != end && *at <= ' ' && is_json_space(*at)) ++at; // mostly one comparison: JSON is sent without spaces
    return at;
}

/// The text without the spaces at its ends.
inline std::string_view trim_json_space(std::string_view text) noexcept {
    const char* last = text.data() + text.size();
    const char* const first = skip_json_space(text.data(), last);
    while (last != first && is_json_space(last[-1])) --last;
    return {first, static_cast<std::size_t>(last - first)};
}

/// The closing quote of a string in valid JSON. `at` is behind the opening quote. A quote closes the string if an even
/// number of backslashes is before it.
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

/// The end of the value that begins at `at` in valid JSON. Spaces behind a number or a word are
/// included.
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

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// The kinds of JSON values.
enum class json_kind { null, boolean, number, string, array, object };

/// A value of a JSON text that parse_json accepted. It is a view: the text must stay alive and where it is. A value
/// made by default is JSON null. A value is decoded only when a function asks for it. Functions for another kind of
/// value than this one give nullopt or an empty text, or visit nothing.
///   std::optional<json_value> scope = parse_json(R"({"scope":"a"})").value.find("scope");
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

    /// The value as written, without the spaces around it.
    std::string_view raw() const noexcept { return raw_; }

    /// Nullopt if the value is neither true nor false.
    ///   parse_json("true").value.boolean()   // true
    std::optional<bool> boolean() const noexcept {
        if (kind() != json_kind::boolean) return std::nullopt;
        return raw_.front() == 't';
    }

    /// A number that fits and is written without fraction and exponent.
    ///   parse_json("3600").value.integer()   // 3600
    std::optional<std::int64_t> integer() const noexcept {
        std::int64_t number{};
        const auto [stop, fault] = std::from_chars(raw_.data(), end(), number);
        if (kind() != json_kind::number || fault != std::errc{} || stop != end()) return std::nullopt;
        return number;
    }

    /// The text of a string where it lies, if it is written without escapes. Nullopt otherwise.
    std::optional<std::string_view> plain_text() const noexcept {
        if (kind() != json_kind::string || raw_.find('\\') != std::string_view::npos) return std::nullopt;
        return raw_.substr(1, raw_.size() - 2);
    }

    /// The size in bytes of a string's decoded text.
    std::size_t text_size() const noexcept {
        std::size_t size = 0;
        walk([&size](const char*, std::size_t piece) { return size += piece, true; });
        return size;
    }

    /// Writes the decoded text of a string to `out`, and gives its size. The size is text_size(), and never more than
    /// raw().size(). The caller owns the memory, and can wipe it.
    ///   secret text = secret::build(value.text_size(), [&](char* out) { return value.copy_text(out); });
    std::size_t copy_text(char* out) const noexcept {
        char* at = out;
        walk([&at](const char* from, std::size_t piece) {
            std::memcpy(at, from, piece);
            at += piece;
            return true;
        });
        return static_cast<std::size_t>(at - out);
    }

    /// The decoded text of a string. If it is a secret, use copy_text, which leaves no copy behind.
    ///   parse_json(R"("a\nb")").value.text()   // "a", a line feed, "b"
    std::string text() const {
        if (const std::optional<std::string_view> plain = plain_text()) return std::string(*plain);
        std::string copy;
        walk([&copy](const char* from, std::size_t piece) { return copy.append(from, piece), true; });
        return copy;
    }

    /// Whether the value is a string with exactly this text.
    ///   if (value.is_text("Bearer")) use(value.raw());
    bool is_text(std::string_view expected) const noexcept {
        if (kind() != json_kind::string) return false;
        const std::string_view inside = raw_.substr(1, raw_.size() - 2);
        std::size_t same = 0;
        while (same < inside.size() && same < expected.size() && inside[same] == expected[same] && inside[same] != '\\')
            ++same;
        if (same < inside.size() && inside[same] == '\\') return is_unescaped_text(expected);
        return same == inside.size() && same == expected.size();
    }

    /// The value of the member of that name; nullopt if the object has none. Each call walks through the object: to
    /// read several members, for_each_member is faster.
    ///   if (std::optional<json_value> scope = value.find("scope")) use(scope->text());
    std::optional<json_value> find(std::string_view name) const noexcept {
        if (kind() != json_kind::object) return std::nullopt;
        json_value found_name, value;
        for (const char* at = raw_.data() + 1; next_member(at, found_name, value);)
            if (found_name.is_text(name)) return value;
        return std::nullopt;
    }

    /// Calls visit(json_value name, json_value value) for each member of an object, in order. The name is a JSON
    /// string.
    ///   value.for_each_member([](json_value name, json_value member) { use(name.text(), member.raw()); });
    template <class Visit>
    void for_each_member(Visit visit) const {
        if (kind() != json_kind::object) return;
        json_value name, value;
        for (const char* at = raw_.data() + 1; next_member(at, name, value);) visit(name, value);
    }

    /// Calls visit(json_value) for each element of an array, in order.
    ///   value.for_each_element([](json_value element) { use(element.text()); });
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

    /// Reads the next element. `at` is before it or before the comma. False at the end of the array or object.
    bool next_value(const char*& at, json_value& value) const noexcept {
        at = detail::skip_json_space(at, end());
        if (*at == ',') at = detail::skip_json_space(at + 1, end());
        if (*at == ']' || *at == '}') return false;
        const char* const first = at;
        at = detail::end_of_json_value(at, end());
        value = json_value(detail::trim_json_space({first, static_cast<std::size_t>(at - first)}));
        return true;
    }

    bool next_member(const char*& at, json_value& name, json_value& value) const noexcept {
        if (!next_value(at, name)) return false;
        at = detail::skip_json_space(at, end()) + 1;
        return next_value(at, value);
    }

    std::string_view raw_ = "null";
};

}}} // namespace tokenkeep::v1::text

#endif
