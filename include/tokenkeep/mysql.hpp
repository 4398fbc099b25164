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
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/detail/sql/lock_connections.hpp>
#include <tokenkeep/detail/sql/mysql_statement.hpp>
#include <tokenkeep/detail/store/server_url.hpp>
#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
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
    /// A file of options for MySQL's clients, such as /etc/app/db.cnf. Of its group [client], host, port, user,
    /// password and database are taken where the members above are empty or 0. It cannot be given beside
    /// tls_authorities: its own options of TLS would replace them.
    std::string option_file{};
    std::size_t connections = 1; ///< How many connections a store uses at most, so that its threads need not wait.
};

namespace detail {

/// What follows the scheme in a URL. Throws errc::request_rejected if it cannot be read.
inline mysql_parameters mysql_parameters_of(std::string_view what_follows) {
    const auto refuse = [] {
        return error(errc::request_rejected,
                     "tokenkeep: the URL of the store must be mysql://user@host:port/database, with ?option_file=, "
                     "table=, socket=, connections= or tls_authorities= behind it if they are needed");
    };
    const std::optional<server_url> url = read_server_url(what_follows);
    if (!url || url->path.empty()) throw refuse();
    mysql_parameters read{.host = url->host, .database = url->path, .user = url->user, .port = url->port};
    for (const auto& [name, value] : url->options) {
        if (name == "option_file")
            read.option_file = value;
        else if (name == "table")
            read.table = value;
        else if (name == "socket")
            read.socket = value;
        else if (name == "connections")
            read.connections = number_in_url(value, 1'000).value_or(0);
        else if (name == "tls_authorities")
            read.tls_authorities = value;
        else
            throw refuse();
    }
    if (read.connections == 0) throw refuse();
    return read;
}

/// One session on the server.
class mysql_session {
    struct close {
        void operator()(MYSQL* of) const noexcept {
            const mysql_call last = mysql_last_call();
            mysql_close(of);
        }
    };

  public:
    explicit mysql_session(const mysql_parameters& options) : options_(options) {}

    const mysql_parameters& options() const noexcept { return options_; }
    void set_deadline(deadline until) noexcept { limits_->until = until; }

    void connect(std::chrono::milliseconds patience) {
        [[maybe_unused]] static const int once = mysql_library_init(0, nullptr, nullptr);
        session_.reset(mysql_init(nullptr));
        if (!session_) throw sql_error(sql_fault::other, "no memory for a connection");
        patience_ = std::clamp<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(patience),
                                                     std::chrono::seconds(1), std::chrono::hours(1));
        limits_->patience = patience_ + std::chrono::seconds(30); // the server ends its waits earlier
        set_timeouts();
        set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
        if (!options_.tls_authorities.empty()) ask_for_tls();
        const bool has_file = !options_.option_file.empty();
        if (has_file && !options_.tls_authorities.empty())
            throw error(errc::request_rejected, "tokenkeep: give the certificate authorities in the option file, as "
                                                "ssl-ca, or give no option file");
        if (has_file) set(MYSQL_READ_DEFAULT_FILE, options_.option_file.c_str());
        const auto text_or_null = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
        const wiping_string password(options_.password.reveal());
        const mysql_call call = limits_->call();
        if (mysql_real_connect(session_.get(), text_or_null(options_.host), text_or_null(options_.user),
                               password.empty() && has_file ? nullptr : password.c_str(),
                               text_or_null(options_.database), options_.port, text_or_null(options_.socket),
                               CLIENT_FOUND_ROWS) == nullptr)
            throw failure();
        mysql_call::attend_encryption(session_.get());
        const bool no = false; // a new session would not have the lock of the old one
        if (has_file) mysql_options(session_.get(), MYSQL_OPT_RECONNECT, &no);
        const std::string seconds = std::to_string(patience_.count());
        execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION autocommit = 1, SESSION "
                "completion_type = 0, SESSION sql_safe_updates = 0, SESSION innodb_lock_wait_timeout = " +
                seconds + ", SESSION lock_wait_timeout = " + seconds);
        waits_for_ = patience_;
        execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
        const std::string limits = ask("SELECT CONCAT(@@SESSION.max_allowed_packet, ' ', @@SESSION.sql_mode)", {});
        if (limits.find("STRICT_ALL_TABLES") == std::string::npos)
            throw sql_error(sql_fault::other, "no strict sql_mode, without which a server may cut tokens off");
        std::from_chars(limits.data(), limits.data() + limits.size(), limits_->longest_packet);
        database_ = ask("SELECT DATABASE()", {});
    }

