// SPDX-License-Identifier: MIT
//
// A program on the user's own machine. At its first run the user logs in, in the browser. Later runs find the session.
//   ./login https://login.example my-app https://api.example/me     the issuer, the client id, a page of the API
#include "loopback_login.hpp"
#include "transports/curl.hpp"

#include <cstdio>
#include <exception>
#include <system_error>
#include <thread>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// Opens a page in the user's browser. No shell reads the URL. A thread waits for the end of the browser, which may be
/// far.
void open_in_browser(std::string url) {
#ifdef __APPLE__
    std::string program = "open";
#else
    std::string program = "xdg-open";
#endif
    char* words[] = {program.data(), url.data(), nullptr};
    pid_t browser = 0;
    if (const int failure = ::posix_spawnp(&browser, words[0], nullptr, nullptr, words, environ); failure != 0)
        throw std::system_error(failure, std::generic_category(), "cannot start " + program);
    std::thread([browser] { ::waitpid(browser, nullptr, 0); }).detach();
}

int main(int count, char** words) try {
    using namespace tokenkeep;
    using namespace std::chrono_literals;
    if (count != 4) return std::fputs("usage: login ISSUER CLIENT_ID URL\n", stderr), 2;
    const std::string issuer = words[1], url = words[3];
    const curl_transport transport;
    const metadata_options options{.allow_loopback_http = true}; // for a server on this machine
    oauth2_provider provider = read_metadata(transport(metadata_request(issuer, options)), issuer, options);
    provider.client_id = words[2];
    file_store store{"login.tkj"};
    keeper keep{store, transport, provider};

    const token user{.user_name = "me"};
    const auto log_in = [&] {
        loopback_listener listener;
        authorization login = authorization_request(provider, {.probe = user,
                                                               .redirect_url = listener.redirect_url(),
                                                               .scope = "openid offline_access",
                                                               .parameters = {{"prompt", "consent"}}});
        std::puts("Log in on the page that your browser shows.");
        open_in_browser(login.url);
        keep.access_token(listener.wait(provider, login, std::chrono::steady_clock::now() + 5min));
    };
    try {
        keep.access_token(user);
    } catch (const error& failure) {
        if (failure.code() != errc::token_not_found && failure.code() != errc::reauthorization_required) throw;
        log_in();
    }
    const http_response answer = keep.send({.method = "GET", .url = url}, user);
    std::printf("%d %s\n", answer.status, answer.body.c_str());
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
