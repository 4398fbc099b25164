// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_STORE_HPP
#define TOKENKEEP_FILE_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/sealer.hpp> // first: compilers name the way to a header before a message about it

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/detail/journal/shared.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/store.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// What basic_file_store::salvage found and did.
struct salvage_report {
    std::size_t rows = 0;              ///< How many rows the store has now.
    std::vector<std::string> lost{};   ///< The ids of the rows that could not be read.
    bool may_have_lost_others = false; ///< Journal records are missing: other rows may be gone or older.
    std::string original{};            ///< The path of the copy of the damaged file; empty if nothing was wrong.
};

/// The store for programs: tokens in one file, which is private to the user and survives crashes. The threads and
/// processes of one machine can share it. It is a locking_store and a comparing_store across all of them.
///
///   file_store store{"tokens.tkj"};
///   store.save_token({.user_name = "ada", .access_token = access, .id = "1"});
///   std::optional<token> ada = store.find_token({.user_name = "ada"});
///
/// How it works. The file is a journal. For each change the store appends a journal record with checksums and flushes
/// it to the disk; then the call returns. Changes that wait at the same time share one flush. When the file is larger
/// than 64 KiB and than four times its rows, the store rewrites it: it writes a fresh copy next to it and renames that
/// over the old file. The store reads the file at the first call. Later calls read only what others added.
///
///   tokens.tkj              the journal
///   tokens.tkj.lock         carries the kernel's locks. It also names the last records that a call has reported as
///                           saved. The store never removes this file. It does not show that a lock is held.
///   tokens.tkj.tmp          the fresh copy, during a rewrite
///   tokens.tkj.damaged-...  a copy of a damaged file, with all its secrets; the store never removes it. The store
///                           also makes one if a power failure took an unsaved record and left later ones.
///
/// What is promised (Policy: see policy.hpp):
///   Durable     After a save has returned, its row survives a crash of the program. It also survives a crash of the
///               machine, if the disk does what a flush asks.
///   Failure     If a save throws, the store goes on. errc::not_saved: the old value is still there.
///               errc::indeterminate: the store has the old value or the new one.
///   Current     Every call sees what other threads and processes have saved. A look-up returns no row that a power
///               failure could still take back: it first flushes what others appended. A look-up that finds nothing
///               flushes nothing.
///   Waiting     No thread holds the store's lock while the change that it has appended is flushed. Only a rewrite,
///               and the first change after opening, flush under the lock. Every wait for a lock ends: after
///               Policy::store_lock_timeout (15 s), or at the deadline that the caller gives to until or lock_token,
///               even if the process that holds the lock is stopped. Locks end with their process, even if a child that
///               it forked lives on.
///   Damage      Until salvage() is called, a damaged file never gives a wrong or an older token, except as Newest
///               says. If a row is damaged, other rows are still found. If a look-up finds no readable row and a
///               damaged row could match, it throws. If it finds a readable row, it returns that, even if a damaged row
///               could match too. If journal records are missing, or the file ends before the last record that was
///               reported as saved, or the file is empty, or its header is damaged, calls throw until the repair that
///               the table names.
///   Private     The file has mode 0600, whatever the umask. When the store opens the file, it refuses a file to which
///               the group or others have any right, a file of another user, a file with a second hard link, a symbolic
///               link, anything but a regular file, and a directory in which others can replace the file. It then makes
///               no file: if root runs the program once in the directory of a user, that user is not locked out.
///               A policy can follow a link (follows_link), or share the files with a group (trusts_group).
///   Erased      After delete_tokens the file is a new one. After delete_token, zeros have replaced the secrets of the
///               row and of its earlier versions in the file, on the disk too. Both also remove the fresh copy of a
///               program that was killed during a rewrite. If a program is killed after it has removed a row and before
///               it has erased it, the row is gone, and its secrets are still in the file. The next change by any
///               program that uses the file erases them: a save, any deletion (even of a row that is not there), or
///               compact(). A look-up does not. If a save fails to do that, it does not throw, and the next change
///               tries again. If Policy::erases_deleted_tokens is false, delete_token erases nothing: the secrets stay
///               until the next rewrite.
///
/// What is not promised:
///   Replaced    Secrets that were replaced, such as an old refresh token, stay in the file until its next rewrite.
///               compact() rewrites it at once.
///   Old blocks  Erasing and rewriting reach the file. On flash memory, and on file systems that copy on write, the old
///               blocks can outlive both; so can snapshots and backups.
///   Newest      If the end of the file is lost, the lock file shows it. If the lock file does not name the newest
///               journal records, any number of them can be missing, and a program that opens the file later does not
///               notice it. That can be in four cases: the lock file was removed, or was put back together with the
///               file. It could not be written. A power failure took what was written to it last, because it is not
///               flushed. Version 0.1 wrote these records. A store that has the file open notices the loss of what it
///               knew (errc::store_gone).
///   At opening  The store takes for durable what the file holds when a program opens it. That can include a save of a
///               program that was killed before its flush. A power failure can still take such a save back; but no call
///               had reported it as saved.
///   Five faults The file may be damaged if five things happen in this order: 1. A flush fails. 2. Writing a fresh file
///               fails. 3. Cutting off what was not flushed fails. 4. Another process saves. 5. The power fails. The
///               store refuses such a file. Each save that is missing had thrown errc::indeterminate.
///   Encryption  Without a sealer, rows are stored as they are. With one, see below.
///   Backups     If an older backup replaces the file while no program has it open, the store notices it only if the
///               file was not rewritten since the backup. Then calls throw errc::storage_corrupt, and salvage() accepts
///               the backup.
///   Machines    Other machines are not kept out. A shared network file system is not one machine.
///   fork        A child may go on with its parent's store only if no other thread used the store during the fork. A
///               child has none of its parent's locks: a guard that it inherits does nothing in the child.
///   Closed      If the program closes the store's files, as a daemon does at its start, no secret goes into a file
///               that the program opens afterwards: before each use, the store compares the file with the one that it
///               opened. Then it opens its own again, at once or at the next call. The locks are lost, and the guards
///               of lock_token do not show it. The store cannot compare and write in one step: a thread that closes and
///               opens files at the same moment can come in between. If the store's old file was replaced meanwhile, a
///               new file of the program may get both its descriptor and its inode number: the two look the same then.
///   Hung        If a file system hangs, as a network mount can, opening a file there delays every other opening and
///               closing of a file by this library, and fork.
///
/// Encryption. If the policy names a sealer (see sealer.hpp), the store seals each row by itself, and binds it to the
/// row's id. All rows of a file are sealed, or none is. The fresh copy and the copies of damaged files are sealed too.
///   struct sealed : defaults { using sealer = my_sealer; };
///   basic_file_store<sealed> store{"tokens.tkj", my_sealer{key}};
///
///   what can be read in a sealed file                |
///   -------------------------------------------------|----------------------------------------------------------
///   how many rows there are, and their ids           | yes
///   the size of each row, and the id of its key      | yes
///   which row was changed or removed, in which order | yes, since the last rewrite
///   users, clients, tokens, all else in a row        | no
///
///   one who can write the file, and makes its checks | what the store does
///   right again,                                     |
///   -------------------------------------------------|----------------------------------------------------------
///   changes a sealed row or the id of its key, or    | errc::permissions, "this sealer cannot open the row", if a
///   makes one without the key                        | call needs the row; see Damage. It finds the other rows
///   moves a row to another id, or exchanges two      | the same
///   puts in a row that is not sealed                 | every call throws errc::permissions
///   puts an older version of a row in its place      | takes it: nothing binds the row to its time
///   puts in the row of that id from another file of  | takes it: nothing binds the row to its file. Give each file a
///   the same key                                     | key of its own if that matters
///   removes rows                                     | takes it
///   removes the file, or puts an older one in its    | errc::store_gone if the store knows the file; if not, see
///   place                                            | Newest and Backups
///
/// To change keys, make the store with a sealer that seals with the new key and opens with both. Each save then seals
/// its row with the new key. reseal (see reseal.hpp) and compact() rewrite the file. Then every row has the new key,
/// and the old one opens nothing in the file. Copies of damaged files have the key that they had.
///
/// If the file is changed by accident, its checks are wrong; see Damage. A store calls its sealer from one thread at a
/// time: while it holds its lock, to read what is new in the file, or to make a change.
///
/// Cost: a look-up is one stat of the file and one look into a hash index, by whichever rule (see rules.hpp). A save is
/// one write, one fdatasync, and one write of 40 bytes to the lock file, which is not flushed. The cost does not depend
/// on the number of rows. It depends on the number of rows with the same key, such as one user at many clients. All
/// rows are in memory: their text, and about 200 bytes for each.
///
/// Errors, besides those of token_store. A file_error also has the step that failed and the system's own code.
///   errc                | when                                                 | what to do
///   not_saved           | the change failed; the old value is still there      | remove the cause, then retry
///   indeterminate       | it is unknown whether a change, or the row that a    | read the row; save it again if it is
///                       | look-up found, is durable                            | the old one
///   storage_corrupt     | a row is damaged                                     | salvage() or delete_token(id)
///   storage_corrupt     | journal records are missing                          | salvage() or delete_tokens()
///   storage_corrupt     | the file ends before the last record that was        | put the newer file back; or accept
///                       | reported as saved, as an older backup does           | this one with salvage()
///   storage_corrupt     | the file is empty, or its header is damaged          | salvage()
///   permissions         | the file is refused; see Private                     | what the message says
///   permissions         | a save, if the program can only read there           | see file_error::cause
///   permissions         | this sealer cannot open a row, or a newer version of | use the sealer, or the version, that
///                       | the library wrote it                                 | wrote it
///   permissions         | rows are sealed and the store has no sealer, or the  | construct the store with the sealer,
///                       | reverse: every call throws                           | or without one
///   unsupported_version | a newer version of the library wrote the file        | use that version
///   store_gone          | the file was removed, or an older or another file    | put the right file back, and
///                       | was put in its place                                 | construct the store again
///   lock_timeout        | others hold the lock for too long; nothing was done  | retry later
///   storage_failure     | the system refused to read, write or lock            | see file_error::stage and cause
///   storage_failure     | the file is mounted alone into a container, and not  | mount its directory
///                       | for reading only                                     |
///   storage_failure     | delete_token removed the row, but could not erase it | compact()
///
/// Every function may be called from many threads at once. The store may be moved while no other thread uses it. What
/// it was moved from may only be destroyed or assigned to.
template <class Policy>
class basic_file_store {
    static_assert(detail::explain_policy<Policy>());
    static_assert(file_system<typename Policy::files>,
                  "tokenkeep: a policy's files must be a model of file_system; see the concept file_system");
    using shared = detail::shared_journal<Policy>;
    using journal = typename shared::journal_type;
    using meaning = row_rules<Policy>;
    using files_type = typename Policy::files;
    using lock_type = decltype(std::declval<const files_type&>().lock(std::string(), std::string(), deadline()));
    using sealer_type = detail::sealer_of<Policy>;

