// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_MYSQL_STATEMENT_HPP
#define TOKENKEEP_DETAIL_SQL_MYSQL_STATEMENT_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/os/sockets.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mysql.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

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

/// While it lives, calls of MariaDB's client library on this thread end by a deadline. The library asks `wait` to wait
/// for the server. It passes no value of the caller's, so the deadline belongs to the thread.
///
/// Decision: not the library's non-blocking functions. If one of them is given up, what it has allocated is lost, and
/// its connection is in no known state. With `wait`, a call whose time is over ends as if the connection had broken.
class mysql_call {
  public:
    explicit mysql_call(deadline end) noexcept : end_before_(std::exchange(end_, end)) {}
    mysql_call(const mysql_call&) = delete;
    mysql_call& operator=(const mysql_call&) = delete;
    ~mysql_call() { end_ = end_before_; }

    /// Makes the library ask `wait` for this session, before it connects. False if the library cannot do that.
    static bool attend(MYSQL* session) noexcept {
#if defined(MARIADB_PACKAGE_VERSION_ID) && MARIADB_PACKAGE_VERSION_ID >= 30100
        return ::mysql_options(session, MARIADB_OPT_IO_WAIT, reinterpret_cast<const void*>(&wait)) == 0;
#else
        return static_cast<void>(session), false;
#endif
    }
    /// After it has connected: the library must not wait inside OpenSSL.
    static void attend_encryption(MYSQL* session) noexcept {
#if defined(MARIADB_PACKAGE_VERSION_ID) && MARIADB_PACKAGE_VERSION_ID >= 30100
        if (mysql_get_ssl_cipher(session) != nullptr) make_nonblocking(mysql_get_socket(session));
#else
        static_cast<void>(session);
#endif
    }

  private:
    /// Waits until the socket can be read, or else written. 0 means that it cannot. The library gives encrypted
    /// connections only a few milliseconds at a time. It then waits for reading even if it has something to write, so
    /// it is told to try again.
    static int wait(int socket, char is_reading, int milliseconds) noexcept {
        const deadline now = std::chrono::steady_clock::now();
        const deadline pause_ends = milliseconds > 0 ? now + std::chrono::milliseconds(milliseconds) : end_;
        const bool reads = is_reading != 0;
        if (now < end_ && wait_for_socket(socket, reads, !reads, (std::min)(end_, pause_ends))) return 1;
        if (reads && std::chrono::steady_clock::now() < end_) return 1;
        errno = ETIMEDOUT;
        return 0;
    }

    static inline constinit thread_local deadline end_ = (deadline::max)();
    deadline end_before_;
};

/// What a session and its statements have in common.
struct mysql_limits {
    std::optional<deadline> until{};                              ///< When calls end, if the store has said so.
    std::chrono::milliseconds patience = std::chrono::minutes(1); ///< How long a call takes at most, if not.
    std::uint64_t longest_packet = (std::numeric_limits<std::uint64_t>::max)(); ///< Of those that the server takes.

    mysql_call call() const { return mysql_call(until.value_or(std::chrono::steady_clock::now() + patience)); }
};

/// Closing sends a last message. It does not wait for an answer, only for the place to send it.
inline mysql_call mysql_last_call() { return mysql_call(std::chrono::steady_clock::now() + std::chrono::seconds(1)); }

/// A prepared statement; see sql_connection.
class mysql_statement {
    using flag = std::remove_pointer_t<decltype(MYSQL_BIND::is_null)>; // my_bool, or bool in newer ones
    struct close {
        void operator()(MYSQL_STMT* of) const noexcept {
            const mysql_call last = mysql_last_call();
            mysql_stmt_close(of);
        }
    };
    /// A cell of the current row. column() fetches its bytes.
    struct cell {
        unsigned long length = 0;
        flag is_null = 0;
        wiping_string bytes{};
    };

  public:
    mysql_statement(MYSQL_STMT* prepared, const mysql_limits& limits)
        : prepared_(prepared),
          limits_(&limits),
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
        if (std::exchange(is_running_, false)) {
            const mysql_call last = mysql_last_call();
            mysql_stmt_free_result(prepared_.get());
        }
        for (cell& each : cells_) wipe_text(each.bytes);
    }

  private:
    sql_error failure() const { return mysql_failure(mysql_stmt_errno(prepared_.get())); }

    /// The server closes the connection at a packet that is too long, and its reason may get lost. So such a packet is
    /// not sent. It has the lengths, types and marks of the values besides the values.
    void require_fitting() const {
        std::uint64_t packet = 64;
        for (const MYSQL_BIND& value : parameters_) packet += value.buffer_length + 16;
        if (packet > limits_->longest_packet) throw mysql_failure(1153);
    }

    void run() {
        require_fitting();
        const mysql_call call = limits_->call();
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
    const mysql_limits* limits_;
    std::vector<MYSQL_BIND> parameters_;
    std::vector<cell> cells_;
    bool is_running_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
