// SPDX-License-Identifier: MIT
// The listener of examples/loopback_login.hpp: what ends a login, what does not, and what is left behind.
#include "loopback_login.hpp"

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <iterator>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

using namespace std::chrono_literals;
using tokenkeep::authorization, tokenkeep::errc, tokenkeep::token;

namespace {

tokenkeep::oauth2_provider provider() {
    return {.token_endpoint = "https://login.example/token",
            .client_id = "app",
            .authorization_endpoint = "https://login.example/authorize",
            .issuer = "https://login.example",
            .sends_iss = true};
}

authorization begin(const loopback_listener& listener) {
    return authorization_request(provider(), {.probe = {.user_name = "ada"}, .redirect_url = listener.redirect_url()});
}

std::string host_of(const loopback_listener& listener) {
    const std::string rest = listener.redirect_url().substr(7);
    return rest.substr(0, rest.find('/'));
}

/// A program that connects to the listener, on the same machine.
class visitor {
  public:
    explicit visitor(const std::string& host) : socket_(connected(host)) {}
    visitor(const loopback_listener& listener, const std::string& request) : visitor(host_of(listener)) {
        send(request);
    }
    visitor(const visitor&) = delete;
    visitor& operator=(const visitor&) = delete;
    ~visitor() { leave(); }

