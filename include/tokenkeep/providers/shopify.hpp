// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_SHOPIFY_HPP
#define TOKENKEEP_PROVIDERS_SHOPIFY_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Shopify: an oauth2_provider that asks for tokens that end, and sends them in a header of its own.
struct shopify_provider : oauth2_provider {
    /// Adds expiring=1. Without it, the token does not end, there is no refresh token, and Shopify rejects the token if
    /// the app is public. An app of a single shop can set the parameter to 0.
    http_request exchange_request(const token& record) const {
        oauth2_provider expiring = *this;
        expiring.parameters.insert(expiring.parameters.begin(), {"expiring", "1"});
        return expiring.exchange_request(record);
    }

    /// Answers have no token_type. There is nothing to warn of.
    token_response read_token_response(const http_response& response, const token& record) const {
        token_response answer = oauth2_provider::read_token_response(response, record);
        std::erase(answer.warnings, "token_type is missing");
        return answer;
    }

    /// Sets the header X-Shopify-Access-Token. Throws errc::invalid_record if there is no access token that can be
    /// sent.
    void authorize(http_request& request, const token& record) const {
        const std::string_view access = record.access_token.reveal();
        if (access.empty() || !text::is_printable(access))
            throw error(errc::invalid_record, "tokenkeep: the record has no access token that can be sent");
        erase_header(request.headers, "X-Shopify-Access-Token");
        request.headers.reserve(request.headers.size() + 1);
        request.headers.emplace_back(http_header{"X-Shopify-Access-Token"}).value = access;
    }
};

/// Shopify, for offline access to the Admin API of one shop. `shop` is the shop's name, such as "ada-shop" or
/// "ada-shop.myshopify.com". Throws errc::request_rejected for any other host: `shop` often comes from a request, and
/// the client secret goes there.
///   auto shopify = providers::shopify("ada-shop");
///   shopify.client_id = "c5d2";
///
/// Peculiar:
///   - Each shop has its own endpoints, so that a keeper serves one shop.
///   - A public app must ask for tokens that end, by expiring=1, which the provider does. They end after an hour, the
///     refresh token after 90 days. Each refresh brings a new refresh token.
///   - An old refresh token is accepted for 60 minutes, or longer if its successor is not used (30 days at most).
///   - A refresh token that has ended comes as invalid_request with status 401. Only its description tells it from a
///     request with a mistake.
///   - Requests to the API carry the token in X-Shopify-Access-Token.
///   - The redirect after a login is signed: the program must check its parameter hmac. Scopes are separated by commas.
///   - Embedded apps get their first token by token exchange, which the library does not do: give the keeper the
///     refresh token.
///   - Shopify has no endpoint for revocation: an app ends its access when it is uninstalled. The keeper removes the
///     row only.
/// Sources: shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens,
/// shopify.dev/docs/apps/build/authentication-authorization/authenticate-standalone-apps,
/// shopify.dev/changelog/offline-access-tokens-now-support-expiry-and-refresh,
/// shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens
inline shopify_provider shopify(std::string shop) {
    constexpr std::string_view home = ".myshopify.com";
    if (shop.ends_with(home)) shop.resize(shop.size() - home.size());
    bool is_name = !shop.empty() && shop.front() != '-';
    for (const char c : shop) is_name = is_name && (text::is_letter(c) || text::is_digit(c) || c == '-');
    if (!is_name) throw error(errc::request_rejected, "tokenkeep: this is not the name of a shop under myshopify.com");
    const std::string endpoints = "https://" + shop.append(home) + "/admin/oauth";
    return {{.token_endpoint = endpoints + "/access_token",
             .replay_grace = std::chrono::hours(1),
             .error_codes = {{"invalid_request", errc::reauthorization_required, "requires an active refresh_token"}},
             .authorization_endpoint = endpoints + "/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
