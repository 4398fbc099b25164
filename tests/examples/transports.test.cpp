// SPDX-License-Identifier: MIT
// needs: CURL, httplib, Boost, OpenSSL, transports
// The duties of a transport (see http_transport), for each of examples/transports/.
#include "transports/transports.hpp"
#include "support/catch.hpp"
#include "transports/listener.hpp"

#include <tokenkeep/error.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <netdb.h>

using namespace std::chrono_literals;
using tokenkeep::http_request, tokenkeep::http_response, tokenkeep::find_header;

namespace {

/// A look-up of stuck.test waits here until it is let go, or ten seconds.
class waiting_look_ups {
  public:
    void wait() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        let_go_.wait_for(lock, 10s, [this, mine = rounds_] { return rounds_ != mine; });
        --waiting_;
    }
    int count() {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }
    void let_go() {
        const std::lock_guard lock(mutex_);
        ++rounds_;
        let_go_.notify_all();
    }

  private:
    std::mutex mutex_{};
    std::condition_variable let_go_{};
    int waiting_ = 0, rounds_ = 0;
} stuck;

} // namespace

/// Takes the place of the system's function, also for libraries, so that no test asks a name server. here.test is
/// 127.0.0.1, and so is stuck.test in the end. two.test is 127.0.0.2, where nothing listens, and 127.0.0.1. Other names
/// under .test do not exist.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
    static const auto system = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    const std::string_view asked = name == nullptr ? "" : name;
    if (asked == "stuck.test") stuck.wait();
    if (asked == "two.test") {
        const int failure = system("127.0.0.2", service, hints, result);
        return failure != 0 ? failure : system("127.0.0.1", service, hints, &(*result)->ai_next);
    }
    if (asked == "here.test" || asked == "stuck.test") return system("127.0.0.1", service, hints, result);
    if (asked.ends_with(".test")) return EAI_NONAME;
    return system(name, service, hints, result);
}

namespace {

/// One of the transports: each test case runs once for each.
const example_transport& each_transport() {
    const example_transport* const one =
        GENERATE(&example_transports[0], &example_transports[1], &example_transports[2], &example_transports[3]);
    UNSCOPED_INFO("the transport: " << one->name);
    return *one;
}

const certificates& made_certificates() {
    static const certificates made;
    return made;
}

/// What came of a request that must fail.
struct failure {
    bool is_one = false, may_have_been_sent = false;
    std::string what{};
};

/// Sends the request with secrets in its URL, its headers and its body.
failure try_to_send(const any_transport& transport, http_request request) {
    request.url += "/?code=hidden";
    request.headers.push_back({"Authorization", "Bearer hidden"});
    if (request.method != "GET" && request.body.empty()) request.body = "refresh_token=hidden";
    try {
        return {.what = "an answer: " + std::to_string(transport(request).status)};
    } catch (const tokenkeep::transport_error& error) {
        return {true, error.may_have_been_sent(), error.what()};
    }
}

/// The same, checked: it fails, and the message says nothing of the secrets.
failure failure_of(const any_transport& transport, const http_request& request) {
    failure seen = try_to_send(transport, request);
    UNSCOPED_INFO("the message: " << seen.what);
    REQUIRE(seen.is_one);
    CHECK_THAT(seen.what, !ContainsSubstring("hidden"));
    return seen;
}

/// What the transport makes of an answer to a GET. The server closes the connection behind it.
http_response answer_of(const any_transport& transport, std::string_view bytes, const std::string& method = "GET") {
    const listener server([bytes](connection& client) { client.answer(bytes); });
    return transport({.method = method, .url = server.url(), .timeout = 10s});
}

} // namespace

