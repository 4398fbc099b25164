// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_WRITER_HPP
#define TOKENKEEP_DETAIL_JOURNAL_WRITER_HPP

#include <tokenkeep/detail/journal/acknowledged.hpp>
#include <tokenkeep/detail/journal/erasable_records.hpp>
#include <tokenkeep/detail/journal/group_commit.hpp>
#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/detail/journal/reader.hpp>
#include <tokenkeep/detail/journal/rewrite.hpp>

#include <algorithm>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Rows that are kept in a file: changes are appended to it, and now and then it is rewritten. Only the functions for
/// waiting are thread-safe. For all others the caller holds the store lock, and holds it exclusively for those that
/// write.
///   row_journal<rows, no_seal, system_files> journal("tokens.tkj", {}, {});
///   journal.catch_up();
///   const auto record = journal.ticket_for(journal.put(ada));
///   if (!journal.wait_until_durable(record)) journal.leave_failed_file(record);
template <class Rows, class Sealer, class Files>
class row_journal {
    using reader = journal_reader<Rows, Sealer, Files>;
    using opened = typename reader::opened;

  public:
    using stable_row = packed_row; ///< See has_stable_rows.

    row_journal(std::string path, Sealer sealer, Files files)
        : medium_{std::move(path), std::move(files), row_records<Sealer>(std::move(sealer))},
          marks_(medium_.path, medium_.files),
          commit_(medium_.path, medium_.files) {}

    // ---- Reading ----

    /// Whether the file is as it was when it was last read. Looks only at its name, and needs no store lock. A child
    /// made by fork does not have the file open, so another file may have got the same number: it reads the file.
    bool is_current() const {
        const std::optional<file_identity> there = medium_.files.find(medium_.path);
        if (!there) return now_.file == nullptr;
        return now_.is_loaded && *there == now_.identity && now_.process == process_id();
    }

    /// Reads what other processes have appended. If another file has the name now, reads all of that.
    void catch_up() {
        open_again_if_lost();
        const std::optional<file_identity> there = medium_.files.find(medium_.path);
        if (!there && now_.file) throw medium_.gone();
        if (!there || (now_.is_loaded && *there == now_.identity)) return;
        if (reader_.read_new(now_, *there)) return commit_.appended(last_seq());
        opened fresh = reader_.open(bad_header::refuse);
        if (now_.file) require_descendant(fresh.state);
        adopt_found(std::move(fresh));
    }

    /// The row of that id; null if there is none, or if it cannot be read.
    const packed_row* find(std::string_view id) const { return now_.rows.find(id); }
    template <class Visit>
    void for_each(Visit visit) const {
        now_.rows.for_each(visit);
    }
    template <class Rule, class Probe, class Visit>
    void for_each_match(Rule rule, const Probe& probe, Visit visit) const {
        now_.rows.for_each_match(rule, probe, visit);
    }
    std::size_t size() const noexcept { return now_.rows.size(); }
    std::uint64_t last_seq() const noexcept { return now_.last_seq(); }
    /// False if there is a row of that id that cannot be read.
    bool is_readable(const std::string& id) const { return !now_.state.damaged.contains(id); }

    /// Throws errc::storage_corrupt if records are missing and it is unknown whose they were.
    void require_whole() const {
        if (!now_.state.position.has_holes) return;
        if (now_.state.ends_too_early())
            throw error(errc::storage_corrupt,
                        "tokenkeep: " + medium_.path + " is older than what was acknowledged, which is record " +
                            std::to_string(now_.state.acknowledged) + " of generation " +
                            std::to_string(now_.state.header.number) +
                            "; put the newer file back, or call salvage(), which keeps a copy and accepts the file");
        throw error(errc::storage_corrupt, "tokenkeep: " + medium_.path +
                                               " is damaged; salvage() keeps the original and saves what is "
                                               "readable");
    }

    /// Throws if there is a row of that id that cannot be read.
    void require_readable(const std::string& id) const {
        require_whole();
        const auto at = now_.state.damaged.find(id);
        if (at == now_.state.damaged.end()) return;
        throw at->second == row_damage::cannot_open ? cannot_open(id) : damaged();
    }

