// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_EXCHANGE_HPP
#define TOKENKEEP_OAUTH_EXCHANGE_HPP

#include <tokenkeep/oauth/client_endpoint.hpp>

#include <concepts>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// The request that gives the record's grant token for tokens (RFC 6749 4.1.3), with its redirect URL if it has one. A
/// grant is good for one request, whatever becomes of it. Throws errc::invalid_record if there is no grant token, and
/// errc::request_rejected if the endpoint is no https URL.
inline http_request exchange_request(const client_endpoint& endpoint, const token& record) {
    if (record.grant_token.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no grant token");
    std::vector<text::form_pair> pairs{{"grant_type", "authorization_code"}, {"code", record.grant_token.reveal()}};
    if (!record.redirect_url.empty()) pairs.push_back({"redirect_uri", record.redirect_url});
    return detail::post_form(endpoint, record, std::move(pairs));
}

/// The same as a provider makes it.
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.exchange_request(record) } -> std::convertible_to<http_request>;
    }
http_request exchange_request(Provider&& provider, const token& record) { return provider.exchange_request(record); }

}} // namespace tokenkeep::v0

#endif
