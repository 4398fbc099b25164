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
#include <tokenkeep/detail/sql/lock_connections.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libpq-fe.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// `state` is the SQLSTATE; it is empty if the server did not answer.
inline sql_error postgres_failure(std::string_view state, bool is_connected) {
    const auto fault = [&] {
        if (!is_connected || state.starts_with("08") || state.starts_with("57P")) return sql_fault::connection_lost;
        if (state == "40001" || state == "40P01" || state == "55P03" || state == "57014") return sql_fault::conflict;
        if (state == "23505" || state == "42P07" || state == "42710") return sql_fault::already_exists;
        if (state.starts_with("22") || state == "54000" || state == "23502") return sql_fault::bad_value;
        if (state == "25P02")
            return sql_fault::bad_value; // a look-up with such a value failed earlier in this transaction
        if (state == "42501" || state.starts_with("28") || state == "25006") return sql_fault::denied;
        if (state == "XX001" || state == "XX002") return sql_fault::corrupt;
        return sql_fault::other;
    };
    return {fault(), "PostgreSQL " + (state.empty() ? "without SQLSTATE" : "SQLSTATE " + std::string(state))};
}

/// The result of a statement.
class postgres_result {
    struct clear {
        void operator()(PGresult* of) const noexcept { PQclear(of); }
    };

  public:
    postgres_result() = default;
    /// Throws an sql_error if the statement failed.
    postgres_result(PGresult* result, PGconn* session) : result_(result) {
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return;
        const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        throw postgres_failure(state == nullptr ? "" : state, PQstatus(session) == CONNECTION_OK);
    }

    explicit operator bool() const noexcept { return result_ != nullptr; }
    int rows() const noexcept { return PQntuples(result_.get()); }

    std::optional<std::string_view> cell(int row, int column) const noexcept {
        if (PQgetisnull(result_.get(), row, column) != 0) return std::nullopt;
        return std::string_view(PQgetvalue(result_.get(), row, column),
                                static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
    }

    std::uint64_t changes() const noexcept {
        const std::string_view digits = PQcmdTuples(result_.get());
        std::uint64_t count = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), count);
        return count;
    }

  private:
    std::unique_ptr<PGresult, clear> result_{};
};

/// A prepared statement; see sql_connection. Parameters and results travel in the binary format, as the bytes they are.
class postgres_statement {
  public:
    postgres_statement(PGconn* session, std::string name) : session_(session), name_(std::move(name)) {}

    void bind(std::size_t parameter, std::optional<std::string_view> value) {
        if (values_.size() <= parameter) {
            values_.resize(parameter + 1);
            lengths_.resize(parameter + 1);
            formats_.resize(parameter + 1, 1);
        }
        if (value && value->size() > static_cast<std::size_t>((std::numeric_limits<int>::max)()))
            throw sql_error(sql_fault::bad_value, "more than 2 GiB");
        values_[parameter] = !value ? nullptr : value->empty() ? "" : value->data();
        lengths_[parameter] = value ? static_cast<int>(value->size()) : 0;
    }

    bool step() {
        if (!result_) {
            result_ = postgres_result(PQexecPrepared(session_, name_.c_str(), static_cast<int>(values_.size()),
                                                     values_.data(), lengths_.data(), formats_.data(), 1),
                                      session_);
            row_ = -1;
        }
        return ++row_ < result_.rows();
    }

    std::optional<std::string_view> column(std::size_t column) const {
        return result_.cell(row_, static_cast<int>(column));
    }
    std::uint64_t changes() const { return result_.changes(); }
    void reset() noexcept { result_ = postgres_result(); }

  private:
    PGconn* session_;
    std::string name_;
    std::vector<const char*> values_{};
    std::vector<int> lengths_{}, formats_{};
    postgres_result result_{};
    int row_ = -1;
};

/// One session on the server.
class postgres_session {
    struct finish {
        void operator()(PGconn* of) const noexcept { PQfinish(of); }
    };

  public:
    explicit postgres_session(secret options) : options_(std::move(options)) {}

    const secret& options() const noexcept { return options_; }

