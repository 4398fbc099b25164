// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_READER_HPP
#define TOKENKEEP_DETAIL_JOURNAL_READER_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/group_commit.hpp>
#include <tokenkeep/detail/journal/records.hpp>
#include <tokenkeep/detail/journal/scan.hpp>
#include <tokenkeep/file_system.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// A table of rows that lies in a file: which file that is, how far it has been read, and how far it is durable. The
/// rows are the caller's. Not thread-safe but for waiting; whoever calls also holds the store lock.
template <class Table, class Sealer, class Files>
class journal_reader {
  public:
    journal_reader(std::string path, Sealer sealer, Files files)
        : path_(std::move(path)), files_(std::move(files)), records_(std::move(sealer)), commit_(path_, files_) {}

    /// Whether the file is as it was when it was last read: one look at its name. Needs no store lock.
    bool is_current() const {
        const std::optional<file_identity> there = files_.find(path_);
        return there ? is_loaded_ && *there == seen_ : file_ == nullptr;
    }

    /// Reads what others have written since, and only that; or the whole file, if it is another one now.
    void catch_up(Table& rows) {
        leave_file_of_parent();
        const std::optional<file_identity> there = files_.find(path_);
        if (!there && file_) throw error(errc::store_gone, "tokenkeep: " + path_ + " is gone");
        if (!there || (is_loaded_ && *there == seen_)) return;
        std::optional<window> bytes = grown_file(*there);
        if (!bytes) return open(rows);
        is_loaded_ = false;
        scan(rows, *bytes, state_);
        last_check_ = last_check_of(*bytes, state_);
        read_until_ = last_seq();
        seen_ = *there;
        commit_.appended(last_seq());
        is_loaded_ = true;
    }

    std::uint64_t last_seq() const noexcept { return state_.here.next_seq - 1; }
    bool has_damage() const noexcept { return !state_.damaged.empty(); }
    bool is_damaged(const std::string& id) const { return state_.damaged.contains(id); }

    /// Throws errc::storage_corrupt where records are missing and nobody can say whose.
    void require_whole() const {
        if (state_.here.has_holes)
            throw error(errc::storage_corrupt,
                        "tokenkeep: " + path_ + " is damaged; salvage() keeps the original and saves what is readable");
    }

    // Waiting until a record is durable; see group_commit.

    using ticket = typename group_commit<Files>::ticket;

    ticket ticket_for(std::uint64_t seq) { return commit_.ticket_for(seq); }
    bool is_durable(std::uint64_t seq) const noexcept { return seq <= commit_.durable(); }

    /// Safe to call from many threads at once, and without the store lock.
    bool wait_until_durable(const ticket& record) { return commit_.wait(record); }

  protected:
    using file = std::shared_ptr<const typename Files::file>;
    using check = std::array<char, journal::check_size>;
    using window = journal::window<typename Files::file>;

    void open(Table& rows, bool whatever_is_wrong = false) {
        std::optional<typename Files::file> opened = files_.open(path_);
        if (!opened) throw error(errc::store_gone, "tokenkeep: " + path_ + " is gone");
        const auto now = std::make_shared<const typename Files::file>(*std::move(opened));
        const file_identity identity = now->identity();
        window bytes(*now, identity.size);
        journal_state fresh;
        Table fresh_rows;
        if (read_header(bytes, fresh, whatever_is_wrong)) {
            const std::uint64_t most = identity.size / journal::least_record;
            fresh_rows.expect(static_cast<std::size_t>(std::min(fresh.header.count, most)));
            scan(fresh_rows, bytes, fresh);
        }
        if (fresh.here.records < fresh.header.count) fresh.here.has_holes = true;
        if (file_ && !whatever_is_wrong) require_descendant(fresh);
        const bool is_same_file = identity.device == seen_.device && identity.number == seen_.number;

        const bool is_first = file_ == nullptr;
        const check last_check = last_check_of(bytes, fresh);
        rows = std::move(fresh_rows);
        state_ = std::move(fresh);
        file_ = now;
        seen_ = identity;
        last_check_ = last_check;
        found_ = read_until_ = last_seq();
        is_loaded_ = true;
        has_failed_ = has_failed_ && is_same_file;
        commit_.opened(file_, last_seq(), state_.header.last_of_snapshot(), is_same_file);
        if (is_first) commit_.trust_until(last_seq());
    }

