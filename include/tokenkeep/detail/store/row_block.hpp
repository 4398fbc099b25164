// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_BLOCK_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_BLOCK_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Which text a field is, among the texts of a row.
consteval std::size_t number_among_texts(std::size_t place) {
    std::size_t n = 0;
    while (place-- > 0) n += viewed_fields[place].text != nullptr ? 1 : 0;
    return n;
}
/// Which text of a row_block a field is. The access token comes right behind the id, the user and the client: to find a
/// row and to hand out its token then touches few cache lines.
consteval std::size_t number_of_text(std::size_t place) {
    constexpr std::size_t access = number_among_texts(place_of<&token::access_token>());
    constexpr std::size_t first_cold = number_among_texts(place_of<&token::client_secret>());
    static_assert(first_cold < access);
    const std::size_t n = number_among_texts(place);
    if (n == access) return first_cold;
    return first_cold <= n && n < access ? n + 1 : n;
}
/// Which time a field is, among the times of a row.
consteval std::size_t number_among_times(std::size_t place) { return place - number_among_texts(place); }

/// A row in one block of memory: its times, where each of its texts ends, and then the texts without a gap.
class row_block {
  public:
    /// Copies the row. Throws std::bad_alloc, or errc::invalid_record if the row is too large.
    static row_block* make(const row_view& row) {
        std::size_t size = 0;
        for_each_text(row, [&](auto, std::string_view text) { size += text.size(); });
        if (size > (std::numeric_limits<std::uint32_t>::max)())
            throw error(errc::invalid_record, "tokenkeep: the texts of a row have more than 4 GB");
        return new (::operator new(sizeof(row_block) + size)) row_block(row);
    }
    /// Wipes and frees the row.
    static void destroy(row_block* row) noexcept {
        wipe(row, sizeof(row_block) + row->ends_[texts - 1]);
        ::operator delete(row);
    }

    row_block(const row_block&) = delete;
    row_block& operator=(const row_block&) = delete;

    std::string_view id() const noexcept { return text<&token::id>(); }
    /// The text of that member of token; see text_of.
    template <auto member>
    std::string_view text() const noexcept {
        return text_number<number_of_text(place_of<member>())>();
    }
    explicit operator token() const { return token(view()); }
    [[gnu::always_inline]] row_view view() const noexcept {
        row_view row;
        for_each_place([&](auto place) {
            constexpr viewed_field viewed = viewed_fields[place];
            if constexpr (viewed.text != nullptr) {
                row.*viewed.text = text_number<number_of_text(place)>();
            } else {
                constexpr std::size_t n = number_among_times(place);
                if ((times_present_ >> n & 1) != 0) row.*viewed.time = timestamp(std::chrono::milliseconds(times_[n]));
            }
        });
        return row;
    }

    /// Whether each text of that row is as long as here, so that it can be written over this one.
    bool has_sizes_of(const row_view& row) const noexcept {
        bool are_equal = true;
        for_each_text(
            row, [&](auto n, std::string_view text) { are_equal = are_equal && ends_[n] - begin<n>() == text.size(); });
        return are_equal;
    }
    /// Makes this that row. `row` may refer to texts of this row itself, each for the same field.
    void overwrite(const row_view& row) noexcept {
        for_each_text(row, [&](auto n, std::string_view text) {
            char* const place = bytes() + begin<n>();
            if (!text.empty() && text.data() != place) std::memcpy(place, text.data(), text.size());
        });
        set_times(row);
    }

  private:
    static constexpr std::size_t texts = number_among_texts(std::size(fields));
    static constexpr std::size_t times = std::size(fields) - texts;

    /// Calls `act(n, text)` for the texts of a row, with the number of each as a constant.
    template <class Act>
    static void for_each_text(const row_view& row, Act act) {
        for_each_place([&](auto place) {
            constexpr viewed_field viewed = viewed_fields[place];
            if constexpr (viewed.text != nullptr)
                act(std::integral_constant<std::size_t, number_of_text(place)>{}, row.*viewed.text);
        });
    }

    explicit row_block(const row_view& row) noexcept {
        for_each_text(row, [&](auto n, std::string_view text) { ends_[n] = static_cast<std::uint32_t>(text.size()); });
        for (std::size_t n = 1; n < texts; ++n) ends_[n] += ends_[n - 1];
        overwrite(row);
    }

    void set_times(const row_view& row) noexcept {
        times_present_ = 0;
        for_each_place([&](auto place) {
            constexpr viewed_field viewed = viewed_fields[place];
            if constexpr (viewed.time != nullptr) {
                constexpr std::size_t n = number_among_times(place);
                const std::optional<timestamp>& time = row.*viewed.time;
                times_[n] = time ? time->time_since_epoch().count() : 0;
                times_present_ |= static_cast<std::uint32_t>(time.has_value()) << n;
            }
        });
    }

    template <std::size_t n>
    std::string_view text_number() const noexcept {
        return {bytes() + begin<n>(), ends_[n] - begin<n>()};
    }
    template <std::size_t n>
    std::size_t begin() const noexcept {
        if constexpr (n == 0)
            return 0;
        else
            return ends_[n - 1];
    }
    const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }

    std::int64_t times_[times];
    std::uint32_t times_present_; ///< A bit for each time.
    std::uint32_t ends_[texts];
};

/// The rules are asked about the block itself, and read only what they need.
inline const row_block& asked(const row_block& row) noexcept { return row; }

}}} // namespace tokenkeep::v1::detail

#endif