    void connect(std::chrono::milliseconds patience) {
        const auto limit =
            std::clamp<std::chrono::milliseconds>(patience, std::chrono::seconds(1), std::chrono::hours(1));
        const wiping_string options(options_.reveal());
        const std::string seconds = std::to_string(std::chrono::ceil<std::chrono::seconds>(limit).count());
        const std::string unanswered = std::to_string(limit.count() + 15'000);
        // The user's options come last and override these. Keepalives end a connection whose server is gone.
        const char* const names[] = {"connect_timeout",
                                     "keepalives_idle",
                                     "keepalives_interval",
                                     "keepalives_count",
                                     "tcp_user_timeout",
                                     "fallback_application_name",
                                     "dbname",
                                     nullptr};
        const char* const values[] = {seconds.c_str(), "15",   "5", "3", unanswered.c_str(), "tokenkeep",
                                      options.c_str(), nullptr};
        session_.reset(PQconnectdbParams(names, values, 1));
        if (PQstatus(session_.get()) != CONNECTION_OK) throw connect_failure();
        PQsetNoticeReceiver(
            session_.get(), [](void*, const PGresult*) {}, nullptr);
        if (PQsetClientEncoding(session_.get(), "UTF8") != 0) {
            if (PQstatus(session_.get()) != CONNECTION_OK) throw postgres_failure("", false);
            throw sql_error(sql_fault::other, "no UTF8 on the server");
        }
        const std::string wait = std::to_string(limit.count());
        execute("SET lock_timeout = " + wait);
        execute("SET synchronous_commit = on");
        execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED");
        // The server must find out as soon that this machine is gone: it then drops its locks and transactions.
        for (const char* setting :
             {"SET tcp_keepalives_idle = 15", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3"})
            execute(setting);
    }

    /// Connects for a session that only holds a lock. The server must not end it because it is idle.
    void connect_for_lock(std::chrono::milliseconds patience) {
        connect(patience);
        execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', "
                "'statement_timeout')"); // as far as this server has them
    }

    void execute(const std::string& sql) {
        const postgres_result done(PQexec(session_.get(), sql.c_str()), session_.get());
    }

    postgres_statement prepare(const std::string& sql) {
        std::string name = "tokenkeep_" + std::to_string(++prepared_);
        const postgres_result done(PQprepare(session_.get(), name.c_str(), sql.c_str(), 0, nullptr), session_.get());
        return {session_.get(), std::move(name)};
    }

    /// Whether the lock was obtained before the deadline. The server waits for it.
    bool try_lock(const std::string& name, deadline until) {
        using namespace std::chrono_literals;
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            const auto wait = std::clamp<std::chrono::milliseconds>(left, 1ms, 5'000ms);
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
    void unlock(const std::string& name) { ask("SELECT pg_advisory_unlock($1::text::bigint)", server_number(name)); }

  private:
    /// libpq has no SQLSTATE for a connection that was not made. If the server asked for a password, the password is
    /// taken to be wrong.
    sql_error connect_failure() const {
        const bool refused =
            PQconnectionNeedsPassword(session_.get()) != 0 || PQconnectionUsedPassword(session_.get()) != 0;
        return refused ? postgres_failure("28P01", true) : postgres_failure("", false);
    }

    void ask(const std::string& sql, const std::string& value) {
        const char* const values[] = {value.data()};
        const int lengths[] = {static_cast<int>(value.size())}, formats[] = {1};
        const postgres_result done(PQexecParams(session_.get(), sql.c_str(), 1, nullptr, values, lengths, formats, 1),
                                   session_.get());
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
    std::unique_ptr<PGconn, finish> session_{};
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
///
/// Not promised:
///   - An id has at most about 2,700 bytes: the size of an index entry.
///   - A pooler (such as PgBouncer, unless it pools by session) that spreads one connection over several sessions
///     breaks the locks.
///
/// Errors: see the table at sql_store. If the server asked for a password and the connection then fails, the error is
/// errc::permissions, whatever the reason was: libpq does not tell.
class postgres_connection {
  public:
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

    /// `options` is a connection string or URI of libpq. If `table` is empty, the policy names the table. Connects at
    /// the store's first call.
    ///   sql_store store{postgres_connection{"postgresql://app@db.example/app?sslmode=verify-full", "app_tokens"}};
    explicit postgres_connection(secret options, std::string table = {})
        : session_(std::move(options)), table_(std::move(table)) {}

    std::string table() const { return table_; }

    // ---- For sql_store: see the concept sql_connection ----

    void connect(std::chrono::milliseconds patience) { session_.connect(patience); }
    void execute(const std::string& sql) { session_.execute(sql); }
    detail::postgres_statement prepare(const std::string& sql) { return session_.prepare(sql); }

    /// Locks a name among all processes and machines that use the same database.
    auto lock(const std::string& name, deadline until) {
        return locks_.lock(detail::postgres_session(session_.options()), name, until);
    }

  private:
    detail::postgres_session session_;
    std::string table_;
    detail::lock_connections<detail::postgres_session> locks_{};
};

/// A store in a PostgreSQL database, with a policy of yours:
///   basic_postgres_store<ours> store{"host=db.example dbname=app user=app sslmode=verify-full"};
template <class Policy = defaults>
using basic_postgres_store = sql_store<postgres_connection, Policy>;
/// A store in a PostgreSQL database:
///   postgres_store store{"host=db.example dbname=app user=app sslmode=verify-full"};
using postgres_store = basic_postgres_store<>;

}} // namespace tokenkeep::v1

#endif