    /// Connects by `end` for a session that only holds a lock. The server must not end it because it is idle.
    void connect_for_lock(deadline end) {
        set_deadline(end);
        connect(std::chrono::seconds(10));
        execute("SET SESSION wait_timeout = 2147483"); // seconds, the most that every server takes
    }

    void execute(const std::string& sql) {
        const mysql_call call = limits_->call();
        if (mysql_real_query(session_.get(), sql.data(), number_cast<unsigned long>(sql.size())) != 0) throw failure();
    }

    /// Begins a transaction. If there is less time than the server would wait for others, the server is told to wait
    /// for as many whole seconds as there are, so that it does not wait for a call that has ended.
    void begin(const std::string& sql) {
        std::chrono::seconds wait = patience_;
        if (const std::optional<deadline>& until = limits_->until)
            wait = std::clamp<std::chrono::seconds>(
                std::chrono::floor<std::chrono::seconds>(*until - std::chrono::steady_clock::now()),
                std::chrono::seconds(1), patience_);
        if (wait != waits_for_) {
            const std::string seconds = std::to_string(wait.count());
            execute("SET SESSION innodb_lock_wait_timeout = " + seconds + ", SESSION lock_wait_timeout = " + seconds);
            waits_for_ = wait;
        }
        execute(sql);
    }

    mysql_statement prepare(const std::string& sql) {
        const mysql_call call = limits_->call();
        MYSQL_STMT* const made = mysql_stmt_init(session_.get());
        if (made == nullptr) throw sql_error(sql_fault::other, "no memory for a statement");
        const int result = mysql_stmt_prepare(made, sql.data(), number_cast<unsigned long>(sql.size()));
        const unsigned number = mysql_stmt_errno(made);
        mysql_statement prepared(made, *limits_);
        if (result != 0) throw mysql_failure(number);
        return prepared;
    }

