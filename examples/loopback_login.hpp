// SPDX-License-Identifier: MIT
// A login in the browser of the user's own machine (RFC 8252), to be copied and adapted. For Linux and the BSDs.
#ifndef TOKENKEEP_EXAMPLES_LOOPBACK_LOGIN_HPP
#define TOKENKEEP_EXAMPLES_LOOPBACK_LOGIN_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// Waits on this machine for the redirect that ends a login:
///   loopback_listener listener;
///   auto login = authorization_request(provider, {.probe = ada, .redirect_url = listener.redirect_url()});
///   open_in_browser(login.url);
///   keep.access_token(listener.wait(provider, login, std::chrono::steady_clock::now() + 5min));
///
/// Any program and any page on this machine can send it requests. Only one with the login's secret state ends the
/// login. Others get status 404, and so do those that name another host (DNS rebinding). They cannot hold the login up:
/// a visitor has `patience` and `max_request` bytes, and the next after `max_visitors` takes the place of the oldest.
class loopback_listener {
  public:
    static constexpr std::chrono::seconds patience{2};
    static constexpr std::size_t max_request = 32 * 1024, max_visitors = 16;

    /// Listens at a redirect URL that the server knows, whose host is 127.0.0.1 or [::1]. Without a port, the listener
    /// takes any that is free; the server must allow this (RFC 8252 7.3). Throws errc::invalid_record for other URLs,
    /// and transport_error if the system has no such port.
    ///   loopback_listener listener{"http://[::1]:8080/back"};
    explicit loopback_listener(std::string_view url = "http://127.0.0.1/callback") {
        const auto parts = tokenkeep::text::parse_url(url);
        const bool is_v6 = parts && parts->host == "[::1]";
        if (!parts || parts->scheme != "http" || (!is_v6 && parts->host != "127.0.0.1"))
            throw tokenkeep::error(tokenkeep::errc::invalid_record,
                                   "the URL of a listener begins with http://127.0.0.1 or http://[::1]");
        const auto port = static_cast<std::uint16_t>(parts->port.empty() ? 0 : std::stoi(std::string(parts->port)));
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4.sin_port = htons(port);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        v6.sin6_port = htons(port);
        auto* const address = is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
        socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
        const int reuses = port != 0; // after an earlier login, the same port can be had again at once
        socket_ = descriptor(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (::setsockopt(socket_.number, SOL_SOCKET, SO_REUSEADDR, &reuses, sizeof reuses) != 0 ||
            ::bind(socket_.number, address, size) != 0 || ::listen(socket_.number, SOMAXCONN) != 0 ||
            ::getsockname(socket_.number, address, &size) != 0)
            throw failure_to_listen();
        host_ = parts->host;
        if (port != 80) host_ += ":" + std::to_string(ntohs(is_v6 ? v6.sin6_port : v4.sin_port)); // as browsers do
        redirect_url_ = "http://" + host_ + (parts->target.empty() ? "/" : std::string(parts->target));
    }

    /// For the wish of the login.
    const std::string& redirect_url() const noexcept { return redirect_url_; }

    /// Waits for the browser, and gives what a keeper exchanges. The user sees a page that says what became of the
    /// login, with nothing from the redirect in it. However this ends, the listener is closed: it serves one login.
    /// Throws what read_authorization_response throws of the answer, such as errc::reauthorization_required if the user
    /// said no. Throws errc::lock_timeout if no answer comes before `until`.
    template <class Provider>
    tokenkeep::token wait(Provider&& provider, tokenkeep::authorization& login, tokenkeep::deadline until) {
        const descriptor listening = std::move(socket_);
        if (listening.number < 0 || login.state.empty() || login.redirect_url != redirect_url_)
            throw tokenkeep::error(tokenkeep::errc::request_rejected,
                                   "a listener waits once, for a login that began with its redirect_url()");
        for (std::vector<visitor> visitors;;) {
            const visitor next = next_request(listening, visitors, until);
            try {
                tokenkeep::token user =
                    read_authorization_response(provider, "http://" + host_ + target_of(next.request), login);
                answer(next, "200 OK", "The program has the answer and goes on. You can close this window.");
                return user;
            } catch (const tokenkeep::error& failure) {
                if (!login.state.empty()) {
                    answer(next, "404 Not Found", "This page does not belong to the login.");
                    continue;
                }
                const bool said_no = failure.code() == tokenkeep::errc::reauthorization_required;
                answer(next, "400 Bad Request",
                       std::string("You are not logged in: ") + (said_no ? "the login was refused." : "it failed.") +
                           " The program says more. You can close this window.");
                throw;
            }
        }
    }

  private:
    struct descriptor { // closes what it has
        explicit descriptor(int it = -1) noexcept : number(it) {}
        descriptor(descriptor&& other) noexcept : number(std::exchange(other.number, -1)) {}
        descriptor& operator=(descriptor&& other) noexcept { return std::swap(number, other.number), *this; }
        ~descriptor() {
            if (number >= 0) ::close(number);
        }
        int number;
    };
    struct visitor {
        descriptor socket;
        tokenkeep::deadline until;
        std::string request{};
    };

    static tokenkeep::transport_error failure_to_listen() {
        return tokenkeep::transport_error("cannot listen: " + std::generic_category().message(errno), false);
    }

    /// The next whole request, or one that is too long. Visitors are served side by side.
    static visitor next_request(const descriptor& listening, std::vector<visitor>& visitors,
                                tokenkeep::deadline until) {
        while (true) {
            const auto now = std::chrono::steady_clock::now();
            std::erase_if(visitors, [now](const visitor& each) { return each.until <= now; });
            if (now >= until)
                throw tokenkeep::error(tokenkeep::errc::lock_timeout, "no answer to the login came from the browser");
            std::vector<pollfd> watched{{listening.number, POLLIN, 0}};
            tokenkeep::deadline next = std::min(until, now + std::chrono::hours(1));
            for (const visitor& each : visitors) {
                watched.push_back({each.socket.number, POLLIN, 0});
                next = std::min(next, each.until);
            }
            const auto pause = std::chrono::ceil<std::chrono::milliseconds>(next - now);
            if (::poll(watched.data(), watched.size(), static_cast<int>(pause.count())) <= 0) continue;
            for (std::size_t n = 0; n < visitors.size(); ++n) {
                std::array<char, 4096> bytes;
                if (watched[n + 1].revents == 0) continue;
                const ssize_t count = ::recv(visitors[n].socket.number, bytes.data(), bytes.size(), 0);
                if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) visitors[n].until = now; // has left
                if (count <= 0) continue;
                std::string& request = visitors[n].request.append(bytes.data(), static_cast<std::size_t>(count));
                if (request.find("\r\n\r\n") == request.npos && request.size() < max_request) continue;
                visitor found = std::move(visitors[n]);
                visitors.erase(visitors.begin() + static_cast<std::ptrdiff_t>(n));
                return found;
            }
            if (watched[0].revents == 0) continue;
            descriptor accepted(::accept4(listening.number, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (accepted.number < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                throw failure_to_listen();
            if (accepted.number < 0) continue;
            if (visitors.size() == max_visitors) visitors.erase(visitors.begin());
            visitors.push_back({std::move(accepted), std::chrono::steady_clock::now() + patience});
        }
    }

    /// The path and query of a GET request to this host. Empty for any other request.
    std::string target_of(const std::string& request) const {
        const std::string line = request.substr(0, request.find("\r\n")), lines = tokenkeep::text::to_lower(request);
        const std::size_t host = lines.find("\r\nhost:"), value = host + 7;
        if (!line.starts_with("GET /") || !line.ends_with(" HTTP/1.1") || line.find(' ', 4) != line.size() - 9 ||
            lines.find("\r\n\r\n") == lines.npos || host == lines.npos || lines.rfind("\r\nhost:") != host ||
            tokenkeep::text::trim(lines.substr(value, lines.find("\r\n", value) - value)) != host_)
            return {};
        return line.substr(4, line.size() - 13);
    }

    static void answer(const visitor& to, const std::string& status, const std::string& sentence) {
        const std::string page = "<!doctype html><html lang=en><meta charset=utf-8><title>Login</title><p>" + sentence;
        const std::string bytes = "HTTP/1.1 " + status +
                                  "\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
                                  "Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
                                  "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
                                  "Connection: close\r\n\r\n" +
                                  page;
        ::send(to.socket.number, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    descriptor socket_{};
    std::string host_{}, redirect_url_{};
};

#endif
