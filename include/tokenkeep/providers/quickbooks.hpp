// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_QUICKBOOKS_HPP
#define TOKENKEEP_PROVIDERS_QUICKBOOKS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// QuickBooks Online: an oauth2_provider that revokes with a JSON body.
struct quickbooks_provider : oauth2_provider {
    /// Intuit wants the token in a JSON object, and nothing else.
    std::optional<http_request> revoke_request(const token& record) const {
        std::optional<http_request> form = oauth2_provider::revoke_request(record);
        if (!form) return std::nullopt;
        const secret& revoked = record.refresh_token.empty() ? record.access_token : record.refresh_token;
        detail::wiping_string json = R"({"token":)";
        text::append_json_string(json, revoked.reveal());
        json.push_back('}');
        detail::wiped_request request(std::move(*form));
        detail::wipe_text(request->body);
        request->body.assign(json.data(), json.size());
        erase_header(request->headers, "Content-Type");
        request->headers.push_back({"Content-Type", "application/json"});
        return std::move(request).release();
    }
};

/// QuickBooks Online and the other services of Intuit, in production and in the sandbox.
///   auto quickbooks = providers::quickbooks();
///   quickbooks.client_id = "Q0abc";
///
/// Peculiar:
///   - Access tokens end after an hour. A refresh token ends after 100 days without use, and after five years in any
///     case. Its answer says x_refresh_token_expires_in.
///   - About once a day a refresh brings another refresh token, and the old one ends. In between it brings the same
///     one.
///   - The redirect after a login brings realmId, the id of the company, which each request to the API needs. No answer
///     repeats it: the program keeps it.
///   - A refresh token that has ended comes as invalid_grant with status 400.
///   - A revocation has a JSON body. It ends the refresh token and the access tokens.
/// Sources: developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0,
/// developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/faq,
/// github.com/intuit/oauth-pythonclient
inline quickbooks_provider quickbooks() {
    return {{.token_endpoint = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
             .revocation_endpoint = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
             .authentication = client_authentication::basic,
             .encodes_basic = false,
             .authorization_endpoint = "https://appcenter.intuit.com/connect/oauth2"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
