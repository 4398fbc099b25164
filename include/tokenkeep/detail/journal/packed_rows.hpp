// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_PACKED_ROWS_HPP
#define TOKENKEEP_DETAIL_JOURNAL_PACKED_ROWS_HPP

#include <tokenkeep/detail/journal/payload.hpp>
#include <tokenkeep/detail/store/row_indices.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/memory/arena.hpp>
#include <tokenkeep/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Which record a row came from, and where the file has it.
struct journal_place {
    std::uint64_t seq = 0;    ///< The sequence number of the record.
    std::uint64_t offset = 0; ///< Where the record begins.
    std::uint64_t size = 0;   ///< The size of the record.
};

/// A row as the payload of its record. The id and the payload follow this object in memory.
class packed_row {
  public:
    /// How many bytes the object, the id and the payload take.
    static std::size_t size_of(std::string_view id, std::string_view payload) noexcept {
        return sizeof(packed_row) + id.size() + payload.size();
    }
    /// Makes a row in `memory`, which has size_of(id, payload) bytes.
    static packed_row* make(void* memory, std::string_view id, std::string_view payload, const journal_place& place) {
        auto* const row = new (memory) packed_row(id.size(), payload.size(), place);
        char* const bytes = static_cast<char*>(memory) + sizeof(packed_row);
        std::memcpy(bytes, id.data(), id.size());
        if (!payload.empty()) std::memcpy(bytes + id.size(), payload.data(), payload.size());
        return row;
    }

    const journal_place& place() const noexcept { return place_; }
    std::string_view id() const noexcept { return {bytes(), id_size_}; }
    std::string_view payload() const noexcept { return {bytes() + id_size_, payload_size_}; }
    void move_to(const journal_place& place) noexcept { place_ = place; }
    row_view view() const noexcept { return row_parts(payload()).view(id()); }

    /// Overwrites id and payload with zeros; the row must not be used afterwards.
    void wipe_bytes() noexcept { wipe(const_cast<char*>(bytes()), id_size_ + payload_size_); }

  private:
    packed_row(std::size_t id_size, std::size_t payload_size, const journal_place& place)
        : place_(place),
          id_size_(static_cast<std::uint32_t>(id_size)),
          payload_size_(static_cast<std::uint32_t>(payload_size)) {}

    const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }

    journal_place place_;
    std::uint32_t id_size_;
    std::uint32_t payload_size_;
};

/// The rows of a journal in memory, packed, with a hash index for each rule. A row that is replaced or erased is wiped
/// at once. Its memory is free again when the whole table is destroyed.
template <matching_rules Rules>
class packed_rows {
  public:
    std::size_t size() const noexcept { return rows_.size(); }

    /// Says how many rows there will be, so that the indices need not grow step by step.
    void expect(std::size_t count) { expected_ = (std::max)(count, std::size_t{1}); }

    const packed_row* find(std::string_view id) const noexcept { return rows_.find(id); }
    template <class Visit>
    void for_each(Visit&& visit) const {
        rows_.for_each(visit);
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        rows_.for_each(visit);
    }
    template <class Rule, class Probe, class Visit>
    void for_each_match(Rule rule, const Probe& probe, Visit&& visit) const {
        rows_.for_each_match(rule, probe, visit);
    }

    /// The row of that id is now this one. If it throws, nothing has changed.
    void insert_or_assign(std::string_view id, std::string_view payload, const journal_place& place) {
        packed_row* const row =
            packed_row::make(memory_.allocate(packed_row::size_of(id, payload)), id, payload, place);
        const row_view view = row->view();
        rows_.reserve_for(view, expected_);
        const std::uint32_t number = rows_.number_of(id);
        if (number == rows_.none) return rows_.insert(row);
        rows_.change_keys(number, view);
        rows_.replace(number, row)->wipe_bytes();
    }

    void erase(std::string_view id) noexcept {
        if (packed_row* const row = rows_.take(id)) row->wipe_bytes();
    }

  private:
    arena memory_{};
    row_indices<Rules, packed_row> rows_{};
    std::size_t expected_ = 1;
};

}}} // namespace tokenkeep::v1::detail

#endif
