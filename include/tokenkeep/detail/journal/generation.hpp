// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_GENERATION_HPP
#define TOKENKEEP_DETAIL_JOURNAL_GENERATION_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/window.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail::journal {

/// The id, and all ids that differ from it in one bit.
inline std::vector<generation_id> ids_within_one_bit(const generation_id& id) {
    std::vector<generation_id> ids{id};
    for (std::size_t bit = 0; bit < 8 * id.size(); ++bit) {
        generation_id other = id;
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
        ids.push_back(other);
    }
    return ids;
}

/// Finds out to which generation the records of a file belong, if its header may be damaged. The check of a record's
/// header holds for the right id only.
class generation_finder {
  public:
    /// Keeps the first bytes that may be headers of records.
    template <class File>
    explicit generation_finder(file_window<File>& bytes) {
        for_each_magic(bytes, 0, [&](std::uint64_t at) {
            const std::size_t extent = header_extent(bytes.at(at, id_at));
            if (extent != 0 && extent <= bytes.end() - at) headers_.emplace_back(bytes.at(at, extent));
            return headers_.size() < most;
        });
    }

    /// False if there is nothing that looks like a record.
    bool has_headers() const noexcept { return !headers_.empty(); }
    bool has_record_of(const generation_id& id) const {
        return std::any_of(headers_.begin(), headers_.end(),
                           [&](const std::string& header) { return record_header_of(header, id).has_value(); });
    }
    /// The first of the ids of which there is a record; nullopt if there is none.
    std::optional<generation_id> first_of(const std::vector<generation_id>& ids) const {
        const auto at =
            std::find_if(ids.begin(), ids.end(), [&](const generation_id& id) { return has_record_of(id); });
        return at == ids.end() ? std::nullopt : std::optional(*at);
    }

  private:
    static constexpr std::size_t most = 1'000;

    std::vector<std::string> headers_{};
};

}}} // namespace tokenkeep::v1::detail::journal

#endif
