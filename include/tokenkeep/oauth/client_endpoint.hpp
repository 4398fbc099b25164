// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_CLIENT_ENDPOINT_HPP
#define TOKENKEEP_OAUTH_CLIENT_ENDPOINT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/url.hpp>
#include <tokenkeep/token.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// How the client says who it is (RFC 6749 2.3.1).
enum class client_authentication {
    post,  ///< The client id and the client secret are in the body.
    basic, ///< Both are in an Authorization header. A client without a secret sends only its id, in the body.
    none,  ///< Only the client id is sent, in the body: a public client.
};

/// An endpoint of an authorization server, and the client that sends requests to it.
///   client_endpoint login{.url = "https://login.example/token", .client_id = "app"};
struct client_endpoint {
    std::string url{}; ///< An https URL; see also allow_loopback_http.
    client_authentication authentication = client_authentication::post;
    std::string client_id{};          ///< Used for records that name no client.
    secret client_secret{};           ///< Used for records that have no client secret and do not name another client.
    bool allow_loopback_http = false; ///< Also allows http, but only to 127.0.0.0/8, [::1] and localhost.
};

}} // namespace tokenkeep::v0

namespace tokenkeep { inline namespace v0 { namespace detail {

/// The client that a request is made for. The views refer to the record and the endpoint.
struct client_identity {
    std::string_view id{}, secret_text{};
};

/// The record's client; what the record leaves empty comes from the endpoint.
inline client_identity client_of(const client_endpoint& endpoint, const token& record) noexcept {
    client_identity client{record.client_id, record.client_secret.reveal()};
    const bool another = !client.id.empty() && !endpoint.client_id.empty() && client.id != endpoint.client_id;
    if (client.id.empty()) client.id = endpoint.client_id;
    if (client.secret_text.empty() && !another) client.secret_text = endpoint.client_secret.reveal();
    return client;
}

/// Appends the value of HTTP Basic. The client id and the secret are encoded as in a form first (RFC 6749 2.3.1).
inline void write_basic(std::string& value, const client_identity& client) {
    std::string encoded = text::form_encode(client.secret_text);
    const wipe_at_exit encoded_is_wiped(encoded);
    std::string pair;
    const wipe_at_exit pair_is_wiped(pair);
    pair.reserve(form_size(client.id) + 1 + encoded.size());
    append_form(pair, client.id);
    pair.append(":").append(encoded);
    std::string digits = text::to_base64(pair);
    const wipe_at_exit digits_are_wiped(digits);
    value.reserve(digits.size() + 6);
    value.append("Basic ").append(digits);
}

/// Throws errc::request_rejected if a secret must not go to the URL; see is_secure_url.
inline void require_secure_url(std::string_view url, bool allow_loopback_http) {
    if (text::is_secure_url(url, allow_loopback_http)) return;
    const bool only_needs_the_switch = text::is_secure_url(url, true);
    throw error(errc::request_rejected,
                only_needs_the_switch
                    ? "tokenkeep: plain http to this machine is refused; set allow_loopback_http of the provider"
                    : "tokenkeep: secrets are sent to https URLs only, without user information and fragment");
}

/// A POST of `pairs` as a form, with the client's id and secret. Throws errc::request_rejected if the URL is not
/// secure; see is_secure_url. Throws errc::invalid_record if there is a client secret but no client id.
inline http_request post_form(const client_endpoint& endpoint, const token& record,
                              std::vector<text::form_pair> pairs) {
    require_secure_url(endpoint.url, endpoint.allow_loopback_http);
    const client_identity client = client_of(endpoint, record);
    const bool has_secret = !client.secret_text.empty() && endpoint.authentication != client_authentication::none;
    const bool basic = has_secret && endpoint.authentication == client_authentication::basic;
    if (has_secret && client.id.empty())
        throw error(errc::invalid_record, "tokenkeep: there is a client secret, but no client id");

    wiped_request request({.method = "POST", .url = endpoint.url});
    request->headers.reserve(3);
    request->headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request->headers.push_back({"Accept", "application/json"});
    if (basic) write_basic(request->headers.emplace_back(http_header{"Authorization"}).value, client);
    if (!basic && !client.id.empty()) pairs.push_back({"client_id", client.id});
    if (!basic && has_secret) pairs.push_back({"client_secret", client.secret_text});
    request->body = text::to_form(pairs);
    return std::move(request).release();
}

}}} // namespace tokenkeep::v0::detail

#endif
