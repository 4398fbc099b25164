// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_WINDOW_HPP
#define TOKENKEEP_DETAIL_JOURNAL_WINDOW_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/memory/number_cast.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
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
        size = (std::min)(size, end_ - offset);
        if (offset < begin_ || offset + size > begin_ + bytes_.size()) {
            constexpr std::uint64_t piece = 1 << 20;
            begin_ = offset;
            bytes_.resize(number_cast<std::size_t>((std::min)((std::max)(size, piece), end_ - offset)));
            bytes_.resize(file_.read(offset, bytes_.data(), bytes_.size()));
        }
        return std::string_view(bytes_).substr(number_cast<std::size_t>(offset - begin_),
                                               number_cast<std::size_t>(size));
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

/// Calls `visit(offset)` for each place from `from` on where the bytes begin as a record does, until it gives false. A
/// record may begin at any byte, because bytes may have been lost or put in.
template <class File, class Visit>
void for_each_magic(file_window<File>& bytes, std::uint64_t from, Visit visit) {
    constexpr std::uint64_t piece = 1 << 16;
    for (std::uint64_t at = from; at < bytes.end();) {
        const std::string_view part = bytes.at(at, piece);
        if (part.size() < record_magic.size()) return;
        const std::size_t found = part.find(record_magic);
        if (found == std::string_view::npos) {
            at += part.size() - (record_magic.size() - 1);
        } else {
            at += found;
            if (!visit(at)) return;
            ++at;
        }
    }
}

/// Calls `visit(offset, header)` for the header of each record from `from` on, in the order of the file. The id holds
/// until the next call of bytes.at.
template <class File, class Visit>
void for_each_header(file_window<File>& bytes, std::uint64_t from, const generation_id& generation, Visit visit) {
    for_each_magic(bytes, from, [&](std::uint64_t at) {
        if (const std::optional<record_header> header = header_at(bytes, at, generation)) visit(at, *header);
        return true;
    });
}

/// Whether all bytes from `begin` to `end` are zeros.
template <class File>
bool is_zero(file_window<File>& bytes, std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t piece = 4'096;
    for (; begin < end; begin += piece)
        if (bytes.at(begin, (std::min)(piece, end - begin)).find_first_not_of('\0') != std::string_view::npos)
            return false;
    return true;
}

/// The last 8 bytes before `end`, where a record or the file header ends: its check. Zeros if the file is shorter.
template <class File>
check check_before(file_window<File>& bytes, std::uint64_t end) {
    check found{};
    if (end >= found.size() && end <= bytes.end())
        bytes.at(end - found.size(), found.size()).copy(found.data(), found.size());
    return found;
}

}}} // namespace tokenkeep::v1::detail::journal

#endif
