// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SNAPSHOT_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SNAPSHOT_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/records.hpp>
#include <tokenkeep/os/os.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Writes the next generation of a journal into a new file: a header, every row, and the ids of those that are
/// damaged.
template <class Sealer, class File>
class journal_snapshot {
  public:
    explicit journal_snapshot(const row_records<Sealer>& records) : records_(records) {}

    /// `count` records will follow.
    void begin(const File& to, const journal_state& before, std::uint64_t count) {
        to_ = &to;
        random_bytes(state_.header.generation.data(), state_.header.generation.size());
        state_.header.number = before.header.number + 1;
        // One is left out: it may stand, half written, at the end of the file before.
        state_.header.first_seq = before.here.next_seq + 1;
        state_.header.count = count;
        state_.here.next_seq = state_.header.first_seq;
        journal::append_header(bytes_, state_.header);
    }

    journal_place put(std::string_view id, std::string_view row) {
        const std::size_t begin = bytes_.size();
        records_.append_put(bytes_, state_.header.generation, {.seq = state_.here.next_seq, .id = id}, row);
        const journal_place place = count_record(bytes_.size() - begin);
        state_.live += place.size;
        if (bytes_.size() >= stretch) write();
        return place;
    }

    /// The rest, and everything flushed.
    void end(const std::map<std::string, row_damage>& damaged) {
        for (const auto& [id, how] : damaged) {
            const std::size_t begin = bytes_.size();
            journal::append_record(bytes_, state_.header.generation,
                                   {.type = journal::record_type::damaged, .seq = state_.here.next_seq, .id = id}, {});
            count_record(bytes_.size() - begin);
            state_.damaged.emplace(id, row_damage::carried);
        }
        write();
        to_->flush();
    }

    const journal_state& state() const noexcept { return state_; }
    /// What the new file holds.
    journal_state take_state() noexcept { return std::move(state_); }

  private:
    journal_place count_record(std::uint64_t size) {
        const journal_place place{state_.here.next_seq++, state_.here.at, size};
        state_.here.at += size;
        ++state_.here.records;
        return place;
    }

    void write() {
        to_->write(written_, bytes_);
        written_ += bytes_.size();
        bytes_.clear();
    }

    static constexpr std::size_t stretch = 1 << 20;

    const row_records<Sealer>& records_;
    const File* to_ = nullptr;
    journal_state state_{};
    wiping_string bytes_{};
    std::uint64_t written_ = 0;
};

}}} // namespace tokenkeep::v0::detail

#endif