  public:
    using policy_type = Policy;
    static constexpr std::string_view scheme = "file"; ///< See open_store.

    /// A store in the file of that path. The directory must exist. The constructor neither reads nor writes the file:
    /// the first call does. A relative path starts at the program's current directory, and stays with it if the program
    /// changes directory later. Links in the directory are followed once, here; and a link in the place of the file, if
    /// Policy::follows_link is true. Throws errc::storage_failure if the path is empty.
    ///   file_store store{"/var/lib/app/tokens.tkj"};
    explicit basic_file_store(std::string path) requires std::default_initializable<sealer_type>
        : basic_file_store(std::move(path), sealer_type()) {}

    /// The same with the policy's sealer.
    ///   basic_file_store<sealed> store{"tokens.tkj", my_sealer{key}};
    explicit basic_file_store(std::string path, sealer_type sealer, files_type files = {});

    basic_file_store(basic_file_store&&) noexcept = default;
    basic_file_store& operator=(basic_file_store&&) noexcept = default;
    ~basic_file_store() = default;

    /// The same store, for calls that wait until `end`, and no longer than Policy::store_lock_timeout; see
    /// deadline_store. It may outlive this object.
    ///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    basic_file_store until(deadline end) { return basic_file_store(shared_, (std::min)(end, end_)); }

