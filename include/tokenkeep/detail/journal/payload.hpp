// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_PAYLOAD_HPP
#define TOKENKEEP_DETAIL_JOURNAL_PAYLOAD_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v1 { namespace detail {

// A payload is a row as bytes. First the words, then the bytes.
//
//   field    One value of the row, such as its access token. A payload has only the fields that are not empty. The id
//            is not among them: the record's header has it.
//   tag      The number of a field: its place in the table of fields (token.hpp), plus one. A tag never changes its
//            meaning.
//   unknown  A field with a tag that this version does not know: a newer version wrote it. Such fields come last. They
//            stay with their row when the row is saved again.
//
// The bytes of each field: tag, 2     size of the content, 4     content. A time is 8 bytes: milliseconds since 1970.

inline void append_field(wiping_string& out, std::size_t place, std::string_view content) {
    journal::put_number(out, static_cast<std::uint16_t>(place + 1));
    journal::put_number(out, static_cast<std::uint32_t>(content.size()));
    out += content;
}

/// Appends the payload of a row.
inline void append_row(wiping_string& out, const token& row) {
    for (std::size_t place = 1; place < std::size(fields); ++place) {
        fields[place].visit([&](auto member) {
            if (is_absent(row.*member)) return;
            if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>) {
                std::string time;
                journal::put_number(time, (row.*member)->time_since_epoch().count());
                append_field(out, place, time);
            } else {
                append_field(out, place, view_of(row.*member));
            }
        });
    }
}

/// The parts of a payload; they refer to its bytes.
class row_parts {
  public:
    explicit row_parts(std::string_view bytes) {
        constexpr std::size_t prefix = 6;
        while (is_row_ && !bytes.empty()) {
            const std::size_t size = bytes.size() < prefix ? 0 : journal::number_at<std::uint32_t>(bytes, 2);
            is_row_ = bytes.size() >= prefix && bytes.size() - prefix >= size;
            if (!is_row_) return;
            const std::size_t place = journal::number_at<std::uint16_t>(bytes, 0) - std::size_t{1};
            if (place >= std::size(fields)) {
                unknown_ = bytes;
                return;
            }
            content_[place] = bytes.substr(prefix, size);
            is_row_ = fields[place].time == nullptr || size == sizeof(std::int64_t);
            bytes.remove_prefix(prefix + size);
        }
    }

    /// False if the bytes are not a payload.
    bool is_row() const noexcept { return is_row_; }
    /// The content of the field at that place in the table of fields; empty if the row does not have it.
    std::string_view content(std::size_t place) const noexcept { return content_[place]; }
    /// All unknown fields, as bytes.
    std::string_view unknown() const noexcept { return unknown_; }

    /// The row, with that id. It refers to the same bytes.
    row_view view(std::string_view id) const noexcept {
        row_view row;
        row.id = id;
        for_each_place([&](auto place) {
            constexpr viewed_field viewed = viewed_fields[place];
            const std::string_view content = content_[place];
            if (place == 0 || content.empty()) return;
            if constexpr (viewed.time != nullptr)
                row.*viewed.time = timestamp(std::chrono::milliseconds(journal::number_at<std::int64_t>(content, 0)));
            else
                row.*viewed.text = content;
        });
        return row;
    }

  private:
    std::array<std::string_view, std::size(fields)> content_{};
    std::string_view unknown_{};
    bool is_row_ = true;
};

}}} // namespace tokenkeep::v1::detail

#endif
