// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP
#define TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// What a change did to a row, so that it can be told afterwards whether it took place.
struct sql_change {
    bool made = false; ///< False: nothing is to be changed, and the transaction ends without effect.
    std::string id{};  ///< Empty: of all rows, and the change may be made twice.
    std::optional<token> before{}, after{};
};

/// What `look()` gives. If the connection is lost it is made anew and `look` is called once more.
template <class Session, class Look>
auto sql_read(Session& session, Look look) {
    for (bool again = false;; again = true) {
        try {
            session.require_connection();
            return look();
        } catch (const sql_error& failure) {
            if (failure.fault() == sql_fault::connection_lost) session.disconnect();
            if (failure.fault() != sql_fault::connection_lost || again) throw;
        }
    }
}

/// Whether a change took place whose commit gave no answer; nullopt if nobody can know: the row is neither as it was nor as
/// it was to be, or there is no one row to look at. The transaction in which it is read waits for the end of that one,
/// should it still be under way.
template <class Session>
std::optional<bool> sql_took_place(Session& session, const sql_change& change, const sql_error& failure) {
    if (change.id.empty()) return failure.fault() == sql_fault::connection_lost ? std::nullopt : std::optional(false);
    try {
        session.disconnect();
        session.require_connection();
        session.begin();
        const std::optional<token> now = session.find_by_id(change.id);
        session.abandon();
        if (now == Session::as_stored(change.after)) return true;
        if (now == Session::as_stored(change.before)) return false;
        return std::nullopt;
    } catch (const std::exception&) {
        session.abandon();
        std::throw_with_nested(failure.with(errc::indeterminate));
    }
}

/// The exception that is being handled, as one of a change that did not take place, or of one that is in doubt.
[[noreturn]] inline void rethrow_unchanged(bool is_in_doubt) {
    if (is_in_doubt) std::throw_with_nested(error(errc::indeterminate, "tokenkeep: the rows may or may not be gone"));
    try {
        throw;
    } catch (const error& failure) { // of the connection's files, say
        if (failure.code() != errc::storage_failure) throw;
        std::throw_with_nested(error(errc::not_saved, "tokenkeep: the database cannot be used"));
    }
}

/// Makes the change that `work()` does and describes, in one transaction that no other writer of the table comes between:
/// all of it or nothing. Whether it was made. Throws errc::indeterminate if the connection was lost when the transaction was
/// being committed and the row does not tell either; for anything else nothing has changed.
template <class Session, class Work>
bool sql_write(Session& session, Work work) {
    const auto until = std::chrono::steady_clock::now() + Session::patience;
    bool was_lost = false;
    bool is_in_doubt = false; // whether an earlier attempt may have taken place
    int existed = 0;          // what another program put in between is seen the next time, so that a few will do
    // Whether to try again after a failure that left everything as it was.
    const auto may_repeat = [&](const sql_error& failure) {
        if (failure.fault() == sql_fault::connection_lost) return !std::exchange(was_lost, true);
        if (failure.fault() == sql_fault::already_exists) return ++existed < 4;
        return failure.fault() == sql_fault::conflict && std::chrono::steady_clock::now() < until;
    };
    for (;;) {
        sql_change change;
        bool is_committing = false;
        try {
            session.require_connection();
            session.begin();
            change = work();
            if (!change.made) return session.abandon(), false;
            is_committing = true;
            session.commit();
            return true;
        } catch (const sql_error& failure) {
            session.abandon(failure);
            std::optional<bool> took_place = false;
            if (is_committing) took_place = sql_took_place(session, change, failure);
            if (took_place == true) return true;
            is_in_doubt = is_in_doubt || !took_place;
            if ((took_place == false || change.id.empty()) && may_repeat(failure)) continue;
            if (is_in_doubt) throw failure.with(errc::indeterminate);
            if (is_committing || failure.code() == errc::storage_failure) throw failure.with(errc::not_saved);
            throw;
        } catch (...) {
            session.abandon();
            rethrow_unchanged(is_in_doubt);
        }
    }
}

}}} // namespace tokenkeep::v0::detail

#endif