    /// The one row that the probe means (see token.hpp); nullopt if there is none. Throws errc::ambiguous if it means
    /// two readable rows. If no readable row matches and one that cannot be read could match, throws
    /// errc::storage_corrupt or errc::permissions.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe);
    /// The row of exactly that id; nullopt if there is none. If that row cannot be read, or journal records are
    /// missing, throws errc::storage_corrupt or errc::permissions. Unreadable rows of other ids do not matter.
    ///   std::optional<token> row = store.find_token_by_id("1");
    std::optional<token> find_token_by_id(const std::string& id);

    /// For the keeper, which asks questions about a row and needs no copy of it. Calls visit(row) with the row that
    /// find_token gives. False if there is none. Throws as find_token does, even after it has called visit. `visit`
    /// runs under the store's lock: it must be short and must not call the store. This function is not part of the
    /// public contract.
    bool visit_token(const detail::row_view& probe, detail::function_ref<void(const detail::row_view&)> visit);

    /// Every row, in any order. Throws errc::storage_corrupt or errc::permissions if any row cannot be read.
    ///   for (const token& row : store.get_tokens()) std::puts(row.user_name.c_str());
    std::vector<token> get_tokens();

    /// Inserts the record, or merges it into the row that the store's rules name; see merge. A record without an id
    /// gets one. After it has returned, the row is durable. If no readable row matches and an unreadable one
    /// could match, throws as find_token does.
    ///   store.save_token({.user_name = "ada", .refresh_token = refresh, .access_token = access});
    void save_token(const token& record);
    /// Removes the row of that id, if there is one. It also removes a row that is damaged, or that this sealer cannot
    /// open. Unless Policy::erases_deleted_tokens is false, it then overwrites the row's bytes in the file, those of
    /// earlier versions too; this costs a second flush. If that fails, it throws errc::storage_failure: the row is
    /// gone, but not erased, and compact() erases it. If a program was killed before it had erased a row that it had
    /// removed, that row is erased too. It does not change copies of damaged files.
    ///   store.delete_token("1");
    void delete_token(const std::string& id);
    /// Removes every row, damaged ones too: a new file without rows replaces the old one. Throws
    /// errc::storage_corrupt if the file is empty or its header is damaged.
    ///   store.delete_tokens();
    void delete_tokens();

