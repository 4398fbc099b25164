// SPDX-License-Identifier: MIT
// A connection to a real database on which the statements of a test's choice go wrong.
#ifndef TOKENKEEP_TESTS_SQL_FAULTY_HPP
#define TOKENKEEP_TESTS_SQL_FAULTY_HPP

#include "sql/backends.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tests {

enum class harm {
    refused,     ///< The statement is not sent, and fails with a fault.
    killed,      ///< The session ends before the statement is sent.
    unheard,     ///< The statement takes place, and then the session ends, before the answer arrives.
    misreported, ///< The statement takes place, and is said to have failed.
};

struct harmed {
    harm how = harm::killed;
    tokenkeep::sql_fault fault = tokenkeep::sql_fault::connection_lost;
    std::function<void()> then{}; ///< What somebody does at that moment.
};

/// What a connection is to suffer, and what it was asked so far. Statements count from 1; connecting is one, and so is
/// the preparing of a statement.
struct ordeal {
    std::map<std::size_t, harmed> harms{};
    std::map<std::size_t, harmed> from_commit{}; ///< The same, counted from the first COMMIT, which is 0.
    std::size_t unreachable_from = SIZE_MAX;     ///< From this statement on no connection is made.
    bool unreachable_after_commit = false;
    std::vector<std::string> asked{};

    /// What this statement is to suffer.
    const harmed* next(const std::string& sql) {
        asked.push_back(sql);
        if (sql == "COMMIT" && !std::exchange(has_committed, true)) {
            for (const auto& [place, suffered] : from_commit) harms.emplace(asked.size() + place, suffered);
            if (unreachable_after_commit) unreachable_from = asked.size() + 1;
        }
        const auto found = harms.find(asked.size());
        return found == harms.end() ? nullptr : &found->second;
    }

    bool has_committed = false;
};

/// Ends a session at its server, and waits until it is gone.
template <class Backend>
void end_session(const std::string& session) {
    static visitor<Backend> administrator;
    administrator.execute(Backend::end(session));
    const auto is_gone = [&] {
        const std::vector<std::string> left = administrator.ask(Backend::other_sessions);
        return std::find(left.begin(), left.end(), session) == left.end();
    };
    if (!holds_within(std::chrono::seconds(5), is_gone)) throw std::logic_error("a session cannot be killed");
}

/// The connection beneath, which statements may outlive.
template <class Backend>
class wire {
  public:
    wire(std::string table, std::shared_ptr<ordeal> suffers) : table_(std::move(table)), suffers_(std::move(suffers)) {}

    const std::string& table() const noexcept { return table_; }

    typename Backend::connection_type& connection() {
        if (!connection_) throw lost();
        return *connection_;
    }

    void connect(std::chrono::milliseconds patience) {
        send("connect", [&] {
            if (suffers_->asked.size() >= suffers_->unreachable_from) throw lost();
            if (!connection_) connection_.emplace(Backend::connection(table_));
            connection_->connect(patience);
            if constexpr (is_remote) {
                auto asked = connection_->prepare(Backend::this_session);
                if (asked.step()) session_ = asked.column(0).value();
            }
        });
    }

    template <class Act>
    auto send(const std::string& sql, Act act) {
        const harmed* const next = suffers_->next(sql);
        if (next == nullptr) return act();
        const harmed suffered = *next;
        if (suffered.how == harm::refused && sql == "ROLLBACK") return act(); // a session that is there does that
        if (suffered.how == harm::refused && suffered.fault != tokenkeep::sql_fault::connection_lost)
            throw tokenkeep::sql_error(suffered.fault, "as a test wants it");
        if (suffered.how == harm::unheard || suffered.how == harm::misreported) act();
        if (suffered.how == harm::misreported) throw tokenkeep::sql_error(suffered.fault, "as a test wants it");
        end();
        if (suffered.then) suffered.then();
        if (suffered.how == harm::killed && connection_ && sql != "connect") {
            act(); // the driver has to notice
            throw std::logic_error("a session that was killed answers");
        }
        throw lost();
    }

  private:
    static constexpr bool is_remote = !std::is_same_v<Backend, sqlite_backend>;

    static tokenkeep::sql_error lost() { return {tokenkeep::sql_fault::connection_lost, "as a test wants it"}; }

    void end() {
        if constexpr (is_remote) {
            if (!session_.empty()) end_session<Backend>(std::exchange(session_, {}));
        } else if (connection_) {
            try {
                connection_->execute("ROLLBACK");
            } catch (const tokenkeep::sql_error&) { // there was no transaction
            }
            connection_.reset();
        }
    }

    std::string table_;
    std::shared_ptr<ordeal> suffers_;
    std::optional<typename Backend::connection_type> connection_{};
    std::string session_{};
};

template <class Backend>
class faulty_statement {
    using statement = decltype(std::declval<typename Backend::connection_type&>().prepare(""));

  public:
    faulty_statement(std::shared_ptr<wire<Backend>> over, std::string sql, statement real)
        : over_(std::move(over)), sql_(std::move(sql)), real_(std::move(real)) {}

    void bind(std::size_t parameter, std::optional<std::string_view> value) { real_.bind(parameter, value); }
    bool step() {
        if (std::exchange(is_running_, true)) return real_.step();
        return over_->send(sql_, [&] { return real_.step(); });
    }
    std::optional<std::string_view> column(std::size_t column) { return real_.column(column); }
    std::uint64_t changes() { return real_.changes(); }
    void reset() {
        is_running_ = false;
        real_.reset();
    }

  private:
    std::shared_ptr<wire<Backend>> over_;
    std::string sql_;
    statement real_;
    bool is_running_ = false;
};

template <class Backend>
class faulty_connection {
  public:
    static constexpr tokenkeep::sql_dialect dialect = Backend::connection_type::dialect;

    faulty_connection(std::string table, std::shared_ptr<ordeal> suffers)
        : over_(std::make_shared<wire<Backend>>(std::move(table), std::move(suffers))) {}

    std::string table() const { return over_->table(); }
    void connect(std::chrono::milliseconds patience) { over_->connect(patience); }
    void execute(const std::string& sql) {
        over_->send(sql, [&] { over_->connection().execute(sql); });
    }
    faulty_statement<Backend> prepare(const std::string& sql) {
        return over_->send("prepare " + sql,
                           [&] { return faulty_statement<Backend>(over_, sql, over_->connection().prepare(sql)); });
    }

  private:
    std::shared_ptr<wire<Backend>> over_;
};

} // namespace tests

#endif
