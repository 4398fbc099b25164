// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_INDEXED_TABLE_HPP
#define TOKENKEEP_DETAIL_STORE_INDEXED_TABLE_HPP

#include <tokenkeep/detail/store/row_block.hpp>
#include <tokenkeep/detail/store/row_indices.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/rules.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The table that basic_store makes of `indexed`. Each row is one block of memory, which is wiped when the row is
/// replaced or erased.
template <matching_rules Rules>
class indexed_table {
  public:
    using stable_row = row_block; ///< See has_stable_rows.

    indexed_table() = default;
    indexed_table(indexed_table&& other) noexcept : rows_(std::exchange(other.rows_, {})) {}
    indexed_table& operator=(indexed_table&& other) noexcept {
        std::swap(rows_, other.rows_);
        return *this;
    }
    ~indexed_table() {
        for (std::size_t number = 0; number < rows_.size(); ++number)
            row_block::destroy(rows_[static_cast<std::uint32_t>(number)]);
    }

    std::size_t size() const noexcept { return rows_.size(); }
    const row_block* find(std::string_view id) const noexcept { return rows_.find(id); }
    template <class Visit>
    void for_each(Visit&& visit) const {
        rows_.for_each(visit);
    }
    template <class Rule, class Probe, class Visit>
    void for_each_match(Rule rule, const Probe& probe, Visit&& visit) const {
        rows_.for_each_match(rule, probe, visit);
    }
    template <class Rule, class Probe, class Visit>
    void for_each_of_key(Rule rule, const Probe& probe, Visit&& visit) const {
        rows_.for_each_of_key(rule, probe, visit);
    }

    /// Puts the row in the place of an older one of that id, or adds it. `row` may refer to texts of the
    /// stored row itself, each for the same field. If it throws, nothing has changed.
    void insert_or_assign(const row_view& row) {
        rows_.reserve_for(row);
        const std::uint32_t number = rows_.number_of(row.id);
        if (number == rows_.none) return rows_.insert(row_block::make(row));
        if (rows_[number]->has_sizes_of(row)) {
            rows_.change_keys(number, row);
            rows_[number]->overwrite(row);
        } else {
            row_block* const fresh = row_block::make(row);
            rows_.change_keys(number, row);
            row_block::destroy(rows_.replace(number, fresh));
        }
    }

    void erase(std::string_view id) noexcept {
        if (row_block* const row = rows_.take(id)) row_block::destroy(row);
    }

  private:
    row_indices<Rules, row_block> rows_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
