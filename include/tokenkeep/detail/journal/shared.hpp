// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SHARED_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SHARED_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/detail/journal/self_test.hpp>
#include <tokenkeep/detail/journal/writer.hpp>
#include <tokenkeep/detail/store/turns.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/os/wait_for_lock.hpp>
#include <tokenkeep/policy.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A row_journal that threads and processes share. The order of locks: first the turn of a thread of this store; then
/// the store lock, which is for processes. While an appended change is flushed, neither is held. Three things are
/// flushed under both: a rewritten file; what a process found in the file, before its first change; and the removals of
/// a killed program, before they are erased. Each function waits for both locks until `until`, and then throws
/// errc::lock_timeout.
template <class Policy>
class shared_journal {
    using files_type = typename Policy::files;
    using lock_file = typename files_type::lock_file;
    static constexpr std::int64_t store_byte = 0;

  public:
    using journal_type = row_journal<packed_rows<rules_of<Policy>>, sealer_of<Policy>, files_type>;

    shared_journal(std::string path, sealer_of<Policy> sealer, files_type files)
        : files_(trusting<Policy>(std::move(files))),
          path_(lasting_path(files_, std::move(path))),
          store_lock_(files_.open_lock(path_ + ".lock")),
          journal_(path_, std::move(sealer), files_) {}

    /// Brings the rows up to date, and calls `look(rows)`. It gives a pair: a result, and the number of the record that
    /// the result is from. If that record is not known to be durable, flushes it first. Returns the result.
    template <class Look>
    auto read(deadline until, Look look) {
        std::optional<ticket> unflushed;
        std::optional<typename std::invoke_result_t<Look, const journal_type&>::first_type> found;
        const auto look_now = [&] {
            auto [result, seq] = look(std::as_const(journal_));
            if (!journal_.is_durable(seq)) unflushed = journal_.ticket_for(seq);
            found.emplace(std::move(result));
        };
        turns_.share(until, [&] {
            if (journal_.is_current()) look_now();
        });
        if (!found)
            turns_.take(until, [&] {
                const held_lock held(*this, until, true);
                journal_.catch_up();
                look_now();
            });
        if (unflushed) require_durable(*unflushed, until);
        return *std::move(found);
    }

    /// Brings the rows up to date, and calls `change(rows)` while no other thread or process changes them. It gives the
    /// number of the record to wait for, or nullopt if it changed nothing. Returns when the record is durable: true, or
    /// false if nothing was changed. If it has found rows that another process removed and did not erase, erases them.
    template <class Change>
    bool write(deadline until, Change change) {
        bool has_leftovers = false;
        const bool is_changed = make(until, [&](journal_type& rows) {
            const std::optional<std::uint64_t> seq = change(rows);
            has_leftovers = rows.has_leftovers();
            return seq;
        });
        if (Policy::erases_deleted_tokens && is_changed && has_leftovers) try_to_erase_leftovers(until);
        return is_changed;
    }

    /// Removes the row of that id if `is_there(rows)`, and says whether it did. Then erases it, and what killed
    /// programs have removed and not erased. If erasing fails, throws errc::storage_failure: the rows are gone, but not
    /// erased.
    template <class IsThere>
    bool remove(deadline until, const std::string& id, IsThere is_there) {
        bool has_leftovers = false;
        std::optional<journal::erasable_records> removed;
        const bool is_removed = make(until, [&](journal_type& rows) {
            has_leftovers = rows.has_leftovers() || has_abandoned_rewrite();
            if (!is_there(std::as_const(rows))) return std::optional<std::uint64_t>();
            removed = rows.erasable_records_of(id);
            return std::optional(rows.remove(id));
        });
        if (Policy::erases_deleted_tokens && (removed || has_leftovers)) erase(until, removed);
        return is_removed;
    }

    /// Calls `repair(rows)` while no other thread or process changes them. The rows need not be readable. It gives
    /// whether it changed anything. Returns when that is durable.
    template <class Repair>
    void repair(deadline until, Repair repair) {
        const std::optional<ticket> record = alone(until, [&] {
            const bool is_changed = repair(journal_);
            return is_changed ? std::optional(journal_.ticket_for(journal_.last_seq())) : std::nullopt;
        });
        if (record) require_durable(*record, until);
    }

    /// Takes the lock of that name, which has nothing to do with the store lock.
    auto lock(const std::string& name, deadline until) const { return files_.lock(path_ + ".lock", name, until); }

    void self_test() const { detail::self_test(files_, path_); }