    /// Throws if there is any row that cannot be read. If the sealer is wrong, says that first: salvage needs the right
    /// one, too.
    void require_all_readable() const {
        require_whole();
        require_opened();
        if (!now_.state.damaged.empty()) throw damaged();
    }

    // ---- Waiting until a record is durable; see group_commit ----

    /// A record to wait for, and the file that it was in.
    struct ticket : group_commit<Files>::ticket {
        journal::generation_id generation{};
    };

    ticket ticket_for(std::uint64_t seq) { return {commit_.ticket_for(seq), now_.state.header.generation}; }
    bool is_durable(std::uint64_t seq) const noexcept { return seq <= commit_.durable(); }

    /// Marks the record as acknowledged. Safe to call from many threads at once, and without the store lock.
    bool wait_until_durable(const ticket& record) {
        const bool is_durable = commit_.wait(record);
        if (is_durable) marks_.write(record.generation, record.seq);
        return is_durable;
    }

    // ---- Writing; the result is the number of the last record, to wait for ----

    /// The row of that id is now this one.
    std::uint64_t put(const token& row) {
        wiping_string packed;
        append_row(packed, row);
        if (const packed_row* before = find(row.id)) packed += row_parts(before->payload()).unknown();
        return change({row.id, std::move(packed)});
    }

    /// There is no row of that id, and no damaged one.
    std::uint64_t remove(const std::string& id) { return change({id, std::nullopt}); }

    /// All rows are gone: a new file without rows is in the place of the old one.
    std::uint64_t clear() {
        rewrite(rewriting::clears);
        return last_seq();
    }

    /// Puts a new file with the rows and nothing else in the place of the old one. Throws errc::not_saved if the old
    /// one stays.
    std::uint64_t rewrite() {
        rewrite(rewriting::carries_on);
        return last_seq();
    }

    /// If another key than the sealer's first one has sealed any record, of earlier versions too, rewrites the file.
    /// nullopt if it changed nothing.
    std::optional<std::uint64_t> reseal() {
        return now_.state.has_other_keys ? std::optional(rewrite()) : std::nullopt;
    }

    // ---- When flushing has failed, and after deleting ----

    /// To be called when waiting for the record gave false. Writes what is in the file into a new one. Throws
    /// errc::indeterminate if the file may have lost the record: some file systems forget what they could not write.
    void leave_failed_file(const ticket& record) {
        if (record.seq <= covered_) return; // another thread has done it
        const std::optional<file_identity> there = medium_.files.find(medium_.path);
        now_.has_failed = true;
        open_again_if_lost();
        if (!there || !reader::has_what_was_read(now_, *there)) {
            now_.is_loaded = false;
            throw error(errc::indeterminate, "tokenkeep: " + medium_.path + " has lost what was written");
        }
        catch_up();
        try {
            rewrite();
        } catch (...) {
            take_back_unflushed();
            throw;
        }
    }

    /// The records of that row until now. To be called before the row is removed.
    journal::erasable_records erasable_records_of(const std::string& id) const {
        const packed_row* row = find(id);
        return {now_.state.header.generation, id, row != nullptr ? row->place().offset : 0, now_.state.position.at};
    }

    /// Overwrites the payloads of a removed row's records with zeros. To be called when the removal is durable. True if
    /// flush_overwritten must follow.
    bool overwrite(const journal::erasable_records& row) {
        if (row.generation != now_.state.header.generation) return false; // the file was rewritten without the row
        if (write_zeros(row) == overwriting::failed) rewrite();
        return true;
    }

    /// Whether the file has payloads of rows whose removal was read from it: the process that removed them is about to
    /// erase them, or was killed before it did.
    bool has_leftovers() const noexcept { return !now_.state.leftovers.empty(); }

