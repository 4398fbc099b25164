// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_PACKED_ROWS_HPP
#define TOKENKEEP_DETAIL_JOURNAL_PACKED_ROWS_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/journal/payload.hpp>
#include <tokenkeep/memory/arena.hpp>
#include <tokenkeep/memory/hash_index.hpp>
#include <tokenkeep/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

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
    token unpack() const { return row_parts(payload()).row(id()); }

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
    using index = hash_index<packed_row*>;
    template <class Rule>
    struct index_of {
        index rows{};
    };
    template <class List>
    struct indices;
    template <class... Rule>
    struct indices<rule_list<Rule...>> : index_of<Rule>... {};

  public:
    std::size_t size() const noexcept { return by_id_.size(); }

    /// Says how many rows there will be, so that the indices need not grow step by step.
    void expect(std::size_t count) { expected_ = count; }

    const packed_row* find(std::string_view id) const {
        const auto* slot = by_id_.find(hash_of(id), is_named(id));
        return slot == nullptr ? nullptr : *slot;
    }

    template <class Visit>
    void for_each(Visit&& visit) const {
        by_id_.for_each([&](const packed_row* row) { visit(*row); });
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        by_id_.for_each([&](packed_row* row) { visit(*row); });
    }

    /// The rows that the probe means under the rule, unpacked.
    template <class Rule, class Visit>
    void for_each_match(Rule, const token& probe, Visit&& visit) const {
        const std::string_view key = view_of(probe.*Rule::key);
        const auto visit_match = [&](const packed_row* row) {
            token unpacked = row->unpack();
            if (matches<Rule>(probe, unpacked)) visit(std::move(unpacked));
        };
        if constexpr (looks_up_id<Rule>)
            by_id_.for_each_of(hash_of(key), visit_match);
        else
            static_cast<const index_of<Rule>&>(by_rule_).rows.for_each_of(hash_of(key), visit_match);
    }

    /// The row of that id is now this one. If it throws, nothing has changed.
    void insert_or_assign(std::string_view id, std::string_view payload, const journal_place& place) {
        packed_row* const row =
            packed_row::make(memory_.allocate(packed_row::size_of(id, payload)), id, payload, place);
        const row_parts parts(row->payload());
        by_id_.reserve(with_room(by_id_));
        for_each_key(parts, [&](std::string_view, index& rows) { rows.reserve(with_room(rows)); });
        erase(id);
        for_each_key(parts, [&](std::string_view key, index& rows) { rows.insert(hash_of(key), row); });
        by_id_.insert(hash_of(id), row);
    }

    void erase(std::string_view id) noexcept {
        packed_row* const row = by_id_.take(hash_of(id), is_named(id));
        if (row == nullptr) return;
        for_each_key(row_parts(row->payload()), [&](std::string_view key, index& rows) {
            rows.take(hash_of(key), [&](const packed_row* other) { return other == row; });
        });
        row->wipe_bytes();
    }

  private:
    static auto is_named(std::string_view id) noexcept {
        return [id](const packed_row* row) { return row->id() == id; };
    }

    std::size_t with_room(const index& rows) const noexcept {
        return rows.size() == 0 ? std::max<std::size_t>(expected_, 1) : rows.size() + 1;
    }

    /// Calls `act(key, index)` for each rule under which the row can be found. A row with an empty key cannot be.
    template <class Act>
    void for_each_key(const row_parts& parts, Act act) {
        Rules::list::for_each([&](auto rule) {
            using Rule = decltype(rule);
            if constexpr (!looks_up_id<Rule>) {
                const std::string_view key = parts.content(place_of_key<Rule>());
                if (!key.empty()) act(key, static_cast<index_of<Rule>&>(by_rule_).rows);
            }
        });
    }

    arena memory_{};
    index by_id_{};
    indices<typename Rules::list> by_rule_{};
    std::size_t expected_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
