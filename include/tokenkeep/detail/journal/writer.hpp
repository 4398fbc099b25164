// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_WRITER_HPP
#define TOKENKEEP_DETAIL_JOURNAL_WRITER_HPP

#include <tokenkeep/detail/journal/reader.hpp>
#include <tokenkeep/detail/journal/remains.hpp>
#include <tokenkeep/detail/journal/snapshot.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// A table of rows that lies in a file, to which changes are appended, and which is written anew now and then. Whoever
/// calls this also holds the store lock, exclusively for what writes.
template <class Table, class Sealer, class Files>
class journal_file : public journal_reader<Table, Sealer, Files> {
    using reader = journal_reader<Table, Sealer, Files>;
    using reader::commit_;
    using reader::file_;
    using reader::files_;
    using reader::found_;
    using reader::grown_file;
    using reader::has_failed_;
    using reader::is_loaded_;
    using reader::last_check_;
    using reader::last_check_of;
    using reader::open;
    using reader::path_;
    using reader::read_until_;
    using reader::records_;
    using reader::seen_;
    using reader::state_;
    using typename reader::check;
    using typename reader::file;

  public:
    using reader::catch_up;
    using reader::last_seq;
    using reader::reader;
    using reader::require_whole;
    using typename reader::ticket;

    // ---- Writing: the number of the last record, to wait for ----

    /// The row of that id is now this one.
    std::uint64_t put(Table& rows, const token& row) {
        wiping_string packed;
        append_row(packed, row);
        if (const packed_row* before = rows.find(row.id)) packed += row_parts(before->payload()).unknown();
        return change(rows, {row.id, std::move(packed)});
    }

    /// The row of that id is gone, or the damage to it.
    std::uint64_t remove(Table& rows, const std::string& id) { return change(rows, {id, std::nullopt}); }

    /// All rows are gone, and their bytes.
    std::uint64_t clear(Table& rows) {
        Table none;
        rewrite(none, nullptr, damage::forget);
        rows = std::move(none);
        return last_seq();
    }

    /// Writes the file anew, with nothing but the rows. Throws errc::not_saved where the old one stands.
    void rewrite(Table& rows) { rewrite(rows, nullptr, damage::keep); }

    // ---- When flushing has failed, and after deleting ----

    /// After flushing the file has failed, puts what is in it into a new one. Throws errc::indeterminate where the
    /// record may not be in it any more: some file systems forget what they could not write.
    void leave_failed_file(Table& rows, const ticket& record) {
        if (record.seq <= covered_) return; // another thread has done it
        const std::optional<file_identity> there = files_.find(path_);
        has_failed_ = true;
        if (!there || !grown_file(*there)) {
            is_loaded_ = false;
            throw error(errc::indeterminate, "tokenkeep: " + path_ + " has lost what was written");
        }
        catch_up(rows);
        try {
            rewrite(rows);
        } catch (...) {
            take_back_unflushed();
            throw;
        }
    }

    journal::remains remains_of(const Table& rows, const std::string& id) const {
        const packed_row* row = rows.find(id);
        return {state_.header.generation, id, row != nullptr ? row->place().offset : 0, state_.here.at};
    }

    /// Flushes after overwrite; false as for waiting.
    bool flush_overwritten() { return commit_.flush_all(); }

    /// Overwrites the payloads of a removed row's records with zeros, the oldest first, so that a file that is cut
    /// short shows none older than another. To be called when the removal is durable; true if it must be flushed.
    bool overwrite(Table& rows, const journal::remains& row) {
        if (row.generation != state_.header.generation) return false; // the file was written anew, without the row
        journal::window bytes(*file_, state_.here.at);
        const journal::stretches payloads = journal::payloads_of(bytes, row);
        try {
            for (auto at = payloads.rbegin(); at != payloads.rend(); ++at)
                file_->write(at->first, std::string(static_cast<std::size_t>(at->second), '\0'));
            if (!payloads.empty()) return true;
        } catch (const file_error&) {
        }
        rewrite(rows);
        return false;
    }

    // ---- Damage ----

    /// Reads what can be read, whatever is wrong. If anything is, keeps a copy of the file, the path of which is the
    /// result, and writes the file anew without what cannot be read. `found` is what the file was like.
    std::string salvage(Table& rows, journal_state& found) {
        if (!files_.find(path_)) return {};
        const std::uint64_t next_seq = state_.here.next_seq;
        open(rows, true);
        found = state_;
        if (!state_.here.has_holes && state_.damaged.empty()) return {};
        require_opened();
        state_.here.next_seq = std::max(state_.here.next_seq, next_seq);
        std::string copy = keep_original();
        try {
            rewrite(rows, nullptr, damage::forget);
        } catch (...) {
            remove_quietly(copy);
            throw;
        }
        return copy;
    }

