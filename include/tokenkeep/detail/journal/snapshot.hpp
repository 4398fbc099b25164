// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SNAPSHOT_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SNAPSHOT_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/reader.hpp>
#include <tokenkeep/detail/journal/records.hpp>
#include <tokenkeep/detail/journal/temporary_file.hpp>
#include <tokenkeep/os/os.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Writes the next generation of a journal into a temporary file beside the old one (`PATH.tmp`), and puts it in the
/// place of the old one. If that does not happen, the temporary file is removed and the old one is as it was.
template <class Rows, class Sealer, class Files>
class journal_snapshot {
    using file = typename Files::file;

  public:
    using opened = opened_file<Rows, file>;

    /// The generation after `before`. `count` calls of put and put_damaged must follow.
    journal_snapshot(const journal_medium<Sealer, Files>& medium, const journal_state& before, std::uint64_t count)
        : medium_(medium), temporary_(medium.files, medium.path + ".tmp") {
        medium_.files.remove(temporary_.path());
        fresh_.file = std::make_shared<const file>(medium_.files.create(temporary_.path()));
        fresh_.rows.expect(static_cast<std::size_t>(count));
        journal::file_header& header = fresh_.state.header;
        random_bytes(header.generation.data(), header.generation.size());
        header.number = before.header.number + 1;
        // One number is left out: a record with it may lie, half written, at the end of the old file.
        header.first_seq = fresh_.state.position.next_seq = before.position.next_seq + 1;
        header.count = count;
        journal::append_header(bytes_, header);
    }

    void put(std::string_view id, std::string_view row) {
        const std::size_t begin = bytes_.size();
        medium_.records.append_put(bytes_, generation(), {.seq = next_seq(), .id = id}, row);
        const journal_place place = count_record(bytes_.size() - begin);
        fresh_.rows.insert_or_assign(id, row, place);
        fresh_.state.live_bytes += place.size;
        if (bytes_.size() >= piece) write();
    }

    /// The row of that id was damaged in the old file.
    void put_damaged(const std::string& id) {
        const std::size_t begin = bytes_.size();
        journal::append_record(bytes_, generation(),
                               {.type = journal::record_type::damaged, .seq = next_seq(), .id = id}, {});
        count_record(bytes_.size() - begin);
        fresh_.state.damaged.emplace(id, row_damage::damaged_before);
    }

    /// Flushes the new file and puts it in the place of the old one; the new file. The name is not flushed.
    opened replace() {
        write();
        fresh_.file->flush();
        fresh_.identity = fresh_.file->identity();
        journal::file_window bytes(*fresh_.file, fresh_.identity.size);
        fresh_.last_check = journal::check_before(bytes, fresh_.state.position.at);
        rename();
        temporary_.keep();
        fresh_.is_loaded = true;
        return std::move(fresh_);
    }

  private:
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

    static constexpr std::size_t piece = 1 << 20;

    const journal_medium<Sealer, Files>& medium_;
    temporary_file<Files> temporary_;
    opened fresh_{};
    wiping_string bytes_{};
    std::uint64_t written_ = 0;
};

}}} // namespace tokenkeep::v0::detail

#endif