    /// Locks the key against all threads and processes of this machine that share the file; see locking_store.
    /// The key is the name of an identity; see identity_key.hpp.
    ///   auto lock = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + std::chrono::seconds(5));
    lock_type lock_token(const std::string& key, deadline until);
    /// Replaces the row by `record` if it still is `expected` in every field, and says whether it did; see
    /// comparing_store.
    ///   token changed = row;
    ///   changed.status.clear();
    ///   bool is_done = store.replace_token(row, changed);
    bool replace_token(const token& expected, const token& record);
    /// Removes the row if it still is `expected` in every field, and says whether it did; see comparing_store. It
    /// erases as delete_token does.
    ///   bool is_done = store.remove_token(row);
    bool remove_token(const token& expected);

    /// Rewrites the file with its rows, and with a mark for each damaged row. Secrets that were replaced are then gone
    /// from it. If there is a sealer, its first key seals every row. Throws errc::storage_corrupt if journal records
    /// are missing. Throws errc::permissions if a row cannot be opened, as the row would be lost. In both cases it
    /// changes nothing.
    ///   store.compact();
    void compact();

    /// If any row of the file, or an earlier version of one, is sealed with another key than the sealer's first one,
    /// rewrites the file as compact() does, and gives true. If not, gives false; see reseal. If a row cannot be read,
    /// throws errc::storage_corrupt or errc::permissions, and changes nothing.
    ///   store.reseal_tokens();
    bool reseal_tokens() requires(!std::same_as<detail::sealer_of<Policy>, no_seal>);

    /// Tries in the store's directory all that the store needs: writing, flushing, renaming, and locks that exclude
    /// another descriptor. If something does not work, throws a file_error or an error, which names the step that
    /// failed. It finds a network file system without locks, a file that is mounted alone into a container, and a disk
    /// that is full or read-only. It leaves nothing behind but the lock file.
    ///   store.self_test(); // at the start of the program
    void self_test() const;

    /// Repairs a damaged file: copies it to `PATH.damaged-...`, then rewrites it with the rows that can be read. It
    /// finds them wherever they lie in the file, even if the header is damaged. Rows that cannot be read are lost. It
    /// accepts a file that ends before the last record that was reported as saved, such as a backup. If nothing is
    /// wrong, changes nothing. Throws errc::permissions if a row is whole and this sealer cannot open it, as the row
    /// would be lost.
    ///   const salvage_report report = store.salvage();
    ///   for (const std::string& id : report.lost) std::cerr << "log in again: " << id << '\n';
    salvage_report salvage();

  private:
    basic_file_store(std::shared_ptr<shared> of, deadline end) : shared_(std::move(of)), end_(end) {}

    /// When a call that begins now ends.
    deadline end() const { return detail::end_of_call<Policy>(end_); }

    /// For a look-up that finds nothing: if a row cannot be read, that does not mean that there is none.
    template <class Probe>
    static auto refuse_unreadable(const journal& rows, const Probe& probe) {
        return [&](auto rule) {
            if constexpr (detail::looks_up_id<decltype(rule)>)
                rows.require_readable(std::string(probe.id));
            else
                rows.require_all_readable();
        };
    }

    /// Shows the row to which `look(rows)` gives a pointer. False if that is null.
    template <class Visit, class Look>
    bool show(Visit& visit, Look look) {
        return shared_->read(end(), [&](const journal& rows) {
            rows.require_whole();
            const auto* row = look(rows);
            if (row != nullptr) visit(row->view());
            return std::pair(row != nullptr, row != nullptr ? row->place().seq : 0);
        });
    }