    /// The file, if it is the one that was read, and what was read is still there: the last record's check is.
    std::optional<window> grown_file(const file_identity& there) const {
        if (!is_loaded_ || there.device != seen_.device || there.number != seen_.number) return std::nullopt;
        window bytes(*file_, there.size);
        return last_check_of(bytes, state_) == last_check_ ? std::optional(std::move(bytes)) : std::nullopt;
    }

    /// The check at the end of the last record, or of the header; zeros where the file is shorter.
    static check last_check_of(window& bytes, const journal_state& state) {
        check found{};
        if (state.here.at <= bytes.end())
            bytes.at(state.here.at - found.size(), found.size()).copy(found.data(), found.size());
        return found;
    }

    std::string path_;
    Files files_;
    row_records<Sealer> records_;
    group_commit<Files> commit_;
    file file_{};                  ///< The file as it was opened; null until there is one.
    file_identity seen_{};         ///< The file as it was last read.
    bool is_loaded_ = false;       ///< The rows are those of the file as it was last read.
    bool has_failed_ = false;      ///< Nothing may be appended to the file any more.
    std::uint64_t found_ = 0;      ///< The last record that was there when the file was opened.
    std::uint64_t read_until_ = 0; ///< The last record that others, or an earlier process, have written.
    check last_check_{};           ///< The check of the last record that was read or written.
    journal_state state_{};
    std::uint64_t process_ = process_id(); ///< Whose descriptor the file is.

  private:
    /// A child made by fork opens the file anew: of a description that two processes share, one would hear that flushing
    /// has failed, and not the other.
    void leave_file_of_parent() {
        if (process_ == process_id()) return;
        if (file_ != nullptr) {
            std::optional<typename Files::file> opened = files_.open(path_);
            is_loaded_ = is_loaded_ && opened && opened->identity() == seen_;
            if (is_loaded_) {
                file_ = std::make_shared<const typename Files::file>(*std::move(opened));
                found_ = last_seq();
                commit_.opened(file_, last_seq(), state_.header.last_of_snapshot(), true);
            }
        }
        process_ = process_id();
    }

    /// False if there is no header at all, and that may be.
    bool read_header(window& bytes, journal_state& fresh, bool may_be_wrong) {
        const std::string_view header = bytes.at(0, journal::header_size);
        if (bytes.end() == 0) refuse_mount(files_, path_);
        const auto version = journal::version_of(header);
        if (version && *version > journal::major_version)
            throw error(errc::unsupported_version, "tokenkeep: " + path_ + " was written by a newer version");
        if (!journal::header_is_whole(header)) {
            if (!may_be_wrong)
                throw error(errc::storage_corrupt, "tokenkeep: " + path_ +
                                                       (bytes.end() == 0 ? " is empty" : " has no header of ours") +
                                                       "; it was left as it is, salvage() keeps a copy");
            fresh.here.has_holes = true;
            if (!version) return false;
        }
        fresh.header = journal::header_of(header);
        fresh.here.next_seq = fresh.header.first_seq;
        return true;
    }

    /// Another file of that name must have come from ours by being written anew, and ours must not have lost anything
    /// that was durable.
    void require_descendant(const journal_state& fresh) const {
        const bool is_same = fresh.header.generation == state_.header.generation;
        const bool is_older =
            is_same ? fresh.here.next_seq <= commit_.durable() : fresh.header.number <= state_.header.number;
        if (is_older)
            throw error(errc::store_gone,
                        "tokenkeep: another file, or an older copy, was put in the place of " + path_);
    }

    void scan(Table& rows, window& bytes, journal_state& into) {
        row_loader<Table, Sealer> loader(rows, into, records_);
        into.here.torn = false;
        journal::scanner(bytes, into.header.generation, into.header.last_of_snapshot(), loader).run(into.here);
    }
};

}}} // namespace tokenkeep::v0::detail

#endif
