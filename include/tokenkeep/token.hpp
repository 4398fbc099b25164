// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TOKEN_HPP
#define TOKENKEEP_TOKEN_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v1 {

/// The record of one login: its tokens, and whose they are. A record can also be a probe: if only some members are
/// filled in, it says which login you mean. An empty member is an absent one.
///   tokenkeep::token record{.user_name = "ada", .refresh_token = configured};
///   tokenkeep::token probe{.user_name = "ada"};
struct token {
    std::string user_name{};                       ///< Who logged in. The program chooses the text.
    std::string client_id{};                       ///< The OAuth client that the tokens belong to (RFC 6749 2.2).
    secret client_secret{};                        ///< Absent for a public client (RFC 6749 2.1).
    secret refresh_token{};                        ///< RFC 6749 1.5.
    secret access_token{};                         ///< RFC 6749 1.4.
    secret grant_token{};                          ///< The authorization code of the last login (RFC 6749 4.1).
    std::string redirect_url{};                    ///< The redirect URI that received the grant token (RFC 6749 4.1.3).
    std::string api_domain{};                      ///< Where the API is: the program says so, or else the login.
    std::string scope{};                           ///< What was granted, separated by spaces (RFC 6749 3.3).
    std::string token_type{};                      ///< The type of the access token (RFC 6749 7.1), such as "Bearer".
    std::optional<timestamp> expires_at{};         ///< When the access token ends. Absent if unknown.
    std::optional<timestamp> issued_at{};          ///< When the request for the access token was sent.
    std::string status{};                          ///< What is being done to a refresh token; see token_status.
    std::string seed{};                            ///< SHA-256, in hex, of the first refresh token that a program gave.
    secret extra{};                                ///< Other members of the server's answer: a JSON object as text.
    std::optional<timestamp> refresh_expires_at{}; ///< When the refresh token ends. Absent if unknown.
    std::optional<timestamp> logged_in_at{};       ///< When the request of the last login was sent.
    std::optional<timestamp> used_at{}; ///< When a token was last handed out; see keeper_options::session_idle.
    secret code_verifier{};             ///< Of the grant token (RFC 7636 4.1), until that was exchanged.
    std::string label{};                ///< Tenant, shop, realm: text by which a program tells its logins apart.
    std::string former{}; ///< SHA-256, 16 hex digits, of tokens that programs gave earlier: 16 at most, newest first.
    std::string id{};     ///< The row's name in its store. If it is empty, the store chooses one.

    friend bool operator==(const token&, const token&) = default;
};

/// One line of the table of fields: the name that stores use, the member of `token`, and the version of the formats in
/// which the field was new. A member is text, a secret or a time: exactly one of the three pointers is set.
struct field {
    constexpr field(std::string_view n, std::string token::*member, unsigned version = 1)
        : name(n), text(member), since(version) {}
    constexpr field(std::string_view n, secret token::*member, unsigned version = 1)
        : name(n), secret_text(member), since(version) {}
    constexpr field(std::string_view n, std::optional<timestamp> token::*member, unsigned version = 1)
        : name(n), time(member), since(version) {}

    /// Calls `visitor` with the pointer to the member, in its own type, and gives its result.
    ///   f.visit([&](auto member) { row.*member = {}; });   // empties the field
    template <class Visitor>
    constexpr decltype(auto) visit(Visitor&& visitor) const {
        if (text != nullptr) return visitor(text);
        if (secret_text != nullptr) return visitor(secret_text);
        return visitor(time);
    }

    std::string_view name;
    std::string token::*text = nullptr;
    secret token::*secret_text = nullptr;
    std::optional<timestamp> token::*time = nullptr;
    unsigned since = 1;
};

/// Every field of the record, in the order in which stores keep them. The first ten names are those of Zoho's SDKs.
///
/// Merging, rows of text, JSON, journals and SQL columns all use this table, and so do the versions of these formats.
/// So a new field is one line here, with the next version, and one in each list of detail/store/row_view.hpp. It goes
/// to the end, because a journal knows a field by its place.
inline constexpr field fields[] = {
    {"id", &token::id},
    {"user_name", &token::user_name},
    {"client_id", &token::client_id},
    {"client_secret", &token::client_secret},
    {"refresh_token", &token::refresh_token},
    {"access_token", &token::access_token},
    {"grant_token", &token::grant_token},
    {"expiry_time", &token::expires_at},
    {"redirect_url", &token::redirect_url},
    {"api_domain", &token::api_domain},
    {"scope", &token::scope},
    {"token_type", &token::token_type},
    {"issued_at", &token::issued_at},
    {"status", &token::status},
    {"seed", &token::seed},
    {"extra", &token::extra},
    {"refresh_expires_at", &token::refresh_expires_at, 2},
    {"logged_in_at", &token::logged_in_at, 2},
    {"used_at", &token::used_at, 2},
    {"code_verifier", &token::code_verifier, 2},
    {"label", &token::label, 2},
    {"former", &token::former, 2},
};

