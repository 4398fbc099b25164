// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_STORE_HPP
#define TOKENKEEP_FILE_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/journal/self_test.hpp>
#include <tokenkeep/detail/journal/shared.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// What basic_file_store::salvage found and did.
struct salvage_report {
    std::size_t rows = 0;              ///< Rows that the store has now.
    std::vector<std::string> lost{};   ///< Ids of the rows that could not be read.
    bool may_have_lost_others = false; ///< Records are missing: rows may be gone, or older than they were.
    std::string original{};            ///< Where the file lies as it was; empty if nothing was wrong.
};

/// The store for programs: tokens in one file, private to the user, safe against crashes, and shared by the threads
/// and processes of one machine. It is a locking_store and a comparing_store across them.
///
/// The file is a journal: a change is appended, and flushed to the disk before the call returns; changes that wait at
/// the same time share one flush. Now and then the file is written anew (`PATH.tmp`) and renamed over the old one. The
/// kernel's locks lie on `PATH.lock`, which stays. The file is read at the first call; from then on every call sees
/// what others have changed, and reads only that. All rows are in memory.
///
/// Cost: a look-up is one stat of the file and one look into a hash index, by whichever rule; a save is one write and
/// one fdatasync. Neither grows with the number of rows, but with the rows that share a key (one user at many clients).
///
/// Throws, besides what token_store says: errc::permissions for a file or directory that others can change, a symbolic
/// link, what is no regular file, and where rows would be lost that another sealer has sealed; errc::storage_corrupt
/// for damage (it refuses the row it is in, or all rows where nobody can say which), and for an empty file;
/// errc::store_gone if the file disappears, or one that is older or another's is put in its place; errc::not_saved and
/// errc::indeterminate for a change, and errc::lock_timeout after Policy::store_lock_timeout. A file_error has the step
/// that failed and the system's code.
///
/// It may be moved while nobody else uses it. A child made by fork may go on with it if no other thread was using it.
template <class Policy, class Sealer>
class basic_file_store {
    static_assert(detail::explain_policy<Policy>() && detail::explain_sealer<Sealer>());
    static_assert(file_system<typename Policy::files>,
                  "tokenkeep: a policy's files must be a model of file_system; see tokenkeep/file_system.hpp");
    using shared = detail::shared_journal<Policy, Sealer>;
    using journal = typename shared::journal_type;
    using meaning = row_rules<Policy>;
    using files_type = typename Policy::files;

  public:
    /// The directory must exist. Nothing is read or made yet.
    explicit basic_file_store(std::string path, Sealer sealer = {}, files_type files = {})
        : path_(std::move(path)),
          files_(std::move(files)),
          shared_(std::make_unique<shared>(path_, std::move(sealer), files_)) {}

    /// What it gives is durable: a change that another thread or process has just appended is flushed first. What the
    /// file held when this store first read it counts as durable.
    std::optional<token> find_token(const token& probe) {
        return find([&](const journal& rows) { return meaning::find(rows, probe, refuse_unreadable(rows, probe)); });
    }
    std::optional<token> find_token_by_id(const std::string& id) {
        return find([&](const journal& rows) {
            std::optional<token> row = meaning::find_by_id(rows, id);
            if (!row) refuse_unreadable(rows, {.id = id})(by_id{});
            return row;
        });
    }
    /// errc::storage_corrupt while any row is damaged.
    std::vector<token> get_tokens() {
        return shared_->read([&](const journal& rows) {
            rows.require_all_readable();
            return std::pair(meaning::all(rows), rows.last_seq());
        });
    }

    void save_token(const token& record) {
        shared_->write([&](journal& rows) {
            return std::optional(rows.put(meaning::row_to_save(rows, record, refuse_unreadable(rows, record))));
        });
    }
    /// Afterwards the row's secrets are no longer in the file: their bytes have been overwritten, unless
    /// Policy::erases_deleted_tokens is false. Costs two flushes. Where it throws errc::storage_failure the row is gone,
    /// but not erased; compact() does that. Copies that were kept of a damaged file hold what they held.
    void delete_token(const std::string& id) {
        remove(id, [&](const journal& rows) {
            rows.require_whole();
            return rows.find(id) != nullptr || !rows.is_readable(id);
        });
    }
    /// Writes the file anew, without any row.
    void delete_tokens() {
        shared_->write([](journal& rows) { return std::optional(rows.clear()); });
    }

    /// See locking_store; it reaches every process of the machine.
    auto lock_token(const std::string& key, deadline until) {
        return files_.lock(path_ + ".lock", "identity " + key, until);
    }
    /// See comparing_store.
    bool replace_token(const token& expected, const token& record) {
        return shared_->write([&](journal& rows) {
            refuse_unreadable(rows, expected)(by_id{});
            return meaning::may_replace(rows, expected, record) ? std::optional(rows.put(record)) : std::nullopt;
        });
    }
    /// See comparing_store; what becomes of the secrets is said at delete_token.
    bool remove_token(const token& expected) {
        return remove(expected.id, [&](const journal& rows) {
            refuse_unreadable(rows, expected)(by_id{});
            return meaning::is_unchanged(rows, expected);
        });
    }

    /// Writes the file anew, with the rows and nothing else: what was replaced is then gone from it. This happens by
    /// itself when the file is 64 KiB and four times as large as its rows.
    void compact() {
        shared_->write([](journal& rows) {
            rows.require_whole();
            return std::optional(rows.rewrite());
        });
    }

    /// Tries in the store's directory what the store will need (writing, flushing, renaming, locks that another
    /// descriptor sees), and throws what a save would throw, before there is anything to lose. Leaves nothing behind
    /// but the lock file.
    void self_test() const { detail::self_test(files_, path_); }

    /// For a store that is damaged: keeps a copy of the file, and writes it anew with the rows that can be read. What
    /// could not is lost. Changes nothing where nothing is wrong.
    salvage_report salvage() {
        salvage_report report;
        shared_->repair([&](journal& rows) {
            const auto [found, copy] = rows.salvage();
            report.rows = rows.size();
            for (const auto& [id, how] : found.damaged) report.lost.push_back(id);
            report.may_have_lost_others = found.position.has_holes;
            report.original = copy;
        });
        return report;
    }

  private:
    /// For a look-up that finds nothing: if a row cannot be read, that does not mean that there is none.
    static auto refuse_unreadable(const journal& rows, const token& probe) {
        return [&](auto rule) {
            if constexpr (detail::looks_up_id<decltype(rule)>)
                rows.require_readable(probe.id);
            else
                rows.require_all_readable();
        };
    }

    template <class Look>
    std::optional<token> find(Look look) {
        return shared_->read([&](const journal& rows) {
            rows.require_whole();
            std::optional<token> found = look(rows);
            const std::uint64_t record = found ? rows.find(found->id)->place().seq : 0;
            return std::pair(std::move(found), record);
        });
    }

    template <class IsThere>
    bool remove(const std::string& id, IsThere is_there) {
        std::optional<detail::journal::erasable_records> erasable;
        const bool is_removed = shared_->write([&](journal& rows) {
            if (!is_there(rows)) return std::optional<std::uint64_t>();
            erasable = rows.erasable_records_of(id);
            return std::optional(rows.remove(id));
        });
        if (Policy::erases_deleted_tokens && erasable) shared_->erase(*erasable);
        return is_removed;
    }

    std::string path_;
    files_type files_;
    std::unique_ptr<shared> shared_;
};

/// The store for programs, as it comes.
using file_store = basic_file_store<>;

}} // namespace tokenkeep::v0

#endif
