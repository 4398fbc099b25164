// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP
#define TOKENKEEP_OAUTH_TOKEN_RESPONSE_HPP

#include <tokenkeep/token.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// What was given for the tokens of an answer.
enum class grant_kind {
    refresh_token,      ///< RFC 6749 6: what the answer leaves out stays as it was.
    authorization_code, ///< RFC 6749 4.1.3: a new login, of which nothing old remains.
};

/// What a token endpoint gave (RFC 6749 5.1). A member that did not come, or could not be used, is empty.
struct token_response {
    secret access_token{};
    secret refresh_token{};
    std::string token_type{}, scope{}, api_domain{};
    /// How long the access token lives from when the request was sent; absent if nobody knows.
    std::optional<std::chrono::milliseconds> expires_in{};
    /// The members that have no place here, such as id_token: the text of a JSON object. Empty if there were none.
    secret extra{};
    /// What was odd, and what was made of it, in sentences that hold nothing from the answer.
    std::vector<std::string> warnings{};
};

/// The record after an answer to a request that was sent at `sent`. Access token, expiry and time of issue are those of
/// the answer, and the status is empty; token type, scope and API domain are replaced where they came. After a refresh
/// so are refresh token and extra; after a login they are emptied if none came, as they belonged to the old one.
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
