// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_POSTGRES_HPP
#define TOKENKEEP_POSTGRES_HPP

// Beside the umbrella: it needs libpq's header, and the program its library (-lpq).

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

namespace tokenkeep { inline namespace v0 {

namespace detail {

/// `state` is the SQLSTATE, empty if the server said nothing.
inline sql_error postgres_failure(std::string_view state, bool is_connected) {
    const auto fault = [&] {
        if (!is_connected || state.starts_with("08") || state.starts_with("57P")) return sql_fault::connection_lost;
        if (state == "40001" || state == "40P01" || state == "55P03" || state == "57014") return sql_fault::conflict;
        if (state == "23505" || state == "42P07" || state == "42710") return sql_fault::already_exists;
        if (state.starts_with("22") || state == "54000" || state == "23502") return sql_fault::bad_value;
        if (state == "25P02") return sql_fault::bad_value; // a look-up of such a value has failed in this transaction
        if (state == "42501" || state.starts_with("28") || state == "25006") return sql_fault::denied;
        if (state == "XX001" || state == "XX002") return sql_fault::corrupt;
        return sql_fault::other;
    };
    return {fault(), "PostgreSQL " + (state.empty() ? "without SQLSTATE" : "SQLSTATE " + std::string(state))};
}

/// What the server answered.
class postgres_result {
    struct clear {
        void operator()(PGresult* of) const noexcept { PQclear(of); }
    };

  public:
    postgres_result() = default;
    /// Throws if it is a failure.
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

/// A prepared statement; see sql_connection. Everything goes over the wire as the bytes it is (the binary format).
class postgres_statement {
  public:
    postgres_statement(PGconn* session, std::string name) : session_(session), name_(std::move(name)) {}

    void bind(std::size_t parameter, std::optional<std::string_view> value) {
        if (values_.size() <= parameter) {
            values_.resize(parameter + 1);
            lengths_.resize(parameter + 1);
            formats_.resize(parameter + 1, 1);
        }
        if (value && value->size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
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
        // The last word is the user's. A connection of which nothing is heard any more ends.
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
        // The server finds out as soon that this machine has vanished, and drops its locks and transactions.
        for (const char* setting :
             {"SET tcp_keepalives_idle = 15", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3"})
            execute(setting);
    }

    /// A session that will only hold a lock, and meanwhile says nothing, for as long as it takes.
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

    /// Whether the lock was obtained; the server waits for it.
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
                execute("SELECT pg_advisory_unlock_all()"); // it may have come as the wait ended
                if (std::chrono::steady_clock::now() >= until) return false;
            }
        }
    }
    void unlock(const std::string& name) { ask("SELECT pg_advisory_unlock($1::text::bigint)", server_number(name)); }

  private:
    /// libpq knows no SQLSTATE of a connection that was not made: a refused password is told by asking whether one was
    /// wanted.
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

    /// Advisory locks are numbers: 64 bits of the name's hash. Names share one by rare chance, which only makes one wait
    /// for the other.
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

/// A connection to a PostgreSQL server (from 10):
///   sql_store store{postgres_connection{"host=db.example dbname=app user=app sslmode=verify-full"}};
/// It takes a connection string, or URI, of libpq; the password may come from ~/.pgpass as well.
///
/// A change is on the server's disk when it returns (synchronous_commit is on). Columns are bytea, as text would not take
/// every byte; convert_from(user_name, 'UTF8') shows them.
///
/// A server that was given a password and then makes no connection is errc::permissions, whatever its reason: libpq does
/// not tell it.
///
/// Identities are locked by pg_advisory_lock, each on a session of its own; the server drops the lock when the session's
/// connection ends, and notices within half a minute that a machine has vanished. A pooler that spreads one connection
/// over several sessions will not do.
class postgres_connection {
  public:
    static constexpr sql_dialect dialect{.bytes = "BYTEA",
                                         .key_bytes = "BYTEA",
                                         .if_missing = " IF NOT EXISTS",
                                         .index_method = " USING hash",
                                         .for_update = " FOR UPDATE",
                                         .numbered = true};

    /// The table's name is the policy's unless it is given.
    explicit postgres_connection(secret options, std::string table = {})
        : session_(std::move(options)), table_(std::move(table)) {}

    std::string table() const { return table_; }

    void connect(std::chrono::milliseconds patience) { session_.connect(patience); }
    void execute(const std::string& sql) { session_.execute(sql); }
    detail::postgres_statement prepare(const std::string& sql) { return session_.prepare(sql); }

    /// Across every process and machine that uses the same database.
    auto lock(const std::string& name, deadline until) {
        return locks_.lock(detail::postgres_session(session_.options()), name, until);
    }

  private:
    detail::postgres_session session_;
    std::string table_;
    detail::lock_connections<detail::postgres_session> locks_{};
};

/// A store in a PostgreSQL database: postgres_store store{"host=... dbname=..."}.
template <class Policy = defaults>
using basic_postgres_store = sql_store<postgres_connection, Policy>;
using postgres_store = basic_postgres_store<>;

}} // namespace tokenkeep::v0

#endif