    /// Whether the lock was obtained before `until`. GET_LOCK waits in the server. If the server takes ten seconds
    /// more, or `end` comes, the connection is closed. The names of these locks are shared by all databases of the
    /// server and are short, so server_name hashes ours.
    bool try_lock(const std::string& name, deadline until, deadline end) {
        using namespace std::chrono_literals;
        for (;;) {
            const deadline now = std::chrono::steady_clock::now();
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
            const auto wait = std::clamp<std::chrono::milliseconds>(left, 0ms, 5'000ms);
            set_deadline((std::min)(end, now + wait + 10s));
            const std::string thousandths = std::to_string(1'000 + wait.count() % 1'000).substr(1);
            const std::string seconds = std::to_string(wait.count() / 1'000) + "." + thousandths;
            const std::string answer = ask("SELECT GET_LOCK(?, ?)", {server_name(name), seconds});
            if (answer == "1") return true;
            if (answer != "0") throw sql_error(sql_fault::other, "GET_LOCK failed");
            if (std::chrono::steady_clock::now() >= until) return false;
            if (left < 1s) std::this_thread::sleep_for(5ms); // some servers wait for whole seconds only
        }
    }
    void unlock(const std::string& name, deadline end) {
        set_deadline(end);
        ask("SELECT RELEASE_LOCK(?)", {server_name(name)});
    }

  private:
    /// MySQL's own library has no deadlines, only timeouts in seconds for the whole life of the connection. MariaDB's
    /// library gives each address of the server a third of the time to react, and then tries the next.
    void set_timeouts() {
        using std::chrono::seconds;
        const deadline now = std::chrono::steady_clock::now(), end = limits_->until.value_or(now + patience_);
        if (end <= now) throw sql_error(sql_fault::connection_lost, "MySQL without an answer in time");
        const auto to_connect = mysql_call::attend(session_.get()) ? (end - now) / 3 : end - now;
        const auto whole = [](auto time) { return static_cast<unsigned>(std::chrono::ceil<seconds>(time).count()); };
        const unsigned connecting = whole((std::min<deadline::duration>)(to_connect, patience_));
        const unsigned answering = whole(limits_->patience);
        set(MYSQL_OPT_CONNECT_TIMEOUT, &connecting);
        set(MYSQL_OPT_READ_TIMEOUT, &answering);
        set(MYSQL_OPT_WRITE_TIMEOUT, &answering);
    }

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
        return "tokenkeep " + text::sha256_hex(text::to_lower(database_) + " " + name).substr(0, 48);
    }

    mysql_parameters options_;
    std::string database_{}; ///< As the server names it: the option file may have said which.
    std::unique_ptr<mysql_limits> limits_ = std::make_unique<mysql_limits>(); ///< Statements point to it.
    std::unique_ptr<MYSQL, close> session_{};
    std::chrono::seconds patience_{};  ///< How long the server waits for others at most.
    std::chrono::seconds waits_for_{}; ///< How long it does now.
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
///   - A value that the server's max_allowed_packet has no room for is refused (errc::invalid_record).
///   - With MariaDB's client library (3.1 or newer), a call of `until` waits for the server until its deadline: the
///     connection is then closed, and the next call makes a new one.
///
/// Not promised:
///   - With MySQL's own client library, which knows no deadline, a call to a server that has stopped answering ends
///     after store_lock_timeout and 30 seconds, or later. Link MariaDB's library if deadlines matter.
///   - While the client library looks up the name of a host, a call may take longer. An address needs no look-up.
///   - If the server stops in the middle of the TLS handshake, a call may take some seconds longer.
///   - If a machine disappears without closing its connections, the server finds out by TCP keepalive: after two hours,
///     unless the server's system is set otherwise (net.ipv4.tcp_keepalive_time). Until then, other programs get
///     errc::lock_timeout for the identities that the machine had locked.
///   - A proxy that spreads one connection over several sessions breaks the locks. So does a cluster (Galera, group
///     replication), unless all programs use the same node.
///
/// Errors: see the table at sql_store. errc::permissions means a wrong password or a missing right.
class mysql_connection {
  public:
    static constexpr std::string_view scheme = "mysql"; ///< See open_store.
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

    /// For open_store: `//user@host:port/database`, and behind a question mark option_file, table, socket, connections
    /// and tls_authorities; see mysql_parameters. User and port may be missing. The password belongs in the option
    /// file. Throws errc::request_rejected if this cannot be read.
    ///   any_store store = open_store<mysql_store>("mysql://app@db.example/app?option_file=/etc/app/db.cnf");
    static mysql_connection from_url(std::string_view what_follows) {
        return mysql_connection(detail::mysql_parameters_of(what_follows));
    }

    std::string table() const { return session_.options().table; }
    std::size_t connections() const { return session_.options().connections; }
    mysql_connection another() const { return mysql_connection(session_.options()); }

    // ---- For sql_store: see the concept sql_connection ----

    void set_deadline(deadline until) { session_.set_deadline(until); }
    void connect(std::chrono::milliseconds patience) { session_.connect(patience); }
    void execute(const std::string& sql) { sql == dialect.begin ? session_.begin(sql) : session_.execute(sql); }
    detail::mysql_statement prepare(const std::string& sql) { return session_.prepare(sql); }

    /// Locks a name among all processes and machines that use the same database.
    auto lock(const std::string& name, deadline until, deadline end = (deadline::max)()) {
        return locks_.lock(detail::mysql_session(session_.options()), name, until, end);
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
TOKENKEEP_INSTANTIATE(sql_store<mysql_connection>);

}} // namespace tokenkeep::v1

#endif
