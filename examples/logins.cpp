// SPDX-License-Identifier: MIT
//
// The four ways to a first token: the user's own machine, a device, a web server, and a service that has no user. The
// server, the users and their browsers are stand-ins; login.cpp is a whole program with a real browser.
#include "loopback_login.hpp"
#include "transports/curl.hpp"
#include <tokenkeep/testing.hpp>

#include <cstdio>
#include <future>
#include <map>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

// What a web server keeps for each browser, which it knows by a cookie.
struct web_session {
    authorization login{};
};

int main() {
    testing::virtual_clock clock; // the user at the device need not wait for the next question
    testing::fake_server server{{.origin = "https://login.example"}, clock};
    const auto transport = [&](const http_request& request) {
        if (request.body.find("grant_type=client_credentials") == std::string::npos) return server(request);
        return http_response{.status = 200, .body = R"({"access_token":"at-1","token_type":"Bearer","expires_in":60})"};
    };
    oauth2_provider provider = server.provider(); // for a real server: read_metadata(...)
    provider.authorization_endpoint = "https://login.example/authorize";
    memory_store store;
    keeper keep{store, transport, provider, {}, ignore_events{}, clock};
    const token ada{.user_name = "ada", .scope = "files"};
    web_session session;

    // The user logs in on the server's page, and the browser comes back with a code and the state.
    const auto redirected = [&](const std::string& url) {
        const auto query = text::from_form(url.substr(url.find('?') + 1)).value();
        const std::map<std::string, std::string> asked(query.begin(), query.end());
        const std::string code(server.grant("ada").reveal());
        return asked.at("redirect_uri") + "?code=" + code + "&state=" + asked.at("state");
    };
    std::future<http_response> page;
    std::string target;
    const auto open_in_browser = [&](const std::string& url) {
        page = std::async(std::launch::async, curl_transport{}, http_request{.method = "GET", .url = redirected(url)});
    };
    const auto redirect_to = [&](const std::string& url) { target = redirected(url); };
    const auto show = [&](const device_prompt& prompt) {
        std::printf("Open %s and type the code.\n", prompt.verification_url.c_str());
        server.approve(prompt.user_code, "ada");
    };

    // On the user's own machine, in the browser (loopback_login.hpp):
    loopback_listener listener;
    authorization login = authorization_request(provider, {.probe = ada, .redirect_url = listener.redirect_url()});
    open_in_browser(login.url);
    keep.access_token(listener.wait(provider, login, std::chrono::steady_clock::now() + 5min));

    // On a device without a browser: show(prompt) displays prompt.verification_url and prompt.user_code.
    keep.log_in_with_device(ada, show);

    // On a web server. The login is kept in the session of the browser that asked for it, until that comes back:
    session.login = authorization_request(provider, {.probe = ada, .redirect_url = "https://app.example/back"});
    redirect_to(session.login.url);
    // In the handler of /back, which gets the path and query of the request:
    keep.access_token(read_authorization_response(provider, target, session.login));

    // A service, without a user:
    provider.client_credentials = true;
    keeper service{store, transport, provider};
    secret access = service.access_token({.scope = "reports"});

    std::printf("The page in the browser has status %d.\n", page.get().status);
    std::printf("The store has %zu sessions: Ada's, and that of the service.\n", store.get_tokens().size());
    std::printf("The service has a token of %zu bytes.\n", access.size());
}
// prints:
// Open https://login.example/activate and type the code.
// The page in the browser has status 200.
// The store has 2 sessions: Ada's, and that of the service.
// The service has a token of 4 bytes.