  private:
    struct edit {
        const std::string& id;
        std::optional<wiping_string> row; ///< Its payload.
    };
    enum class damage { keep, forget };

    /// Throws errc::permissions where writing the file anew would lose rows that are whole.
    void require_opened() const {
        for (const auto& [id, how] : state_.damaged)
            if (how == row_damage::unopened)
                throw error(errc::permissions, "tokenkeep: " + path_ +
                                                   " has rows that this sealer cannot open, or a "
                                                   "newer version has written; they would be lost");
    }

    std::uint64_t change(Table& rows, const edit& wanted) {
        require_whole();
        if (file_) flush_found();
        if (file_ && !state_.here.torn && !has_failed_) {
            const packed_row* before = rows.find(wanted.id);
            const std::uint64_t seq = state_.here.next_seq;
            const journal::record_header header{.type = journal::record_type::removed,
                                                .seq = seq,
                                                .previous = before != nullptr ? before->place().offset : 0,
                                                .durable = commit_.flushed(),
                                                .id = wanted.id};
            wiping_string record;
            if (wanted.row)
                records_.append_put(record, state_.header.generation, header, *wanted.row);
            else
                journal::append_record(record, state_.header.generation, header, {});
            if (is_bloated(record.size()) && try_rewrite(rows, wanted)) return last_seq();
            if (append(record)) {
                state_.here.next_seq = seq + 1;
                ++state_.here.records;
                commit_.appended(seq);
                apply(rows, wanted, {seq, state_.here.at - record.size(), record.size()});
                return seq;
            }
        }
        try {
            rewrite(rows, &wanted, damage::keep);
        } catch (...) {
            cut_off_rest();
            throw;
        }
        return last_seq();
    }

    /// What was found is flushed before anything follows it, so that every record can vouch for those before it.
    void flush_found() {
        try {
            if (commit_.flushed() < found_ && !commit_.flush_all()) has_failed_ = true;
        } catch (const file_error& fault) {
            throw fault.with(errc::not_saved);
        }
    }

    bool append(std::string_view record) {
        try {
            file_->write(state_.here.at, record);
        } catch (const file_error&) {
            has_failed_ = true; // what follows a part of a record could not be told from damage
            return false;
        }
        state_.here.at += record.size();
        seen_.size = state_.here.at;
        record.copy(last_check_.data(), last_check_.size(), record.size() - last_check_.size());
        return true;
    }

    /// Where flushing has failed and nothing else helped: cuts off the records that are not flushed, if all of them are
    /// ours, and leaves the file torn, so that nobody appends to it any more.
    void take_back_unflushed() noexcept {
        is_loaded_ = false;
        try {
            const std::uint64_t flushed = commit_.flushed();
            if (read_until_ > flushed) return;
            journal::window bytes(*file_, state_.here.at);
            std::uint64_t end = journal::header_size;
            while (end < state_.here.at) {
                const auto record = journal::header_at(bytes, end, state_.header.generation);
                if (!record || record->seq > flushed) break;
                end += record->size();
            }
            commit_.lost_unflushed();
            file_->truncate(end);
            file_->truncate(end + 8);
            file_->flush(); // of the cut: what the failed flush was to save is gone
        } catch (...) {
            return; // the save is indeterminate anyway
        }
    }

    /// After a failed append: nobody has seen it, as it happened under the store lock.
    void cut_off_rest() noexcept {
        if (!file_ || !has_failed_) return;
        try {
            if (file_->identity().size > state_.here.at) {
                file_->truncate(state_.here.at);
                (void)commit_.flush_all(); // lest a power failure mixes the rest with what another process appends
            }
            seen_ = file_->identity();
        } catch (...) {
            is_loaded_ = false;
        }
    }

    /// The table follows the file. Where memory is lacking the file will be read again: it has the change.
    void apply(Table& rows, const edit& done, const journal_place& place) try {
        is_loaded_ = false;
        if (const packed_row* before = rows.find(done.id)) state_.live -= before->place().size;
        state_.damaged.erase(done.id);
        if (done.row) {
            rows.insert_or_assign(done.id, *done.row, place);
            state_.live += place.size;
        } else {
            rows.erase(done.id);
        }
        is_loaded_ = true;
    } catch (const std::bad_alloc&) {
    }

    /// Four times what is live, and 64 KiB, are enough; after a rewrite that failed the file may grow to twice its size.
    bool is_bloated(std::uint64_t more) const noexcept {
        const std::uint64_t size = state_.here.at + more;
        if (size <= least_bloat || size <= 4 * (state_.live + journal::header_size) || size <= next_rewrite_)
            return false;
        const auto is_whole = [](const auto& damaged) { return damaged.second == row_damage::unopened; };
        return std::none_of(state_.damaged.begin(), state_.damaged.end(), is_whole);
    }

