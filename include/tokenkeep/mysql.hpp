// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MYSQL_HPP
#define TOKENKEEP_MYSQL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens in a MySQL or MariaDB database:
//   #include <tokenkeep/mysql.hpp>
//   tokenkeep::mysql_store store{tokenkeep::mysql_parameters{.host = "db.example", .database = "app", .user = "app"}};
//   g++ -std=c++20 -I include $(mariadb_config --include) main.cpp $(mariadb_config --libs)    (Debian: libmariadb-dev)
//   g++ -std=c++20 -I include $(mysql_config --include) main.cpp $(mysql_config --libs)           (MySQL's own library)
// tokenkeep.hpp does not include this header, because it needs mysql.h.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/lock_connections.hpp>
#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <mysql.h>

namespace tokenkeep { inline namespace v1 {

/// Where a MySQL or MariaDB server is, and who connects. The first six members are those of Zoho's DBStore, in its
/// order.
///   mysql_parameters server{.host = "db.example", .database = "app", .user = "app", .password = password,
///                           .tls_authorities = "/etc/ssl/certs/ca-certificates.crt"};
struct mysql_parameters {
    std::string host = "localhost"; ///< "localhost" means this machine's socket. For TCP, write "127.0.0.1".
    std::string database{};         ///< A database that exists.
    std::string table{};            ///< If it is empty, the policy's schema names the table.
    std::string user{};             ///< A user of the database server.
    secret password{};              ///< That user's password.
    unsigned port = 3306;           ///< For TCP only.
    std::string socket{};           ///< The socket's path, if it is not where the client library looks.
    /// A file of certificates (PEM) of the authorities that you trust. If it is given, the connection is encrypted, and
    /// the server's certificate and name are verified. If it is empty, the client library decides, perhaps without
    /// encryption.
    std::string tls_authorities{};
};

namespace detail {

/// The numbers 2000 to 2999 come from the client library, all others from the server.
inline sql_error mysql_failure(unsigned number) {
    const auto is_one_of = [number](std::initializer_list<unsigned> numbers) {
        return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    };
    const auto fault = [&] {
        // The server shuts down, has killed the session, or has ended it because it was idle.
        if (is_one_of({1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031})) return sql_fault::connection_lost;
        // Other sessions hold the rows; or the statement must be prepared again, was ended, or took too long.
        if (is_one_of({1020, 1205, 1213, 1615, 1317, 1969, 3024})) return sql_fault::conflict;
        if (is_one_of({1022, 1050, 1060, 1061, 1062, 1586})) return sql_fault::already_exists;
        // The value is too long, NULL where it must not be, or not in the column's character set.
        if (is_one_of({1048, 1118, 1153, 1264, 1267, 1300, 1366, 1406, 2020, 3854, 3988})) return sql_fault::bad_value;
        if (is_one_of({1044, 1045, 1142, 1143, 1227, 1290, 1370, 1698, 1792, 1836})) return sql_fault::denied;
        if (is_one_of({1034, 1035, 1194, 1195})) return sql_fault::corrupt;
        if (is_one_of({2008, 2027, 2030, 2031, 2036})) return sql_fault::other;
        return number >= 2000 && number < 3000 ? sql_fault::connection_lost : sql_fault::other;
    };
    return {fault(), "MySQL error " + std::to_string(number)};
}

/// A prepared statement; see sql_connection.
class mysql_statement {
    using flag = std::remove_pointer_t<decltype(MYSQL_BIND::is_null)>; // my_bool, or bool in newer ones
    struct close {
        void operator()(MYSQL_STMT* of) const noexcept { mysql_stmt_close(of); }
    };
    /// A cell of the current row. column() fetches its bytes.
    struct cell {
        unsigned long length = 0;
        flag is_null = 0;
        wiping_string bytes{};
    };

  public:
    explicit mysql_statement(MYSQL_STMT* prepared)
        : prepared_(prepared),
          parameters_(mysql_stmt_param_count(prepared)),
          cells_(mysql_stmt_field_count(prepared)) {}

    void bind(std::size_t parameter, std::optional<std::string_view> value) {
        MYSQL_BIND& place = parameters_[parameter];
        place = MYSQL_BIND{};
        place.buffer_type = value ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        if (!value) return;
        place.buffer = const_cast<char*>(value->empty() ? "" : value->data()); // which the library only reads
        place.buffer_length = number_cast<unsigned long>(value->size());
    }

    bool step() {
        if (!is_running_) run();
        if (cells_.empty()) return false;
        const int result = mysql_stmt_fetch(prepared_.get());
        if (result == MYSQL_NO_DATA) return false;
        if (result != 0 && result != MYSQL_DATA_TRUNCATED) throw failure();
        return true;
    }

    std::optional<std::string_view> column(std::size_t column) {
        cell& asked = cells_[column];
        if (asked.is_null != 0) return std::nullopt;
        asked.bytes.resize(asked.length);
        MYSQL_BIND place{};
        place.buffer_type = MYSQL_TYPE_STRING;
        place.buffer = asked.bytes.data();
        place.buffer_length = asked.length;
        place.length = &asked.length;
        if (asked.length != 0 &&
            mysql_stmt_fetch_column(prepared_.get(), &place, static_cast<unsigned>(column), 0) != 0)
            throw failure();
        return std::string_view(asked.bytes);
    }

