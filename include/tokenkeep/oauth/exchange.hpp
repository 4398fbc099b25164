// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_EXCHANGE_HPP
#define TOKENKEEP_OAUTH_EXCHANGE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/client_endpoint.hpp>

#include <concepts>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The parameters of an exchange (RFC 6749 4.1.3, RFC 7636 4.5), without those of the client. Throws
/// errc::invalid_record if there is no grant token.
inline std::vector<text::form_pair> exchange_parameters(const token& record) {
    if (record.grant_token.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no grant token");
    std::vector<text::form_pair> pairs{{"grant_type", "authorization_code"}, {"code", record.grant_token.reveal()}};
    if (!record.redirect_url.empty()) pairs.push_back({"redirect_uri", record.redirect_url});
    if (has_code_verifier(record)) pairs.push_back({"code_verifier", record.code_verifier.reveal()});
    return pairs;
}

} // namespace detail

/// The request that exchanges the record's grant token for tokens (RFC 6749 4.1.3). It carries the record's redirect
/// URL and its code verifier (RFC 7636 4.5) if there are any. Send it once: a grant token is good for one request, even
/// if that request fails. Throws errc::invalid_record if there is no grant token, or a client secret without a client
/// id. Throws errc::request_rejected if the endpoint is not an https URL; see client_endpoint::allow_loopback_http.
///   http_request request = exchange_request(endpoint, {.grant_token = code});
inline http_request exchange_request(const client_endpoint& endpoint, const token& record) {
    return detail::post_form(endpoint, record, detail::exchange_parameters(record));
}

/// The same request, made by a provider.
///   http_request request = exchange_request(provider, record);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.exchange_request(record) } -> std::convertible_to<http_request>;
    }
http_request exchange_request(Provider&& provider, const token& record) { return provider.exchange_request(record); }

}} // namespace tokenkeep::v1

#endif
