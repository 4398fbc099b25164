// SPDX-License-Identifier: MIT
// A PostgreSQL server that ends the session as soon as it has begun, as pg_terminate_backend may.
// databases: Postgres
#include <tokenkeep/postgres.hpp>

#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// Lets one client in, and hangs up at the first thing it says then.
class short_server {
  public:
    short_server() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const at = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listening_, at, size) != 0 || ::listen(listening_, 1) != 0 ||
            ::getsockname(listening_, at, &size) != 0)
            throw std::runtime_error("no server");
        port_ = ntohs(address.sin_port);
        serving_ = std::thread([this] { serve(); });
    }
    short_server(const short_server&) = delete;
    short_server& operator=(const short_server&) = delete;
    ~short_server() {
        serving_.join();
        ::close(listening_);
    }

    std::string connection() const {
        return "host=127.0.0.1 user=ada sslmode=disable gssencmode=disable port=" + std::to_string(port_);
    }

  private:
    void serve() const {
        using namespace std::string_view_literals;
        constexpr auto welcome = "R\0\0\0\x08\0\0\0\0" // AuthenticationOk
                                 "Z\0\0\0\x05I"sv;     // ReadyForQuery
        std::array<char, 1024> said{};
        const int client = ::accept(listening_, nullptr, nullptr);
        if (::recv(client, said.data(), said.size(), 0) > 0 &&
            ::send(client, welcome.data(), welcome.size(), MSG_NOSIGNAL) > 0)
            while (::recv(client, said.data(), said.size(), 0) < 0 && errno == EINTR) {
            }
        ::close(client);
    }

    const int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port_ = 0;
    std::thread serving_{};
};

} // namespace

TEST_CASE("postgres_connection: a session that ends while it is being set up is a lost connection", "[postgres]") {
    const short_server server;
    tokenkeep::postgres_connection connection(server.connection());
    try {
        connection.connect(std::chrono::seconds(5));
        FAIL("it is connected");
    } catch (const tokenkeep::sql_error& failure) {
        CHECK(failure.fault() == tokenkeep::sql_fault::connection_lost);
    }
}
