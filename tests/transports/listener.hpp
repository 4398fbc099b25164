// SPDX-License-Identifier: MIT
// Servers that misbehave, over TCP and over TLS, and the certificates that they show.
#ifndef TOKENKEEP_TESTS_TRANSPORTS_LISTENER_HPP
#define TOKENKEEP_TESTS_TRANSPORTS_LISTENER_HPP

#include "support/temporary.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/// An authority and what it has signed, made by the openssl command: files NAME.pem with key and certificate.
class certificates {
  public:
    certificates() {
        make("authority", "-subj /CN=authority -addext basicConstraints=critical,CA:TRUE");
        sign("right", "subjectAltName=DNS:here.test,IP:127.0.0.1");
        sign("other", "subjectAltName=DNS:elsewhere.test,IP:127.0.0.9");
        make("unsigned", "-subj /CN=here.test -addext subjectAltName=DNS:here.test,IP:127.0.0.1");
    }

    std::string authority() const { return folder_ / "authority.pem"; }
    /// Signed for here.test and 127.0.0.1.
    std::string right() const { return folder_ / "right.pem"; }
    /// Signed, for another host.
    std::string other() const { return folder_ / "other.pem"; }
    /// Signed by itself only.
    std::string unknown() const { return folder_ / "unsigned.pem"; }

  private:
    void make(const std::string& name, const std::string& how) const {
        const std::string pem = folder_ / (name + ".pem");
        run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 " + how + " -keyout " + pem +
            " -out " + pem + ".cert && cat " + pem + ".cert >>" + pem);
    }
    void sign(const std::string& name, const std::string& extension) const {
        make(name, "-subj /CN=" + name + " -addext " + extension + " -CA " + authority() + " -CAkey " + authority());
    }
    static void run(const std::string& arguments) {
        if (std::system(("openssl " + arguments + " 2>/dev/null").c_str()) != 0) throw std::runtime_error("openssl");
    }

    temporary_directory folder_;
};

/// The server's side of a connection. No call of it lasts much longer than ten seconds.
class connection {
  public:
    connection(int socket, SSL_CTX* tls) : socket_(socket) {
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (tls == nullptr) return;
        tls_.reset(SSL_new(tls));
        SSL_set_fd(tls_.get(), socket_);
        is_open_ = SSL_accept(tls_.get()) == 1;
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() {
        if (tls_ && is_open_) SSL_shutdown(tls_.get());
        ::close(socket_);
    }

    /// The request, to the end of its body if it says how long that is.
    std::string read_request() {
        std::string request;
        while (is_open_) {
            const std::size_t end = request.find("\r\n\r\n");
            if (end != request.npos) {
                const std::size_t at = request.find("Content-Length: ");
                const std::size_t body = at == request.npos ? 0 : std::stoul(request.substr(at + 16));
                if (request.size() >= end + 4 + body) return request;
            }
            std::array<char, 4096> bytes{};
            const auto count = read(bytes.data(), bytes.size());
            if (count <= 0) return request;
            request.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return request;
    }

    /// False if the client has gone.
    bool send(std::string_view bytes) {
        while (is_open_ && !bytes.empty()) {
            const auto count = write(bytes);
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return is_open_;
    }

    std::string answer(std::string_view bytes) {
        std::string request = read_request();
        send(bytes);
        return request;
    }

    /// Sends the bytes again and again, for ten seconds. Whether the client has gone before.
    bool send_forever(std::string_view bytes, std::chrono::milliseconds pause = {}) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < end) {
            if (!send(bytes)) return true;
            std::this_thread::sleep_for(pause);
        }
        return false;
    }

    /// Reads for ten seconds. Whether the client has gone before.
    bool stay_silent() {
        char byte = 0;
        ssize_t count = 0;
        while ((count = ::recv(socket_, &byte, 1, 0)) > 0) continue;
        return count == 0 || errno == ECONNRESET;
    }

    /// Reads a few bytes. Then the connection ends with a reset.
    void read_a_little_and_reset() {
        std::array<char, 16> bytes{};
        read(bytes.data(), bytes.size());
        const linger now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

  private:
    ssize_t read(char* bytes, std::size_t size) {
        return tls_ ? SSL_read(tls_.get(), bytes, static_cast<int>(size)) : ::recv(socket_, bytes, size, 0);
    }
    ssize_t write(std::string_view bytes) {
        pollfd ready{.fd = socket_, .events = POLLOUT | POLLRDHUP, .revents = 0};
        ::poll(&ready, 1, 10'000);
        if ((ready.revents & POLLRDHUP) != 0) return -1; // the client has shut the connection down
        return tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                    : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    int socket_;
    std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
    bool is_open_ = true;
};

/// A socket on 127.0.0.1. Where it was given a behaviour, that is what it does with each connection, one at a time.
class listener {
  public:
    using behaviour = std::function<void(connection&)>;

    explicit listener(int backlog = 8) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::listen(socket_, backlog) != 0 ||
            ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no socket on 127.0.0.1");
        address_ = address;
    }

    /// With a certificate it speaks TLS.
    explicit listener(behaviour act, const std::string& certificate = {}) : listener() {
        if (!certificate.empty()) {
            tls_.reset(SSL_CTX_new(TLS_server_method()));
            if (SSL_CTX_use_certificate_chain_file(tls_.get(), certificate.c_str()) != 1 ||
                SSL_CTX_use_PrivateKey_file(tls_.get(), certificate.c_str(), SSL_FILETYPE_PEM) != 1)
                throw std::runtime_error("no certificate");
        }
        thread_ = std::thread([this, act = std::move(act)] {
            sigset_t pipe; // OpenSSL writes to connections that the client has closed
            sigemptyset(&pipe);
            sigaddset(&pipe, SIGPIPE);
            pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
            for (int accepted = 0; (accepted = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                ++connections_;
                connection with_client(accepted, tls_.get());
                act(with_client);
            }
        });
    }

    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener() {
        ::shutdown(socket_, SHUT_RDWR); // accept returns
        if (thread_.joinable()) thread_.join();
        ::close(socket_);
    }

    sockaddr_in address() const { return address_; }
    int connections() const { return connections_; }
    /// http://127.0.0.1:PORT; another scheme or host if they are given.
    std::string url(const std::string& scheme = "http", const std::string& host = "127.0.0.1") const {
        return scheme + "://" + host + ":" + std::to_string(ntohs(address_.sin_port));
    }

  private:
    int socket_;
    sockaddr_in address_{};
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls_{nullptr, SSL_CTX_free};
    std::atomic<int> connections_{0};
    std::thread thread_{};
};

#endif
