// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_AUTHORIZATION_HPP
#define TOKENKEEP_OAUTH_AUTHORIZATION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/detail/login_url.hpp>
#include <tokenkeep/oauth/detail/redirect.hpp>
#include <tokenkeep/oauth/detail/response_reader.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// A login in a browser (RFC 6749 4.1), with PKCE (RFC 7636):
//   1. authorization_request makes a URL. The program opens it in the user's browser and keeps the rest.
//   2. The server asks the user, and sends the browser to the redirect URL, with a code or an error in its query.
//   3. read_authorization_response compares the redirect with what was kept, and makes a token with a grant token.
//   4. A keeper that is given this token exchanges the grant token for tokens, and stores them.

namespace tokenkeep { inline namespace v1 {

/// What a program wants of a login:
///   authorization_wish wish{.probe = {.user_name = "ada"}, .redirect_url = "http://127.0.0.1:8080/", .scope = "mail"};
struct authorization_wish {
    token probe{}; ///< Who logs in. Only user_name, label, id, client, api_domain, scope and redirect_url are used.
    /// Where the server sends the browser afterwards: https, or http to 127.0.0.1 or [::1], or a scheme of the app's
    /// own (RFC 8252 7). http to localhost is taken too, but an address is better (RFC 8252 8.3). If it is empty, the
    /// probe's is used.
    std::string redirect_url{};
    std::string scope{}; ///< What the program asks for (RFC 6749 3.3). If it is empty, the probe's is used.
    /// Added to the URL, such as {"login_hint", "ada@example.com"}. One replaces the library's own of the same name.
    /// One without a value is left out, and the library's own too: to a server, both are the same (RFC 6749 3.1).
    std::vector<form_field> parameters{};
};

/// A login that has begun. The program keeps it until the redirect comes: a program on the user's machine in a
/// variable, a web server in the user's session. So one browser cannot answer the login of another.
struct authorization {
    std::string url{};          ///< For the user's browser. It contains the state: do not log it.
    secret state{};             ///< The redirect must bring it back (RFC 6749 10.12). Empty as soon as one did.
    secret code_verifier{};     ///< Goes to the server with the grant token (RFC 7636 4.5).
    std::string redirect_url{}; ///< Where the redirect must come to.
    secret nonce{};             ///< The id_token must contain it. Empty if the scope does not have "openid".
    token probe{};              ///< Who logs in, with the client and the scope of the request.
    std::string issuer{};       ///< The server's name, with which the redirect's `iss` is compared. Empty if unknown.
    bool sends_iss = false;     ///< Whether the redirect must have an `iss` (RFC 9207).
};

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class P>
concept can_request_authorization = requires(P& provider, const authorization_wish& wish) {
    { provider.authorization_request(wish) } -> std::convertible_to<authorization>;
};
template <class P>
concept can_read_authorization_response = requires(P& provider, std::string_view redirected, authorization& pending) {
    { provider.read_authorization_response(redirected, pending) } -> std::convertible_to<token>;
};
template <class P>
concept has_authorization_endpoint = requires(const P& provider) {
    { provider.authorization_endpoint } -> std::convertible_to<std::string_view>;
    { provider.client_id } -> std::convertible_to<std::string_view>;
    { provider.issuer } -> std::convertible_to<std::string_view>;
    { provider.sends_iss } -> std::convertible_to<bool>;
    { provider.allow_loopback_http } -> std::convertible_to<bool>;
    { provider.allow_plain_http } -> std::convertible_to<bool>;
};

/// What is known of the server that a login begins at.
struct login_server {
    std::string_view authorization_endpoint{}, client_id{}, issuer{};
    bool sends_iss = false;
    plain_http allowed{};
};

/// See authorization_request.
inline authorization begin_login(const login_server& server, const authorization_wish& wish) {
    if (server.authorization_endpoint.empty())
        throw error(errc::request_rejected,
                    "tokenkeep: the provider has no authorization_endpoint; set it, or read the "
                    "server's metadata with read_metadata");
    require_secure_url(server.authorization_endpoint, server.allowed);
    if (server.sends_iss && server.issuer.empty())
        throw error(errc::request_rejected, "tokenkeep: the provider has sends_iss, but no issuer to compare; set it");
    authorization login{.state = random_secret(),
                        .code_verifier = random_secret(),
                        .redirect_url = wish.redirect_url.empty() ? wish.probe.redirect_url : wish.redirect_url,
                        .probe = {.user_name = wish.probe.user_name,
                                  .client_id = wish.probe.client_id,
                                  .client_secret = wish.probe.client_secret,
                                  .api_domain = wish.probe.api_domain,
                                  .scope = wish.scope.empty() ? wish.probe.scope : wish.scope,
                                  .label = wish.probe.label,
                                  .id = wish.probe.id},
                        .issuer = std::string(server.issuer),
                        .sends_iss = server.sends_iss};
    require_redirect_url(login.redirect_url);
    login.probe.redirect_url = login.redirect_url;
    if (login.probe.client_id.empty()) login.probe.client_id = server.client_id;
    if (login.probe.client_id.empty())
        throw error(errc::invalid_record, "tokenkeep: a login needs a client_id, of the provider or of the probe");
    if (has_scope(login.probe.scope, "openid")) login.nonce = random_secret();

    const std::string challenge = code_challenge(login.code_verifier);
    std::vector<text::form_pair> pairs{
        {"response_type", "code"}, {"client_id", login.probe.client_id}, {"redirect_uri", login.redirect_url}};
    if (!login.probe.scope.empty()) pairs.push_back({"scope", login.probe.scope});
    pairs.push_back({"state", login.state.reveal()});
    pairs.push_back({"code_challenge", challenge});
    pairs.push_back({"code_challenge_method", "S256"});
    if (!login.nonce.empty()) pairs.push_back({"nonce", login.nonce.reveal()});
    add_wished(pairs, wish.parameters);
    login.url = authorization_url(server.authorization_endpoint, pairs);
    return login;
}

/// The error for a redirect with this code. `state` is what the login had.
inline response_error refused_login(const secret& code, const secret& state, const authorization& login) {
    const std::string_view said = code.reveal();
    const known_code* known = std::find_if(std::begin(redirect_codes), std::end(redirect_codes), [&](const auto& each) {
        return text::equal_ignoring_case(each.code, said);
    });
    const bool is_known = known != std::end(redirect_codes);
    const bool is_clean = is_error_code(said) && !has_secret(said, state) && !has_secret(said, login.code_verifier) &&
                          !has_secret(said, login.nonce) && !has_secret_of(login.probe, said);
    std::string what = "tokenkeep: the server refuses the login";
    if (is_known) what.append(": ").append(known->code);
    return response_error(is_known ? known->meaning : errc::request_rejected, what,
                          {.server_code = is_clean ? std::string(said) : std::string(),
                           .certainly_refused = true,
                           .is_unexplained = !is_known});
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// A provider whose users can log in in a browser. Most providers are authorization_providers too.
///
/// Shape (the least model):
///   struct p {
///       authorization authorization_request(const authorization_wish& wish);
///   };
/// Meaning:
///   L1  authorization_request begins a login as the wish says: it gives the URL for the browser, and all that
///       read_authorization_response compares. Each call makes another state and another code verifier.
/// May:   throw anything derived from std::exception. Instead of the function, a provider may have six members that
///        mean what they mean in oauth2_provider: authorization_endpoint, client_id, issuer, sends_iss,
///        allow_loopback_http and allow_plain_http. Optional member:
///
///   expression                                         | what it gives you             | without it
///   ---------------------------------------------------|-------------------------------|---------------------------
///   p.read_authorization_response(redirected, pending) | It reads what is special      | The redirect is read by
///                                                      | about the server's redirects. | RFC 6749 4.1.2.
///
/// Models: oauth2_provider; zoho::provider.
template <class P>
concept login_provider = detail::can_request_authorization<P> || detail::has_authorization_endpoint<P>;

/// Begins a login (RFC 6749 4.1.1). The state, the code verifier (RFC 7636, S256) and the nonce are random numbers of
/// the system's. The function throws:
///   - errc::request_rejected if the provider has no authorization_endpoint, if that is not an https URL (see
///     oauth2_provider::allow_loopback_http), if its query has a parameter that the login adds, or if the provider has
///     sends_iss and no issuer.
///   - errc::invalid_record if there is no client id, if the redirect URL is missing or must not receive a code, or if
///     a parameter of the wish is state, nonce, code_challenge, code_challenge_method, response_type or redirect_uri,
///     or gives client_id or scope another value.
///   - errc::storage_failure if the system gives no random bytes.
///
///   authorization login = authorization_request(provider, {.probe = {.user_name = "ada"}, .redirect_url = here});
///   open_in_browser(login.url);
template <class Provider>
    requires login_provider<std::remove_reference_t<Provider>>
        authorization authorization_request(Provider&& provider, const authorization_wish& wish) {
        if constexpr (detail::can_request_authorization<std::remove_reference_t<Provider>>)
            return provider.authorization_request(wish);
        else
            return detail::begin_login({.authorization_endpoint = provider.authorization_endpoint,
                                        .client_id = provider.client_id,
                                        .issuer = provider.issuer,
                                        .sends_iss = provider.sends_iss,
                                        .allowed = {provider.allow_loopback_http, provider.allow_plain_http}},
                                       wish);
    }

/// Reads the redirect that ends a login (RFC 6749 4.1.2): the whole URL, its path with the query as an HTTP listener
/// sees it, or only the query. Gives the login's probe with the grant token, the code verifier and the redirect URL. A
/// keeper exchanges it.
///   token ada = read_authorization_response(redirected, login);
///   keep.access_token(ada);
///
/// A redirect answers the login if it comes to the login's redirect URL (scheme, host, port and path) and brings its
/// state. If it does not, the function throws errc::request_rejected and leaves `pending` as it is: a stranger who
/// sends requests to the redirect URL does not end the login, and the program waits for the next one. If it does, the
/// function empties pending.state before it reads on, so that each login has one answer. Then:
///   - If the issuer is known and the redirect's `iss` is another, or if the server promised an `iss` and there is
///     none, it throws errc::request_rejected (RFC 9207 2.4).
///   - If the redirect has an error, it throws response_error. The user said no, or must do something:
///     errc::reauthorization_required. The server failed: errc::server_unavailable. All else: errc::request_rejected.
///   - If there is neither an error nor a code that can be sent, it throws errc::malformed_response.
///
/// If one of these parameters comes twice, the function throws errc::request_rejected (RFC 6749 3.1). It reads no
/// others. No message contains anything from the redirect but an error code that is known.
inline token read_authorization_response(std::string_view redirected, authorization& pending) {
    const auto [address, query] = detail::split_redirect(redirected);
    if (pending.state.empty())
        throw error(errc::request_rejected, "tokenkeep: this login has had its answer; begin another one");
    if (!address.empty() && !detail::is_same_address(address, pending.redirect_url))
        throw error(errc::request_rejected, "tokenkeep: the request did not come to the redirect_url of the login");
    if (detail::find_parameter(query, "state") != pending.state)
        throw error(errc::request_rejected, "tokenkeep: the redirect does not have the state of the login");

    const secret state = std::exchange(pending.state, secret());
    const secret iss = detail::find_parameter(query, "iss");
    if (iss.empty() && pending.sends_iss)
        throw error(errc::request_rejected, "tokenkeep: the redirect does not say which server it comes from");
    if (!iss.empty() && !pending.issuer.empty() && iss.reveal() != pending.issuer)
        throw error(errc::request_rejected, "tokenkeep: the redirect comes from another server than the login went to");
    const secret refusal = detail::find_parameter(query, "error");
    if (!refusal.empty()) throw detail::refused_login(refusal, state, pending);
    secret code = detail::find_parameter(query, "code");
    if (code.empty() || !text::is_printable(code.reveal()))
        throw error(errc::malformed_response,
                    "tokenkeep: the redirect has neither an error nor a code that can be sent");

    token login = pending.probe;
    login.grant_token = std::move(code);
    login.code_verifier = pending.code_verifier;
    login.redirect_url = pending.redirect_url;
    return login;
}

/// The same, read by a provider: by its own read_authorization_response(redirected, pending) if it has one, else by the
/// function above.
///   token ada = read_authorization_response(provider, redirected, login);
template <class Provider>
    requires login_provider<std::remove_reference_t<Provider>>
        token read_authorization_response(Provider&& provider, std::string_view redirected, authorization& pending) {
        if constexpr (detail::can_read_authorization_response<std::remove_reference_t<Provider>>)
            return provider.read_authorization_response(redirected, pending);
        else
            return read_authorization_response(redirected, pending);
    }

}} // namespace tokenkeep::v1

#endif
