// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP
#define TOKENKEEP_DETAIL_SQL_TRANSACTIONS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/rows.hpp>
#include <tokenkeep/detail/sql/tables.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// One transaction, which no other writer of the table comes between: the rows, and changes to them. It is rolled back
/// unless it was committed.
template <class Link>
class sql_transaction : public sql_rows<Link> {
    using typename sql_rows<Link>::text;
    using sql_rows<Link>::link_;

    struct rollback {
        ~rollback() {
            if (!is_needed || !of.is_open()) return;
            try {
                of.execute("ROLLBACK");
            } catch (...) {
                of.give_up(); // the transaction ends with its connection
            }
        }
        Link& of;
        bool is_needed = true;
    };

  public:
    /// Connects if needed. Throws errc::store_gone and errc::unsupported_version.
    explicit sql_transaction(Link& link) : sql_rows<Link>(link) {
        link_.open();
        link_.execute(Link::dialect.begin);
        require_sql_version<typename Link::policy>(stored_sql_version(
            link_.table_key(), [&](auto with, auto visit) { link_.run(text::locked_version, with, visit); }));
    }

    /// Keeps others from changing the row until the transaction ends, also programs that do not use this library.
    void lock(const std::string& id) {
        if constexpr (!Link::dialect.for_update.empty()) this->look_up(text::locked_row, 0, id, [](auto&) {});
    }
    /// The row of that id if it is sealed with another key than the sealer's first one. Throws unopened_row.
    std::optional<token> find_under_other_key(const std::string& id) {
        std::optional<token> row;
        this->look_up(0, 0, id, [&](auto& found) {
            if (!link_.form().has_first_key(found)) row = link_.form().read(found);
        });
        return row;
    }

    /// The cells of a row, which must outlive them. Throws errc::invalid_record if a column cannot hold its value.
    auto cells(const token& row) const { return link_.form().cells(row); }
    /// Throws unopened_row if the sealer lacks the key of any row of the table.
    template <class Cells>
    void insert(const Cells& cells) {
        if constexpr (sql_rows<Link>::columns::are_sealed) require_known_keys();
        link_.run(text::insert_row, cells.values());
    }
    template <class Cells>
    void update(const Cells& cells) {
        if (link_.run(text::update_row, cells.values(1)) != 1) throw sql_error(sql_fault::conflict, "the row is gone");
    }
    void erase(const std::string& id) {
        const std::optional<std::string_view> key[] = {id};
        link_.run(text::erase_row, key);
    }
    void clear() { link_.run(text::clear_rows, {}); }

    void commit() {
        link_.execute("COMMIT");
        rollback_.is_needed = false;
    }

  private:
    /// A row whose key the sealer lacks may be the one that a look-up did not find. Reads one row for each key of the
    /// table.
    void require_known_keys() {
        for (std::optional<std::string> last = "", next; last; last = std::exchange(next, std::nullopt)) {
            const std::optional<std::string_view> after[] = {*last};
            link_.run(text::next_key, after, [&](auto& row) {
                link_.form().require_known_key(row.column(0).value_or(""), row.column(1).value_or(""));
                next = row.column(2);
            });
        }
    }

    rollback rollback_{link_};
};

/// What a change did to a row, so that the store can find out afterwards whether it was made.
struct sql_change {
    std::string id{}; ///< Empty for a change that may be made twice.
    std::optional<token> before{}, after{};
};

/// What is known about a change when its transaction has failed.
enum class sql_verdict {
    not_made,
    unknown,
    made,
};

/// What `look(rows)` gives. If the connection is lost, it is opened again and `look` is called once more, but not after
/// `until`.
template <class Link, class Look>
auto sql_read(Link& link, deadline until, Look look) {
    for (bool again = false;; again = true) {
        try {
            link.open();
            sql_rows rows(link);
            return look(rows);
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::connection_lost || again) throw;
            if (std::chrono::steady_clock::now() >= until) throw;
        }
    }
}

