// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_SLACK_HPP
#define TOKENKEEP_PROVIDERS_SLACK_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Slack: an oauth2_provider that finds the user's token inside the answer, and revokes in Slack's way.
struct slack_provider : oauth2_provider {
    /// A login can bring two tokens. If true, the row gets the user's; if false, the bot's, if there is one.
    bool takes_user_token = false;

    /// The user's tokens are in the member authed_user. The tokens that the row does not get are in `extra`: if the row
    /// gets the user's, `extra` is the whole answer. Slack names the tokens bot and user, but they are sent as Bearer.
    token_response read_token_response(const http_response& response, const token& record) const {
        const text::json_result whole = text::parse_json(response.body);
        const std::optional<text::json_value> user = whole.value.find("authed_user");
        const bool has_user = user && user->find("access_token");
        const bool takes_user = has_user && (takes_user_token || !whole.value.find("access_token"));
        http_response inner{.status = response.status, .headers = response.headers};
        const detail::wipe_at_exit inner_is_wiped(inner.body);
        if (takes_user) inner.body = user->raw();
        token_response answer = oauth2_provider::read_token_response(takes_user ? inner : response, record);
        if (takes_user) answer.extra = text::trim(response.body, " \t\r\n");
        if (answer.token_type == "bot" || answer.token_type == "user") {
            answer.token_type = "Bearer";
            std::erase(answer.warnings, "token_type is not bearer");
        }
        return answer;
    }

    /// Slack wants the token and nothing else. It ends this token only. Without a refresh token it is the access token.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty()) return std::nullopt;
        const secret& revoked = record.refresh_token.empty() ? record.access_token : record.refresh_token;
        if (revoked.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no token to revoke");
        const client_endpoint anonymous{.url = revocation_endpoint,
                                        .authentication = client_authentication::none,
                                        .headers = headers,
                                        .allow_loopback_http = allow_loopback_http,
                                        .allow_plain_http = allow_plain_http};
        return detail::post_form(anonymous, {}, {{"token", revoked.reveal()}});
    }

    /// A token that was revoked before counts as revoked (RFC 7009 2.2).
    void read_revoke_response(const http_response& response) const {
        const detail::response_dialect codes;
        const auto error = detail::response_reader(response, nullptr, codes).known_error();
        if (response.status == 200 && error && error->code == "token_revoked") return;
        oauth2_provider::read_revoke_response(response);
    }

    /// The API says by a code under status 200 that an access token has ended.
    bool is_token_rejected(const http_response& response) const {
        const text::json_result body = text::parse_json(response.body);
        const std::optional<text::json_value> error = body.value.find("error");
        if (response.status == 401 || !error) return response.status == 401;
        return error->is_text("token_expired") || error->is_text("token_revoked") || error->is_text("invalid_auth");
    }
};

/// Slack, for apps with bot or user tokens (OAuth V2).
///   auto slack = providers::slack();
///   slack.client_id = "60503450.61416";
///
/// Peculiar:
///   - Without token rotation, which is a setting of the app, tokens do not end and there is no refresh token. With it,
///     access tokens end after 12 hours. A refresh token can be used once; Slack accepts it again for a short time that
///     it does not state.
///   - Everything comes under status 200, errors too: {"ok": false, "error": "invalid_refresh_token"}. Only throttling
///     has status 429.
///   - The login page takes the bot's scopes in `scope` and the user's in `user_scope`, separated by commas. The user's
///     token is inside the member authed_user; see takes_user_token. To keep both, give the other's refresh token,
///     which is in `extra`, to a row of its own.
///   - Of one refresh token, at most two access tokens live at once.
///   - The API says token_expired, token_revoked or invalid_auth under status 200.
///   - A revocation ends one token. With rotation it is the refresh token, and the access token lives on for up to 12
///     hours. Without rotation it ends the installation. No revocation uninstalls the app.
/// Sources: docs.slack.dev/authentication/installing-with-oauth, docs.slack.dev/authentication/using-token-rotation,
/// docs.slack.dev/reference/methods/oauth.v2.access, docs.slack.dev/reference/methods/auth.revoke,
/// docs.slack.dev/apis/web-api/rate-limits
inline slack_provider slack() {
    return {{.token_endpoint = "https://slack.com/api/oauth.v2.access",
             .revocation_endpoint = "https://slack.com/api/auth.revoke",
             .authentication = client_authentication::basic,
             .encodes_basic = false,
             .error_codes = {{"invalid_code", errc::reauthorization_required},
                             {"account_inactive", errc::reauthorization_required},
                             {"invalid_client_id", errc::client_rejected},
                             {"bad_client_secret", errc::client_rejected},
                             {"ratelimited", errc::throttled},
                             {"internal_error", errc::server_unavailable},
                             {"fatal_error", errc::server_unavailable},
                             {"service_unavailable", errc::server_unavailable},
                             {"request_timeout", errc::server_unavailable}},
             .authorization_endpoint = "https://slack.com/oauth/v2/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
