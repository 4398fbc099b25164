// SPDX-License-Identifier: MIT
#include "provider.hpp"

#include "terminal.hpp"

#include <tokenkeep/providers/all.hpp>

#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace cli {

/// The types of all providers. Most are plain oauth2_provider. If the user has named an issuer, its metadata are
/// fetched before the first request to it: as long as the access token is fresh, nothing is sent.
struct chosen_provider::server {
    std::variant<oauth2_provider, zoho::provider, providers::digitalocean_provider, providers::dropbox_provider,
                 providers::linkedin_provider, providers::microsoft_provider, providers::notion_provider,
                 providers::quickbooks_provider, providers::reddit_provider, providers::salesforce_provider,
                 providers::shopify_provider, providers::slack_provider, providers::strava_provider,
                 providers::tiktok_provider, providers::twitch_provider, providers::wechat_provider,
                 providers::withings_provider, providers::zoom_provider>
        any{};

    std::function<void(oauth2_provider&)> discover{};

    /// Calls use(provider), whose endpoints may not be known yet.
    template <class Use>
    decltype(auto) visit(Use use) const {
        return std::visit(use, any);
    }
    /// Calls use(provider), whose endpoints are known.
    template <class Use>
    decltype(auto) reach(Use use) {
        if (discover) discover(std::get<oauth2_provider>(any));
        discover = nullptr; // after a failure, the next request tries again
        return std::visit(use, any);
    }
};