TEST_CASE("transports: method, headers and body go out as given, and the answer comes back", "[transports]") {
    const example_transport& which = each_transport();
    std::string seen;
    http_response response;
    {
        const listener server([&seen](connection& client) {
            seen = client.answer("HTTP/1.1 418 Teapot\r\nX-Kind:  kept \r\nx-empty:\r\nContent-Length: 5\r\n\r\nhello");
        });
        response = which.make("")({.method = "PATCH",
                                   .url = server.url() + "/tea?pot=%31&a=%2F",
                                   .headers = {{"X-One", "1"}, {"X-Empty", ""}, {"content-type", "text/plain"}},
                                   .body = std::string("a\0b", 3)});
    }
    CHECK(seen.starts_with("PATCH /tea?pot=%31&a=%2F HTTP/1.1\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nX-One: 1\r\n"));
    CHECK((seen.find("\r\nX-Empty:\r\n") != seen.npos || seen.find("\r\nX-Empty: \r\n") != seen.npos));
    CHECK_THAT(seen, ContainsSubstring("\r\ncontent-type: text/plain\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nHost: 127.0.0.1:"));
    CHECK_THAT(seen, !ContainsSubstring("x-www-form-urlencoded"));
    CHECK(seen.ends_with(std::string("\r\n\r\na\0b", 7)));
    CHECK(response.status == 418);
    CHECK(response.body == "hello");
    CHECK(find_header(response.headers, "x-kind") == "kept");
    CHECK(response.headers.size() == (which.keeps_every_header ? 3 : 2)); // httplib drops the empty one
}

TEST_CASE("transports: a post without a body says so", "[transports]") {
    const example_transport& which = each_transport();
    std::string seen;
    {
        const listener server([&seen](connection& client) { seen = client.answer("HTTP/1.1 204 No Content\r\n\r\n"); });
        CHECK(which.make("")({.method = "POST", .url = server.url()}).status == 204);
    }
    CHECK(seen.starts_with("POST / HTTP/1.1\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nContent-Length: 0\r\n"));
    CHECK_THAT(seen, !ContainsSubstring("Content-Type"));
}

TEST_CASE("transports: every form of an answer is understood", "[transports]") {
    const example_transport& which = each_transport();
    const any_transport transport = which.make("");

    const http_response chunked = answer_of(transport, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                       "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n");
    CHECK(chunked.body == "abc0123456789");

    const http_response until_close = answer_of(transport, "HTTP/1.0 200 OK\r\n\r\nto the end");
    CHECK(until_close.status == 200);
    CHECK(until_close.body == "to the end");

    const http_response head = answer_of(transport, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "HEAD");
    CHECK(head.status == 200);
    CHECK(head.body.empty());

    const http_response nothing = answer_of(transport, "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n");
    CHECK(nothing.status == 204);
    CHECK(nothing.body.empty());

    const http_response folded = answer_of(transport, "HTTP/1.1 200 OK\r\nX-Folded: one\r\n \t two: three\r\n"
                                                      "X-Next: next\r\nContent-Length: 2\r\n\r\nok");
    CHECK(folded.body == "ok");
    CHECK(find_header(folded.headers, "X-Next") == "next");
    const std::string_view value = find_header(folded.headers, "X-Folded");
    CHECK(value.starts_with("one"));
    CHECK(value.ends_with("two: three") == which.keeps_every_header);

    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 1000; ++i) many += "X-" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
    many += "Content-Length: 2\r\n\r\nok";
    const http_response thousand = answer_of(transport, many);
    CHECK(thousand.headers.size() == 1001);
    CHECK(find_header(thousand.headers, "x-999") == "999");
    CHECK(thousand.body == "ok");
}

