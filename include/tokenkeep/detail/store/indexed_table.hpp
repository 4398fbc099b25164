// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_INDEXED_TABLE_HPP
#define TOKENKEEP_DETAIL_STORE_INDEXED_TABLE_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/memory/hash_index.hpp>
#include <tokenkeep/rules.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The table that basic_store makes of `indexed`. Each rule has an index from the hash of its key to the rows. Rows
/// with an empty key are not in that index. All rules that look up the id share the index that owns the rows.
template <matching_rules Rules>
class indexed_table {
    template <class Rule>
    struct index {
        hash_index<token*> rows{};
    };
    template <class List>
    struct indices;
    template <class... Rule>
    struct indices<rule_list<Rule...>> : index<Rule>... {};

  public:
    template <class Visit>
    void for_each(Visit&& visit) const {
        rows_.for_each([&](const auto& row) { visit(std::as_const(*row)); });
    }

    const token* find(const std::string& id) const {
        const auto* slot = rows_.find(hash_of(id), is_named(id));
        return slot == nullptr ? nullptr : slot->get();
    }

    template <class Rule, class Visit>
    void for_each_match(Rule, const token& probe, Visit&& visit) const {
        const auto visit_match = [&](const auto& row) {
            if (matches<Rule>(probe, *row)) visit(std::as_const(*row));
        };
        const std::size_t hash = hash_of(view_of(probe.*Rule::key));
        if constexpr (looks_up_id<Rule>)
            rows_.for_each_of(hash, visit_match);
        else
            static_cast<const index<Rule>&>(by_rule_).rows.for_each_of(hash, visit_match);
    }

    /// Puts the row in the place of an older one of that id, or adds it. If it throws, nothing has changed.
    void insert_or_assign(token row) {
        auto fresh = std::make_unique<token>(std::move(row));
        rows_.reserve(rows_.size() + 1);
        for_each_index([&](auto, auto& rows) { rows.reserve(rows.size() + 1); });
        const std::size_t hash = hash_of(fresh->id);
        if (const auto before = rows_.take(hash, is_named(fresh->id))) unlink(*before);
        for_each_index([&](auto rule, auto& rows) {
            if (const auto key = view_of((*fresh).*rule.key); !key.empty()) rows.insert(hash_of(key), fresh.get());
        });
        rows_.insert(hash, std::move(fresh));
    }

    void erase(const std::string& id) noexcept {
        if (const auto row = rows_.take(hash_of(id), is_named(id))) unlink(*row);
    }

  private:
    static auto is_named(std::string_view id) noexcept {
        return [id](const std::unique_ptr<token>& row) { return row->id == id; };
    }

    template <class Act>
    void for_each_index(Act&& act) {
        Rules::list::for_each([&](auto rule) {
            if constexpr (!looks_up_id<decltype(rule)>) act(rule, static_cast<index<decltype(rule)>&>(by_rule_).rows);
        });
    }

    void unlink(const token& row) noexcept {
        for_each_index([&](auto rule, auto& rows) {
            if (const auto key = view_of(row.*rule.key); !key.empty())
                rows.take(hash_of(key), [&](const token* other) { return other == &row; });
        });
    }

    hash_index<std::unique_ptr<token>> rows_{};
    indices<typename Rules::list> by_rule_{};
};

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

template <class Rules>
struct container_traits<detail::indexed_table<Rules>> {
    using table = detail::indexed_table<Rules>;

    template <class Visit>
    static void for_each(const table& rows, Visit&& visit) {
        rows.for_each(visit);
    }
    static void insert_or_assign(table& rows, const token& row) { rows.insert_or_assign(token(row)); }
    static void erase(table& rows, const std::string& id) { rows.erase(id); }
    static const token* find(const table& rows, const std::string& id) { return rows.find(id); }
    template <class Rule, class Visit>
    static void for_each_match(const table& rows, Rule rule, const token& probe, Visit&& visit) {
        rows.for_each_match(rule, probe, visit);
    }
};

}} // namespace tokenkeep::v1

#endif