namespace {

error has_no(const char* what) {
    return error(errc::request_rejected, std::string("tokenkeep: this provider has no ") + what);
}

using arguments = std::vector<std::string>;

/// A provider that can be chosen by name. `needs` says its arguments; those in brackets may be left out.
struct known_provider {
    std::string_view name, needs;
    std::size_t least;
    chosen_provider::server (*make)(const arguments&);
};

template <auto Make>
chosen_provider::server make_plain(const arguments&) {
    return {Make()};
}

std::string argument(const arguments& all, std::size_t n, const char* otherwise = "") {
    return n < all.size() ? all[n] : otherwise;
}

zoho::provider make_zoho(const std::string& location) {
    const std::pair<const char*, zoho::data_center> centers[] = {
        {"us", zoho::us}, {"eu", zoho::eu}, {"in", zoho::in}, {"au", zoho::au}, {"cn", zoho::cn},
        {"jp", zoho::jp}, {"ca", zoho::ca}, {"sa", zoho::sa}, {"uk", zoho::uk},
    };
    for (const auto& [name, center] : centers)
        if (name == location) return zoho::provider{.center = center};
    throw usage_error("zoho needs a data centre: us, eu, in, au, cn, jp, ca, sa or uk");
}

constexpr known_provider known_providers[] = {
    {"atlassian", "", 0, make_plain<&providers::atlassian>},
    {"auth0", "DOMAIN,AUDIENCE", 2,
     [](const arguments& a) { return chosen_provider::server{providers::auth0(a[0], a[1])}; }},
    {"box", "", 0, make_plain<&providers::box>},
    {"digitalocean", "", 0, make_plain<&providers::digitalocean>},
    {"discord", "", 0, make_plain<&providers::discord>},
    {"dropbox", "", 0, make_plain<&providers::dropbox>},
    {"fitbit", "", 0, make_plain<&providers::fitbit>},
    {"github", "", 0, make_plain<&providers::github>},
    {"gitlab", "[HOST]", 0,
     [](const arguments& a) { return chosen_provider::server{providers::gitlab(argument(a, 0, "gitlab.com"))}; }},
    {"google", "", 0, make_plain<&providers::google>},
    {"hubspot", "", 0, make_plain<&providers::hubspot>},
    {"keycloak", "URL,REALM", 2,
     [](const arguments& a) { return chosen_provider::server{providers::keycloak(a[0], a[1])}; }},
    {"linkedin", "", 0, make_plain<&providers::linkedin>},
    {"microsoft", "[TENANT]", 0,
     [](const arguments& a) { return chosen_provider::server{providers::microsoft(argument(a, 0, "common"))}; }},
    {"notion", "", 0, make_plain<&providers::notion>},
    {"okta", "DOMAIN[,AUTHORIZATION SERVER]", 1,
     [](const arguments& a) { return chosen_provider::server{providers::okta(a[0], argument(a, 1))}; }},
    {"quickbooks", "", 0, make_plain<&providers::quickbooks>},
    {"reddit", "USER AGENT", 1, [](const arguments& a) { return chosen_provider::server{providers::reddit(a[0])}; }},
    {"salesforce", "[HOST]", 0,
     [](const arguments& a) {
         return chosen_provider::server{providers::salesforce(argument(a, 0, "login.salesforce.com"))};
     }},
    {"shopify", "SHOP", 1, [](const arguments& a) { return chosen_provider::server{providers::shopify(a[0])}; }},
    {"slack", "", 0, make_plain<&providers::slack>},
    {"spotify", "", 0, make_plain<&providers::spotify>},
    {"strava", "", 0, make_plain<&providers::strava>},
    {"tiktok", "", 0, make_plain<&providers::tiktok>},
    {"twitch", "", 0, make_plain<&providers::twitch>},
    {"wechat", "", 0, make_plain<&providers::wechat>},
    {"withings", "", 0, make_plain<&providers::withings>},
    {"x", "", 0, make_plain<&providers::x>},
    {"xero", "", 0, make_plain<&providers::xero>},
    {"zoho", "[DATA CENTRE]", 0,
     [](const arguments& a) { return chosen_provider::server{make_zoho(argument(a, 0, "us"))}; }},
    {"zoom", "", 0, make_plain<&providers::zoom>},
};

chosen_provider::server make_known(const std::string& text) {
    const std::size_t sign = text.find('=');
    const std::string name = text.substr(0, sign);
    arguments words;
    for (std::size_t at = sign; at < text.size();) {
        const std::size_t comma = text.find(',', at + 1);
        words.push_back(text.substr(at + 1, comma == text.npos ? text.npos : comma - at - 1));
        at = comma;
    }
    for (const known_provider& known : known_providers) {
        if (known.name != name) continue;
        if (words.size() < known.least) throw usage_error("write --provider " + name + "=" + std::string(known.needs));
        return known.make(words);
    }
    throw usage_error("there is no provider of that name; tokenkeep help login names them");
}

client_authentication authentication_named(const std::string& name) {
    if (name == "basic") return client_authentication::basic;
    if (name == "none") return client_authentication::none;
    return client_authentication::post;
}

secret client_secret_of(const server_choice& choice) {
    if (!choice.client_secret_file.empty()) return read_secret(choice.client_secret_file);
    if (choice.asks_for_secret) return ask_without_echo("Client secret");
    const char* const found = std::getenv("TOKENKEEP_CLIENT_SECRET");
    return found == nullptr ? secret() : secret(std::string_view(found));
}

chosen_provider::server make_server(const server_choice& choice, sender send) {
    if (!choice.provider.empty()) return make_known(choice.provider);
    const auto name_endpoints = [choice](oauth2_provider& server) {
        const auto take = [](std::string& endpoint, const std::string& said) {
            if (!said.empty()) endpoint = said;
        };
        take(server.token_endpoint, choice.token_endpoint);
        take(server.authorization_endpoint, choice.authorization_endpoint);
        take(server.device_authorization_endpoint, choice.device_endpoint);
        take(server.revocation_endpoint, choice.revocation_endpoint);
    };
    oauth2_provider server{.allow_loopback_http = true}; // for a server on this machine
    name_endpoints(server);
    if (choice.issuer.empty()) return {server};
    const auto discover = [issuer = choice.issuer, is_chosen = !choice.authentication.empty(), send = std::move(send),
                           name_endpoints](oauth2_provider& known) {
        const metadata_options options{.allow_loopback_http = true};
        oauth2_provider found = read_metadata(send(metadata_request(issuer, options)), issuer, options);
        name_endpoints(found);
        known.token_endpoint = found.token_endpoint;
        known.authorization_endpoint = found.authorization_endpoint;
        known.device_authorization_endpoint = found.device_authorization_endpoint;
        known.revocation_endpoint = found.revocation_endpoint;
        known.issuer = found.issuer;
        known.sends_iss = found.sends_iss;
        if (!is_chosen) known.authentication = found.authentication;
    };
    return {server, discover};
}

} // namespace

chosen_provider::chosen_provider(server any) : server_(std::make_shared<server>(std::move(any))) {
    server_->visit([this](const auto& p) {
        client_id = p.client_id;
        client_secret = p.client_secret;
        allow_loopback_http = p.allow_loopback_http;
        if constexpr (requires { p.replay_grace; }) replay_grace = p.replay_grace;
        if constexpr (requires { p.client_credentials; }) client_credentials = p.client_credentials;
    });
}