    /// The same as overwrite for these rows. If `flushes`, it first makes all removals durable. If not, it leaves out
    /// those that this process has not flushed, except what it found when it opened the file.
    bool overwrite_leftovers(bool flushes) {
        if (!has_leftovers() || now_.state.position.has_holes) return false;
        auto& rows = now_.state.leftovers;
        if (commit_.flushed() < (flushes ? last_seq() : now_.found) && !commit_.flush_all()) {
            rewrite();
            return true;
        }
        bool is_overwritten = false;
        const std::uint64_t flushed = commit_.flushed();
        for (const journal::erasable_records& row : rows) {
            const overwriting done = row.removal > flushed ? overwriting::not_needed : write_zeros(row);
            if (done == overwriting::failed) {
                rewrite();
                return true;
            }
            is_overwritten = is_overwritten || done == overwriting::done;
        }
        std::erase_if(rows, [&](const journal::erasable_records& row) { return row.removal <= flushed; });
        return is_overwritten;
    }

    /// Flushes what was overwritten. False if flushing has failed.
    bool flush_overwritten() { return commit_.flush_all(); }

    // ---- Damage ----

    /// What salvage found and did.
    struct salvaged {
        journal_state found{}; ///< What the file was like.
        std::string copy{};    ///< Where the file lies as it was; empty if nothing was wrong.
    };

    /// Reads all that can be read. If anything is wrong, copies the file and rewrites it without what cannot be read.
    salvaged salvage() {
        salvaged result;
        if (!medium_.files.find(medium_.path)) return result;
        const std::uint64_t next_seq = now_.state.position.next_seq;
        adopt_found(reader_.open(bad_header::ignore));
        result.found = now_.state;
        if (!now_.state.position.has_holes && now_.state.damaged.empty()) return result;
        require_opened();
        now_.state.position.next_seq = (std::max)(now_.state.position.next_seq, next_seq);
        result.copy = rewrite(rewriting::salvages);
        return result;
    }

  private:
    // ---- Which file the journal is ----

    /// From now on the journal is this file.
    void adopt(opened fresh) {
        const bool is_same_file = fresh.identity.is_same_file(now_.identity);
        fresh.has_failed = now_.has_failed && is_same_file;
        now_ = std::move(fresh);
        commit_.opened(now_.file, last_seq(), now_.state.header.last_of_snapshot(), is_same_file);
    }

    /// The same for a file that was there. What a process finds when it first opens a file counts as durable.
    void adopt_found(opened fresh) {
        const bool is_first = now_.file == nullptr;
        adopt(std::move(fresh));
        if (is_first) commit_.trust_until(last_seq());
    }

    /// Throws errc::store_gone unless the file that has the name now comes from ours: it is ours, and has all that was
    /// durable; or it is of a later generation.
    void require_descendant(const journal_state& fresh) const {
        const bool is_same = fresh.header.generation == now_.state.header.generation;
        const bool is_older =
            is_same ? fresh.position.next_seq <= commit_.durable() : fresh.header.number <= now_.state.header.number;
        if (is_older)
            throw error(errc::store_gone,
                        "tokenkeep: another file, or an older copy, was put in the place of " + medium_.path);
    }

    /// A child made by fork opens the file again. If two processes shared one open file description, only one of them
    /// would be told that flushing has failed. If the program has closed the file, the store opens it again, too. While
    /// the file was not open, another file may have got its number; so what was read is compared.
    void open_again_if_lost() {
        if (now_.process == process_id() && !is_lost(now_.file)) return;
        if (now_.file) {
            auto again = medium_.files.open(medium_.path);
            const std::optional<file_identity> there = again ? std::optional(again->identity()) : std::nullopt;
            if (there && there->is_same_file(now_.identity))
                now_.file = std::make_shared<const typename Files::file>(*std::move(again));
            else
                now_.is_loaded = false;
            now_.is_loaded = now_.is_loaded && reader::has_what_was_read(now_, *there);
            if (now_.is_loaded) {
                now_.found = last_seq();
                commit_.opened(now_.file, last_seq(), now_.state.header.last_of_snapshot(), true);
            }
        }
        now_.process = process_id();
    }

    // ---- What cannot be read ----

