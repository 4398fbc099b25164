// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_INDICES_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_INDICES_HPP

#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/memory/arena.hpp>
#include <tokenkeep/memory/hash_index.hpp>
#include <tokenkeep/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The rows of a table, and a hash index for each rule. `Row` has id(), and view(), which gives a row_view. The
/// table does not own the rows.
///
/// The rows are numbered without a gap: if one is taken out, the last one gets its number. A row with an empty key is
/// not in the index of that rule. All rules that look up the id share the index that has every row.
template <matching_rules Rules, class Row>
class row_indices {
    template <class Rule>
    struct index_of {
        hash_index rows{};
    };
    template <class List>
    struct indices;
    template <class... Rule>
    struct indices<rule_list<Rule...>> : index_of<Rule>... {};

  public:
    static constexpr std::uint32_t none = hash_index::none;

    std::size_t size() const noexcept { return rows_.size(); }
    Row* operator[](std::uint32_t number) const noexcept { return rows_[number]; }

    /// The number of the row of that id; none if there is none.
    std::uint32_t number_of(std::string_view id) const noexcept {
        return by_id_.find(hash_of(id), [&](std::uint32_t row) { return rows_[row]->id() == id; });
    }
    const Row* find(std::string_view id) const noexcept {
        const std::uint32_t number = number_of(id);
        return number == none ? nullptr : rows_[number];
    }

    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const Row* row : rows_) visit(*row);
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        for (Row* row : rows_) visit(*row);
    }

    /// Calls `visit(const Row&)` for each row that the probe means under the rule. See text_of for what a probe can be.
    template <class Rule, class Probe, class Visit>
    void for_each_match(Rule rule, const Probe& probe, Visit&& visit) const {
        for_each_of_key(rule, probe, [&](const Row& row) {
            if (matches_row<Rule>(probe, asked(row))) visit(row);
        });
    }
    /// Calls `visit(const Row&)` for each row that has the key of the probe, and perhaps for others.
    template <class Rule, class Probe, class Visit>
    void for_each_of_key(Rule, const Probe& probe, Visit&& visit) const {
        index<Rule>().for_each_of(hash_of(text_of<Rule::key>(probe)),
                                  [&](std::uint32_t number) { visit(std::as_const(*rows_[number])); });
    }

    /// Makes room for this row. If an index is empty, makes room for `expected` rows in it. The other functions that
    /// change something do not throw.
    void reserve_for(const row_view& row, std::size_t expected = 1) {
        const auto with_room = [&](std::size_t size) { return size == 0 ? expected : size + 1; };
        if (rows_.size() == none) throw std::bad_alloc();
        if (rows_.size() == rows_.capacity()) rows_.reserve((std::max)(with_room(rows_.size()), 2 * rows_.size()));
        for_each_key(row, [&](std::string_view, hash_index& rows) { rows.reserve(with_room(rows.size())); });
    }

    void insert(Row* row) noexcept {
        const auto number = static_cast<std::uint32_t>(rows_.size());
        rows_.push_back(row);
        for_each_key(row->view(), [&](std::string_view key, hash_index& rows) { rows.insert(hash_of(key), number); });
    }

    /// Takes out the row of that id; null if there is none.
    Row* take(std::string_view id) noexcept {
        const std::uint32_t number = number_of(id);
        if (number == none) return nullptr;
        Row* const taken = rows_[number];
        for_each_key(taken->view(), [&](std::string_view key, hash_index& rows) { rows.erase(hash_of(key), number); });
        const auto last = static_cast<std::uint32_t>(rows_.size() - 1);
        if (number != last) {
            rows_[number] = rows_[last];
            for_each_key(rows_[last]->view(),
                         [&](std::string_view key, hash_index& rows) { rows.renumber(hash_of(key), last, number); });
        }
        rows_.pop_back();
        return taken;
    }

    /// The row of that number will have these texts, and has the same id: it is found by its new keys from now on.
    void change_keys(std::uint32_t number, const row_view& after) noexcept {
        const row_view before = rows_[number]->view();
        Rules::list::for_each([&](auto rule) {
            using Rule = decltype(rule);
            if constexpr (!looks_up_id<Rule>) {
                const std::string_view old_key = text_of<Rule::key>(before), key = text_of<Rule::key>(after);
                if (old_key == key) return;
                if (!old_key.empty()) index<Rule>().erase(hash_of(old_key), number);
                if (!key.empty()) index<Rule>().insert(hash_of(key), number);
            }
        });
    }
    /// Puts a row of the same keys in the place of the one of that number, which it returns.
    Row* replace(std::uint32_t number, Row* row) noexcept { return std::exchange(rows_[number], row); }

  private:
    template <class Rule>
    hash_index& index() noexcept {
        if constexpr (looks_up_id<Rule>)
            return by_id_;
        else
            return static_cast<index_of<Rule>&>(by_rule_).rows;
    }
    template <class Rule>
    const hash_index& index() const noexcept {
        if constexpr (looks_up_id<Rule>)
            return by_id_;
        else
            return static_cast<const index_of<Rule>&>(by_rule_).rows;
    }

    /// Calls `act(key, index)` for each index in which the row is.
    template <class Act>
    void for_each_key(const row_view& row, Act act) {
        act(row.id, by_id_);
        Rules::list::for_each([&](auto rule) {
            using Rule = decltype(rule);
            if constexpr (!looks_up_id<Rule>)
                if (const std::string_view key = text_of<Rule::key>(row); !key.empty()) act(key, index<Rule>());
        });
    }

    std::vector<Row*, block_allocator<Row*>> rows_{};
    hash_index by_id_{};
    indices<typename Rules::list> by_rule_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