    bool try_rewrite(Table& rows, const edit& wanted) {
        try {
            rewrite(rows, &wanted, damage::keep);
            return true;
        } catch (const error& fault) {
            if (fault.code() != errc::not_saved) throw;
            next_rewrite_ = 2 * state_.here.at;
            return false;
        }
    }

    /// Writes a new file beside the old one, flushes it and puts it in its place. Where that fails before the last
    /// step, the old one stands and the error is errc::not_saved.
    void rewrite(Table& rows, const edit* wanted, damage of_rows) {
        std::string copy;
        if (of_rows == damage::keep) {
            require_opened();
            const auto is_new = [](const auto& damaged) { return damaged.second == row_damage::found; };
            if (std::any_of(state_.damaged.begin(), state_.damaged.end(), is_new)) copy = keep_original();
        }
        const std::string temporary = path_ + ".tmp";
        file fresh;
        file_identity identity;
        Table fresh_rows;
        check last_check;
        journal_snapshot<Sealer, typename Files::file> snapshot(records_);
        try {
            files_.remove(temporary);
            fresh = std::make_shared<const typename Files::file>(files_.create(temporary));
            auto damaged = of_rows == damage::keep ? state_.damaged : decltype(state_.damaged)();
            std::uint64_t count = rows.size();
            if (wanted != nullptr) {
                damaged.erase(wanted->id);
                if (wanted->row) ++count;
                if (rows.find(wanted->id) != nullptr) --count;
            }
            snapshot.begin(*fresh, state_, count + damaged.size());
            fresh_rows.expect(static_cast<std::size_t>(count));
            const auto put = [&](std::string_view id, std::string_view row) {
                fresh_rows.insert_or_assign(id, row, snapshot.put(id, row));
            };
            rows.for_each([&](const packed_row& row) {
                if (wanted == nullptr || row.id() != wanted->id) put(row.id(), row.payload());
            });
            if (wanted != nullptr && wanted->row) put(wanted->id, *wanted->row);
            snapshot.end(damaged);
            identity = fresh->identity();
            journal::window bytes(*fresh, identity.size);
            last_check = last_check_of(bytes, snapshot.state());
            replace(temporary, identity);
        } catch (const file_error& fault) {
            remove_quietly(temporary);
            if (fault.code() == errc::indeterminate) throw;
            if (!copy.empty()) remove_quietly(copy);
            throw fault.with(errc::not_saved);
        } catch (...) {
            remove_quietly(temporary);
            if (!copy.empty()) remove_quietly(copy);
            throw;
        }
        covered_ = last_seq();
        state_ = snapshot.take_state();
        file_ = std::move(fresh);
        seen_ = identity;
        rows = std::move(fresh_rows);
        has_failed_ = false;
        next_rewrite_ = 0;
        last_check_ = last_check;
        commit_.opened(file_, last_seq(), last_seq());
        is_loaded_ = true;
    }

    /// A rename that fails and is found to have happened has happened.
    void replace(const std::string& temporary, const file_identity& identity) {
        try {
            files_.rename(temporary, path_);
        } catch (const file_error& fault) {
            if (identity_of_path(fault) != identity) throw;
        }
    }
    std::optional<file_identity> identity_of_path(const file_error& after) const {
        try {
            return files_.find(path_);
        } catch (const file_error&) {
            throw after.with(errc::indeterminate);
        }
    }

    void remove_quietly(const std::string& path) const noexcept {
        try {
            files_.remove(path);
        } catch (...) {
            return; // the next rewrite removes it
        }
    }

    /// Copies the file as it is, beside it; the path of the copy.
    std::string keep_original() {
        std::string copy = path_ + ".damaged-" + std::to_string(state_.header.number) + "-" + random_hex(4);
        const std::uint64_t size = file_->identity().size;
        try {
            const auto to = files_.create(copy);
            journal::window bytes(*file_, size);
            constexpr std::uint64_t stretch = 1 << 20;
            for (std::uint64_t at = 0; at < size; at += stretch) to.write(at, bytes.at(at, stretch));
            to.flush();
            files_.flush_directory(copy);
        } catch (const file_error& fault) {
            remove_quietly(copy);
            throw fault.with(errc::not_saved);
        }
        return copy;
    }

    static constexpr std::uint64_t least_bloat = 65'536;

    std::uint64_t next_rewrite_ = 0; ///< Not before the file has this size.
    std::uint64_t covered_ = 0;      ///< Records up to this number went into a file that was written anew here.
};

}}} // namespace tokenkeep::v0::detail

#endif
