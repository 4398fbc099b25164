// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_REWRITE_HPP
#define TOKENKEEP_DETAIL_JOURNAL_REWRITE_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/detail/journal/reader.hpp>
#include <tokenkeep/detail/journal/records.hpp>
#include <tokenkeep/detail/journal/temporary_file.hpp>
#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/os/os.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A row of that id is to be there, or none.
struct row_edit {
    const std::string& id;
    std::optional<wiping_string> row; ///< Its payload; nullopt if it is to be removed.
};

/// What goes from the old file into the new one.
enum class rewriting {
    carries_on, ///< The rows, and which ids are damaged. Copies the old file if it has damage that no copy has yet, or
                ///< if it is torn and records lie behind that place.
    salvages,   ///< The rows. Copies the old file.
    clears,     ///< Nothing.
};

/// Writes the next generation of a journal into a temporary file beside the old one (`PATH.tmp`), and puts it in the
/// place of the old one. If that does not happen, the old file is as it was, and when this object is destroyed it
/// removes the temporary file and the copy that it made of the old one.
template <class Rows, class Sealer, class Files>
class journal_rewrite {
    using file = typename Files::file;

  public:
    using opened = opened_file<Rows, file>;

    /// The generation after `before`.
    journal_rewrite(const journal_medium<Sealer, Files>& medium, opened& before)
        : medium_(medium), before_(before), temporary_(medium.files, medium.path + ".tmp") {}

    /// The new file, of which the name is not yet flushed. It has the edit if there is one. It may have the table of
    /// rows of the old file, which then has none. Throws errc::not_saved if the old file stays, and errc::indeterminate
    /// if that is unknown.
    opened run(rewriting how, const row_edit* wanted) {
        try {
            if (how == rewriting::salvages || (how == rewriting::carries_on && before_.state.leaves_bytes_behind())) {
                const std::string number = std::to_string(before_.state.header.number);
                const std::string path = medium_.path + ".damaged-" + number + "-" + random_hex(4);
                copy_original(copy_.emplace(medium_.files, path).path());
            }
            write_snapshot(how, wanted);
            rename();
        } catch (const file_error& failure) {
            if (failure.code() != errc::indeterminate) throw failure.with(errc::not_saved);
            if (copy_) copy_->keep();
            throw;
        }
        temporary_.keep();
        if (copy_) copy_->keep();
        if (keeps_table_) take_table();
        return std::move(fresh_);
    }

    /// Where the copy of the old file is; empty if there was no reason to make one.
    std::string copy() const { return copy_ ? copy_->path() : std::string(); }

  private:
    void write_snapshot(rewriting how, const row_edit* wanted) {
        auto damaged = how == rewriting::carries_on ? before_.state.damaged : decltype(before_.state.damaged)();
        std::uint64_t count = how == rewriting::clears ? 0 : before_.rows.size();
        if (wanted != nullptr) {
            damaged.erase(wanted->id);
            if (wanted->row) ++count;
            if (before_.rows.find(wanted->id) != nullptr) --count;
        }
        keeps_table_ = how != rewriting::clears && wanted == nullptr && !before_.wastes_memory();
        begin(count + damaged.size());
        if (how != rewriting::clears)
            before_.rows.for_each([&](const packed_row& row) {
                if (wanted == nullptr || row.id() != wanted->id) put(row.id(), row.payload());
            });
        if (wanted != nullptr && wanted->row) put(wanted->id, *wanted->row);
        for (const auto& [id, damage] : damaged) put_damaged(id);
        write();
        fresh_.file->flush();
        fresh_.identity = fresh_.file->identity();
        journal::file_window bytes(*fresh_.file, fresh_.identity.size);
        fresh_.last_check = journal::check_before(bytes, fresh_.state.position.at);
        fresh_.is_loaded = true;
    }

