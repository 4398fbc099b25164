// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_LINKEDIN_HPP
#define TOKENKEEP_PROVIDERS_LINKEDIN_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/token.hpp>

#include <vector>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// LinkedIn: an oauth2_provider that does not warn each time.
struct linkedin_provider : oauth2_provider {
    /// Answers have no token_type. There is nothing to warn of.
    token_response read_token_response(const http_response& response, const token& record) const {
        token_response answer = oauth2_provider::read_token_response(response, record);
        std::erase(answer.warnings, "token_type is missing");
        return answer;
    }
};

/// LinkedIn, for apps that act for a member (3-legged OAuth).
///   auto linkedin = providers::linkedin();
///   linkedin.client_id = "78abc";
///
/// Peculiar:
///   - Only apps that LinkedIn approved for programmatic refresh tokens (partners of its marketing platform) get a
///     refresh token. Other apps let the member log in again every 60 days.
///   - Access tokens end after 60 days. Refresh tokens end 365 days after the login: a refresh does not extend that,
///     and LinkedIn may revoke them earlier. Then the member must log in again.
///   - A refresh token that has ended comes as invalid_request with status 400. Only its description tells it from a
///     request with a mistake.
///   - The documentation names no way to revoke a token, so that the keeper removes the row only.
/// Sources: learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow,
/// learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens
inline linkedin_provider linkedin() {
    return {{.token_endpoint = "https://www.linkedin.com/oauth/v2/accessToken",
             .error_codes = {{"invalid_request", errc::reauthorization_required,
                              "refresh token is invalid, expired or revoked"}},
             .authorization_endpoint = "https://www.linkedin.com/oauth/v2/authorization"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