http_request chosen_provider::exchange_request(const token& record) const {
    return server_->reach([&](const auto& p) { return p.exchange_request(record); });
}
http_request chosen_provider::refresh_request(const token& record) const {
    return server_->reach([&](const auto& p) -> http_request {
        if constexpr (requires { p.token_endpoint; })
            if (p.token_endpoint.empty())
                throw error(errc::request_rejected, "tokenkeep: the access token is due, and no server is named to "
                                                    "refresh it: --provider, --issuer or --token-endpoint");
        return p.refresh_request(record);
    });
}
std::optional<http_request> chosen_provider::revoke_request(const token& record) const {
    return server_->reach([&](const auto& p) { return p.revoke_request(record); });
}
token_response chosen_provider::read_token_response(const http_response& response, const token& record) const {
    return server_->visit([&](const auto& p) { return p.read_token_response(response, record); });
}
void chosen_provider::read_revoke_response(const http_response& response) const {
    server_->visit([&](const auto& p) { p.read_revoke_response(response); });
}
void chosen_provider::authorize(http_request& request, const token& record) const {
    server_->visit([&](const auto& p) { p.authorize(request, record); });
}
bool chosen_provider::is_token_rejected(const http_response& response) const {
    return server_->visit([&](const auto& p) {
        if constexpr (requires { p.is_token_rejected(response); })
            return p.is_token_rejected(response);
        else
            return response.status == 401;
    });
}
http_request chosen_provider::client_credentials_request(const token& record) const {
    return server_->reach([&](const auto& p) -> http_request {
        if constexpr (requires { p.client_credentials_request(record); })
            return p.client_credentials_request(record);
        else
            throw has_no("tokens for the client itself");
    });
}
http_request chosen_provider::device_authorization_request(const token& record) const {
    return server_->reach([&](const auto& p) -> http_request {
        if constexpr (requires { p.device_authorization_request(record); })
            return p.device_authorization_request(record);
        else
            throw has_no("login on a device");
    });
}
http_request chosen_provider::device_token_request(const token& record) const {
    return server_->reach([&](const auto& p) -> http_request {
        if constexpr (requires { p.device_token_request(record); })
            return p.device_token_request(record);
        else
            throw has_no("login on a device");
    });
}
device_authorization chosen_provider::read_device_authorization(const http_response& response, const token& record,
                                                                timestamp sent) const {
    return server_->visit([&](const auto& p) -> device_authorization {
        if constexpr (requires { p.read_device_authorization(response, record, sent); })
            return p.read_device_authorization(response, record, sent);
        else
            throw has_no("login on a device");
    });
}
authorization chosen_provider::authorization_request(const authorization_wish& wish) const {
    return server_->reach([&](const auto& p) { return tokenkeep::authorization_request(p, wish); });
}
token chosen_provider::read_authorization_response(std::string_view redirected, authorization& pending) const {
    return server_->visit(
        [&](const auto& p) { return tokenkeep::read_authorization_response(p, redirected, pending); });
}

chosen_provider choose_provider(const server_choice& choice, sender send) {
    chosen_provider::server server = make_server(choice, std::move(send));
    const secret client_secret = client_secret_of(choice);
    std::visit(
        [&](auto& p) {
            if (!choice.client_id.empty()) p.client_id = choice.client_id;
            if (!client_secret.empty()) p.client_secret = client_secret;
            if (!choice.authentication.empty()) p.authentication = authentication_named(choice.authentication);
            if constexpr (requires { p.client_credentials; }) {
                p.client_credentials = choice.client_credentials;
                for (const std::string& pair : choice.parameters)
                    p.parameters.push_back(read_parameter("--parameter", pair));
            } else if (choice.client_credentials) {
                throw has_no("tokens for the client itself");
            }
        },
        server.any);
    return chosen_provider(std::move(server));
}

form_field read_parameter(const std::string& option, const std::string& pair) {
    const std::size_t sign = pair.find('=');
    if (sign == pair.npos) throw usage_error("write " + option + " NAME=VALUE");
    return {pair.substr(0, sign), pair.substr(sign + 1)};
}

std::string provider_names() {
    std::string names;
    for (const known_provider& known : known_providers) {
        names.append(names.empty() ? "" : ", ").append(known.name);
        if (!known.needs.empty()) names.append("=").append(known.needs);
    }
    return names;
}

} // namespace cli
