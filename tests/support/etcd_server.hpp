// SPDX-License-Identifier: MIT
// An etcd for tests: on 127.0.0.1, with its data in a temporary folder. It ends with the test's process.
// TOKENKEEP_TEST_ETCD is the path of the program.
#ifndef TOKENKEEP_TESTS_SUPPORT_ETCD_SERVER_HPP
#define TOKENKEEP_TESTS_SUPPORT_ETCD_SERVER_HPP

#include "documents/etcd.hpp"
#include "sql/guarded_child.hpp"
#include "support/temporary.hpp"
#include "transports/curl.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tests {

class etcd_server {
  public:
    etcd_server() {
        for (int tries = 0; tries < 10; ++tries) {
            clients_ = url_of_free_port();
            peers_ = url_of_free_port();
            if (starts()) return;
        }
        throw std::runtime_error("etcd does not start:\n" + bytes_of(folder_ / "log"));
    }

    const std::string& url() const noexcept { return clients_; }

    /// Starts it again on the same data and ports.
    void start() {
        if (!starts()) throw std::runtime_error("etcd does not start again:\n" + bytes_of(folder_ / "log"));
    }
    void stop() noexcept { running_.reset(); }

    /// A document in a key. Its credential is the token.
    auto document(const std::string& key, const tokenkeep::secret& token = {}, std::chrono::seconds lease = {}) const {
        etcd_key at{.endpoint = url(), .key = key};
        if (lease.count() != 0) at.lease = lease;
        return etcd_document(
            curl_transport(), [token] { return token; }, at);
    }

    /// What etcd answers to an administrator.
    tokenkeep::http_response ask(const std::string& path, const std::string& body,
                                 const std::string& token = {}) const {
        tokenkeep::http_request request{.method = "POST", .url = url() + path, .body = body};
        if (!token.empty()) request.headers.push_back({"Authorization", token});
        return curl_transport()(request);
    }

  private:
    /// Whether it answers. If it ended at once, somebody else may have taken a port.
    bool starts() {
        running_.emplace(guarded_command{
            {TOKENKEEP_TEST_ETCD, "--name", "test", "--data-dir", folder_ / "data", "--listen-client-urls", clients_,
             "--advertise-client-urls", clients_, "--listen-peer-urls", peers_, "--initial-advertise-peer-urls", peers_,
             "--initial-cluster", "test=" + peers_, "--heartbeat-interval", "20", "--election-timeout", "200"},
            {},
            folder_ / "",
            folder_ / "log"});
        bool ended = false;
        const bool answered = holds_within(std::chrono::seconds(60), [&] {
            ended = running_->ended();
            return ended || is_healthy();
        });
        return answered && !ended;
    }

    bool is_healthy() const {
        try {
            return curl_transport()({.method = "GET", .url = url() + "/health"}).status == 200;
        } catch (const tokenkeep::transport_error&) {
            return false;
        }
    }

    static std::string url_of_free_port() {
        const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const bool is_bound = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                              ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        ::close(probe);
        if (!is_bound) throw std::runtime_error("no port is free");
        return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }

    const temporary_directory folder_{};
    std::string clients_{}, peers_{};
    std::optional<guarded_child> running_{};
};

} // namespace tests

#endif
