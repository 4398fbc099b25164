// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_INDEXED_HPP
#define TOKENKEEP_INDEXED_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/rules.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace tokenkeep::inline v0 {

/// Names, as the container of a basic_store, a table with one hash index for each rule of the store's policy: a
/// look-up by any rule takes the same time however many rows there are.
struct indexed {};

namespace detail {

/// The table that basic_store makes of `indexed`. An index maps the text of a rule's key, which lies in the row
/// itself, to the row; rows with an empty key are not in it.
template <matching_rules Rules>
class indexed_table {
    template <class Rule>
    struct index {
        std::unordered_multimap<std::string_view, const token*> rows{};
    };
    template <class List>
    struct indices;
    template <class... Rule>
    struct indices<rule_list<Rule...>> : index<Rule>... {};

  public:
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const auto& [id, row] : rows_) visit(std::as_const(*row));
    }

    const token* find(const std::string& id) const {
        const auto at = rows_.find(id);
        return at == rows_.end() ? nullptr : at->second.get();
    }

    template <class Rule, class Visit>
    void for_each_match(Rule, const token& probe, Visit&& visit) const {
        const auto& candidates = static_cast<const index<Rule>&>(by_rule_).rows;
        const auto [first, last] = candidates.equal_range(view_of(probe.*Rule::key));
        for (auto at = first; at != last; ++at)
            if (matches<Rule>(probe, *at->second)) visit(*at->second);
    }

    void insert_or_assign(const token& row) {
        auto fresh = std::make_unique<token>(row);
        const auto [slot, is_new] = rows_.try_emplace(fresh->id);
        try {
            for_each_index([&](auto rule, auto& rows) {
                if (const auto key = view_of((*fresh).*rule.key); !key.empty()) rows.emplace(key, fresh.get());
            });
        } catch (...) {
            unlink(*fresh);
            if (is_new) rows_.erase(slot);
            throw;
        }
        if (slot->second) unlink(*slot->second);
        slot->second = std::move(fresh);
    }

    void erase(const std::string& id) {
        const auto at = rows_.find(id);
        if (at == rows_.end()) return;
        unlink(*at->second);
        rows_.erase(at);
    }

  private:
    template <class Do>
    void for_each_index(Do&& act) {
        Rules::list::for_each([&](auto rule) { act(rule, static_cast<index<decltype(rule)>&>(by_rule_).rows); });
    }

    void unlink(const token& row) noexcept {
        for_each_index([&](auto rule, auto& rows) {
            auto [at, last] = rows.equal_range(view_of(row.*rule.key));
            while (at != last && at->second != &row) ++at;
            if (at != last) rows.erase(at);
        });
    }

    std::unordered_map<std::string, std::unique_ptr<token>> rows_{};
    indices<typename Rules::list> by_rule_{};
};

} // namespace detail

template <class Rules>
struct container_traits<detail::indexed_table<Rules>> {
    using table = detail::indexed_table<Rules>;

    template <class Visit>
    static void for_each(const table& rows, Visit&& visit) {
        rows.for_each(visit);
    }
    static void insert_or_assign(table& rows, const token& row) { rows.insert_or_assign(row); }
    static void erase(table& rows, const std::string& id) { rows.erase(id); }
    static const token* find(const table& rows, const std::string& id) { return rows.find(id); }
    template <class Rule, class Visit>
    static void for_each_match(const table& rows, Rule rule, const token& probe, Visit&& visit) {
        rows.for_each_match(rule, probe, visit);
    }
};

} // namespace tokenkeep::inline v0

#endif