    static error damaged() {
        return error(errc::storage_corrupt, "tokenkeep: a row is damaged, and it may be the one that is meant; "
                                            "salvage() or delete_token() lets the others go on");
    }

    error cannot_open(const std::string& id) const {
        const std::string row = "the row " + id + " in " + medium_.path;
        return error(errc::permissions,
                     row_records<Sealer>::seals
                         ? "tokenkeep: this sealer cannot open " + row + "; use the sealer that sealed it"
                         : "tokenkeep: this version of the library cannot read " + row +
                               "; use the newer version that wrote it");
    }

    /// Throws errc::permissions if a row is whole and cannot be opened: rewriting the file would lose it.
    void require_opened() const {
        if (const std::string* id = now_.state.id_that_cannot_be_opened()) throw cannot_open(*id);
    }

    // ---- Changes ----

    std::uint64_t change(const row_edit& wanted) {
        require_whole();
        if (now_.file) flush_found();
        const bool is_of_this_version = now_.state.header.major == journal::major_version;
        if (now_.file && is_of_this_version && !now_.state.position.torn && !now_.has_failed) {
            const wiping_string record = record_of(wanted);
            if (is_bloated(record.size()) && try_rewrite(wanted)) return last_seq();
            if (append(record)) {
                const std::uint64_t seq = now_.state.position.next_seq++;
                ++now_.state.position.records;
                commit_.appended(seq);
                apply(wanted, {seq, now_.state.position.at - record.size(), record.size()});
                return seq;
            }
        }
        try {
            rewrite(rewriting::carries_on, &wanted);
        } catch (...) {
            cut_off_rest();
            throw;
        }
        return last_seq();
    }

    wiping_string record_of(const row_edit& wanted) {
        const packed_row* before = find(wanted.id);
        const journal::record_header header{.type = journal::record_type::removed,
                                            .seq = now_.state.position.next_seq,
                                            .previous = before != nullptr ? before->place().offset : 0,
                                            .durable = commit_.flushed(),
                                            .id = wanted.id};
        wiping_string record;
        if (wanted.row)
            medium_.records.append_put(record, now_.state.header.generation, header, *wanted.row);
        else
            journal::append_record(record, now_.state.header.generation, header, {});
        return record;
    }

    /// Flushes what was found in the file, before anything is appended: each record must be able to vouch for those
    /// before it.
    void flush_found() {
        try {
            if (commit_.flushed() < now_.found && !commit_.flush_all()) now_.has_failed = true;
        } catch (const file_error& failure) {
            throw failure.with(errc::not_saved);
        }
    }

    /// False if writing has failed.
    bool append(std::string_view record) {
        try {
            now_.file->write(now_.state.position.at, record);
        } catch (const file_error& failure) {
            // If the program has closed the file, it may have closed the lock file too, and others may write.
            if (is_lost(now_.file)) throw failure.with(errc::not_saved);
            now_.has_failed = true; // a record behind a part of another would look like damage
            return false;
        }
        now_.state.position.at += record.size();
        now_.identity.size = now_.state.position.at;
        record.copy(now_.last_check.data(), now_.last_check.size(), record.size() - now_.last_check.size());
        return true;
    }

    /// Makes the change in the table that the file has already. If there is not enough memory for it, the next call
    /// reads the file again.
    void apply(const row_edit& done, const journal_place& place) try {
        now_.is_loaded = false;
        if (const packed_row* before = find(done.id)) now_.state.live_bytes -= before->place().size;
        now_.state.damaged.erase(done.id);
        if (done.row) {
            now_.rows.insert_or_assign(done.id, *done.row, place);
            now_.state.live_bytes += place.size;
        } else {
            now_.rows.erase(done.id);
        }
        now_.is_loaded = true;
    } catch (const std::bad_alloc&) {
    }

    // ---- Erasing ----

    enum class overwriting { done, not_needed, failed };

