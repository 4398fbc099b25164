// SPDX-License-Identifier: MIT
// The servers that the tests of the SQL stores use.
// databases: MariaDB, Postgres
#include "sql/servers.hpp"

#include "support/catch.hpp"
#include "support/processes.hpp"

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>

using namespace std::chrono_literals;

namespace {

#ifdef TOKENKEEP_TEST_MARIADB
/// A connection through the port, which gives the first column of the first row; "" without rows.
class mariadb_client {
  public:
    explicit mariadb_client(const mariadb_server& server) {
        if (mysql_real_connect(connection_.get(), server.host(), server.user(), server.password(), server.database(),
                               static_cast<unsigned>(server.port()), nullptr, 0) == nullptr)
            throw std::runtime_error(mysql_error(connection_.get()));
    }

    std::string operator()(const std::string& statement) {
        if (mysql_query(connection_.get(), statement.c_str()) != 0)
            throw std::runtime_error(mysql_error(connection_.get()));
        const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> rows(mysql_store_result(connection_.get()),
                                                                            mysql_free_result);
        const MYSQL_ROW row = rows ? mysql_fetch_row(rows.get()) : nullptr;
        return row != nullptr && row[0] != nullptr ? row[0] : "";
    }

  private:
    std::unique_ptr<MYSQL, decltype(&mysql_close)> connection_{mysql_init(nullptr), mysql_close};
};

struct mariadb {
    using server = mariadb_server;
    using client = mariadb_client;
    static constexpr auto wrong_option = "--no-such-option";
    static constexpr auto complaint = "unknown option '--no-such-option'";
    static constexpr auto tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'tokenkeep'";
    static constexpr auto durable = "SELECT @@innodb_flush_log_at_trx_commit";
};
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
/// The same of PostgreSQL.
class postgres_client {
  public:
    explicit postgres_client(const postgres_server& server)
        : connection_(PQconnectdb(server.connection().c_str()), PQfinish) {
        if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    }

    std::string operator()(const std::string& statement) {
        const std::unique_ptr<PGresult, decltype(&PQclear)> rows(PQexec(connection_.get(), statement.c_str()), PQclear);
        if (PQresultStatus(rows.get()) == PGRES_COMMAND_OK) return "";
        if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
        return PQntuples(rows.get()) == 0 ? "" : PQgetvalue(rows.get(), 0, 0);
    }

  private:
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

struct postgres {
    using server = postgres_server;
    using client = postgres_client;
    static constexpr auto wrong_option = "--no-such-option=1";
    static constexpr auto complaint = "unrecognized configuration parameter";
    static constexpr auto tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    static constexpr auto durable = "SELECT (current_setting('fsync') = 'on')::int";
};
#endif

using servers = decltype(std::tuple_cat(
#ifdef TOKENKEEP_TEST_MARIADB
    std::tuple<mariadb>(),
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
    std::tuple<postgres>(),
#endif
    std::tuple<>()));

/// Whether none of the processes exists any more.
bool is_gone(const std::set<pid_t>& processes) {
    return std::none_of(processes.begin(), processes.end(),
                        [](pid_t pid) { return exists("/proc/" + std::to_string(pid)); });
}

}

TEMPLATE_LIST_TEST_CASE("sql servers: one keeps its data and its port over a stop and a crash", "", servers) {
    typename TestType::server server;
    const int port = server.port();
    {
        typename TestType::client client(server);
        CHECK(client(TestType::tables) == "0");
        CHECK(client(TestType::durable) == "1");
        client("CREATE TABLE t (n INT)");
        client("INSERT INTO t VALUES (1)");
        server.stop();
        CHECK_THROWS(client("SELECT 1"));
    }
    CHECK_THROWS(typename TestType::client{server});
    server.start();
    CHECK(server.port() == port);
    {
        typename TestType::client client(server);
        client("INSERT INTO t VALUES (2)");
        const std::set<pid_t> processes = descendants(::getpid());
        CHECK(processes.size() >= 2);
        server.kill();
        CHECK(is_gone(processes));
        CHECK_THROWS(client("SELECT 1"));
    }
    CHECK_THROWS(typename TestType::client{server});
    server.start();
    CHECK(server.port() == port);
    CHECK(typename TestType::client{server}("SELECT sum(n) FROM t") == "3");
}

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("sql servers: a crash of PostgreSQL spares no process, not even one too busy to notice") {
    postgres_server server;
    const std::unique_ptr<PGconn, decltype(&PQfinish)> client(PQconnectdb(server.connection().c_str()), PQfinish);
    REQUIRE(PQsendQuery(client.get(), "DO $$ BEGIN LOOP END LOOP; END $$") == 1);
    std::this_thread::sleep_for(100ms);
    const std::set<pid_t> processes = descendants(::getpid());
    server.kill();
    CHECK(is_gone(processes));
    server.start();
}
#endif

TEMPLATE_LIST_TEST_CASE("sql servers: two of a kind have nothing in common", "", servers) {
    typename TestType::server one, other;
    CHECK(one.port() != other.port());
    typename TestType::client{one}("CREATE TABLE t (n INT)");
    CHECK(typename TestType::client{other}(TestType::tables) == "0");
}

TEMPLATE_LIST_TEST_CASE("sql servers: no process is left, even while a client is connected", "", servers) {
    std::set<pid_t> processes;
    {
        typename TestType::server server;
        const typename TestType::client client(server);
        processes = descendants(::getpid());
        CHECK(processes.size() >= 2);
    }
    CHECK(is_gone(processes));
    CHECK(descendants(::getpid()).empty());
}

TEMPLATE_LIST_TEST_CASE(
    "sql servers: one stays until the end of the process that started it, not of its thread or child", "", servers) {
    std::optional<typename TestType::server> server;
    std::thread([&] { server.emplace(); }).join();
    REQUIRE(in_process([&] { server.reset(); }));
    std::this_thread::sleep_for(300ms); // longer than the guard sleeps
    CHECK(typename TestType::client{*server}(TestType::tables) == "0");
    server->stop();
    server->start();
}

TEMPLATE_LIST_TEST_CASE("sql servers: one ends with its process, even if that is killed", "", servers) {
    const temporary_directory folder;
    ::chmod((folder / "").c_str(), 0711); // it may be another user's server
    const pid_t child = start_process([&] {
        ::setenv("TMPDIR", (folder / "").c_str(), 1);
        const typename TestType::server server;
        const typename TestType::client client(server);
        write_file(folder / "started", "");
        std::this_thread::sleep_for(60s);
    });
    const bool started = holds_within(50s, [&] { return exists(folder / "started"); });
    const std::set<pid_t> processes = descendants(child);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    REQUIRE(started);
    CHECK(processes.size() >= 2);
    CHECK(holds_within(30s, [&] { return is_gone(processes); }));
    ::unlink((folder / "started").c_str());
    CHECK(std::filesystem::is_empty(folder / ""));
}

TEMPLATE_LIST_TEST_CASE("sql servers: one that does not start says why", "", servers) {
    CHECK_THROWS_WITH(typename TestType::server({TestType::wrong_option}),
                      ContainsSubstring("ends at once") && ContainsSubstring(TestType::complaint));
    typename TestType::server server;
    server.stop();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int taker = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(taker, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    REQUIRE(::bind(taker, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(taker, 1) == 0);
    CHECK_THROWS_WITH(server.start(), ContainsSubstring("finds its port taken"));
    ::close(taker);
    server.start();
    CHECK(typename TestType::client{server}(TestType::tables) == "0");
}
