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
#include <array>
#include <cstddef>
#include <cstdint>
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

/// Reads a text once and decides whether it is JSON. It builds no tree. It remembers which brackets are open and, to
/// find repeated names, the members of the objects that are open.
class json_reader : json_scanner {
    using json_fault = text::json_fault;

  public:
    explicit json_reader(std::string_view text, bad_json_value treatment = bad_json_value::refused) noexcept
        : json_scanner(text, treatment) {}

    /// Reads the whole text, and says what is wrong with it. If bad values are marked, a name that the outermost object
    /// repeats is not a fault.
    json_fault read() {
        at_ = skip_json_space(at_, end_);
        const char* const first = at_;
        const json_fault fault = read_values();
        noticed_ = fault == json_fault::duplicate ? repeated_ : at_;
        if (fault == json_fault::none) value_ = view(first, value_end_);
        return fault;
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
    };

    /// The members in their order, if the text is an object without fault. They refer to the text and to the reader.
    std::span<const member> members() const noexcept { return members_; }

  private:
    static std::string_view view(const char* from, const char* to) noexcept {
        return {from, static_cast<std::size_t>(to - from)};
    }

    json_fault read_values() {
        while (true) {
            json_fault fault = read_value_or_bracket();
            if (fault == json_fault::none && !value_due_) fault = read_after_value();
            if (fault != json_fault::none) return fault;
            if (!value_due_) return repeats_names() && !marks_bad_values_ ? json_fault::duplicate : json_fault::none;
        }
    }

    /// Reads a whole scalar or an empty container. Of any other container it reads the beginning; then a value is due.
    json_fault read_value_or_bracket() {
        at_ = skip_json_space(at_, end_);
        value_due_ = false;
        switch (peek()) {
        case '"': ++at_; return read_string();
        case '{': return open(true);
        case '[': return open(false);
        default: return read_bare();
        }
    }

    /// Reads what follows a value: closing brackets, then the comma before the next value, or the end.
    json_fault read_after_value() {
        while (true) {
            value_end_ = at_;
            if (in_object()) {
                member& read = members_.back();
                read.value = text::json_value(view(read.value.raw().data(), at_));
                read.is_bad = is_bad_;
            }
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
        first_members_[depth_++] = members_.size();
        at_ = skip_json_space(at_, end_);
        if (take(object ? '}' : ']')) {
            close();
            return json_fault::none;
        }
        value_due_ = true;
        return object ? read_name() : json_fault::none;
    }

    /// Forgets the members of the object that ends. The members of the outermost object stay.
    void close() {
        const std::size_t first = first_members_[--depth_];
        if (in_object()) {
            if (repeated_ == nullptr) repeated_ = find_repeated(first);
            if (marks_bad_values_ && depth_ != 0) is_bad_ = std::exchange(repeated_, nullptr) != nullptr || is_bad_;
            if (depth_ != 0) members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(first), members_.end());
        }
        objects_ >>= 1;
    }

    bool in_object() const noexcept { return (objects_ & 1) != 0; }

    json_fault read_name() {
        at_ = skip_json_space(at_, end_);
        if (!take('"')) return json_fault::syntax;
        if (depth_ == 1) is_bad_ = false;
        const char* const first = at_;
        if (const json_fault fault = read_string(); fault != json_fault::none) return fault;
        if (members_.empty()) members_.reserve(16);
        members_.push_back({.name = unescaped(view(first, at_ - 1)), .written = view(first - 1, at_)});
        at_ = skip_json_space(at_, end_);
        if (!take(':')) return json_fault::syntax;
        at_ = skip_json_space(at_, end_);
        members_.back().value = text::json_value(view(at_, at_));
        return json_fault::none;
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
    const char* noticed_ = nullptr;
    bool value_due_ = true;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0; ///< One bit for every open bracket, the innermost lowest: whether it is an object.
    std::array<std::size_t, text::json_depth_limit> first_members_{};
    std::vector<member> members_{}; ///< Of the objects that are open, the outermost first.
    std::forward_list<std::string> unescaped_{};
    const char* value_end_ = nullptr; ///< Where the last value ended.
    std::string_view value_ = "null";
};

}}} // namespace tokenkeep::v1::detail

#endif
