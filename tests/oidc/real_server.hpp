// SPDX-License-Identifier: MIT
// The authorization servers as tests use them: over libcurl, and asked beside the protocol.
#ifndef TOKENKEEP_TESTS_OIDC_REAL_SERVER_HPP
#define TOKENKEEP_TESTS_OIDC_REAL_SERVER_HPP

#include <tokenkeep/tokenkeep.hpp>

#include "server.hpp"
#include "transports/curl.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// One of the clients that server.mjs knows.
struct client {
    std::string id, secret;
    tokenkeep::client_authentication authentication;
};

/// A server, and what a test asks it beside the protocol.
struct asked_server {
    asked_server(const std::string& script, std::vector<std::string> arguments)
        : process(script, std::move(arguments)) {}

    server_process process;
    curl_transport transport{};

    nlohmann::json ask(const std::string& method, const std::string& path) const {
        return nlohmann::json::parse(transport({.method = method, .url = process.url() + path}).body);
    }
    nlohmann::json log() const { return ask("GET", "/test/log"); }
    bool is_alive(const tokenkeep::secret& refresh) const {
        return ask("GET", "/test/alive?refresh_token=" + std::string(refresh.reveal()))["alive"];
    }
    /// Does what the user's browser does: follows redirects, with their cookies, until one leads to another place than
    /// the server. Gives that URL.
    std::string browse(std::string url) const {
        std::map<std::string, std::string> cookies;
        for (int pages = 0; pages < 10; ++pages) {
            std::string jar;
            for (const auto& [name, value] : cookies) jar.append(jar.empty() ? "" : "; ").append(name + "=" + value);
            tokenkeep::http_request request{.method = "GET", .url = url};
            if (!jar.empty()) request.headers.push_back({"Cookie", jar});
            const tokenkeep::http_response page = transport(request);
            for (const auto& [name, value] : page.headers) {
                if (!tokenkeep::text::equal_ignoring_case(name, "Set-Cookie")) continue;
                const std::string pair = value.substr(0, value.find(';'));
                cookies[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
            }
            const std::string location(tokenkeep::find_header(page.headers, "Location"));
            if (location.empty()) throw std::runtime_error("a page that is no redirect: " + page.body.substr(0, 300));
            url = location.starts_with('/') ? process.url() + location : location;
            if (!url.starts_with(process.url() + "/")) return url;
        }
        throw std::runtime_error("the redirects do not end");
    }
    /// The user logs in with the browser: the probe that the redirect makes.
    tokenkeep::token grant(const std::string& user, const std::string& query = "") const {
        const nlohmann::json redirect = ask("POST", "/test/code?user=" + user + query);
        return {.user_name = user,
                .grant_token = redirect["code"].get<std::string>(),
                .redirect_url = redirect["redirect_uri"]};
    }
};

/// That of server.mjs, whose arguments it takes.
struct real_server : asked_server {
    explicit real_server(std::vector<std::string> arguments) : asked_server("server.mjs", std::move(arguments)) {}

    tokenkeep::token grant(const client& who, const std::string& user) const {
        return asked_server::grant(user, "&client_id=" + who.id);
    }
    /// The same for a login with PKCE (RFC 7636), without the verifier.
    tokenkeep::token grant_with_challenge(const client& who, const std::string& user,
                                          const std::string& challenge) const {
        return asked_server::grant(user, "&client_id=" + who.id + "&code_challenge=" + challenge);
    }
    /// That of the client app-native, a public one, made of what the server says about itself.
    tokenkeep::oauth2_provider native_provider() const {
        const tokenkeep::metadata_options options{.allow_loopback_http = true};
        tokenkeep::oauth2_provider made =
            read_metadata(transport(metadata_request(process.url(), options)), process.url(), options);
        made.client_id = "app-native";
        return made;
    }
    tokenkeep::oauth2_provider provider(const client& who) const {
        return {.token_endpoint = process.url() + "/token",
                .revocation_endpoint = process.url() + "/token/revocation",
                .authentication = who.authentication,
                .client_id = who.id,
                .client_secret = who.secret,
                .allow_loopback_http = true};
    }
};

#endif
