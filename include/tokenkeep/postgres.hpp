// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_POSTGRES_HPP
#define TOKENKEEP_POSTGRES_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens in a PostgreSQL database:
//   #include <tokenkeep/postgres.hpp>
//   tokenkeep::postgres_store store{"host=db.example dbname=app user=app sslmode=verify-full"};
//   g++ -std=c++20 -I include -I $(pg_config --includedir) main.cpp -lpq          (Debian: libpq-dev)
// tokenkeep.hpp does not include this header, because it needs libpq-fe.h.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/detail/sql/lock_connections.hpp>
#include <tokenkeep/detail/sql/postgres_channel.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <libpq-fe.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// One session on the server.
class postgres_session {
  public:
    explicit postgres_session(secret options) : options_(std::move(options)) {}

    const secret& options() const noexcept { return options_; }
    void set_deadline(deadline until) noexcept { channel_->set_deadline(until); }

    void connect(std::chrono::milliseconds patience) {
        patience_ = std::clamp<std::chrono::milliseconds>(patience, std::chrono::seconds(1), std::chrono::hours(1));
        open(*channel_);
        refuse_pooled_transactions();
        try {
            execute("SET client_encoding = 'UTF8'");
        } catch (const sql_error& failure) {
            if (failure.fault() == sql_fault::connection_lost) throw;
            throw sql_error(sql_fault::other, "no UTF8 on the server");
        }
        // The server must find out as soon that this machine is gone: it then drops its locks and transactions.
        execute("SET lock_timeout = " + std::to_string(patience_.count()) +
                "; SET synchronous_commit = on; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL "
                "READ COMMITTED; SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; "
                "SET tcp_keepalives_count = 3");
    }

