// SPDX-License-Identifier: MIT
// The databases as tests use them: connections to a database that is there as long as the program, new tables in it,
// and somebody beside the stores who may do as he likes. A database is tested if it is there: TOKENKEEP_TEST_SQLITE,
// TOKENKEEP_TEST_MARIADB and TOKENKEEP_TEST_POSTGRES say so.
#ifndef TOKENKEEP_TESTS_SQL_BACKENDS_HPP
#define TOKENKEEP_TESTS_SQL_BACKENDS_HPP

#include <tokenkeep/sql_store.hpp>
#ifdef TOKENKEEP_TEST_SQLITE
#include <tokenkeep/sqlite.hpp>
#endif
#ifdef TOKENKEEP_TEST_MARIADB
#include <tokenkeep/mysql.hpp>
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
#include <tokenkeep/postgres.hpp>
#endif

#include "sql/servers.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tests {

struct sqlite_backend;
struct mysql_backend;
struct postgres_backend;

#ifdef TOKENKEEP_TEST_SQLITE
struct sqlite_backend {
    using connection_type = tokenkeep::sqlite_connection;
    static constexpr std::size_t longest_id = 0;

    static connection_type connection(const std::string& table = {}) {
        static const temporary_directory folder;
        return connection_type(folder / "tokens.db", table);
    }
};
using sqlite_if_there = std::tuple<sqlite_backend>;
#else
using sqlite_if_there = std::tuple<>;
#endif

#ifdef TOKENKEEP_TEST_MARIADB
inline tokenkeep::mysql_parameters parameters_of(const mariadb_server& server, const std::string& table) {
    return {.host = server.host(),
            .database = server.database(),
            .table = table,
            .user = server.user(),
            .password = server.password(),
            .port = static_cast<unsigned>(server.port())};
}

struct mysql_backend {
    using connection_type = tokenkeep::mysql_connection;
    static constexpr std::size_t longest_id = 767; ///< In bytes; 0: the laws try none that is too long.
    static constexpr const char* this_session = "SELECT CONNECTION_ID()";
    static constexpr const char* other_sessions =
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = 'tokenkeep'";

    static std::string end(const std::string& session) { return "KILL CONNECTION " + session; }

    static mariadb_server& server() {
        // What is written survives the server's crash, but not the machine's, which no test has.
        static mariadb_server one({"--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"});
        return one;
    }
    static connection_type connection(const std::string& table = {}, std::size_t connections = 1) {
        tokenkeep::mysql_parameters parameters = parameters_of(server(), table);
        parameters.connections = connections;
        return connection_type(parameters);
    }
};
using mysql_if_there = std::tuple<mysql_backend>;
#else
using mysql_if_there = std::tuple<>;
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
struct postgres_backend {
    using connection_type = tokenkeep::postgres_connection;
    static constexpr std::size_t longest_id = 0;
    static constexpr const char* this_session = "SELECT pg_backend_pid()::text";
    static constexpr const char* other_sessions =
        "SELECT pid::text FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'tokenkeep'";

    static std::string end(const std::string& session) { return "SELECT pg_terminate_backend(" + session + ")"; }

    static postgres_server& server() {
        static postgres_server one({"-c", "fsync=off"}); // as above
        return one;
    }
    static connection_type connection(const std::string& table = {}, std::size_t connections = 1) {
        return connection_type(server().connection(), table, connections);
    }
};
using postgres_if_there = std::tuple<postgres_backend>;
#else
using postgres_if_there = std::tuple<>;
#endif

/// What the cases of TEMPLATE_LIST_TEST_CASE run over, in this order: all databases that are there, those of them that
/// are servers, and those that Zoho's SDKs use. A list without any is an error: such a test stands in an #if.
template <class... Lists>
using joined = decltype(std::tuple_cat(std::declval<Lists>()...));
using every_backend = joined<sqlite_if_there, mysql_if_there, postgres_if_there>;
using server_backends = joined<mysql_if_there, postgres_if_there>;
using zoho_backends = joined<sqlite_if_there, mysql_if_there>;

/// The name of a table that nobody has used.
inline std::string new_table() {
    static int number = 0;
    return "tokens_" + std::to_string(++number);
}

/// Waits for others no longer than a test may.
struct hasty : tokenkeep::defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{1'000};
};

template <class Backend, class Policy = tokenkeep::defaults>
using store_over = tokenkeep::sql_store<typename Backend::connection_type, Policy>;

/// A store over a table of that name.
template <class Backend, class Policy = tokenkeep::defaults>
store_over<Backend, Policy> store_on(const std::string& table) {
    return store_over<Backend, Policy>(Backend::connection(table));
}

/// Somebody else who is connected to the database.
template <class Backend>
class visitor {
  public:
    visitor() { connection_.connect(std::chrono::seconds(5)); }

    void execute(const std::string& sql) { connection_.execute(sql); }

    /// The rows of an answer, the cells of each joined by '|'.
    std::vector<std::string> ask(const std::string& sql, std::size_t columns = 1) {
        auto statement = connection_.prepare(sql);
        std::vector<std::string> rows;
        while (statement.step()) {
            std::string row;
            for (std::size_t n = 0; n < columns; ++n)
                row.append(n == 0 ? "" : "|").append(statement.column(n).value_or("NULL"));
            rows.push_back(row);
        }
        return rows;
    }

  private:
    typename Backend::connection_type connection_ = Backend::connection();
};

/// Whoever writes to the table has to wait until it is released.
template <class Backend>
class blocked_table {
  public:
    explicit blocked_table(const std::string& table) {
        visitor_.execute(std::string(Backend::connection_type::dialect.begin));
        visitor_.execute("UPDATE tokenkeep_schema SET version = version WHERE name = '" + table + "'");
    }
    void release() { visitor_.execute("ROLLBACK"); }

  private:
    visitor<Backend> visitor_{};
};

} // namespace tests

#endif
