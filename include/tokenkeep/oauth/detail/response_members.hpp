// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_RESPONSE_MEMBERS_HPP
#define TOKENKEEP_OAUTH_DETAIL_RESPONSE_MEMBERS_HPP

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/detail/form_members.hpp>
#include <tokenkeep/oauth/detail/json_members.hpp>
#include <tokenkeep/oauth/detail/response_dialect.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/json.hpp>

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The names of members that the library reads. All other members go into `extra`. The first entry is for them.
inline constexpr std::string_view read_names[] = {
    "",
    "access_token",
    "refresh_token",
    "token_type",
    "scope",
    "api_domain",
    "error",
    "expires_in",
    "expires_on",
    "expires_at",
    "expires",
    "refresh_token_expires_in",
    "refresh_expires_in",
    "x_refresh_token_expires_in",
    "expires_in_sec", // only of a dialect that has it
};

/// A number below 64 for a name. No two names in read_names have the same.
constexpr std::size_t name_slot(std::string_view name) noexcept {
    if (name.size() < 2) return 0;
    const auto byte = [name](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(name[at])); };
    return (name.size() * 8 + byte(0) + byte(name.size() - 2)) % 64;
}

/// For each slot, the name of read_names that has it.
inline constexpr std::array<unsigned char, 64> names_by_slot = [] {
    std::array<unsigned char, 64> table{};
    for (std::size_t number = 1; number < std::size(read_names); ++number)
        table[name_slot(read_names[number])] = static_cast<unsigned char>(number);
    return table;
}();

/// The place of a name in read_names; 0 if it is not one of them.
constexpr std::size_t number_of_name(std::string_view name) noexcept {
    const std::size_t number = names_by_slot[name_slot(name)];
    return read_names[number] == name ? number : 0;
}

static_assert(
    [] {
        for (std::size_t number = 0; number < std::size(read_names); ++number)
            if (number_of_name(read_names[number]) != number) return false;
        return true;
    }(),
    "two names have one slot: change name_slot");

/// The name of a member that is looked for. The compiler computes its number.
struct member_name {
    const char* text;
    std::size_t number; ///< Of number_of_name.

    consteval member_name(const char* name) noexcept : text(name), number(number_of_name(name)) {}
};

/// The members of a response: of a JSON object, or of a form, which is read as a JSON object of strings. It decides by
/// the shape of the body. Only a fault in the structure makes a JSON object unreadable: a bracket, a comma, an end that
/// is missing. A value that is wrong otherwise is a bad member; see bad_json_value.
class response_members {
  public:
    using member = json_reader::member;

    /// A longer body is not read. No token endpoint sends more, but a hostile server may send without end.
    static constexpr std::size_t size_limit = std::size_t{1} << 20;

    /// The response must stay alive.
    explicit response_members(const http_response& response)
        : body_(without_blanks(response.body)),
          has_mark_(body_.starts_with(byte_order_mark)),
          text_(has_mark_ ? without_blanks(body_.substr(byte_order_mark.size())) : body_),
          form_(text_.starts_with('{') ? form_members{} : form_members::of(text_)),
          reader_(is_form() ? std::string_view(form_.json) : text_, bad_json_value::marked) {
        if (!is_form() && !text_.starts_with('{')) return;
        is_object_ = reader_.read() == text::json_fault::none;
        if (is_object_) all_ = reader_.members();
        for (const member& m : all_) {
            has_bad_ = has_bad_ || m.is_bad;
            if (!is_left_out(m.value)) last_[number_of_name(m.name)] = &m;
        }
        says_otherwise_ = is_object_ && !is_form() && !says_json(find_header(response.headers, "Content-Type"));
    }
    response_members(const response_members&) = delete;
    response_members& operator=(const response_members&) = delete;

    /// Whether there are members that can be read. Without them, the functions below find nothing.
    bool is_object() const noexcept { return is_object_; }

    /// What is odd about the body as a whole.
    void warn(std::vector<std::string>& warnings) const {
        if (has_mark_) warnings.emplace_back("the answer begins with a byte order mark");
        if (is_form()) warnings.emplace_back("the answer is a form, not JSON");
        if (says_otherwise_) warnings.emplace_back("the answer is JSON, but its content type says something else");
        if (reader_.repeats_names()) warnings.emplace_back("the answer repeats a member; the last usable one counts");
        if (form_.lost_some || has_bad_)
            warnings.emplace_back("a member of the answer cannot be decoded; it is ignored");
    }

    /// Whether a member counts as left out: it is null or an empty string (RFC 6749 3.2).
    static bool is_left_out(const text::json_value& value) noexcept {
        return value.raw() == "null" || value.raw() == "\"\"";
    }

    /// Calls use(member) for each member of that name that is not left out, the last one first, until it gives true.
    /// Whether it gave true.
    template <class Use>
    bool use_last(member_name name, Use use) const {
        const member* const last = last_[name.number];
        if (last == nullptr) return false;
        if (name.number != 0 && !reader_.repeats_names()) return use(*last);
        for (std::size_t nth = all_.size(); nth-- > 0;)
            if (all_[nth].name == name.text && !is_left_out(all_[nth].value) && use(all_[nth])) return true;
        return false;
    }

    /// Whether there is a member of that name that is not left out.
    bool has(member_name name) const {
        return use_last(name, [](const member&) { return true; });
    }

    /// All members that the library does not read, as the server wrote them, in one JSON object. Empty if there are
    /// none. Of members of one name the last counts.
    secret extra(const response_dialect& dialect) const {
        constexpr member_name expires_in_sec = "expires_in_sec";
        const bool has_unread = last_[expires_in_sec.number] != nullptr && !dialect.has_expires_in_sec;
        if (last_[0] == nullptr && !has_unread) return {};
        std::vector<const member*> chosen;
        for (const member& m : all_) {
            const std::size_t number = number_of_name(m.name);
            const bool is_read = number != 0 && (number != expires_in_sec.number || dialect.has_expires_in_sec);
            if (!is_read && !m.is_bad && !is_left_out(m.value)) chosen.push_back(&m);
        }
        if (reader_.repeats_names()) keep_last_of_each_name(chosen);
        return object_of(chosen);
    }

  private:
    static constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

    static std::string_view without_blanks(std::string_view body) noexcept {
        if (body.size() > size_limit) return {};
        return trim_json_space(body);
    }

    /// Whether a content type is JSON's (RFC 8259 11, RFC 6839 3.1), or is missing and says nothing.
    static bool says_json(std::string_view type) noexcept {
        if (type == "application/json") return true; // as most servers write it
        type = text::trim(type.substr(0, type.find(';')));
        if (type.empty() || text::equal_ignoring_case(type, "application/json")) return true;
        const std::string_view end = type.substr(type.size() < 5 ? 0 : type.size() - 5);
        return text::equal_ignoring_case(type.substr(0, 12), "application/") && text::equal_ignoring_case(end, "+json");
    }

    bool is_form() const noexcept { return !form_.json.empty(); }

    std::string_view body_;
    bool has_mark_;
    std::string_view text_;
    form_members form_;
    json_reader reader_;
    bool is_object_ = false;
    std::span<const member> all_{}; ///< Of the object, if there is one.
    /// For each of read_names, the last member of that name that is not left out; null if there is none. The first
    /// belongs to all other names: it is null if there are none.
    std::array<const member*, std::size(read_names)> last_{};
    bool has_bad_ = false;
    bool says_otherwise_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