    /// Connects by `end` for a session that only holds a lock. The server must not end it because it is idle.
    void connect_for_lock(deadline end) {
        set_deadline(end);
        connect(std::chrono::seconds(10));
        execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', "
                "'statement_timeout')"); // as far as this server has them
    }

    void execute(const std::string& sql) {
        channel_->ask([&](PGconn* session) { return PQsendQuery(session, sql.c_str()); });
    }

    /// Begins a transaction. Its statements give up waiting for others a little before the deadline, so that the server
    /// can still say so.
    void begin(const std::string& sql) {
        using namespace std::chrono_literals;
        std::chrono::milliseconds wait = patience_;
        if (const std::optional<deadline>& until = channel_->until()) {
            const auto left = std::chrono::floor<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now());
            wait = (std::max)(1ms, left - std::clamp<std::chrono::milliseconds>(left / 16, 10ms, 100ms));
        }
        execute(wait < patience_ ? sql + "; SET LOCAL lock_timeout = " + std::to_string(wait.count()) : sql);
    }

    postgres_statement prepare(const std::string& sql) {
        std::string name = "tokenkeep_" + std::to_string(++prepared_);
        channel_->ask([&](PGconn* session) { return PQsendPrepare(session, name.c_str(), sql.c_str(), 0, nullptr); });
        return {*channel_, std::move(name)};
    }

    /// Whether the lock was obtained before `until`. The server waits for it. If the server takes ten seconds more, or
    /// `end` comes, the connection is closed.
    bool try_lock(const std::string& name, deadline until, deadline end) {
        using namespace std::chrono_literals;
        for (;;) {
            const deadline now = std::chrono::steady_clock::now();
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
            const auto wait = std::clamp<std::chrono::milliseconds>(left, 1ms, 5'000ms);
            set_deadline((std::min)(end, now + wait + 10s));
            try {
                ask("SELECT set_config('lock_timeout', $1, false)", std::to_string(wait.count()));
                ask("SELECT pg_advisory_lock($1::text::bigint)", server_number(name));
                return true;
            } catch (const sql_error& failure) {
                if (failure.fault() != sql_fault::conflict) throw;
                execute("SELECT pg_advisory_unlock_all()"); // the lock may have come just when the wait ended
                if (std::chrono::steady_clock::now() >= until) return false;
            }
        }
    }
    void unlock(const std::string& name, deadline end) {
        set_deadline(end);
        ask("SELECT pg_advisory_unlock($1::text::bigint)", server_number(name));
    }

  private:
    void open(postgres_channel& channel) const {
        const wiping_string options(options_.reveal());
        const std::string unanswered = std::to_string(patience_.count() + 15'000);
        // The user's options come last and override these. Keepalives end a connection whose server is gone.
        const char* const names[] = {"keepalives_idle",
                                     "keepalives_interval",
                                     "keepalives_count",
                                     "tcp_user_timeout",
                                     "fallback_application_name",
                                     "dbname",
                                     nullptr};
        const char* const values[] = {"15", "5", "3", unanswered.c_str(), "tokenkeep", options.c_str(), nullptr};
        channel.connect(names, values, patience_);
    }

    /// A pooler such as PgBouncer can give each transaction of a connection another session of the server. Locks and
    /// settings belong to a session, so they would not hold: throws errc::request_rejected. The number of the server's
    /// process shows whether there is a pooler, because a pooler tells another one. If a second connection then gets
    /// the same session, or this one gets another, sessions do not stay with their connections.
    void refuse_pooled_transactions() {
        using namespace std::chrono_literals;
        int told = 0;
        const auto session_of = [&](postgres_channel& channel) {
            const postgres_result answer = channel.ask([&](PGconn* session) {
                told = PQbackendPID(session);
                return PQsendQuery(session, "SELECT pg_backend_pid() || ' ' || pg_postmaster_start_time()");
            });
            return std::string(answer.cell(0, 0).value_or(std::string_view()));
        };
        const std::string own = session_of(*channel_);
        if (own.starts_with(std::to_string(told) + " ")) return;
        postgres_channel second;
        const deadline now = std::chrono::steady_clock::now();
        second.set_deadline(now + (std::min<deadline::duration>)(2s, (channel_->until().value_or(now + 4s) - now) / 2));
        try {
            open(second);
            for (int times = 0; times < 3; ++times)
                if (session_of(second) == own || session_of(*channel_) != own) throw pooled_transactions();
        } catch (const sql_error&) { // the pooler has no session for the second connection, or not in time
            if (session_of(*channel_) != own) throw pooled_transactions();
        }
    }
    static error pooled_transactions() {
        return error(
            errc::request_rejected,
            "tokenkeep: a pooler (PgBouncer?) gives each transaction another session of the PostgreSQL server, "
            "so that locks do not hold; let it pool by session (pool_mode = session), or connect to the server "
            "itself");
    }

    void ask(const std::string& sql, const std::string& value) {
        const char* const values[] = {value.data()};
        const int lengths[] = {static_cast<int>(value.size())}, formats[] = {1};
        channel_->ask([&](PGconn* session) {
            return PQsendQueryParams(session, sql.c_str(), 1, nullptr, values, lengths, formats, 1);
        });
    }

    /// The names of advisory locks are numbers: 64 bits of a hash. If two names have the same number, which is rare,
    /// one waits for the other.
    static std::string server_number(const std::string& name) {
        const auto digest = text::sha256("tokenkeep " + name);
        std::int64_t number = 0;
        std::memcpy(&number, digest.data(), sizeof number);
        return std::to_string(number);
    }

    secret options_;
    std::unique_ptr<postgres_channel> channel_ = std::make_unique<postgres_channel>(); ///< Statements point to it.
    std::chrono::milliseconds patience_{};
    unsigned prepared_ = 0;
};

} // namespace detail

