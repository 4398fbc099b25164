// SPDX-License-Identifier: MIT
// A transport over cpp-httplib 0.11, to copy and adapt. Build with `pkg-config --cflags --libs cpp-httplib openssl`.
#ifndef TOKENKEEP_EXAMPLES_TRANSPORTS_HTTPLIB_HPP
#define TOKENKEEP_EXAMPLES_TRANSPORTS_HTTPLIB_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <httplib.h>
#include <signal.h>

/// Sends each request over a connection of its own, so that one object serves any number of threads.
///
/// It keeps the duties of a transport. httplib verifies TLS and limits single steps in time, but neither a whole
/// exchange nor the look-up of a host. So another thread does the exchange, and the caller shuts the connection down
/// when the time is over. If the host is still being looked up then, that thread is left to itself, and sends nothing.
///
/// httplib 0.11 has limits that this transport cannot lift:
///   - The headers of an answer have no limit but the time. The body has one: max_answer.
///   - It decodes %XX in the values of headers, and drops headers without a value and the folded rest of a value.
///   - It takes a provisional answer, except 100, for the last one. The transport then throws "may have been sent".
class httplib_transport {
  public:
    static constexpr std::size_t max_answer = 1024 * 1024;

    /// Trusts the certificates of the system, or those in a PEM file: `httplib_transport transport{"/etc/our-ca.pem"};`
    explicit httplib_transport(std::string ca_file = {}) : ca_file_(std::move(ca_file)) {}

    /// Throws tokenkeep::transport_error if there is no answer.
    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        const auto state = std::make_shared<exchange>(request, ca_file_);
        std::packaged_task<httplib::Result()> task([state] {
            sigset_t pipe; // httplib may write when the server has closed the connection
            sigemptyset(&pipe);
            sigaddset(&pipe, SIGPIPE);
            pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
            return state->client->send(state->request);
        });
        std::future<httplib::Result> answer = task.get_future();
        std::thread(std::move(task)).detach();
        for (auto wait = state->time; answer.wait_for(wait) != std::future_status::ready; wait = state->pause) {
            state->is_over = true;
            if (state->socket < 0) throw tokenkeep::transport_error("the host was not found in time", false);
            ::shutdown(state->socket, SHUT_RDWR);
        }
        const httplib::Result result = answer.get();
        const bool sent = may_have_been_sent(result.error());
        if (result.error() == httplib::Error::Canceled) throw tokenkeep::transport_error("the answer is too large");
        if (state->is_over) throw tokenkeep::transport_error("no answer in time", sent);
        if (!result) throw tokenkeep::transport_error(httplib::to_string(result.error()), sent);
        if (result->status < 200) throw tokenkeep::transport_error("httplib took a provisional answer for the last");
        tokenkeep::http_response response{.status = result->status, .body = std::move(state->body)};
        for (const auto& [name, value] : result->headers) response.headers.push_back({name, value});
        return response;
    }

  private:
    struct exchange {
        exchange(const tokenkeep::http_request& wanted, const std::string& ca_file)
            : time(std::min<std::chrono::milliseconds>(wanted.timeout, std::chrono::hours(24))) {
            std::string lines = request.method = wanted.method;
            for (const auto& [name, value] : wanted.headers)
                lines += request.headers.emplace(name, value)->first + value;
            const auto url = tokenkeep::text::parse_url(wanted.url);
            if (!url || lines.find_first_of(std::string_view("\r\n\0", 3)) != lines.npos)
                throw tokenkeep::transport_error("the URL, the method or a header is not one of HTTP", false);
            request.path = (url->target.starts_with('/') ? "" : "/") + std::string(url->target);
            request.body = wanted.body;
            request.content_receiver = [this](const char* bytes, std::size_t count, auto, auto) {
                if (count > max_answer - body.size()) return false;
                body.append(bytes, count);
                return true;
            };
            const std::string host(tokenkeep::text::trim(url->host, "[]")), number(tokenkeep::text::port_of(*url));
            const int port = std::stoi(number);
            const bool plain = tokenkeep::text::equal_ignoring_case(url->scheme, "http");
            client.reset(plain ? new httplib::ClientImpl(host, port) : new httplib::SSLClient(host, port));
            if (!ca_file.empty()) client->set_ca_cert_path(ca_file);
            client->set_follow_location(false);
            client->set_url_encode(false);
            client->set_connection_timeout(time + pause);
            client->set_read_timeout(time + pause);
            client->set_write_timeout(time + pause);
            client->set_socket_options([this](int theirs) {
                socket = socket < 0 ? ::fcntl(theirs, F_DUPFD_CLOEXEC, 0) : ::dup3(theirs, socket, O_CLOEXEC);
                if (socket < 0 || is_over) ::listen(theirs, 0); // a socket that listens cannot be connected
            });
        }
        ~exchange() { ::close(socket); }

        const std::chrono::milliseconds time, pause{10};
        std::unique_ptr<httplib::ClientImpl> client{};
        httplib::Request request{};
        std::string body{};
        std::atomic<bool> is_over{false};
        std::atomic<int> socket{-1}; // a copy of httplib's
    };

    static bool may_have_been_sent(httplib::Error failure) {
        using enum httplib::Error;
        const auto not_sent = {Connection, ConnectionTimeout, SSLConnection, SSLLoadingCerts, SSLServerVerification};
        return std::find(not_sent.begin(), not_sent.end(), failure) == not_sent.end();
    }

    std::string ca_file_;
};

#endif