  private:
    using ticket = typename journal_type::ticket;

    /// Makes a change as write does, and erases nothing.
    template <class Change>
    bool make(deadline until, Change change) {
        const std::optional<ticket> record = alone(until, [&]() -> std::optional<ticket> {
            journal_.catch_up();
            const std::optional<std::uint64_t> seq = change(journal_);
            if (!seq) return std::nullopt;
            return journal_.ticket_for(*seq);
        });
        if (record) require_durable(*record, until);
        return record.has_value();
    }

    /// Returns when the record is durable. If the file cannot be flushed, writes what is in it into a new one. Whatever
    /// fails here, the change may be in the file: the error is errc::indeterminate.
    void require_durable(const ticket& record, deadline until) {
        try {
            if (journal_.wait_until_durable(record)) return;
            alone(until, [&] { journal_.leave_failed_file(record); });
            if (journal_.wait_until_durable(record)) return;
        } catch (const file_error& failure) {
            throw failure.with(errc::indeterminate);
        } catch (const std::exception&) {
            throw error(errc::indeterminate, "tokenkeep: could neither flush " + path_ + " nor rewrite it");
        }
        throw error(errc::indeterminate, "tokenkeep: cannot flush " + path_);
    }

    /// Holds the store lock as long as it lives.
    class held_lock {
      public:
        held_lock(shared_journal& owner, deadline until, bool is_shared) : lock_(owner.store_lock_) {
            using std::chrono::microseconds;
            const auto try_lock = [&] {
                return is_shared ? lock_.try_lock_shared(store_byte) : lock_.try_lock(store_byte);
            };
            wait_for_lock(try_lock, owner.path_, until, microseconds(20), microseconds(1'000));
        }
        held_lock(const held_lock&) = delete;
        held_lock& operator=(const held_lock&) = delete;
        ~held_lock() { lock_.unlock(store_byte); }

      private:
        lock_file& lock_;
    };

    template <class Act>
    auto alone(deadline until, Act act) {
        return turns_.take(until, [&] {
            const held_lock held(*this, until, false);
            return act();
        });
    }

    /// Overwrites the records of a row whose removal is durable, if there is one. Does the same for all rows that other
    /// processes removed and did not erase, and removes what a rewrite that was cut off has left.
    void erase(deadline until, const std::optional<journal::erasable_records>& row) {
        try {
            erase_now(until, [&] {
                journal_.catch_up();
                const bool is_overwritten = row && journal_.overwrite(*row);
                return journal_.overwrite_leftovers(!row) || is_overwritten;
            });
            if (has_abandoned_rewrite()) alone(until, [&] { remove_abandoned_rewrite(); });
        } catch (const file_error& failure) {
            throw failure.with(errc::storage_failure);
        } catch (const std::exception&) {
            throw error(errc::storage_failure, "tokenkeep: the row is gone, but not erased from " + path_);
        }
    }

    /// Calls `overwrite()`, which gives whether it has changed anything, and flushes what it has.
    template <class Overwrite>
    void erase_now(deadline until, Overwrite overwrite) {
        if (!alone(until, overwrite) || journal_.flush_overwritten()) return;
        alone(until, [&] {
            journal_.catch_up();
            journal_.rewrite();
        });
        if (!journal_.flush_overwritten())
            throw error(errc::storage_failure, "tokenkeep: cannot flush " + path_ + ", from which rows were erased");
    }

    /// The change that was asked for is durable, so what fails here is no failure of it. The next change tries again.
    void try_to_erase_leftovers(deadline until) {
        try {
            erase_now(until, [&] {
                journal_.catch_up();
                return journal_.overwrite_leftovers(false);
            });
        } catch (const std::exception&) {
            return;
        }
    }

    /// Whether a program that was killed during a rewrite has left a file; or a rewrite goes on.
    bool has_abandoned_rewrite() const { return files_.find(path_ + ".tmp").has_value(); }

    /// A program that was killed during a rewrite has left a file with rows. Only if this thread holds the store lock
    /// is it certain that no rewrite goes on.
    void remove_abandoned_rewrite() const {
        const std::string abandoned = path_ + ".tmp";
        if (!has_abandoned_rewrite()) return;
        files_.remove(abandoned);
        files_.flush_directory(abandoned);
    }

    const files_type files_;
    const std::string path_;
    turns<typename Policy::mutex> turns_{};
    lock_file store_lock_; ///< Used by the thread that has a turn.
    journal_type journal_;
};

}}} // namespace tokenkeep::v1::detail

#endif
