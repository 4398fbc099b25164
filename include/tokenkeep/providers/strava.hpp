// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_STRAVA_HPP
#define TOKENKEEP_PROVIDERS_STRAVA_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <optional>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Strava's server. See strava().
struct strava_provider : oauth2_provider {
    /// Strava names what is wrong by two members of the first of `errors`, such as {"resource":"RefreshToken",
    /// "code":"invalid"}. They become one code, RefreshToken.invalid, which error_codes explains.
    token_response read_token_response(const http_response& response, const token& record) const {
        if (response.status < 400) return oauth2_provider::read_token_response(response, record);
        std::string code;
        const detail::wipe_at_exit code_is_wiped(code);
        detail::response_members(response).use_last("errors", [&](const detail::response_members::member& errors) {
            errors.value.for_each_element([&](const text::json_value& element) {
                const std::optional<text::json_value> resource = element.find("resource"), what = element.find("code");
                if (code.empty() && resource && what) code = resource->text() + "." + what->text();
            });
            return true;
        });
        if (code.empty()) return oauth2_provider::read_token_response(response, record);
        http_response refusal = detail::with_error(response, code);
        const detail::wipe_at_exit body_is_wiped(refusal.body);
        return oauth2_provider::read_token_response(refusal, record);
    }

    /// The same as that of oauth2_provider, but with the client's secret in HTTP Basic.
    std::optional<http_request> revoke_request(const token& record) const {
        oauth2_provider with_basic = *this;
        with_basic.authentication = client_authentication::basic;
        return with_basic.revoke_request(record);
    }
};

/// Strava, for apps that act for athletes.
///   auto strava = providers::strava();
///   strava.client_id = "12345";
///
/// Peculiar:
///   - Access tokens live six hours. If one still has more than an hour to live, a refresh brings the same one again.
///   - A refresh may bring a new refresh token. The old one ends at once.
///   - Errors are no codes of OAuth: the first of `errors` names a resource. A dead refresh token is RefreshToken, with
///     status 400.
///   - The id and the secret of the client are in the body, but in HTTP Basic for a revocation. The answer to a
///     revocation has status 200 even if the token is unknown.
///   - Scopes are separated by commas in the login's URL. The athlete may refuse some of them: see the record's scope.
///   - The member athlete comes only after a login. It is in the record's extra.
/// Sources: developers.strava.com/docs/authentication, developers.strava.com/docs/oauth-updates,
/// developers.strava.com/docs/changelog
inline strava_provider strava() {
    return {{.token_endpoint = "https://www.strava.com/oauth/token",
             .revocation_endpoint = "https://www.strava.com/oauth/revoke",
             .error_codes = {{"RefreshToken.invalid", errc::reauthorization_required},
                             {"AuthorizationCode.invalid", errc::reauthorization_required},
                             {"Application.invalid", errc::client_rejected}},
             .authorization_endpoint = "https://www.strava.com/oauth/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