namespace detail {

inline bool is_absent(const std::string& value) noexcept { return value.empty(); }
inline bool is_absent(const secret& value) noexcept { return value.empty(); }
inline bool is_absent(const std::optional<timestamp>& value) noexcept { return !value.has_value(); }

inline std::string_view view_of(const std::string& value) noexcept { return value; }
inline std::string_view view_of(const secret& value) noexcept { return value.reveal(); }

/// The version of a format that has the first `count` fields. Versions never go back along the table.
constexpr unsigned version_of_fields(std::size_t count = std::size(fields)) { return fields[count - 1].since; }

/// Stands for a code verifier that was used. A store that only merges cannot empty a field.
inline constexpr std::string_view used_code_verifier = "-";

/// Whether the record has a code verifier that can be sent.
inline bool has_code_verifier(const token& record) noexcept {
    return !record.code_verifier.empty() && record.code_verifier.reveal() != used_code_verifier;
}

} // namespace detail

/// A time as stores write it: milliseconds since 1970, in decimal digits.
///   to_text(timestamp(1500ms)) == "1500"
inline std::string to_text(timestamp time) { return std::to_string(time.time_since_epoch().count()); }

/// The reverse of to_text. nullopt if the text is not such a number.
inline std::optional<timestamp> timestamp_from_text(std::string_view text) noexcept {
    std::int64_t count = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return timestamp{std::chrono::milliseconds{count}};
}

namespace detail {

/// Reads a field of `row` from a cell of text. A time that cannot be read becomes 1970: the keeper then refreshes the
/// token and does not trust it.
inline void read_cell(const field& f, token& row, std::string_view cell) {
    f.visit([&](auto member) {
        if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>) {
            if (!cell.empty()) row.*member = timestamp_from_text(cell).value_or(timestamp{});
        } else {
            row.*member = std::remove_reference_t<decltype(row.*member)>(cell);
        }
    });
}

/// A field of `row` as a cell of text. An absent field is an empty cell.
inline std::string write_cell(const field& f, const token& row) {
    return f.visit([&](auto member) -> std::string {
        if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
            return (row.*member) ? to_text(*(row.*member)) : std::string();
        else
            return std::string(view_of(row.*member));
    });
}

} // namespace detail

namespace detail {

/// Gives `stored` each field that `record` has.
inline void take_present(token& stored, const token& record) {
    for (const field& f : fields) {
        f.visit([&](auto member) {
            if (!is_absent(record.*member)) stored.*member = record.*member;
        });
    }
}

/// Makes `stored` what merge gives. `Row` is token or row_view.
template <class Row>
void merge_into(Row& stored, const Row& record) {
    if (!record.access_token.empty() && record.access_token != stored.access_token) {
        stored.expires_at.reset();
        stored.issued_at.reset();
        stored.status = {};
    }
    if (!record.refresh_token.empty() && record.refresh_token != stored.refresh_token)
        stored.refresh_expires_at.reset();
    take_present(stored, record);
}

} // namespace detail

/// The row that results if `record` is saved over `stored`. A field that is empty in `record` keeps the stored value.
/// There are two exceptions, because the stored values were about the old tokens:
///   - If `record` has a new access token, its expires_at, issued_at and status replace the stored ones, empty or not.
///   - If `record` has a new refresh token, its refresh_expires_at replaces the stored one, empty or not.
///   token row = merge(stored, {.access_token = "at-2", .expires_at = soon}); // user, refresh token and id stay
inline token merge(token stored, const token& record) {
    detail::merge_into(stored, record);
    return stored;
}

namespace detail {

/// Throws errc::invalid_record if a store that keeps only the first `count` fields of the table would lose a code
/// verifier: without it, no program could exchange the grant token that is stored beside it.
inline void require_place_for_verifier(const token& record, std::size_t count) {
    for (const field& f : std::span(fields).subspan(count))
        if (f.secret_text == &token::code_verifier && has_code_verifier(record))
            throw error(errc::invalid_record, "tokenkeep: this store has no place for a code_verifier; bring it to the "
                                              "keeper beside the grant token, as the keeper does not store it");
}

/// The record as a store gives it back that keeps only the first `count` fields of the table.
inline token first_fields(token record, std::size_t count) {
    for (const field& f : std::span(fields).subspan(count)) f.visit([&](auto member) { record.*member = {}; });
    return record;
}

} // namespace detail

/// The record in one line, for a log. Secrets appear as fingerprints, absent fields do not appear.
///   redacted({.user_name = "ada", .access_token = "at-1"}) == "user_name=\"ada\" access_token=#47c3d868"
inline std::string redacted(const token& record) {
    std::string line;
    for (const field& f : fields) {
        if (f.visit([&](auto member) { return detail::is_absent(record.*member); })) continue;
        if (!line.empty()) line += ' ';
        line.append(f.name).append("=");
        if (f.secret_text != nullptr)
            line.append("#").append((record.*f.secret_text).fingerprint());
        else if (f.text == &token::seed)
            line.append("#").append(record.seed.substr(0, 8));
        else if (f.text != nullptr)
            text::append_json_string(line, record.*f.text);
        else
            line += to_text(*(record.*f.time));
    }
    return line;
}

}} // namespace tokenkeep::v1

#endif
