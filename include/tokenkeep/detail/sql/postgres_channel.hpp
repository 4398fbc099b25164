// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_POSTGRES_CHANNEL_HPP
#define TOKENKEEP_DETAIL_SQL_POSTGRES_CHANNEL_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/sockets.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libpq-fe.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

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
    using owner = std::unique_ptr<PGresult, clear>;

    postgres_result() = default;
    /// Throws an sql_error if the statement failed. Null means that there was no memory for a result.
    postgres_result(owner result, bool is_connected) : result_(std::move(result)) {
        if (is_success(result_)) return;
        const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
        throw postgres_failure(state == nullptr ? "" : state, is_connected);
    }

    static bool is_success(const owner& result) noexcept {
        const ExecStatusType status = PQresultStatus(result.get());
        return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
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
    owner result_{};
};

/// A connection of libpq. Its calls end by its deadline, except that libpq may wait for the name of a host.
class postgres_channel {
    struct finish {
        void operator()(PGconn* of) const noexcept { PQfinish(of); } // sends a last message, but does not wait for that
    };

  public:
    /// From now on, calls end by `until`. Without it, they wait for the server as long as the connection lives.
    void set_deadline(std::optional<deadline> until) noexcept { until_ = until; }
    const std::optional<deadline>& until() const noexcept { return until_; }

    /// Connects, with options as PQconnectdbParams takes them, by the deadline or else within `patience`. If an address
    /// of the server does not react within a third of that time, the next one is tried, and after the last one all of
    /// them once more.
    void connect(const char* const* names, const char* const* values, std::chrono::milliseconds patience) {
        const deadline begin = std::chrono::steady_clock::now(), end = until_.value_or(begin + patience);
        if (begin >= end) throw no_answer();
        if (!connects(names, values, end, (end - begin) / 3)) connects(names, values, end, (deadline::duration::max)());
        if (PQsetnonblocking(session_.get(), 1) != 0) throw postgres_failure("", false);
        PQsetNoticeReceiver(
            session_.get(), [](void*, const PGresult*) {}, nullptr);
    }

    /// Calls `send(PGconn*)`, which is one of libpq's functions PQsend..., and waits for the result. If the statement
    /// fails, throws an sql_error. If the deadline comes first, closes the connection and throws
    /// sql_fault::connection_lost.
    template <class Send>
    postgres_result ask(Send send) {
        PGconn* const session = session_.get();
        if (send(session) == 0) throw postgres_failure("", PQstatus(session) == CONNECTION_OK);
        bool is_alive = true;
        while (is_alive && PQflush(session) > 0) is_alive = receive(true); // the server may have to be read from first
        postgres_result::owner first;
        while (is_alive) {
            if (PQisBusy(session) != 0) {
                is_alive = receive(false);
                continue;
            }
            postgres_result::owner next(PQgetResult(session));
            if (!next) break;
            if (!first || postgres_result::is_success(first)) first = std::move(next); // an error is the result of all
        }
        const bool is_usable = is_alive && PQstatus(session) == CONNECTION_OK;
        if (!is_alive) session_.reset(); // the rest of the answer would be taken for that to another statement
        return {std::move(first), is_usable};
    }

  private:
    /// The error at the deadline. Closes the connection, because what the server still sends would be taken for the
    /// answer to another statement.
    sql_error no_answer() {
        session_.reset();
        return {sql_fault::connection_lost, "PostgreSQL without an answer in time"};
    }

    /// False if no address of the server has let the client in, and one of them did not react within `turn`.
    bool connects(const char* const* names, const char* const* values, deadline end, deadline::duration turn) {
        session_.reset(PQconnectStartParams(names, values, 1));
        auto next = PQstatus(session_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
        for (bool all_react = true; next != PGRES_POLLING_OK; next = PQconnectPoll(session_.get())) {
            if (next == PGRES_POLLING_FAILED && !all_react) return false;
            if (next == PGRES_POLLING_FAILED) throw connect_failure();
            const bool reacts = PQstatus(session_.get()) != CONNECTION_STARTED;
            const deadline now = std::chrono::steady_clock::now();
            const deadline turn_ends = reacts || turn >= end - now ? end : now + turn;
            const int socket = PQsocket(session_.get());
            if (wait_for_socket(socket, next == PGRES_POLLING_READING, next == PGRES_POLLING_WRITING, turn_ends))
                continue;
            if (reacts || std::chrono::steady_clock::now() >= end) throw no_answer();
            all_react = false;
            hang_up(socket); // libpq then goes on to the next address
        }
        return true;
    }

    /// Waits until the server has sent bytes, or also until bytes can be sent to it, and reads what is there. False if
    /// the connection has ended. On an encrypted connection libpq may hold bytes that it has not looked at, while the
    /// socket has none. So a wait is short at first, above all with TLS, and longer each time.
    bool receive(bool is_sending) {
        const int socket = PQsocket(session_.get());
        const deadline end = until_.value_or((deadline::max)());
        std::chrono::milliseconds pause(PQsslInUse(session_.get()) != 0 ? 1 : 16);
        for (;; pause = (std::min)(pause * 2, std::chrono::milliseconds(64))) {
            const deadline now = std::chrono::steady_clock::now();
            const bool is_ready = wait_for_socket(socket, true, is_sending, (std::min)(end, now + pause));
            if (PQconsumeInput(session_.get()) == 0) return false;
            if (PQisBusy(session_.get()) == 0) return true;
            if (std::chrono::steady_clock::now() >= end) throw no_answer();
            if (is_ready) return true;
        }
    }

    /// libpq has no SQLSTATE for a connection that was not made. If the server asked for a password, the password is
    /// taken to be wrong.
    sql_error connect_failure() const {
        const bool refused =
            PQconnectionNeedsPassword(session_.get()) != 0 || PQconnectionUsedPassword(session_.get()) != 0;
        return refused ? postgres_failure("28P01", true) : postgres_failure("", false);
    }

    std::unique_ptr<PGconn, finish> session_{};
    std::optional<deadline> until_{};
};

/// A prepared statement; see sql_connection. Parameters and results travel in the binary format, as the bytes they are.
class postgres_statement {
  public:
    postgres_statement(postgres_channel& over, std::string name) : over_(&over), name_(std::move(name)) {}

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
            result_ = over_->ask([this](PGconn* session) {
                return PQsendQueryPrepared(session, name_.c_str(), static_cast<int>(values_.size()), values_.data(),
                                           lengths_.data(), formats_.data(), 1);
            });
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
    postgres_channel* over_;
    std::string name_;
    std::vector<const char*> values_{};
    std::vector<int> lengths_{}, formats_{};
    postgres_result result_{};
    int row_ = -1;
};

}}} // namespace tokenkeep::v1::detail

#endif
