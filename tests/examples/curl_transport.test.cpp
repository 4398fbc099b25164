// SPDX-License-Identifier: MIT
#include "curl_transport.hpp"

#include "support/catch.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// A socket on 127.0.0.1. Where it was given a behaviour, that is what it does with its first connection.
class listener {
  public:
    explicit listener(int backlog = 8) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const timeval patience{.tv_sec = 10, .tv_usec = 0}; // no test hangs: accept gives up as well
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address = any_port();
        socklen_t size = sizeof address;
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::listen(socket_, backlog) != 0 ||
            ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no socket on 127.0.0.1");
        port_ = ntohs(address.sin_port);
    }

    explicit listener(std::function<void(int connection)> behaviour) : listener() {
        thread_ = std::thread([this, behaviour = std::move(behaviour)] {
            const int connection = ::accept(socket_, nullptr, nullptr);
            if (connection < 0) return;
            ++connections_;
            behaviour(connection);
            ::close(connection);
        });
    }

    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    ~listener() {
        ::shutdown(socket_, SHUT_RDWR); // an accept that still waits returns
        if (thread_.joinable()) thread_.join();
        ::close(socket_);
    }

    sockaddr_in address() const {
        sockaddr_in address = any_port();
        address.sin_port = htons(port_);
        return address;
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    int connections() const { return connections_; }

    static std::string read_request(int connection) {
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::string request;
        std::array<char, 4096> bytes{};
        while (true) {
            const std::size_t end = request.find("\r\n\r\n");
            if (end != std::string::npos) {
                const std::size_t at = request.find("Content-Length: ");
                const std::size_t body = at == std::string::npos ? 0 : std::stoul(request.substr(at + 16));
                if (request.size() >= end + 4 + body) return request;
            }
            const ssize_t count = ::recv(connection, bytes.data(), bytes.size(), 0);
            if (count <= 0) return request;
            request.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }

    /// Sends the bytes once the request has been read, to the end of its body where it says how long that is.
    static std::string answer(int connection, std::string_view bytes) {
        std::string request = read_request(connection);
        send(connection, bytes);
        return request;
    }

    static void send(int connection, std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

  private:
    static sockaddr_in any_port() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    int socket_;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::thread thread_{};
};

/// The failure of a request that must fail: whether it may have been sent, and what is said.
struct failure {
    bool may_have_been_sent;
    std::string what;
};

failure failure_of(const tokenkeep::http_request& request) {
    try {
        const tokenkeep::http_response response = curl_transport{}(request);
        FAIL("an answer: " << response.status);
    } catch (const tokenkeep::transport_error& error) {
        return {error.may_have_been_sent(), error.what()};
    }
    return {};
}

} // namespace

TEST_CASE("curl_transport: it is a transport", "[examples]") {
    STATIC_REQUIRE(tokenkeep::http_transport<curl_transport>);
    STATIC_REQUIRE(tokenkeep::http_transport<const curl_transport>);
}

TEST_CASE("curl_transport: method, headers and body go out as given, and the answer comes back", "[examples]") {
    std::string seen;
    tokenkeep::http_response response;
    {
        const listener server([&seen](int connection) {
            seen = listener::answer(
                connection, "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n"
                            "HTTP/1.1 418 Teapot\r\nX-Kind:  kept \r\nx-empty:\r\nContent-Length: 5\r\n\r\nhello");
        });
        response = curl_transport{}({.method = "PATCH",
                                     .url = server.url() + "/tea?pot=1",
                                     .headers = {{"X-One", "1"}, {"X-Empty", ""}, {"content-type", "text/plain"}},
                                     .body = std::string("a\0b", 3)});
    }
    CHECK(seen.starts_with("PATCH /tea?pot=1 HTTP/1.1\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nX-One: 1\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nX-Empty:\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\ncontent-type: text/plain\r\n"));
    CHECK_THAT(seen, !ContainsSubstring("x-www-form-urlencoded"));
    CHECK(seen.ends_with(std::string("\r\n\r\na\0b", 7)));
    CHECK(response.status == 418);
    CHECK(response.body == "hello");
    CHECK(tokenkeep::find_header(response.headers, "x-kind") == "kept");
    CHECK(tokenkeep::find_header(response.headers, "link").empty());
    CHECK(response.headers.size() == 3);
}

TEST_CASE("curl_transport: a post without a body says so", "[examples]") {
    std::string seen;
    {
        const listener server(
            [&seen](int connection) { seen = listener::answer(connection, "HTTP/1.1 204 No Content\r\n\r\n"); });
        CHECK(curl_transport{}({.method = "POST", .url = server.url()}).status == 204);
    }
    CHECK_THAT(seen, ContainsSubstring("\r\nContent-Length: 0\r\n"));
    CHECK_THAT(seen, !ContainsSubstring("Content-Type"));
}

TEST_CASE("curl_transport: a redirect is returned and not followed", "[examples]") {
    const listener elsewhere(
        [](int connection) { listener::answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
    const listener server([to = elsewhere.url()](int connection) {
        listener::answer(connection, "HTTP/1.1 307 Moved\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n");
    });
    const tokenkeep::http_response response = curl_transport{}({.method = "POST", .url = server.url(), .body = "a=1"});
    CHECK(response.status == 307);
    CHECK(tokenkeep::find_header(response.headers, "Location") == elsewhere.url());
    CHECK(elsewhere.connections() == 0);
}

TEST_CASE("curl_transport: without a connection nothing was sent", "[examples]") {
    std::string closed;
    { closed = listener{}.url(); }
    CHECK_FALSE(failure_of({.method = "POST", .url = closed, .body = "a=1"}).may_have_been_sent);
    CHECK_FALSE(failure_of({.method = "GET", .url = "http://no-such-host.invalid/"}).may_have_been_sent);
}

TEST_CASE("curl_transport: a connection that does not come about in time sent nothing", "[examples]") {
    const listener full(0); // nobody accepts: once the backlog is full, the kernel answers no further connection
    std::vector<int> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        const sockaddr_in address = full.address();
        ::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    std::this_thread::sleep_for(50ms);
    const failure failed = failure_of({.method = "POST", .url = full.url(), .body = "a=1", .timeout = 300ms});
    for (const int socket : waiting) ::close(socket);
    CHECK_FALSE(failed.may_have_been_sent);
}

TEST_CASE("curl_transport: a TLS handshake that fails sent nothing", "[examples]") {
    const listener server([](int connection) { listener::send(connection, "not TLS at all\r\n"); });
    std::string url = server.url() + "/?secret=hidden";
    url.replace(0, 4, "https");
    const failure failed = failure_of({.method = "POST", .url = url, .body = "a=1", .timeout = 5s});
    CHECK_FALSE(failed.may_have_been_sent);
    CHECK_THAT(failed.what, !ContainsSubstring("hidden"));
}

TEST_CASE("curl_transport: a certificate nobody vouches for is refused before anything is sent", "[examples]") {
    // The key and the certificate go into one file of this process, in the folder of the build the test runs in.
    const std::string pem = "curl_transport." + std::to_string(::getpid()) + ".pem";
    const std::string make =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        pem + " 2>/dev/null >" + pem + ".cert && cat " + pem + ".cert >>" + pem;
    REQUIRE(std::system(make.c_str()) == 0);
    const std::string serve =
        "exec timeout 20 openssl s_server -accept 127.0.0.1:0 -naccept 1 -www -cert " + pem + " 2>/dev/null </dev/null";
    FILE* const server = ::popen(serve.c_str(), "r");
    REQUIRE(server != nullptr);
    std::array<char, 256> line{};
    int port = 0;
    while (port == 0 && std::fgets(line.data(), line.size(), server) != nullptr)
        if (std::string_view(line.data()).starts_with("ACCEPT 127.0.0.1:")) port = std::atoi(line.data() + 17);
    REQUIRE(port != 0);
    const failure failed =
        failure_of({.method = "POST", .url = "https://127.0.0.1:" + std::to_string(port) + "/", .timeout = 5s});
    CHECK_FALSE(failed.may_have_been_sent);
    ::pclose(server);
    std::remove(pem.c_str());
    std::remove((pem + ".cert").c_str());
}

TEST_CASE("curl_transport: a server that leaves after reading may have acted", "[examples]") {
    const listener server([](int connection) { listener::read_request(connection); });
    const failure failed = failure_of(
        {.method = "POST", .url = server.url() + "/?code=hidden", .body = "refresh_token=hidden", .timeout = 5s});
    CHECK(failed.may_have_been_sent);
    CHECK_THAT(failed.what, !ContainsSubstring("hidden"));
}

TEST_CASE("curl_transport: an answer that breaks off is no answer", "[examples]") {
    const listener server(
        [](int connection) { listener::answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); });
    CHECK(failure_of({.method = "GET", .url = server.url(), .timeout = 5s}).may_have_been_sent);
}

TEST_CASE("curl_transport: an answer that takes too long may have been brought about", "[examples]") {
    const listener server([](int connection) {
        listener::read_request(connection);
        char more = 0;
        while (::read(connection, &more, 1) > 0) continue; // never answers: returns when the client has gone
    });
    CHECK(failure_of({.method = "GET", .url = server.url(), .timeout = 200ms}).may_have_been_sent);
}

TEST_CASE("curl_transport: an answer of a mebibyte is taken, one more byte is too large", "[examples]") {
    for (const std::size_t extra : {std::size_t{0}, std::size_t{1}}) {
        const std::string body(curl_transport::max_answer + extra, 'x');
        const listener server([&body](int connection) {
            listener::answer(connection, "HTTP/1.1 200 OK\r\n\r\n" + body); // its length is not told beforehand
        });
        const tokenkeep::http_request request{.method = "GET", .url = server.url(), .timeout = 10s};
        if (extra == 0) {
            CHECK(curl_transport{}(request).body.size() == body.size());
            continue;
        }
        const failure failed = failure_of(request);
        CHECK(failed.may_have_been_sent);
        CHECK_THAT(failed.what, ContainsSubstring("too large"));
    }
}

TEST_CASE("curl_transport: what is neither http nor https, or no header, stays here", "[examples]") {
    CHECK_FALSE(failure_of({.method = "GET", .url = "file:///etc/hostname"}).may_have_been_sent);
    CHECK_FALSE(failure_of({.method = "GET", .url = "ftp://127.0.0.1/"}).may_have_been_sent);
    const listener server;
    CHECK_FALSE(failure_of({.method = "GET", .url = server.url(), .headers = {{"A", "b\r\nC: d"}}, .timeout = 1s})
                    .may_have_been_sent);
    CHECK_FALSE(failure_of({.method = "GET / HTTP/1.1\r\nA:", .url = server.url(), .timeout = 1s}).may_have_been_sent);
}