    void send(std::string_view bytes) const { CHECK(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
    /// Sends until the listener's buffer is full.
    void send_without_end() const {
        const std::string bytes(64 * 1024, 'x');
        while (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) continue;
    }
    void leave() { ::close(std::exchange(socket_, -1)); }

    /// All that comes until the listener closes the connection; it must do so within ten seconds.
    std::string answer() const {
        const timeval patience_of_test{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience_of_test, sizeof patience_of_test);
        std::string all;
        char bytes[4096];
        ssize_t count = 0;
        while ((count = ::recv(socket_, bytes, sizeof bytes, 0)) > 0)
            all.append(bytes, static_cast<std::size_t>(count));
        CHECK((count == 0 || errno == ECONNRESET));
        return all;
    }

    static bool is_refused(const std::string& host) {
        const int socket = connected(host);
        if (socket >= 0) ::close(socket);
        return socket < 0;
    }

  private:
    static int connected(const std::string& host) {
        const auto port = htons(static_cast<std::uint16_t>(std::stoi(host.substr(host.rfind(':') + 1))));
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4.sin_port = port;
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        v6.sin6_port = port;
        const bool is_v6 = host.starts_with('[');
        const int socket = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (is_v6 ? ::connect(socket, reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0
                  : ::connect(socket, reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0)
            return socket;
        ::close(socket);
        return -1;
    }

    int socket_;
};

/// A request as browsers send it.
std::string get(const loopback_listener& listener, const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: " + host_of(listener) + "\r\nAccept: text/html\r\n\r\n";
}

/// The target of a redirect that answers the login.
std::string redirect(const authorization& login, const std::string& rest = "&code=the-code",
                     const std::string& path = "/callback") {
    return path + "?state=" + std::string(login.state.reveal()) + "&iss=https%3A%2F%2Flogin.example" + rest;
}

auto soon() { return std::chrono::steady_clock::now() + 10s; }

std::size_t open_files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

/// How a wait ended: without an error, or with this one. Throws if its message has something secret.
std::optional<errc> ending(loopback_listener& listener, authorization& login, tokenkeep::deadline until = soon()) {
    const std::string state(login.state.reveal()), verifier(login.code_verifier.reveal());
    try {
        listener.wait(provider(), login, until);
    } catch (const tokenkeep::error& failure) {
        for (const std::string& hidden : {state, verifier, std::string("the-code"), std::string("elsewhere")})
            if (!hidden.empty() && std::string_view(failure.what()).find(hidden) != std::string_view::npos)
                throw std::runtime_error("a message has a secret: " + hidden);
        return static_cast<errc>(failure.code().value());
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("loopback login: the redirect ends it, and the browser shows a page that can be closed", "[loopback]") {
    const std::size_t before = open_files();
    std::string host;
    {
        loopback_listener listener;
        host = host_of(listener);
        CHECK(listener.redirect_url() == "http://" + host + "/callback");
        CHECK(listener.redirect_url().starts_with("http://127.0.0.1:"));
        authorization login = begin(listener);
        const std::string state(login.state.reveal());
        const visitor browser(listener, get(listener, redirect(login)));
        const token ada = listener.wait(provider(), login, soon());
        CHECK(ada.user_name == "ada");
        CHECK(ada.grant_token == tokenkeep::secret("the-code"));
        CHECK(ada.code_verifier == login.code_verifier);
        CHECK(ada.redirect_url == listener.redirect_url());
        CHECK(visitor::is_refused(host));

        const std::string page = browser.answer();
        CHECK_THAT(page, StartsWith("HTTP/1.1 200 OK\r\n"));
        for (const char* header : {"Cache-Control: no-store", "Referrer-Policy: no-referrer", "Connection: close",
                                   "Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff"})
            CHECK_THAT(page, ContainsSubstring("\r\n" + std::string(header)));
        CHECK_THAT(page, ContainsSubstring("You can close this window."));
        CHECK(page.find(state) == page.npos);
        CHECK(page.find("the-code") == page.npos);
    }
    CHECK(open_files() == before);
}

TEST_CASE("loopback login: strangers get 404, and do not end it", "[loopback]") {
    loopback_listener listener;
    authorization login = begin(listener);
    const std::string host = host_of(listener), target = redirect(login);
    const auto with_lines = [&](const std::string& lines) { return "GET " + target + lines + "\r\n\r\n"; };
    const std::vector<std::string> strange{
        get(listener, "/favicon.ico"),
        get(listener, "/"),
        get(listener, "/callback"),
        get(listener, "/callback?code=elsewhere"),
        get(listener, "/callback?state=elsewhere&code=elsewhere"),
        get(listener, redirect(login, "&code=elsewhere", "/other")),
        get(listener, redirect(login, "&code=elsewhere", "//callback")),
        get(listener, redirect(login, "&state=elsewhere")),
        get(listener, "http://" + host + target),
        get(listener, target + " more"),
        "POST " + target + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\n\r\n",
        "PUT " + target + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\n\r\n",
        "HEAD " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
        "\r\n\r\n",
        with_lines(" HTTP/1.0\r\nHost: " + host),
        with_lines(" HTTP/1.1"),
        with_lines(" HTTP/1.1\r\nHost: rebound.example" + host.substr(host.find(':'))),
        with_lines(" HTTP/1.1\r\nHost: localhost" + host.substr(host.find(':'))),
        with_lines(" HTTP/1.1\r\nHost: 127.0.0.1"),
        with_lines(" HTTP/1.1\r\nHost: " + host + "0"),
        with_lines(" HTTP/1.1\r\nHost: " + host + "\r\nhost: rebound.example"),
        with_lines(" HTTP/1.1\r\nNot-Host: " + host),
    };
    std::list<visitor> strangers;
    for (const std::string& request : strange) strangers.emplace_back(listener, request);
    const visitor browser(listener, get(listener, target));
    CHECK(listener.wait(provider(), login, soon()).grant_token == tokenkeep::secret("the-code"));
    CHECK_THAT(browser.answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
    std::size_t at = 0;
    for (const visitor& stranger : strangers) {
        CAPTURE(strange[at++]);
        const std::string page = stranger.answer();
        CHECK_THAT(page, StartsWith("HTTP/1.1 404 Not Found\r\n"));
        CHECK(page.find("elsewhere") == page.npos);
        CHECK(page.find(host) == page.npos);
    }
}

TEST_CASE("loopback login: a header may be written in any case, and come in pieces", "[loopback]") {
    loopback_listener listener;
    authorization login = begin(listener);
    const visitor browser(host_of(listener));
    std::future<std::optional<errc>> ended =
        std::async(std::launch::async, [&, target = redirect(login)] { return ending(listener, login); });
    for (const char piece : "GET " + redirect(login) + " HTTP/1.1\r\nhOST:" + host_of(listener) + " \r\n\r\n")
        browser.send({&piece, 1});
    CHECK(ended.get() == std::nullopt);
    CHECK_THAT(browser.answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("loopback login: who says nothing, half of it, or more and more does not hold it up", "[loopback]") {
    const std::size_t before = open_files();
    {
        loopback_listener listener;
        authorization login = begin(listener);
        const visitor endless(host_of(listener));
        endless.send_without_end();
        std::list<visitor> silent;
        for (std::size_t n = 0; n < loopback_listener::max_visitors + 4; ++n) silent.emplace_back(host_of(listener));
        const visitor half(listener, "GET " + redirect(login) + " HTTP/1.1\r\nHost: ");
        visitor gone(listener, "GET ");
        gone.leave();
        const visitor browser(listener, get(listener, redirect(login)));
        const auto start = std::chrono::steady_clock::now();
        CHECK(listener.wait(provider(), login, soon()).grant_token == tokenkeep::secret("the-code"));
        CHECK(std::chrono::steady_clock::now() - start < loopback_listener::patience); // none was waited for
        CHECK_THAT(browser.answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
        CHECK(half.answer().empty());
        for (const visitor& each : silent) CHECK(each.answer().empty());
        endless.answer(); // it is cut off
    }
    CHECK(open_files() == before);
}

TEST_CASE("loopback login: who is silent or has no end is sent away, who comes late is served", "[loopback]") {
    loopback_listener listener, quiet;
    authorization login = begin(listener), late = begin(quiet);
    const visitor silent(host_of(listener));
    const std::string request = get(listener, redirect(login)), late_request = get(quiet, redirect(late));
    const std::string line = request.substr(0, request.size() - 2) + "X: ";
    const visitor endless(listener, line + std::string(loopback_listener::max_request - line.size(), 'x'));
    auto ended = std::async(std::launch::async, [&] { return ending(listener, login, soon() + 20s); });
    auto late_ended = std::async(std::launch::async, [&] { return ending(quiet, late, soon() + 20s); });
    CHECK_THAT(endless.answer(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
    CHECK(silent.answer().empty());
    CHECK(ended.wait_for(0s) == std::future_status::timeout);
    const visitor browser(listener, request);
    CHECK(ended.get() == std::nullopt);
    // The other listener has had no visitor for as long as one may stay.
    std::this_thread::sleep_for(50ms);
    const visitor late_browser(host_of(quiet));
    std::this_thread::sleep_for(50ms);
    late_browser.send(late_request);
    CHECK(late_ended.get() == std::nullopt);
}

TEST_CASE("loopback login: an answer that is no login is a typed error, and the listener is gone", "[loopback]") {
    struct answer {
        std::string query;
        errc meaning;
    };
    const std::vector<answer> answers{
        {"&error=access_denied&error_description=elsewhere", errc::reauthorization_required},
        {"&error=server_error", errc::server_unavailable},
        {"&error=elsewhere", errc::request_rejected},
        {"&code=", errc::malformed_response},
        {"&code=the-code&iss=elsewhere", errc::request_rejected}, // iss twice
    };
    for (const auto& [query, meaning] : answers) {
        CAPTURE(query);
        loopback_listener listener;
        const std::size_t before = open_files();
        authorization login = begin(listener);
        const visitor browser(listener, get(listener, redirect(login, query)));
        CHECK(ending(listener, login) == meaning);
        CHECK(open_files() == before); // the listening socket is closed, the visitor's is open
        CHECK(visitor::is_refused(host_of(listener)));
        const std::string page = browser.answer();
        CHECK_THAT(page, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
        CHECK_THAT(page, ContainsSubstring("You are not logged in"));
        CHECK_THAT(page, ContainsSubstring("You can close this window."));
        CHECK((page.find("refused") != page.npos) == (meaning == errc::reauthorization_required));
        CHECK(page.find("elsewhere") == page.npos);
        CHECK(page.find("the-code") == page.npos);
    }
}

TEST_CASE("loopback login: a redirect of another server ends it", "[loopback]") {
    for (const char* iss : {"&iss=https%3A%2F%2Felsewhere.example", ""}) {
        loopback_listener listener;
        authorization login = begin(listener);
        const std::string target = "/callback?code=the-code&state=" + std::string(login.state.reveal()) + iss;
        const visitor browser(listener, get(listener, target));
        CHECK(ending(listener, login) == errc::request_rejected);
        CHECK_THAT(browser.answer(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    }
}

TEST_CASE("loopback login: a user who closes the browser is waited for until the deadline", "[loopback]") {
    for (const auto patience_of_program : {0ms, 50ms}) {
        loopback_listener listener;
        authorization login = begin(listener);
        visitor left(listener, "GET /call");
        left.leave();
        CHECK(ending(listener, login, std::chrono::steady_clock::now() + patience_of_program) == errc::lock_timeout);
        CHECK(visitor::is_refused(host_of(listener)));
    }
}

TEST_CASE("loopback login: a listener waits once, for a login that began with it", "[loopback]") {
    loopback_listener listener, other;
    CHECK(listener.redirect_url() != other.redirect_url());
    authorization login = begin(listener), second = begin(other);
    const visitor browser(listener, get(listener, redirect(login)));
    CHECK(ending(listener, login) == std::nullopt);
    CHECK(ending(listener, login) == errc::request_rejected);
    login = begin(listener);
    CHECK(ending(listener, login) == errc::request_rejected); // it is closed
    CHECK(ending(other, login) == errc::request_rejected);    // another's login
    CHECK(ending(other, second) == errc::request_rejected);   // which has closed it

    loopback_listener third;
    login = begin(third);
    login.state = {};
    CHECK(ending(third, login) == errc::request_rejected);
    CHECK(visitor::is_refused(host_of(third)));
}

TEST_CASE("loopback login: two logins at the same time do not meet", "[loopback]") {
    loopback_listener listener, other;
    authorization login = begin(listener), second = begin(other);
    const visitor stray(listener, get(listener, redirect(second)));
    const visitor browser(listener, get(listener, redirect(login)));
    const visitor other_browser(other, get(other, redirect(second, "&code=other-code")));
    CHECK(listener.wait(provider(), login, soon()).grant_token == tokenkeep::secret("the-code"));
    CHECK(other.wait(provider(), second, soon()).grant_token == tokenkeep::secret("other-code"));
    CHECK_THAT(stray.answer(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("loopback login: the listener takes the URL that the server knows", "[loopback]") {
    CHECK_THAT(loopback_listener{"http://127.0.0.1"}.redirect_url(), StartsWith("http://127.0.0.1:"));
    // A port that the system does not choose by itself, for this test or another one.
    const std::string url = "http://127.0.0.1:" + std::to_string(20'000 + ::getpid() % 10'000) + "/";
    for (int times = 0; times < 2; ++times) { // the port can be had again at once
        loopback_listener listener{url};
        CHECK(listener.redirect_url() == url);
        CHECK_THROWS_AS(loopback_listener{url}, tokenkeep::transport_error); // taken
        authorization login = begin(listener);
        const visitor browser(listener, get(listener, redirect(login, "&code=c", "/")));
        CHECK(ending(listener, login) == std::nullopt);
        CHECK_THAT(browser.answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    for (const char* wrong : {"", "/callback", "https://127.0.0.1/callback", "http://localhost/callback",
                              "http://127.0.0.2/callback", "http://127.0.0.1:0/callback", "http://0.0.0.0/callback",
                              "http://[::]/callback", "http://127.0.0.1/call back"}) {
        CAPTURE(wrong);
        CHECK(code_of([&] { loopback_listener listener{wrong}; }) == errc::invalid_record);
    }
    std::optional<loopback_listener> v6;
    try {
        v6.emplace("http://[::1]/back");
    } catch (const tokenkeep::transport_error&) { // this machine has no IPv6
        return;
    }
    CHECK(v6->redirect_url().starts_with("http://[::1]:"));
    authorization login = begin(*v6);
    const visitor browser(*v6, get(*v6, redirect(login, "&code=c", "/back")));
    CHECK(ending(*v6, login) == std::nullopt);
}

TEST_CASE("loopback login: whatever is thrown, the listener is gone", "[loopback]") {
    struct broken : tokenkeep::oauth2_provider {
        token read_authorization_response(std::string_view, authorization&) const { throw std::runtime_error("bug"); }
    };
    loopback_listener listener;
    authorization login = begin(listener);
    const visitor browser(listener, get(listener, redirect(login)));
    CHECK_THROWS_AS(listener.wait(broken{}, login, soon()), std::runtime_error);
    CHECK(visitor::is_refused(host_of(listener)));
}

TEST_CASE("loopback login: if no more files can be opened, it ends at once", "[loopback]") {
    loopback_listener listener;
    authorization login = begin(listener);
    const visitor browser(listener, get(listener, redirect(login)));
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none_left{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
    const std::optional<errc> end = ending(listener, login);
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(end == errc::transport_failure);
    CHECK(visitor::is_refused(host_of(listener)));
}

TEST_CASE("loopback login: a browser that the program starts does not inherit the port", "[loopback]") {
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    const loopback_listener listener;
    CHECK((::fcntl(next, F_GETFD) & FD_CLOEXEC) != 0);
}
