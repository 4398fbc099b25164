// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP
#define TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP

#include <tokenkeep/detail/sql_cells.hpp>
#include <tokenkeep/detail/sql_session.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace tokenkeep::inline v0::detail {

/// What a change did to a row, so that it can be told afterwards whether it took place.
struct sql_change {
    bool made = false; ///< False: nothing is to be changed, and the transaction ends without effect.
    std::string id{};  ///< Empty: of all rows, and the change may be made twice.
    std::optional<token> before{}, after{};
};

/// Reads and changes over a session: connects when there is need, and knows after each failure what it means for the
/// rows. Not thread-safe; the store locks.
template <class Session, class Policy>
class sql_transactions {
    using schema = typename schema_of<Policy>::type;

  public:
    explicit sql_transactions(Session& session) : session_(session) {}

    /// What `look()` gives. If the connection is lost it is made anew and `look` is called once more.
    template <class Look>
    auto read(Look look) {
        for (bool again = false;; again = true) {
            try {
                session_.require_connection();
                return look();
            } catch (const sql_error& failure) {
                if (failure.fault() == sql_fault::lost) session_.disconnect();
                if (failure.fault() != sql_fault::lost || again) throw;
            }
        }
    }

    /// Makes the change that `work()` describes and does, in one transaction that no other writer of the table comes
    /// between: all of it or nothing. Whether it was made. Throws errc::indeterminate if the connection was lost when the
    /// transaction was being committed and the row does not tell either; for anything else nothing has changed.
    template <class Work>
    bool write(Work work) {
        const auto deadline = std::chrono::steady_clock::now() + store_lock_timeout_of<Policy>();
        bool was_lost = false, is_in_doubt = false; // whether an earlier attempt may have taken place
        int existed = 0; // what another program put in between is seen the next time, so that a few will do
        // Whether to try again after a failure that left everything as it was.
        const auto may_repeat = [&](const sql_error& failure) {
            if (failure.fault() == sql_fault::lost) return !std::exchange(was_lost, true);
            if (failure.fault() == sql_fault::exists) return ++existed < 4;
            return failure.fault() == sql_fault::conflict && std::chrono::steady_clock::now() < deadline;
        };
        for (;;) {
            sql_change change;
            try {
                session_.require_connection();
                session_.begin();
                change = work();
            } catch (const sql_error& failure) {
                session_.abandon(failure);
                if (may_repeat(failure)) continue;
                if (is_in_doubt) throw failure.with(errc::indeterminate);
                if (failure.code() == errc::storage_failure) throw failure.with(errc::not_saved);
                throw;
            } catch (...) {
                session_.abandon();
                if (is_in_doubt)
                    std::throw_with_nested(error(errc::indeterminate, "tokenkeep: the rows may or may not be gone"));
                throw;
            }
            if (!change.made) return session_.abandon(), false;
            try {
                session_.commit();
                return true;
            } catch (const sql_error& failure) {
                session_.abandon(failure);
                if (failure.fault() == sql_fault::conflict && may_repeat(failure)) continue;
                const std::optional<bool> took_place = find_out(change, failure);
                if (took_place == true) return true;
                is_in_doubt = is_in_doubt || !took_place;
                if ((took_place == false || change.id.empty()) && may_repeat(failure)) continue;
                throw failure.with(is_in_doubt ? errc::indeterminate : errc::not_saved);
            } catch (...) {
                session_.abandon();
                throw;
            }
        }
    }

  private:
    /// Whether a change took place whose commit gave no answer; nullopt if the row is neither as it was nor as it was to
    /// be. The transaction in which it is read waits for the end of that one, should it still be under way.
    std::optional<bool> find_out(const sql_change& change, const sql_error& failure) {
        if (change.id.empty()) return failure.fault() == sql_fault::lost ? std::nullopt : std::optional(false);
        try {
            session_.disconnect();
            session_.require_connection();
            session_.begin();
            const std::optional<token> now = session_.find_by_id(change.id);
            session_.abandon();
            if (is_same_sql_row<schema>(now, change.after)) return true;
            if (is_same_sql_row<schema>(now, change.before)) return false;
            return std::nullopt;
        } catch (const std::exception&) {
            session_.abandon();
            std::throw_with_nested(failure.with(errc::indeterminate));
        }
    }

    Session& session_;
};

} // namespace tokenkeep::inline v0::detail

#endif