/// Whether a change was made whose commit failed. It is unknown if the row is neither as it was before the change nor
/// as it is after it, or if the change has no one row. If the failed transaction is still under way, this call waits
/// for its end. Throws errc::indeterminate if the row cannot be read, for example because the time is over.
template <class Link>
sql_verdict verdict_after_commit(Link& link, const sql_change& change, const sql_error& failure) {
    if (change.id.empty())
        return failure.fault() == sql_fault::connection_lost ? sql_verdict::unknown : sql_verdict::not_made;
    try {
        link.give_up();
        sql_transaction rows(link);
        const std::optional<token> now = row_rules<typename Link::policy>::find_by_id(rows, change.id);
        if (now == as_stored<typename Link::policy::schema>(change.after)) return sql_verdict::made;
        if (now == as_stored<typename Link::policy::schema>(change.before)) return sql_verdict::not_made;
        return sql_verdict::unknown;
    } catch (const std::exception&) {
        std::throw_with_nested(failure.with(errc::indeterminate));
    }
}

/// Whether to make a change again after a failure that left everything as it was. No repeat begins after `until`, and
/// none just before it, because its time would end in the middle.
class sql_repeats {
  public:
    explicit sql_repeats(deadline until) : last_(until - std::chrono::milliseconds(20)) {}

    bool allow(sql_fault fault) {
        if (std::chrono::steady_clock::now() >= last_) return false;
        switch (fault) {
        case sql_fault::connection_lost: return ++lost_ <= 1;
        case sql_fault::already_exists: return ++existed_ <= 3; // the next attempt sees what others put in between
        case sql_fault::conflict: return true;
        case sql_fault::bad_value:
        case sql_fault::denied:
        case sql_fault::corrupt:
        case sql_fault::other: break;
        }
        return false;
    }

  private:
    deadline last_;
    int lost_ = 0, existed_ = 0;
};

/// Throws the exception that is being handled, as the failure of a change that was not made or may have been made.
[[noreturn]] inline void rethrow_as_failed_change(sql_verdict known) {
    if (known == sql_verdict::unknown)
        std::throw_with_nested(error(errc::indeterminate, "tokenkeep: the rows may or may not be gone"));
    try {
        throw;
    } catch (const file_error& failure) { // of the connection's files
        throw failure.code() == errc::storage_failure ? failure.with(errc::not_saved) : failure;
    } catch (const error& failure) {
        if (failure.code() != errc::storage_failure) throw;
        std::throw_with_nested(error(errc::not_saved, "tokenkeep: the database cannot be used"));
    }
}

/// Makes a change in one transaction: all of it or nothing. `work(sql_transaction&)` makes the change and describes it;
/// it gives nullopt if nothing is to be changed. The result says whether a change was made. Throws errc::indeterminate
/// if the commit failed and the row does not tell whether it took place; after every other error nothing has changed.
template <class Link, class Work>
bool sql_write(Link& link, deadline until, Work work) {
    sql_repeats repeats(until);
    sql_verdict known = sql_verdict::not_made; // about all attempts so far
    for (;;) {
        std::optional<sql_change> change; // has a value from the commit on
        try {
            sql_transaction rows(link);
            change = work(rows);
            if (!change) return false;
            rows.commit();
            return true;
        } catch (const sql_error& failure) {
            const sql_verdict now = change ? verdict_after_commit(link, *change, failure) : sql_verdict::not_made;
            if (now == sql_verdict::made) return true;
            if (now == sql_verdict::unknown) known = sql_verdict::unknown;
            const bool is_repeatable = now == sql_verdict::not_made || change->id.empty();
            if (is_repeatable && repeats.allow(failure.fault())) continue;
            if (known == sql_verdict::unknown) throw failure.with(errc::indeterminate);
            if (change || failure.code() == errc::storage_failure) throw failure.with(errc::not_saved);
            throw;
        } catch (...) {
            rethrow_as_failed_change(known);
        }
    }
}

}}} // namespace tokenkeep::v1::detail

/// A transaction is read as the rows that it is.
template <class Link>
struct tokenkeep::container_traits<tokenkeep::detail::sql_transaction<Link>>
    : tokenkeep::container_traits<tokenkeep::detail::sql_rows<Link>> {};

#endif
