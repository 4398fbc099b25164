// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_READER_HPP
#define TOKENKEEP_TEXT_JSON_READER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/json_scanner.hpp>
#include <tokenkeep/text/json_value.hpp>

#include <algorithm>
#include <cstddef>
#include <forward_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace text {

/// How deep arrays and objects may be nested.
inline constexpr std::size_t json_depth_limit = 64;

}}} // namespace tokenkeep::v1::text

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Reads a text once and decides whether it is JSON. It builds no tree. To find repeated names, it remembers the
/// members of the objects that are open.
class json_reader : json_scanner {
    using json_fault = text::json_fault;

  public:
    explicit json_reader(std::string_view text, bad_json_value treatment = bad_json_value::refused) noexcept
        : json_scanner(text, treatment) {}

    /// Reads the whole text, and says what is wrong with it. If bad values are marked, a name that the outermost object
    /// repeats is not a fault.
    json_fault read() {
        const char* const first = skip_json_space(begin_, end_);
        const char* const last = read_value(first, 0);
        if (last == nullptr) return fault_;
        const char* const rest = skip_json_space(last, end_);
        fault_ = json_fault::none;
        if (rest != end_)
            fail(json_fault::syntax, rest);
        else if (repeats_names() && !marks_bad_values_)
            fail(json_fault::duplicate, repeated_);
        else
            value_ = view(first, last);
        return fault_;
    }

    /// The byte at which the fault was found.
    std::size_t offset() const noexcept { return static_cast<std::size_t>(noticed_ - begin_); }

    /// The value of the text; JSON null if there is a fault.
    text::json_value value() const noexcept { return text::json_value(value_); }

    /// Whether an object repeats a name. If bad values are marked: whether the outermost object does.
    bool repeats_names() const noexcept { return repeated_ != nullptr; }

    /// A member of an object.
    struct member {
        std::string_view name{};    ///< Unescaped.
        std::string_view written{}; ///< With its quotes.
        text::json_value value{};
        bool is_bad = false; ///< Whether its name or something in its value is not JSON. See bad_json_value.
        /// Whether the value is a string of visible ASCII characters without escapes. Its text is what is written.
        bool is_visible = false;
    };

    /// The members in their order, if the text is an object without fault. They refer to the text and to the reader.
    std::span<const member> members() const noexcept { return members_; }

  private:
    static std::string_view view(const char* from, const char* to) noexcept {
        return {from, static_cast<std::size_t>(to - from)};
    }

    /// Reads a value inside so many brackets.
    const char* read_value(const char* at, std::size_t depth) {
        if (is(at, '"')) return read_string(at + 1);
        const bool is_object = is(at, '{');
        if (!is_object && !is(at, '[')) return read_bare(at);
        if (depth == text::json_depth_limit) return fail(json_fault::depth, at);
        return is_object ? read_object(at + 1, depth + 1) : read_array(at + 1, depth + 1);
    }

    const char* read_array(const char* at, std::size_t depth) {
        at = skip_json_space(at, end_);
        if (is(at, ']')) return at + 1;
        while (true) {
            at = read_value(at, depth);
            if (at == nullptr) return nullptr;
            at = skip_json_space(at, end_);
            if (!is(at, ',')) break;
            at = skip_json_space(at + 1, end_);
        }
        return is(at, ']') ? at + 1 : fail(json_fault::syntax, at);
    }

    /// Reads an object. It forgets the members, except those of the outermost object.
    const char* read_object(const char* at, std::size_t depth) {
        const std::size_t first = members_.size();
        at = skip_json_space(at, end_);
        if (is(at, '}')) return at + 1;
        if (members_.empty()) members_.reserve(16);
        while (true) {
            at = read_member(at, depth);
            if (at == nullptr) return nullptr;
            at = skip_json_space(at, end_);
            if (!is(at, ',')) break;
            at = skip_json_space(at + 1, end_);
        }
        if (!is(at, '}')) return fail(json_fault::syntax, at);
        if (repeated_ == nullptr) repeated_ = find_repeated(first);
        if (depth == 1) return at + 1;
        if (marks_bad_values_) is_bad_ = std::exchange(repeated_, nullptr) != nullptr || is_bad_;
        members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(first), members_.end());
        return at + 1;
    }

    const char* read_member(const char* at, std::size_t depth) {
        const char* const written = at;
        if (depth == 1) is_bad_ = false;
        if (!is(at, '"')) return fail(json_fault::syntax, at);
        at = read_string(at + 1);
        if (at == nullptr) return nullptr;
        const std::string_view name = is_visible_ ? view(written + 1, at - 1) : unescaped(view(written + 1, at - 1));
        const char* const name_end = at;
        at = skip_json_space(at, end_);
        if (!is(at, ':')) return fail(json_fault::syntax, at);
        const char* const value = skip_json_space(at + 1, end_);
        const bool is_string = is(value, '"');
        at = is_string ? read_string(value + 1) : read_value(value, depth);
        if (at == nullptr) return nullptr;
        member& read = members_.emplace_back();
        read.name = name;
        read.written = view(written, name_end);
        read.value = text::json_value(view(value, at));
        read.is_bad = is_bad_;
        read.is_visible = is_string && is_visible_;
        return at;
    }

    /// A name with its escapes decoded.
    std::string_view unescaped(std::string_view written) {
        if (written.find('\\') == std::string_view::npos) return written;
        std::string& name = unescaped_.emplace_front();
        walk_json_string(written, [&](const char* from, std::size_t size) { return name.append(from, size), true; });
        return name;
    }

    /// A name that is repeated among the members from `first` on: where it is written. Null if none is repeated. It
    /// compares a few each with each, and sorts many.
    const char* find_repeated(std::size_t first) const {
        const std::span<const member> all = std::span(members_).subspan(first);
        if (all.size() <= 16) {
            for (std::size_t i = 1; i < all.size(); ++i)
                for (std::size_t j = 0; j < i; ++j)
                    if (all[i].name == all[j].name) return all[i].written.data() + 1;
            return nullptr;
        }
        std::vector<std::pair<std::string_view, const char*>> sorted;
        sorted.reserve(all.size());
        for (const member& m : all) sorted.emplace_back(m.name, m.written.data() + 1);
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 1; i < sorted.size(); ++i)
            if (sorted[i].first == sorted[i - 1].first) return sorted[i].second;
        return nullptr;
    }

    const char* repeated_ = nullptr;
    std::vector<member> members_{}; ///< Of the objects that are open, the outermost first.
    std::forward_list<std::string> unescaped_{};
    std::string_view value_ = "null";
};

}}} // namespace tokenkeep::v1::detail

#endif