/// A connection to a PostgreSQL server (10 or newer):
///   postgres_store store{"host=db.example dbname=app user=app sslmode=verify-full"};
/// The password is in the connection string, or in ~/.pgpass.
///
/// Promised, besides what sql_store promises:
///   - A save is on the server's disk when it returns (synchronous_commit = on).
///   - Columns are bytea, which takes every byte. To read one in psql: SELECT convert_from(user_name, 'UTF8').
///   - Identities are locked by pg_advisory_lock, each in a session of its own. The server releases the lock when the
///     connection of that session ends. If a machine disappears without closing its connections, the server finds out
///     within half a minute.
///   - A call of `until` ends by its deadline, whatever the server does. Its connection is then closed, and the next
///     call makes a new one. If the server has several addresses, each gets a third of the time to react.
///
/// Not promised:
///   - While the client library looks up the name of a host, a call may take longer. An address needs no look-up.
///   - If the connection string has several hosts, and one of them accepts a connection but does not answer, the calls
///     do not go on to the next host.
///   - An id has at most about 2,700 bytes: the size of an index entry.
///   - A pooler (such as PgBouncer, unless it pools by session) that spreads one connection over several sessions
///     breaks the locks. If the connection finds that out when it connects, it throws errc::request_rejected.
///
/// Errors: see the table at sql_store. If the server asked for a password and the connection then fails, the error is
/// errc::permissions, whatever the reason was: libpq does not tell.
class postgres_connection {
  public:
    static constexpr std::string_view scheme = "postgres"; ///< See open_store.
    static constexpr sql_dialect dialect{.bytes = "BYTEA",
                                         .key_bytes = "BYTEA",
                                         .if_missing = " IF NOT EXISTS",
                                         .index_method = " USING hash",
                                         .for_update = " FOR UPDATE",
                                         .other_spelling =
                                             "SELECT indexname FROM pg_indexes WHERE schemaname = ANY "
                                             "(current_schemas(false)) AND lower(tablename::text) = $1::text AND "
                                             "tablename::text <> $2::text AND indexname LIKE '%-%'",
                                         .numbered = true};

    /// `options` is a connection string or URI of libpq. If `table` is empty, the policy names the table. The
    /// store uses up to so many connections, so that its threads need not wait for each other. It connects at its first
    /// call.
    ///   sql_store store{postgres_connection{"postgresql://app@db.example/app?sslmode=verify-full", "app_tokens"}};
    explicit postgres_connection(secret options, std::string table = {}, std::size_t connections = 1)
        : session_(std::move(options)), table_(std::move(table)), connections_(connections) {}

    /// For open_store: `//user@host:port/database` and options, as in a URI of libpq. The password belongs in
    /// ~/.pgpass, or in a file of that form. Throws errc::request_rejected if the two slashes are missing.
    ///   any_store store = open_store<postgres_store>("postgres://app@db.example/app?passfile=/etc/app/pgpass");
    static postgres_connection from_url(std::string_view what_follows) {
        if (!what_follows.starts_with("//"))
            throw error(errc::request_rejected,
                        "tokenkeep: the URL of the store must be postgres://user@host:port/database");
        return postgres_connection(std::string("postgres:").append(what_follows));
    }

    std::string table() const { return table_; }
    std::size_t connections() const { return connections_; }
    postgres_connection another() const { return postgres_connection(session_.options(), table_, connections_); }

    // ---- For sql_store: see the concept sql_connection ----

    void set_deadline(deadline until) { session_.set_deadline(until); }
    void connect(std::chrono::milliseconds patience) { session_.connect(patience); }
    void execute(const std::string& sql) { sql == dialect.begin ? session_.begin(sql) : session_.execute(sql); }
    detail::postgres_statement prepare(const std::string& sql) { return session_.prepare(sql); }

    /// Locks a name among all processes and machines that use the same database.
    auto lock(const std::string& name, deadline until, deadline end = (deadline::max)()) {
        return locks_.lock(detail::postgres_session(session_.options()), name, until, end);
    }

  private:
    detail::postgres_session session_;
    std::string table_;
    std::size_t connections_;
    detail::lock_connections<detail::postgres_session> locks_{};
};

/// A store in a PostgreSQL database, with a policy of yours:
///   basic_postgres_store<ours> store{"host=db.example dbname=app user=app sslmode=verify-full"};
template <class Policy = defaults>
using basic_postgres_store = sql_store<postgres_connection, Policy>;
/// A store in a PostgreSQL database:
///   postgres_store store{"host=db.example dbname=app user=app sslmode=verify-full"};
using postgres_store = basic_postgres_store<>;
TOKENKEEP_INSTANTIATE(sql_store<postgres_connection>);

}} // namespace tokenkeep::v1

#endif