    std::shared_ptr<shared> shared_;
    deadline end_ = (deadline::max)(); ///< See until.
};

template <class Policy>
basic_file_store<Policy>::basic_file_store(std::string path, sealer_type sealer, files_type files)
    : shared_(std::make_shared<shared>(std::move(path), std::move(sealer), std::move(files))) {}

template <class Policy>
std::optional<token> basic_file_store<Policy>::find_token(const token& probe) {
    std::optional<token> found;
    const auto copy = [&](const detail::row_view& row) { found.emplace(row); };
    visit_token(detail::row_view(probe), copy);
    return found;
}

template <class Policy>
std::optional<token> basic_file_store<Policy>::find_token_by_id(const std::string& id) {
    std::optional<token> found;
    const auto copy = [&](const detail::row_view& row) { found.emplace(row); };
    show(copy, [&](const journal& rows) {
        const auto* row = meaning::find_row_by_id(rows, id);
        if (row == nullptr) rows.require_readable(id);
        return row;
    });
    return found;
}

template <class Policy>
std::vector<token> basic_file_store<Policy>::get_tokens() {
    return shared_->read(end(), [&](const journal& rows) {
        rows.require_all_readable();
        return std::pair(meaning::all(rows), rows.last_seq());
    });
}

template <class Policy>
void basic_file_store<Policy>::save_token(const token& record) {
    shared_->write(end(), [&](journal& rows) {
        return std::optional(rows.put(meaning::row_to_save(rows, record, refuse_unreadable(rows, record))));
    });
}

template <class Policy>
void basic_file_store<Policy>::delete_token(const std::string& id) {
    shared_->remove(end(), id, [&](const journal& rows) {
        rows.require_whole();
        return rows.find(id) != nullptr || !rows.is_readable(id);
    });
}

template <class Policy>
void basic_file_store<Policy>::delete_tokens() {
    shared_->write(end(), [](journal& rows) { return std::optional(rows.clear()); });
}

template <class Policy>
auto basic_file_store<Policy>::lock_token(const std::string& key, deadline until) -> lock_type {
    return shared_->lock("identity " + key, (std::min)(until, end_));
}

template <class Policy>
bool basic_file_store<Policy>::replace_token(const token& expected, const token& record) {
    return shared_->write(end(), [&](journal& rows) {
        refuse_unreadable(rows, expected)(by_id{});
        return meaning::may_replace(rows, expected, record) ? std::optional(rows.put(record)) : std::nullopt;
    });
}

template <class Policy>
bool basic_file_store<Policy>::remove_token(const token& expected) {
    return shared_->remove(end(), expected.id, [&](const journal& rows) {
        refuse_unreadable(rows, expected)(by_id{});
        return meaning::is_unchanged(rows, expected);
    });
}

template <class Policy>
void basic_file_store<Policy>::compact() {
    shared_->write(end(), [](journal& rows) {
        rows.require_whole();
        return std::optional(rows.rewrite());
    });
}

template <class Policy>
bool basic_file_store<Policy>::reseal_tokens() requires(!std::same_as<detail::sealer_of<Policy>, no_seal>) {
    return shared_->write(end(), [](journal& rows) {
        rows.require_all_readable();
        return rows.reseal();
    });
}

template <class Policy>
void basic_file_store<Policy>::self_test() const {
    shared_->self_test();
}

template <class Policy>
salvage_report basic_file_store<Policy>::salvage() {
    salvage_report report;
    shared_->repair(end(), [&](journal& rows) {
        const auto [found, copy] = rows.salvage();
        report.rows = rows.size();
        for (const auto& [id, how] : found.damaged) report.lost.push_back(id);
        report.may_have_lost_others = found.position.has_holes;
        report.original = copy;
        return !copy.empty();
    });
    return report;
}
template <class Policy>
bool basic_file_store<Policy>::visit_token(const detail::row_view& probe,
                                           detail::function_ref<void(const detail::row_view&)> visit) {
    return show(visit,
                [&](const journal& rows) { return meaning::find_row(rows, probe, refuse_unreadable(rows, probe)); });
}

template <class Policy>
inline constexpr bool detail::shows_rows<basic_file_store<Policy>> = true;

/// The store for programs, with the default policy and without a sealer.
///   file_store store{"tokens.tkj"};
using file_store = basic_file_store<>;
TOKENKEEP_INSTANTIATE(basic_file_store<>);

}} // namespace tokenkeep::v1

#endif