    std::uint64_t changes() const { return mysql_stmt_affected_rows(prepared_.get()); }

    void reset() noexcept {
        if (std::exchange(is_running_, false)) mysql_stmt_free_result(prepared_.get());
        for (cell& each : cells_) wipe_text(each.bytes);
    }

  private:
    sql_error failure() const { return mysql_failure(mysql_stmt_errno(prepared_.get())); }

    void run() {
        if (!parameters_.empty() && mysql_stmt_bind_param(prepared_.get(), parameters_.data()) != 0) throw failure();
        if (mysql_stmt_execute(prepared_.get()) != 0) throw failure();
        is_running_ = true;
        if (cells_.empty()) return;
        std::vector<MYSQL_BIND> places(cells_.size());
        for (std::size_t n = 0; n < cells_.size(); ++n) {
            places[n].buffer_type = MYSQL_TYPE_STRING;
            places[n].length = &cells_[n].length;
            places[n].is_null = &cells_[n].is_null;
        }
        if (mysql_stmt_bind_result(prepared_.get(), places.data()) != 0 ||
            mysql_stmt_store_result(prepared_.get()) != 0)
            throw failure();
    }

    std::unique_ptr<MYSQL_STMT, close> prepared_;
    std::vector<MYSQL_BIND> parameters_;
    std::vector<cell> cells_;
    bool is_running_ = false;
};

/// One session on the server.
class mysql_session {
    struct close {
        void operator()(MYSQL* of) const noexcept { mysql_close(of); }
    };

  public:
    explicit mysql_session(const mysql_parameters& options) : options_(options) {}

    const mysql_parameters& options() const noexcept { return options_; }

    void connect(std::chrono::milliseconds patience) {
        [[maybe_unused]] static const int once = mysql_library_init(0, nullptr, nullptr);
        session_.reset(mysql_init(nullptr));
        if (!session_) throw sql_error(sql_fault::other, "no memory for a connection");
        const auto seconds = std::clamp<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(patience),
                                                              std::chrono::seconds(1), std::chrono::hours(1));
        const auto connect_timeout = static_cast<unsigned>(seconds.count());
        const unsigned answer_timeout = connect_timeout + 30; // the server ends its waits earlier
        set(MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
        set(MYSQL_OPT_READ_TIMEOUT, &answer_timeout);
        set(MYSQL_OPT_WRITE_TIMEOUT, &answer_timeout);
        set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
        if (!options_.tls_authorities.empty()) ask_for_tls();
        const auto text_or_null = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
        const wiping_string password(options_.password.reveal());
        if (mysql_real_connect(session_.get(), options_.host.c_str(), options_.user.c_str(), password.c_str(),
                               text_or_null(options_.database), options_.port, text_or_null(options_.socket),
                               CLIENT_FOUND_ROWS) == nullptr)
            throw failure();
        execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION autocommit = 1, SESSION "
                "completion_type = 0, SESSION sql_safe_updates = 0, SESSION "
                "innodb_lock_wait_timeout = " +
                std::to_string(seconds.count()) + ", SESSION lock_wait_timeout = " + std::to_string(seconds.count()));
        execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
        if (ask("SELECT @@SESSION.sql_mode LIKE '%STRICT_ALL_TABLES%'", {}) != "1")
            throw sql_error(sql_fault::other, "no strict sql_mode, without which a server may cut tokens off");
    }

    /// Connects for a session that only holds a lock. The server must not end it because it is idle.
    void connect_for_lock(std::chrono::milliseconds patience) {
        connect(patience);
        execute("SET SESSION wait_timeout = 2147483"); // seconds, the most that every server takes
    }

    void execute(const std::string& sql) {
        if (mysql_real_query(session_.get(), sql.data(), number_cast<unsigned long>(sql.size())) != 0) throw failure();
    }

    mysql_statement prepare(const std::string& sql) {
        MYSQL_STMT* const made = mysql_stmt_init(session_.get());
        if (made == nullptr) throw sql_error(sql_fault::other, "no memory for a statement");
        const int result = mysql_stmt_prepare(made, sql.data(), number_cast<unsigned long>(sql.size()));
        const unsigned number = mysql_stmt_errno(made);
        mysql_statement prepared(made);
        if (result != 0) throw mysql_failure(number);
        return prepared;
    }

