// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_ERASABLE_RECORDS_HPP
#define TOKENKEEP_DETAIL_JOURNAL_ERASABLE_RECORDS_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/window.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail::journal {

/// The records of a row that is being removed, or was; their payloads are to be overwritten.
struct erasable_records {
    generation_id generation{};
    std::string id{};
    std::uint64_t newest = 0;  ///< Where its newest record begins; 0 if that is unknown because the row is damaged.
    std::uint64_t end = 0;     ///< Where its removal is written. Later records may be of a new row with that id.
    std::uint64_t removal = 0; ///< The sequence number of its removal; 0 if that is not written yet.
};

struct byte_range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};
using byte_ranges = std::vector<byte_range>;

/// Whether the record that follows lies where this one ends. If not, bytes are missing, and the payload, as long as the
/// header says, would reach into other records.
template <class File>
bool is_followed_at(file_window<File>& bytes, std::uint64_t end, std::uint64_t seq, const generation_id& generation) {
    const auto next = header_at(bytes, end, generation);
    return next && next->seq == seq + 1;
}

/// The payloads of all records of an id, the newest first; none if the file cannot be understood. Reads the whole file.
template <class File>
byte_ranges payloads_of_id(file_window<File>& bytes, const erasable_records& row) {
    byte_ranges found;
    for (std::uint64_t at = header_size; at < row.end;) {
        const auto header = header_at(bytes, at, row.generation);
        if (!header) return {};
        const std::uint64_t end = at + header->size(), seq = header->seq;
        if (header->id == row.id) found.push_back({at + header->payload_at(), header->payload_size});
        if (end > row.end || !is_followed_at(bytes, end, seq, row.generation)) return {};
        at = end;
    }
    std::reverse(found.begin(), found.end());
    return found;
}

/// The same by following `previous` from the newest record on; reads only the row's records, and where they end.
template <class File>
byte_ranges payloads_of(file_window<File>& bytes, const erasable_records& row) {
    if (row.newest == 0) return payloads_of_id(bytes, row);
    byte_ranges found;
    for (std::uint64_t at = row.newest; at != 0;) {
        const auto header = header_at(bytes, at, row.generation);
        if (!header || header->id != row.id || header->previous >= at) return {};
        const std::uint64_t end = at + header->size(), previous = header->previous, seq = header->seq;
        found.push_back({at + header->payload_at(), header->payload_size});
        if (end > row.end || !is_followed_at(bytes, end, seq, row.generation)) return {};
        at = previous;
    }
    return found;
}

}}} // namespace tokenkeep::v1::detail::journal

#endif
