// SPDX-License-Identifier: MIT
// PostgreSQL servers that do not let a client in, and one that ends the session as soon as it has begun, as
// pg_terminate_backend may.
// databases: Postgres
#include <tokenkeep/postgres.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <chrono>
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

/// A port at which connections are made, but no program answers. If it is full, it does not react at all, as if the
/// machine were gone.
class silent_port {
  public:
    explicit silent_port(bool is_full) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const at = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listening_, at, size) != 0 || ::listen(listening_, 0) != 0 ||
            ::getsockname(listening_, at, &size) != 0)
            throw std::runtime_error("no port");
        port = ntohs(address.sin_port);
        for (int n = 0; is_full && n < 4; ++n) {
            waiting_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            ::connect(waiting_.back(), at, size);
        }
    }
    silent_port(const silent_port&) = delete;
    silent_port& operator=(const silent_port&) = delete;
    ~silent_port() {
        for (const int client : waiting_) ::close(client);
        ::close(listening_);
    }

    int port = 0;

  private:
    const int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::vector<int> waiting_{};
};

using steady = std::chrono::steady_clock;

tokenkeep::sql_fault fault_of_connecting(tokenkeep::postgres_connection& connection) {
    try {
        connection.connect(std::chrono::seconds(60));
    } catch (const tokenkeep::sql_error& failure) {
        return failure.fault();
    }
    FAIL("it is connected");
    return {};
}

} // namespace

TEST_CASE("postgres_connection: connecting ends by the deadline, whether the server does not react or does not answer",
          "[postgres]") {
    const silent_port silent(GENERATE(false, true));
    tokenkeep::postgres_connection connection("host=127.0.0.1 user=ada port=" + std::to_string(silent.port));
    for (const std::chrono::milliseconds left : {300ms, 0ms, -1'000ms}) {
        const auto begin = steady::now();
        connection.set_deadline(begin + left);
        CHECK(fault_of_connecting(connection) == tokenkeep::sql_fault::connection_lost);
        CHECK(steady::now() - begin < left + 5s);
        CHECK(steady::now() - begin >= left);
    }
}

TEST_CASE("postgres_connection: a host that does not react is passed over in time", "[postgres]") {
    const silent_port silent(true);
    std::string options = tests::postgres_backend::server().connection(); // host=127.0.0.1 port=N ...
    const std::string port = std::to_string(tests::postgres_backend::server().port());
    options += " host=127.0.0.1,127.0.0.1 port=" + std::to_string(silent.port) + "," + port;
    tokenkeep::postgres_connection connection(options);
    const auto begin = steady::now();
    connection.set_deadline(begin + 6s);
    connection.connect(std::chrono::seconds(60));
    connection.execute("SELECT 1");
    CHECK(steady::now() - begin >= 1900ms);
}

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
