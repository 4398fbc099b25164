// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP
#define TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/token.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// What was sent to the server to get tokens.
enum class grant_kind {
    refresh_token,      ///< RFC 6749 6. What the response leaves out stays as it was.
    authorization_code, ///< RFC 6749 4.1.3: a new login. Refresh token and extra of the old login go.
};

/// What a token endpoint sent (RFC 6749 5.1). A member is empty if it did not come or could not be used.
struct token_response {
    secret access_token{};
    secret refresh_token{};
    std::string token_type{}, scope{}, api_domain{};
    /// How long the access token lives, counted from when the request was sent. Absent if that is not known.
    std::optional<std::chrono::milliseconds> expires_in{};
    /// All other members, such as id_token, as the text of a JSON object. Empty if there were none.
    secret extra{};
    /// What was strange in the response, and what the reader did about it. The sentences contain nothing from the
    /// response.
    std::vector<std::string> warnings{};
};

/// The record after the response to a request that was sent at `sent`. Access token, expires_at and issued_at come from
/// the response, and the status is emptied. Token type, scope, API domain, refresh token and extra are replaced if they
/// came. If refresh token and extra do not come after a login, they are emptied, because they belong to the old login.
///   token refreshed = apply_response(record, answer, sent);
///   token logged_in = apply_response(record, answer, sent, grant_kind::authorization_code);
inline token apply_response(token record, const token_response& answer, timestamp sent,
                            grant_kind given = grant_kind::refresh_token) {
    const auto replace = [](auto& member, const auto& come) {
        if (!come.empty()) member = come;
    };
    if (given == grant_kind::authorization_code) {
        record.refresh_token.clear();
        record.extra.clear();
    }
    record.access_token = answer.access_token;
    record.expires_at.reset();
    if (answer.expires_in) record.expires_at = sent + *answer.expires_in;
    record.issued_at = sent;
    record.status.clear();
    replace(record.refresh_token, answer.refresh_token);
    replace(record.extra, answer.extra);
    replace(record.token_type, answer.token_type);
    replace(record.scope, answer.scope);
    replace(record.api_domain, answer.api_domain);
    return record;
}

}} // namespace tokenkeep::v0

#endif
