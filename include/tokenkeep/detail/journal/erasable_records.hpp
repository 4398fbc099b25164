// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_REMAINS_HPP
#define TOKENKEEP_DETAIL_JOURNAL_REMAINS_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/scan.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace detail::journal {

/// What is left in a file of a row that is being removed.
struct remains {
    generation_id generation{};
    std::string id{};
    std::uint64_t newest = 0; ///< Where its newest record begins; 0 where the row is damaged, and nobody knows.
    std::uint64_t end = 0;    ///< Where its removal is written: what follows is of a new row of that id.
};

using stretches = std::vector<std::pair<std::uint64_t, std::uint64_t>>; ///< Where each begins, and its size.

/// The payloads of all records of an id, the newest first; none if the file cannot be understood. Reads the whole file.
template <class File>
stretches payloads_of_id(window<File>& bytes, const remains& row) {
    stretches found;
    for (std::uint64_t at = header_size; at < row.end;) {
        const auto header = header_at(bytes, at, row.generation);
        if (!header) return {};
        if (header->id == row.id) found.emplace_back(at + header->payload_at(), header->payload_size);
        at += header->size();
    }
    std::reverse(found.begin(), found.end());
    return found;
}

/// The same from the newest record on; reads only the row's.
template <class File>
stretches payloads_of(window<File>& bytes, const remains& row) {
    if (row.newest == 0) return payloads_of_id(bytes, row);
    stretches found;
    for (std::uint64_t at = row.newest; at != 0;) {
        const auto header = header_at(bytes, at, row.generation);
        if (!header || header->id != row.id || header->previous >= at) return {};
        found.emplace_back(at + header->payload_at(), header->payload_size);
        at = header->previous;
    }
    return found;
}

}}} // namespace tokenkeep::v0::detail::journal

#endif
