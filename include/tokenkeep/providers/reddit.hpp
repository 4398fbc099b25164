// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_REDDIT_HPP
#define TOKENKEEP_PROVIDERS_REDDIT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Reddit: an oauth2_provider that sends HTTP Basic even if the client has no secret.
struct reddit_provider : oauth2_provider {
    http_request exchange_request(const token& record) const {
        return with_basic(oauth2_provider::exchange_request(record), record);
    }
    http_request refresh_request(const token& record) const {
        return with_basic(oauth2_provider::refresh_request(record), record);
    }
    std::optional<http_request> revoke_request(const token& record) const {
        std::optional<http_request> request = oauth2_provider::revoke_request(record);
        if (request) request = with_basic(std::move(*request), record);
        return request;
    }

  private:
    /// An installed app has no secret. It says its id in HTTP Basic, with an empty password.
    http_request with_basic(http_request made, const token& record) const {
        detail::wiped_request request(std::move(made));
        if (find_header(request->headers, "Authorization").empty()) {
            const detail::client_identity client{record.client_id.empty() ? client_id : record.client_id, {}};
            detail::write_basic(request->headers.emplace_back(http_header{"Authorization"}).value, client,
                                encodes_basic);
        }
        return std::move(request).release();
    }
};

/// Reddit, for web apps and installed apps. Reddit's rules ask for a `user_agent` of the form PLATFORM:APP:VERSION (by
/// /u/NAME), and Reddit slows down those that look like a library's.
///   auto reddit = providers::reddit("linux:com.example.app:v1.2 (by /u/ada)");
///   reddit.client_id = "p-jcoLKBynTLew";
///
/// Peculiar:
///   - The login must ask for duration=permanent, or there is no refresh token.
///   - The client's id and secret come in HTTP Basic. An installed app has no secret, and sends an empty password.
///   - Errors of a login come under status 200. A refresh token that has ended comes under status 400, as {"message":
///     "Bad Request", "error": 400} or as invalid_request. A wrong client comes under status 401 without a code.
///   - A refresh can bring a new refresh token.
///   - Requests to the API go to oauth.reddit.com. They need the same User-Agent; the program adds it there.
/// Sources: github.com/reddit-archive/reddit/wiki/OAuth2, github.com/reddit-archive/reddit/wiki/API,
/// www.reddit.com/dev/api
inline reddit_provider reddit(const std::string& user_agent) {
    return {{.token_endpoint = "https://www.reddit.com/api/v1/access_token",
             .revocation_endpoint = "https://www.reddit.com/api/v1/revoke_token",
             .authentication = client_authentication::basic,
             .headers = {{"User-Agent", user_agent}},
             .encodes_basic = false,
             .error_codes = {{"Bad Request", errc::reauthorization_required},
                             {"invalid_request", errc::reauthorization_required}},
             .authorization_endpoint = "https://www.reddit.com/api/v1/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