TEST_CASE("transports: the answer behind a provisional one is the answer", "[transports]") {
    const example_transport& which = each_transport();
    const listener server([](connection& client) {
        client.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    if (!which.skips_provisional) {
        CHECK(failure_of(which.make(""), {.method = "POST", .url = server.url(), .timeout = 10s}).may_have_been_sent);
        return;
    }
    const http_response response = which.make("")({.method = "POST", .url = server.url(), .timeout = 10s});
    CHECK(response.status == 200);
    CHECK(response.body == "ok");
    CHECK(find_header(response.headers, "link").empty());
}

TEST_CASE("transports: T2, a redirect is returned and not followed", "[transports]") {
    const example_transport& which = each_transport();
    const int status = GENERATE(301, 303, 307);
    const listener elsewhere([](connection& client) { client.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
    const listener server([status, to = elsewhere.url()](connection& client) {
        client.answer("HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + to +
                      "\r\nContent-Length: 0\r\n\r\n");
    });
    const http_response response = which.make("")({.method = "POST", .url = server.url(), .body = "a=1"});
    CHECK(response.status == status);
    CHECK(find_header(response.headers, "Location") == elsewhere.url());
    CHECK(elsewhere.connections() == 0);
}

TEST_CASE("transports: T5, without a connection nothing was sent", "[transports]") {
    const any_transport transport = each_transport().make("");
    std::string closed;
    { closed = listener{}.url(); }
    CHECK_FALSE(failure_of(transport, {.method = "POST", .url = closed}).may_have_been_sent);
    CHECK_FALSE(failure_of(transport, {.method = "POST", .url = "http://nowhere.test"}).may_have_been_sent);
}

TEST_CASE("transports: T3 and T5, a connection that does not come about in time sent nothing", "[transports]") {
    const any_transport transport = each_transport().make("");
    const listener full(0); // it never accepts: once the backlog is full, the kernel answers no further connection
    std::vector<int> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const sockaddr_in address = full.address();
        ::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    std::this_thread::sleep_for(50ms);
    const failure failed = failure_of(transport, {.method = "POST", .url = full.url(), .timeout = 300ms});
    for (const int socket : waiting) ::close(socket);
    CHECK_FALSE(failed.may_have_been_sent);
}

TEST_CASE("transports: T3 and T5, a look-up that takes too long is not waited for", "[transports]") {
    const any_transport transport = each_transport().make("");
    const listener server([](connection& client) { client.read_request(); });
    const failure failed =
        failure_of(transport, {.method = "POST", .url = server.url("http", "stuck.test"), .timeout = 200ms});
    for (int tries = 0; stuck.count() == 0 && tries < 5000; ++tries) std::this_thread::sleep_for(1ms);
    CHECK(stuck.count() == 1);
    CHECK_FALSE(failed.may_have_been_sent);
    stuck.let_go(); // the look-up succeeds, too late
    while (stuck.count() > 0) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(50ms);
    CHECK(server.connections() == 0);
}

TEST_CASE("transports: a host is reached at its second address", "[transports]") {
    const any_transport transport = each_transport().make("");
    const listener server([](connection& client) { client.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
    CHECK(transport({.method = "GET", .url = server.url("http", "two.test"), .timeout = 10s}).status == 200);
}

TEST_CASE("transports: T1, over TLS the right certificate is enough", "[transports]") {
    const any_transport transport = each_transport().make(made_certificates().authority());
    std::string seen;
    {
        const listener server(
            [&seen](connection& client) { seen = client.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); },
            made_certificates().right());
        const std::string host = GENERATE("here.test", "127.0.0.1");
        const http_response response =
            transport({.method = "POST", .url = server.url("https", host) + "/t", .body = "a=1", .timeout = 10s});
        CHECK(response.status == 200);
        CHECK(response.body == "ok");
    }
    CHECK(seen.starts_with("POST /t HTTP/1.1\r\n"));
    CHECK(seen.ends_with("\r\n\r\na=1"));
}

TEST_CASE("transports: T1, a wrong certificate or host name is refused before anything is sent", "[transports]") {
    const example_transport& which = each_transport();
    struct wrong {
        const char* name;
        std::string trusted, shown;
    };
    const wrong one =
        GENERATE(wrong{"of another host", made_certificates().authority(), made_certificates().other()},
                 wrong{"signed by itself", made_certificates().authority(), made_certificates().unknown()},
                 wrong{"of an authority that the system does not know", "", made_certificates().right()});
    CAPTURE(one.name);
    std::atomic<int> requests{0};
    for (const char* const host : {"here.test", "127.0.0.1"}) {
        const listener server([&requests](connection& client) { requests += client.read_request().empty() ? 0 : 1; },
                              one.shown);
        CHECK_FALSE(
            failure_of(which.make(one.trusted), {.method = "POST", .url = server.url("https", host), .timeout = 10s})
                .may_have_been_sent);
    }
    CHECK(requests == 0);
}

TEST_CASE("transports: T5, a TLS handshake that fails or hangs sent nothing", "[transports]") {
    const any_transport transport = each_transport().make("");
    {
        const listener server([](connection& client) { client.send("not TLS at all\r\n"); });
        CHECK_FALSE(
            failure_of(transport, {.method = "POST", .url = server.url("https"), .timeout = 10s}).may_have_been_sent);
    }
    const listener silent([](connection& client) { client.stay_silent(); });
    CHECK_FALSE(
        failure_of(transport, {.method = "POST", .url = silent.url("https"), .timeout = 300ms}).may_have_been_sent);
}

TEST_CASE("transports: T5, a server that leaves after reading may have acted", "[transports]") {
    const example_transport& which = each_transport();
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    const listener server([](connection& client) { client.read_request(); }, secure ? made_certificates().right() : "");
    const http_request request{.method = "POST", .url = server.url(secure ? "https" : "http"), .timeout = 10s};
    CHECK(failure_of(which.make(made_certificates().authority()), request).may_have_been_sent);
}

TEST_CASE("transports: T5, a server that resets the connection while it is written to may have acted", "[transports]") {
    const any_transport transport = each_transport().make("");
    const listener server([](connection& client) { client.read_a_little_and_reset(); }); // SIGPIPE
    const http_request request{
        .method = "POST", .url = server.url(), .body = std::string(900'000, 'x'), .timeout = 10s};
    CHECK(failure_of(transport, request).may_have_been_sent);
}

TEST_CASE("transports: T5, an answer that breaks off is no answer", "[transports]") {
    const any_transport transport = each_transport().make("");
    for (const std::string bytes :
         {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nX-Half: h",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", "not HTTP at all\r\n\r\n"}) {
        CAPTURE(bytes);
        const listener server([&bytes](connection& client) { client.answer(bytes); });
        CHECK(failure_of(transport, {.method = "GET", .url = server.url(), .timeout = 10s}).may_have_been_sent);
    }
}

TEST_CASE("transports: T3, a silent server and a slow one end with the timeout", "[transports]") {
    const any_transport transport = each_transport().make(made_certificates().authority());
    struct slow_server {
        const char* name;
        std::string begin;
        std::string_view drop;
        bool secure = false;
        std::atomic<bool> client_left{false};
        failure seen{};
    };
    std::array<slow_server, 6> servers{{
        {.name = "silent", .begin = "", .drop = ""},
        {.name = "in its headers", .begin = "HTTP/1.1 200 OK\r\nX: ", .drop = "x"},
        {.name = "in its body", .begin = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", .drop = "x"},
        {.name = "in a body without length", .begin = "HTTP/1.1 200 OK\r\n\r\n", .drop = "x"},
        {.name = "in its chunks",
         .begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         .drop = "1\r\nx\r\n"},
        {.name = "in a body over TLS", .begin = "HTTP/1.1 200 OK\r\n\r\n", .drop = "x", .secure = true},
    }};
    std::vector<std::thread> clients; // all at once, because they only wait
    for (slow_server& one : servers)
        clients.emplace_back([&one, &transport] {
            const listener server(
                [&one](connection& client) {
                    client.answer(one.begin);
                    one.client_left = one.drop.empty() ? client.stay_silent() : client.send_forever(one.drop, 20ms);
                },
                one.secure ? made_certificates().right() : "");
            one.seen = try_to_send(
                transport, {.method = "POST", .url = server.url(one.secure ? "https" : "http"), .timeout = 400ms});
        });
    for (std::thread& one : clients) one.join();
    for (const slow_server& one : servers) {
        CAPTURE(one.name, one.seen.what);
        CHECK(one.seen.is_one);
        CHECK(one.seen.may_have_been_sent);
        CHECK_THAT(one.seen.what, !ContainsSubstring("hidden"));
        CHECK(one.client_left);
    }
}

TEST_CASE("transports: T4, an answer of a mebibyte is taken, one more byte is too large", "[transports]") {
    const example_transport& which = each_transport();
    for (const std::size_t extra : {std::size_t{0}, std::size_t{1}}) {
        const std::string body(1024 * 1024 + extra, 'x');
        const listener server([&body](connection& client) {
            client.answer("HTTP/1.1 200 OK\r\n\r\n" + body); // its length is not told beforehand
        });
        if (extra == 0) {
            CHECK(which.make("")({.method = "GET", .url = server.url(), .timeout = 10s}).body.size() == body.size());
            continue;
        }
        const failure failed = failure_of(which.make(""), {.method = "GET", .url = server.url(), .timeout = 10s});
        CHECK(failed.may_have_been_sent);
        CHECK_THAT(failed.what, StartsWith(which.too_large));
    }
}

TEST_CASE("transports: T4, an endless answer is cut off", "[transports]") {
    const example_transport& which = each_transport();
    const std::string many(4096, 'x');
    struct endless {
        std::string begin, more;
        bool in_headers = false;
    };
    for (const endless& one : {endless{"HTTP/1.1 200 OK\r\n\r\n", many},
                               endless{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99999999\r\n", many},
                               endless{"HTTP/1.1 200 OK\r\n", "X-More: " + many + "\r\n", true},
                               endless{"HTTP/1.1 200 OK\r\nX-Long: ", many, true}}) {
        CAPTURE(one.begin);
        std::atomic<bool> client_left{false};
        {
            const listener server([&](connection& client) {
                client.answer(one.begin);
                client_left = client.send_forever(one.more);
            });
            const bool is_limited = which.limits_headers || !one.in_headers;
            const http_request request{.method = "GET", .url = server.url(), .timeout = is_limited ? 60s : 100ms};
            const failure failed = failure_of(which.make(""), request);
            CHECK(failed.may_have_been_sent);
            if (!one.in_headers) CHECK_THAT(failed.what, StartsWith(which.too_large));
        }
        CHECK(client_left);
    }
}

TEST_CASE("transports: what is neither http nor https, or no header, stays here", "[transports]") {
    const any_transport transport = each_transport().make("");
    CHECK_FALSE(failure_of(transport, {.method = "GET", .url = "file:///etc/hostname"}).may_have_been_sent);
    CHECK_FALSE(failure_of(transport, {.method = "GET", .url = "ftp://127.0.0.1/"}).may_have_been_sent);
    const listener server;
    CHECK_FALSE(
        failure_of(transport, {.method = "GET", .url = server.url(), .headers = {{"A", "b\r\nC: d"}}, .timeout = 1s})
            .may_have_been_sent);
    CHECK_FALSE(failure_of(transport, {.method = "GET / HTTP/1.1\r\nA:", .url = server.url(), .timeout = 1s})
                    .may_have_been_sent);
}

TEST_CASE("transports: one object serves several threads at once", "[transports]") {
    const any_transport transport = each_transport().make(made_certificates().authority());
    const auto greet = [](connection& client) { client.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); };
    const listener plain(greet), secure(greet, made_certificates().right());
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (const std::string& url : {plain.url(), secure.url("https")})
        for (int i = 0; i < 4; ++i)
            threads.emplace_back(
                [&, url] { good += transport({.method = "GET", .url = url, .timeout = 30s}).body == "ok"; });
    for (std::thread& one : threads) one.join();
    CHECK(good == 8);
}
