// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_CLIENT_ENDPOINT_HPP
#define TOKENKEEP_OAUTH_CLIENT_ENDPOINT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>
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

namespace tokenkeep { inline namespace v1 {

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
    std::string client_id{}; ///< Used for records that name no client.
    secret client_secret{};  ///< Used for records that have no client secret and do not name another client.
    std::vector<form_field> parameters{}; ///< Added to the form. One replaces the library's own of the same name.
    std::vector<http_header> headers{};   ///< Added to the headers. One replaces the library's own of the same name.
    bool encodes_basic = true;            ///< Whether client id and secret are encoded in HTTP Basic (RFC 6749 2.3.1).
    bool allow_loopback_http = false;     ///< Also allows http, but only to 127.0.0.0/8, [::1] and localhost.
    bool allow_plain_http = false;        ///< Also allows http to any host: everybody on the way can read the tokens.
};

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

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

/// Appends the value of HTTP Basic. If `encodes`, the client id and the secret are encoded as in a form first (RFC 6749
/// 2.3.1). Some servers do not decode them.
inline void write_basic(std::string& value, const client_identity& client, bool encodes) {
    std::string pair;
    const wipe_at_exit pair_is_wiped(pair);
    pair.reserve(3 * (client.id.size() + client.secret_text.size()) + 1);
    if (encodes) {
        std::string encoded = text::form_encode(client.secret_text);
        const wipe_at_exit encoded_is_wiped(encoded);
        pair.append(text::form_encode(client.id)).append(":").append(encoded);
    } else {
        pair.append(client.id).append(":").append(client.secret_text);
    }
    std::string digits = text::to_base64(pair);
    const wipe_at_exit digits_are_wiped(digits);
    value.reserve(digits.size() + 6);
    value.append("Basic ").append(digits);
}

/// To which hosts secrets may go without TLS.
struct plain_http {
    bool to_loopback = false;
    bool to_any_host = false;
};

/// Whether a URL is plain http to a host that is not this machine.
constexpr bool is_plain_http(std::string_view url) noexcept {
    return text::parse_url(url).has_value() && !text::is_secure_url(url, true);
}

/// Whether a secret may go to the URL; see is_secure_url.
constexpr bool is_allowed_url(std::string_view url, plain_http allowed) noexcept {
    return text::is_secure_url(url, allowed.to_loopback) || (allowed.to_any_host && text::parse_url(url));
}

/// Throws errc::request_rejected if a secret must not go to the URL.
inline void require_secure_url(std::string_view url, plain_http allowed) {
    if (is_allowed_url(url, allowed)) return;
    const char* message = "tokenkeep: secrets are sent to https URLs only, without user information and fragment";
    if (text::is_secure_url(url, true))
        message = "tokenkeep: plain http to this machine is refused; set allow_loopback_http of the provider";
    else if (is_plain_http(url))
        message = "tokenkeep: plain http is refused; use https, or inside a network of your own set allow_plain_http "
                  "of the provider";
    throw error(errc::request_rejected, message);
}

/// Adds the parameters of the endpoint to a form. One takes the place of those of the same name.
inline void add_parameters(std::vector<text::form_pair>& pairs, const client_endpoint& endpoint) {
    for (const form_field& own : endpoint.parameters) {
        std::erase_if(pairs, [&own](const text::form_pair& pair) { return pair.name == own.name; });
        pairs.push_back({own.name, own.value});
    }
}

/// A POST of `pairs` as a form, with the client's id and secret. Throws errc::request_rejected if the URL is not
/// secure; see is_secure_url. Throws errc::invalid_record if there is a client secret but no client id.
http_request post_form(const client_endpoint& endpoint, const token& record, std::vector<text::form_pair> pairs);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE http_request post_form(const client_endpoint& endpoint, const token& record,
                                        std::vector<text::form_pair> pairs) {
    require_secure_url(endpoint.url, {endpoint.allow_loopback_http, endpoint.allow_plain_http});
    const client_identity client = client_of(endpoint, record);
    const bool has_secret = !client.secret_text.empty() && endpoint.authentication != client_authentication::none;
    const bool basic = has_secret && endpoint.authentication == client_authentication::basic;
    if (has_secret && client.id.empty())
        throw error(errc::invalid_record, "tokenkeep: there is a client secret, but no client id");

    wiped_request request({.method = "POST", .url = endpoint.url});
    request->headers.reserve(3 + endpoint.headers.size());
    request->headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request->headers.push_back({"Accept", "application/json"});
    if (basic)
        write_basic(request->headers.emplace_back(http_header{"Authorization"}).value, client, endpoint.encodes_basic);
    for (const http_header& own : endpoint.headers) {
        erase_header(request->headers, own.name);
        request->headers.push_back(own);
    }
    if (!basic && !client.id.empty()) pairs.push_back({"client_id", client.id});
    if (!basic && has_secret) pairs.push_back({"client_secret", client.secret_text});
    add_parameters(pairs, endpoint);
    request->body = text::to_form(pairs);
    return std::move(request).release();
}
#endif

}}} // namespace tokenkeep::v1::detail

#endif