    /// Whether the lock was obtained before the deadline. GET_LOCK waits in the server. Its names are shared by all
    /// databases of the server and are short, so server_name hashes ours.
    bool try_lock(const std::string& name, deadline until) {
        using namespace std::chrono_literals;
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            const auto wait = std::clamp<std::chrono::milliseconds>(left, 0ms, 5'000ms);
            const std::string thousandths = std::to_string(1'000 + wait.count() % 1'000).substr(1);
            const std::string seconds = std::to_string(wait.count() / 1'000) + "." + thousandths;
            const std::string answer = ask("SELECT GET_LOCK(?, ?)", {server_name(name), seconds});
            if (answer == "1") return true;
            if (answer != "0") throw sql_error(sql_fault::other, "GET_LOCK failed");
            if (std::chrono::steady_clock::now() >= until) return false;
            if (left < 1s) std::this_thread::sleep_for(5ms); // some servers wait for whole seconds only
        }
    }
    void unlock(const std::string& name) { ask("SELECT RELEASE_LOCK(?)", {server_name(name)}); }

  private:
    template <class Value>
    void set(mysql_option option, const Value* value) {
        ::mysql_options(session_.get(), option, value);
    }

    void ask_for_tls() {
        mysql_ssl_set(session_.get(), nullptr, nullptr, options_.tls_authorities.c_str(), nullptr, nullptr);
#if defined(MARIADB_BASE_VERSION)
        const my_bool yes = 1;
        set(MYSQL_OPT_SSL_ENFORCE, &yes);
        set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
#else
        const unsigned mode = SSL_MODE_VERIFY_IDENTITY;
        set(MYSQL_OPT_SSL_MODE, &mode);
#endif
    }

    sql_error failure() const { return mysql_failure(mysql_errno(session_.get())); }

    /// The first cell of the result; empty for NULL.
    std::string ask(const std::string& sql, const std::vector<std::string>& values) {
        mysql_statement asked = prepare(sql);
        for (std::size_t n = 0; n < values.size(); ++n) asked.bind(n, values[n]);
        if (!asked.step()) return {};
        return std::string(asked.column(0).value_or(std::string_view()));
    }

    std::string server_name(const std::string& name) const {
        return "tokenkeep " + text::sha256_hex(text::to_lower(options_.database) + " " + name).substr(0, 48);
    }

    mysql_parameters options_;
    std::unique_ptr<MYSQL, close> session_{};
};

} // namespace detail

/// A connection to a MySQL server (5.7 or newer) or a MariaDB server (10.2 or newer):
///   mysql_store store{mysql_parameters{.host = "db.example", .database = "app", .user = "app", .password = password}};
///
/// Promised, besides what sql_store promises:
///   - A save is as durable as the server makes a commit. The server's default is the disk
///     (innodb_flush_log_at_trx_commit = 1). The table is an InnoDB table.
///   - Sessions are strict (sql_mode): a value is never cut. An id has at most 767 bytes.
///   - Identities are locked by GET_LOCK, each in a session of its own. The server releases the lock when the
///     connection of that session ends.
///
/// Not promised:
///   - If a machine disappears without closing its connections, the server finds out by TCP keepalive: after two hours,
///     unless the server's system is set otherwise (net.ipv4.tcp_keepalive_time). Until then, other programs get
///     errc::lock_timeout for the identities that the machine had locked.
///   - A proxy that spreads one connection over several sessions breaks the locks. So does a cluster (Galera, group
///     replication), unless all programs use the same node.
///
/// Errors: see the table at sql_store. errc::permissions means a wrong password or a missing right.
class mysql_connection {
  public:
    static constexpr sql_dialect dialect{
        .bytes = "MEDIUMBLOB",
        .key_bytes = "VARBINARY(767)",
        .table_options = " ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        .index_length = "(1024)",
        .index_characters = "(191)", // fits into the oldest kind of rows
        .begin = "START TRANSACTION",
        .for_update = " FOR UPDATE",
        .other_spelling = "SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND "
                          "LOWER(table_name) = ? AND CAST(table_name AS BINARY) <> CAST(? AS BINARY) AND index_name "
                          "LIKE '%-%'",
        .quote = '`'};

    /// Connects at the store's first call.
    ///   sql_store store{mysql_connection{server}};
    explicit mysql_connection(const mysql_parameters& options) : session_(options) {}

    std::string table() const { return session_.options().table; }

    // ---- For sql_store: see the concept sql_connection ----

    void connect(std::chrono::milliseconds patience) { session_.connect(patience); }
    void execute(const std::string& sql) { session_.execute(sql); }
    detail::mysql_statement prepare(const std::string& sql) { return session_.prepare(sql); }

    /// Locks a name among all processes and machines that use the same database.
    auto lock(const std::string& name, deadline until) {
        return locks_.lock(detail::mysql_session(session_.options()), name, until);
    }

  private:
    detail::mysql_session session_;
    detail::lock_connections<detail::mysql_session> locks_{};
};

/// A store in a MySQL or MariaDB database, with a policy of yours:
///   basic_mysql_store<zoho::policy> store{server};
template <class Policy = defaults>
using basic_mysql_store = sql_store<mysql_connection, Policy>;
/// A store in a MySQL or MariaDB database:
///   mysql_store store{mysql_parameters{.host = "db.example", .database = "app", .user = "app", .password = password}};
using mysql_store = basic_mysql_store<>;

}} // namespace tokenkeep::v1

#endif