    /// Writes zeros over the payloads of a removed row, unless there are zeros already. It fails if the file cannot be
    /// written or understood. It begins with the oldest record: if the program is killed in between, the file never
    /// shows an older version of the row.
    overwriting write_zeros(const journal::erasable_records& row) const {
        overwriting result = overwriting::not_needed;
        try {
            journal::file_window bytes(*now_.file, now_.state.position.at);
            const journal::byte_ranges payloads = journal::payloads_of(bytes, row);
            if (payloads.empty()) return overwriting::failed;
            for (auto at = payloads.rbegin(); at != payloads.rend(); ++at) {
                if (journal::is_zero(bytes, at->offset, at->offset + at->size)) continue;
                now_.file->write(at->offset, std::string(static_cast<std::size_t>(at->size), '\0'));
                result = overwriting::done;
            }
        } catch (const file_error&) {
            return overwriting::failed;
        }
        return result;
    }

    // ---- Undoing ----

    /// If flushing has failed and rewriting, too: cuts off the records that are not flushed, if this process has
    /// written all of them, and leaves the file torn, so that no process appends to it.
    void take_back_unflushed() noexcept {
        now_.is_loaded = false;
        try {
            const std::uint64_t flushed = commit_.flushed();
            if (now_.read_until > flushed) return;
            journal::file_window bytes(*now_.file, now_.state.position.at);
            std::uint64_t end = journal::header_size;
            while (end < now_.state.position.at) {
                const auto record = journal::header_at(bytes, end, now_.state.header.generation);
                if (!record || record->seq > flushed) break;
                end += record->size();
            }
            commit_.lost_unflushed();
            now_.file->truncate(end);
            now_.file->truncate(end + 8);
            now_.file->flush(); // this flushes the cut; the records that could not be flushed are gone
        } catch (...) {
            return; // the save is indeterminate anyway
        }
    }

    /// After an append has failed: cuts off the part of the record that was written. No other process has read that
    /// part, because the store lock is held.
    void cut_off_rest() noexcept {
        if (!now_.file || !now_.has_failed) return;
        try {
            if (now_.file->identity().size > now_.state.position.at) {
                now_.file->truncate(now_.state.position.at);
                (void)commit_.flush_all(); // or a power failure could mix that part with later records
            }
            now_.identity = now_.file->identity();
        } catch (...) {
            now_.is_loaded = false;
        }
    }

    // ---- Rewriting ----

    /// Whether the file is larger than 64 KiB and than four times its rows. After a rewrite has failed, the file may
    /// grow to twice its size first.
    bool is_bloated(std::uint64_t more) const noexcept {
        const std::uint64_t size = now_.state.position.at + more;
        return size > least_bloat && size > 4 * (now_.state.live_bytes + journal::header_size) &&
               size > next_rewrite_ && now_.state.id_that_cannot_be_opened() == nullptr;
    }

    /// False if the old file stays.
    bool try_rewrite(const row_edit& wanted) {
        try {
            rewrite(rewriting::carries_on, &wanted);
            return true;
        } catch (const error& failure) {
            if (failure.code() != errc::not_saved) throw;
            next_rewrite_ = 2 * now_.state.position.at;
            return false;
        }
    }

    /// Puts a new file, with the edit if there is one, in the place of the old one. The path of the copy of the old
    /// one; empty if there is none.
    std::string rewrite(rewriting how, const row_edit* wanted = nullptr) {
        if (how == rewriting::carries_on) require_opened();
        journal_rewrite<Rows, Sealer, Files> rewrite(medium_, now_);
        opened fresh = rewrite.run(how, wanted);
        covered_ = last_seq();
        next_rewrite_ = 0;
        adopt(std::move(fresh));
        return rewrite.copy();
    }

    static constexpr std::uint64_t least_bloat = 65'536;

    const journal_medium<Sealer, Files> medium_;
    acknowledged_marks<Files> marks_;
    const reader reader_{medium_, marks_};
    group_commit<Files> commit_;
    opened now_{};
    std::uint64_t next_rewrite_ = 0; ///< The file is not rewritten before it has this size.
    std::uint64_t covered_ = 0;      ///< Records up to this number went into a file that was rewritten here.
};

}}} // namespace tokenkeep::v1::detail

#endif
