// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP
#define TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/oauth/detail/json_members.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// What was sent to the server to get tokens.
enum class grant_kind {
    refresh_token,      ///< RFC 6749 6. What the response leaves out stays as it was.
    authorization_code, ///< RFC 6749 4.1.3: a new login. Refresh token and extra of the old login go.
};

/// What a token endpoint sent (RFC 6749 5.1). A member is empty if it did not come or could not be used. At least one
/// of the two tokens is there.
struct token_response {
    secret access_token{};
    secret refresh_token{};
    std::string token_type{}, scope{}, api_domain{};
    /// How long the access token lives, counted from when the request was sent. Absent if the server did not say so.
    std::optional<std::chrono::milliseconds> expires_in{};
    /// When the access token ends, by the server's clock. Only if the server said no expires_in that can be used.
    std::optional<timestamp> expires_at{};
    /// All other members, such as id_token, as the text of a JSON object. Empty if there were none.
    secret extra{};
    /// What was strange in the response, and what the reader did about it. The sentences contain nothing from the
    /// response.
    std::vector<std::string> warnings{};
    /// How long the refresh token lives, counted from when the request was sent. Zero means: without end.
    std::optional<std::chrono::milliseconds> refresh_expires_in{};
    /// When the refresh token ends, by the server's clock.
    std::optional<timestamp> refresh_expires_at{};
    /// When the server wrote the response, by its own clock (the header Date, RFC 9110 6.6.1).
    std::optional<timestamp> date{};
    /// How long access tokens of this server live if it does not say so. Zero if that is not known either.
    std::chrono::seconds default_lifetime{0};
    /// Why there is no access token; response_reason::none if there is one.
    response_reason missing_access_token = response_reason::none;
    /// The api_domain of a record that this response may replace by its own. Empty: only a record that has none gets
    /// one. A provider names the record's api_domain here only if it knows that both hosts belong to its server.
    std::string replaced_api_domain{};
};

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A longer lifetime counts as this one.
inline constexpr std::chrono::milliseconds longest_lifetime = std::chrono::hours(24) * 3650;

/// How long the access token of a response lives, for a request that was sent at `sent`. Nullopt if that is not known.
/// `before` is the record that was refreshed, whose last access token lived as long; null after a login.
inline std::optional<std::chrono::milliseconds> lifetime_of(const token_response& answer, timestamp sent,
                                                            const token* before) {
    constexpr std::chrono::milliseconds none{0};
    std::chrono::milliseconds lifetime = answer.expires_in.value_or(none);
    if (lifetime <= none && answer.expires_at) lifetime = time_between(answer.date.value_or(sent), *answer.expires_at);
    if (lifetime <= none && before != nullptr && before->expires_at && before->issued_at)
        lifetime = time_between(*before->issued_at, *before->expires_at);
    if (lifetime <= none) lifetime = answer.default_lifetime;
    if (lifetime <= none) return std::nullopt;
    return (std::min)(lifetime, longest_lifetime);
}

/// Puts into the record what the response says about the end of its refresh token.
inline void apply_refresh_lifetime(token& record, const token_response& answer, timestamp sent) {
    constexpr std::chrono::milliseconds none{0};
    std::chrono::milliseconds lifetime = answer.refresh_expires_in.value_or(none);
    if (!answer.refresh_expires_in && answer.refresh_expires_at)
        lifetime = time_between(answer.date.value_or(sent), *answer.refresh_expires_at);
    if (lifetime > none)
        record.refresh_expires_at = sent + (std::min)(lifetime, longest_lifetime);
    else if (answer.refresh_expires_in)
        record.refresh_expires_at.reset(); // zero means: without end
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// The record after the response to a request that was sent at `sent`:
///   - The status is emptied. Access token, expires_at and issued_at come from the response.
///   - Token type, scope and refresh token are replaced if they came. Of extra, the members that came are replaced.
///     After a login, refresh token and extra that did not come are emptied: they belong to the old login.
///   - The API domain is taken if it came and the record has none, or has the response's replaced_api_domain. Otherwise
///     the record keeps its own, at a refresh and at a login: a response cannot choose where the next access token
///     goes. To move a record to another host, the program saves the new api_domain itself.
///   - refresh_expires_at comes from the response. If the response does not say it, it stays with the same refresh
///     token, and is emptied for a new one.
///   - After a login, logged_in_at and used_at are `sent`, and the code verifier is emptied.
///   - If the response says of no usable time when the access token ends, it lives as long as the one that was
///     refreshed. If that is not known either, it lives for default_lifetime, and else its end is unknown.
///   - If a refresh brought no access token, only refresh token, its end, and extra are replaced. The old access token
///     stays.
///   token refreshed = apply_response(record, answer, sent);
///   token logged_in = apply_response(record, answer, sent, grant_kind::authorization_code);
token apply_response(token record, const token_response& answer, timestamp sent,
                     grant_kind given = grant_kind::refresh_token);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE token apply_response(token record, const token_response& answer, timestamp sent, grant_kind given) {
    const auto replace = [](auto& member, const auto& come) {
        if (!come.empty()) member = come;
    };
    const bool is_login = given == grant_kind::authorization_code;
    record.status.clear();
    if (is_login) {
        record.refresh_token.clear();
        record.extra.clear();
        record.code_verifier.clear();
        record.logged_in_at = record.used_at = sent;
    }
    if (is_login || (!answer.refresh_token.empty() && answer.refresh_token != record.refresh_token))
        record.refresh_expires_at.reset();
    replace(record.refresh_token, answer.refresh_token);
    detail::apply_refresh_lifetime(record, answer, sent);
    if (!answer.extra.empty()) record.extra = detail::merged_objects(record.extra, answer.extra);
    if (answer.access_token.empty() && !is_login) return record;

    const auto lifetime = detail::lifetime_of(answer, sent, is_login ? nullptr : &record);
    record.access_token = answer.access_token;
    record.expires_at.reset();
    if (lifetime && !record.access_token.empty()) record.expires_at = sent + *lifetime;
    record.issued_at = sent;
    replace(record.token_type, answer.token_type);
    replace(record.scope, answer.scope);
    if (record.api_domain == answer.replaced_api_domain) replace(record.api_domain, answer.api_domain);
    return record;
}
#endif

}} // namespace tokenkeep::v1

#endif
