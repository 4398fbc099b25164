// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SCAN_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SCAN_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail::journal {

/// Reads a file up to `end`, and keeps the part of it in memory that was read last. What was read is wiped.
///   std::string_view header = bytes.at(0, header_size);
template <class File>
class file_window {
  public:
    file_window(const File& file, std::uint64_t end) : file_(file), end_(end) {}

    std::uint64_t end() const noexcept { return end_; }

    /// The `size` bytes at `offset`; fewer if the end comes first. They hold until the next call.
    std::string_view at(std::uint64_t offset, std::uint64_t size) {
        size = std::min(size, end_ - offset);
        if (offset < begin_ || offset + size > begin_ + bytes_.size()) {
            constexpr std::uint64_t piece = 1 << 20;
            begin_ = offset;
            bytes_.resize(static_cast<std::size_t>(std::min(std::max(size, piece), end_ - offset)));
            bytes_.resize(file_.read(offset, bytes_.data(), bytes_.size()));
        }
        return std::string_view(bytes_).substr(static_cast<std::size_t>(offset - begin_),
                                               static_cast<std::size_t>(size));
    }

  private:
    const File& file_;
    std::uint64_t end_;
    std::uint64_t begin_ = 0;
    wiping_string bytes_{};
};

/// The header of the record that begins at `at`; nullopt if none does. Its id holds until the next call of bytes.at.
template <class File>
std::optional<record_header> header_at(file_window<File>& bytes, std::uint64_t at, const generation_id& generation) {
    const std::size_t extent = header_extent(bytes.at(at, id_at));
    return extent == 0 ? std::nullopt : record_header_of(bytes.at(at, extent), generation);
}

/// The last 8 bytes before `end`, where a record or the file header ends: its check. Zeros if the file is shorter.
template <class File>
check check_before(file_window<File>& bytes, std::uint64_t end) {
    check found{};
    if (end <= bytes.end()) bytes.at(end - found.size(), found.size()).copy(found.data(), found.size());
    return found;
}

/// How far a file has been read, and what was found on the way.
struct scan_position {
    std::uint64_t at = header_size; ///< The end of what was read and understood.
    std::uint64_t next_seq = 0;     ///< The sequence number of the next record.
    std::uint64_t records = 0;      ///< How many records were read.
    bool torn = false;              ///< What follows is a record that was never finished: a crash, or a full disk.
    bool has_holes = false;         ///< Records are missing or unreadable, and it is unknown whose they were.
};

/// Reads the records of a file in order, up to its end or to a torn record. It calls `visit.record(header, payload,
/// offset)` for each good record, and `visit.damaged(id)` for each record whose header is good and whose payload is
/// not. Records up to the number `flushed` were durable before the file got its name.
template <class File, class Visit>
class scanner {
  public:
    scanner(file_window<File>& bytes, const generation_id& generation, std::uint64_t flushed, Visit& visit)
        : bytes_(bytes), generation_(generation), flushed_(flushed), visit_(visit) {}

    /// Goes on from `position`, and moves it.
    void run(scan_position& position) {
        while (position.at < bytes_.end() && !position.torn)
            if (!read_record(position)) skip_to_record(position);
    }

  private:
    std::optional<record_header> header_at(std::uint64_t at) { return journal::header_at(bytes_, at, generation_); }

    /// Where the next record begins, at `at` or behind it; the end of the file if there is none.
    std::uint64_t next_record(std::uint64_t at) {
        while (at < bytes_.end() && !header_at(at)) at += 8;
        return std::min(at, bytes_.end());
    }

    /// Reads the record at the position, and moves behind it. False if no record begins there.
    bool read_record(scan_position& position) {
        const std::uint64_t rest = bytes_.end() - position.at;
        if (header_extent(bytes_.at(position.at, id_at)) > rest)
            return position.torn = !is_vouched_for(position.at, position.next_seq, {});
        std::optional<record_header> header = header_at(position.at);
        if (!header) return false;
        const std::uint64_t size = header->size();
        if (size > rest) return position.torn = !is_vouched_for(position.at, header->seq, {});
        const std::string_view record = bytes_.at(position.at, size);
        header->id = record.substr(id_at, header->id.size());
        const auto payload = payload_of(record, *header, generation_);
        if (payload) {
            visit_.record(*header, *payload, position.at);
        } else {
            const std::string id(header->id);
            if (may_be_torn(position.at, position.at + size, header->seq, id)) return position.torn = true;
            if (header->type != record_type::put && header->type != record_type::removed) position.has_holes = true;
            visit_.damaged(id);
        }
        if (header->seq != position.next_seq) position.has_holes = true;
        position.next_seq = header->seq + 1;
        position.at += size;
        ++position.records;
        return true;
    }

    /// If no record begins at the position: the file is torn there; or it goes on behind a hole; or it is garbage.
    void skip_to_record(scan_position& position) {
        const std::uint64_t next = next_record(position.at + 8);
        const std::optional<record_header> following = header_at(next);
        const bool is_garbage = following && following->seq == position.next_seq; // no number is missing
        if (bytes_.end() - position.at < least_record ||
            (!is_garbage && may_be_torn(position.at, next, position.next_seq, {}))) {
            position.torn = true;
        } else {
            position.has_holes = true;
            position.at = next;
        }
    }

    /// Whether the record at `begin` may never have been durable. A sector of it is zero, as a power failure leaves it;
    /// and no later record vouches for it. Several records may be unflushed at one time, and any part of them may be
    /// missing after a power failure.
    bool may_be_torn(std::uint64_t begin, std::uint64_t end, std::uint64_t seq, std::string_view id) {
        return has_zeroed_sector(begin, end) && !is_vouched_for(begin, seq, id);
    }

    /// Whether the record at `begin` was durable: it belongs to the snapshot; or a later record says so; or a later
    /// record removes its row, so that zeros may have replaced its payload. The later record may begin anywhere,
    /// because bytes may have been lost or put in.
    bool is_vouched_for(std::uint64_t begin, std::uint64_t seq, std::string_view id) {
        if (seq <= flushed_) return true;
        for (std::uint64_t at = begin + 1; at < bytes_.end(); ++at) {
            const std::optional<record_header> later = header_at(at);
            if (!later) continue;
            if (later->durable >= seq || (later->type == record_type::removed && !id.empty() && later->id == id))
                return true;
        }
        return false;
    }

    bool has_zeroed_sector(std::uint64_t begin, std::uint64_t end) {
        constexpr std::uint64_t sector = 512;
        while (begin < end) {
            const std::uint64_t stop = std::min(end, (begin / sector + 1) * sector);
            if (stop - begin >= 8 && is_zero(begin, stop)) return true;
            begin = stop;
        }
        return false;
    }

    bool is_zero(std::uint64_t begin, std::uint64_t end) {
        constexpr std::uint64_t piece = 4'096;
        for (; begin < end; begin += piece)
            if (bytes_.at(begin, std::min(piece, end - begin)).find_first_not_of('\0') != std::string_view::npos)
                return false;
        return true;
    }

    file_window<File>& bytes_;
    const generation_id& generation_;
    std::uint64_t flushed_;
    Visit& visit_;
};

}}} // namespace tokenkeep::v1::detail::journal

#endif
