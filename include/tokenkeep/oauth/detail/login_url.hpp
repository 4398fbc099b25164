// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_LOGIN_URL_HPP
#define TOKENKEEP_OAUTH_DETAIL_LOGIN_URL_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/text/url.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// 32 random bytes of the system as 43 characters, which a URL holds as they are (RFC 7636 4.1).
inline secret random_secret() {
    char bytes[32];
    random_bytes(bytes, sizeof bytes);
    std::string digits = text::to_base64url({bytes, sizeof bytes});
    const wipe_at_exit digits_are_wiped(digits);
    wipe(bytes, sizeof bytes);
    return digits;
}

/// The challenge of a code verifier by the method S256 (RFC 7636 4.2).
inline std::string code_challenge(const secret& verifier) {
    const auto digest = text::sha256(verifier.reveal());
    return text::to_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

/// Whether a scope has this word.
constexpr bool has_scope(std::string_view scope, std::string_view word) noexcept {
    while (!scope.empty()) {
        const std::string_view first = scope.substr(0, scope.find(' '));
        if (first == word) return true;
        scope.remove_prefix(first.size() < scope.size() ? first.size() + 1 : first.size());
    }
    return false;
}

/// Whether the URL has a scheme that an app makes from a domain name of its own, such as com.example.app:/login (RFC
/// 8252 7.1). Such a name has a dot.
constexpr bool has_private_scheme(std::string_view url) noexcept {
    const std::string_view scheme = url.substr(0, url.find(':'));
    if (scheme.size() == url.size() || scheme.empty() || !text::is_letter(scheme.front())) return false;
    for (const char c : scheme)
        if (!text::is_letter(c) && !text::is_digit(c) && c != '.' && c != '-' && c != '+') return false;
    return scheme.find('.') != scheme.npos && has_only_url_characters(url);
}

/// Throws errc::invalid_record if a code must not be sent to this URL.
inline void require_redirect_url(std::string_view url) {
    if (url.empty())
        throw error(errc::invalid_record, "tokenkeep: a login needs a redirect_url, as the client has registered it");
    if (!text::is_secure_url(url, true) && !has_private_scheme(url))
        throw error(errc::invalid_record,
                    "tokenkeep: a redirect_url is https, or http to 127.0.0.1 or [::1], or has a scheme of the app's "
                    "own domain such as com.example.app:/login; it has no fragment");
}

/// A parameter that a wish may not replace, because the answer is compared with what the library sent; and what the
/// program can do instead.
struct fixed_parameter {
    std::string_view name, advice;
    bool may_be_left_out = false; ///< For servers that have another name for it.
};
inline constexpr fixed_parameter fixed_parameters[] = {
    {"client_id", "write it into the probe of the wish, or into the provider", true},
    {"scope", "write it into scope of the wish", true},
    {"response_type", "the library reads the answer to the type code only"},
    {"redirect_uri", "write it into redirect_url of the wish"},
    {"state", "a program that wants to recognise its login keeps the authorization under its state"},
    {"nonce", "the library makes it, and gives it in the authorization"},
    {"code_challenge", "the library makes it"},
    {"code_challenge_method", "the library makes the challenge, by S256"},
};

/// Adds the wish's parameters to the library's own.
inline void add_wished(std::vector<text::form_pair>& pairs, const std::vector<form_field>& wished) {
    for (const form_field& own : wished) {
        for (const fixed_parameter& fixed : fixed_parameters)
            if (own.name == fixed.name && !(own.value.empty() && fixed.may_be_left_out))
                throw error(errc::invalid_record, std::string("tokenkeep: a wish cannot replace the parameter ")
                                                      .append(fixed.name)
                                                      .append(": ")
                                                      .append(fixed.advice));
        std::erase_if(pairs, [&own](const text::form_pair& pair) { return pair.name == own.name; });
        if (!own.value.empty()) pairs.push_back({own.name, own.value});
    }
}

/// The URL for the browser: the endpoint with these parameters behind those that it has (RFC 6749 3.1).
inline std::string authorization_url(std::string_view endpoint, const std::vector<text::form_pair>& pairs) {
    const std::size_t mark = endpoint.find('?');
    if (mark != endpoint.npos) {
        const auto own = text::from_form(endpoint.substr(mark + 1));
        for (const text::form_pair& pair : pairs)
            if (!own ||
                std::any_of(own->begin(), own->end(), [&](const auto& each) { return each.first == pair.name; }))
                throw error(errc::request_rejected, "tokenkeep: the query of authorization_endpoint cannot be read, or "
                                                    "has a parameter that the login adds too; leave it out there");
    }
    std::string url(endpoint);
    if (mark == endpoint.npos)
        url += '?';
    else if (!endpoint.ends_with('?') && !endpoint.ends_with('&'))
        url += '&';
    return url.append(text::to_form(pairs));
}

}}} // namespace tokenkeep::v1::detail

#endif