    /// `count` records will follow the header.
    void begin(std::uint64_t count) {
        medium_.files.remove(temporary_.path());
        fresh_.file = std::make_shared<const file>(medium_.files.create(temporary_.path()));
        if (keeps_table_)
            places_.reserve(before_.rows.size());
        else
            fresh_.rows.expect(number_cast<std::size_t>(count));
        journal::file_header& header = fresh_.state.header;
        random_bytes(header.generation.data(), header.generation.size());
        header.number = before_.state.header.number + 1;
        // One number is left out: a record with it may lie, half written, at the end of the old file.
        header.first_seq = fresh_.state.position.next_seq = before_.state.position.next_seq + 1;
        header.count = count;
        journal::append_header(bytes_, header);
    }

    void put(std::string_view id, std::string_view row) {
        const std::size_t begin = bytes_.size();
        medium_.records.append_put(bytes_, generation(), {.seq = next_seq(), .id = id}, row);
        const journal_place place = count_record(bytes_.size() - begin);
        if (keeps_table_)
            places_.push_back(place);
        else
            fresh_.rows.insert_or_assign(id, row, place);
        fresh_.state.live_bytes += place.size;
        if (bytes_.size() >= piece) write();
    }

    /// Moves the table of the old file into the new one. Its rows are now where the new file has them.
    void take_table() noexcept {
        const std::uint64_t memory = before_.memory_of_rows();
        fresh_.wasted_memory = memory - (std::min)(memory, before_.state.live_bytes);
        fresh_.rows = std::move(before_.rows);
        auto place = places_.begin();
        fresh_.rows.for_each([&](packed_row& row) { row.move_to(*place++); });
    }

    /// The row of that id was damaged in the old file.
    void put_damaged(const std::string& id) {
        const std::size_t begin = bytes_.size();
        journal::append_record(bytes_, generation(),
                               {.type = journal::record_type::damaged, .seq = next_seq(), .id = id}, {});
        count_record(bytes_.size() - begin);
        fresh_.state.damaged.emplace(id, row_damage::damaged_before);
    }

    const journal::generation_id& generation() const noexcept { return fresh_.state.header.generation; }
    std::uint64_t next_seq() const noexcept { return fresh_.state.position.next_seq; }

    journal_place count_record(std::uint64_t size) noexcept {
        journal::scan_position& position = fresh_.state.position;
        const journal_place place{position.next_seq++, position.at, size};
        position.at += size;
        ++position.records;
        return place;
    }

    void write() {
        fresh_.file->write(written_, bytes_);
        written_ += bytes_.size();
        bytes_.clear();
    }

    /// A rename that fails, but is found to have happened, has happened.
    void rename() const {
        try {
            medium_.files.rename(temporary_.path(), medium_.path);
        } catch (const file_error& failure) {
            if (identity_of_path(failure) != fresh_.identity) throw;
        }
    }
    std::optional<file_identity> identity_of_path(const file_error& after) const {
        try {
            return medium_.files.find(medium_.path);
        } catch (const file_error&) {
            throw after.with(errc::indeterminate);
        }
    }

    void copy_original(const std::string& path) const {
        const file& original = *before_.file;
        const std::uint64_t size = original.identity().size;
        const file copy = medium_.files.create(path);
        journal::file_window bytes(original, size);
        for (std::uint64_t at = 0; at < size; at += piece) copy.write(at, bytes.at(at, piece));
        copy.flush();
        medium_.files.flush_directory(path);
    }

    static constexpr std::size_t piece = 1 << 20;

    const journal_medium<Sealer, Files>& medium_;
    opened& before_;
    std::optional<temporary_file<Files>> copy_{}; ///< Of the old file.
    temporary_file<Files> temporary_;             ///< The new file, until it is renamed.
    opened fresh_{};
    bool keeps_table_ = false;            ///< The new file gets the table of the old one; no row is copied.
    std::vector<journal_place> places_{}; ///< If so: where its rows are in the new file, in their order there.
    wiping_string bytes_{};
    std::uint64_t written_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
