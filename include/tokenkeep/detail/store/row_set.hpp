// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_SET_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_SET_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/store.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// What the operations of a store mean, once, over the rows of any container. The numbers are those of token_store
/// and comparing_store. Not thread-safe; the stores lock.
template <class Container, class Policy>
class row_set {
    using traits = container_traits<Container>;
    using rules = typename Policy::rules;
    struct ignore_miss {
        template <class Rule>
        void operator()(Rule) const noexcept {}
    };

  public:
    row_set() = default;

    /// Takes over rows that exist. In a map the key is the id; rows without an id are given one.
    explicit row_set(Container rows) : rows_(std::move(rows)) {
        if constexpr (token_map<Container>)
            for (auto& [id, row] : rows_) row.id = id;
        std::vector<token> nameless;
        traits::for_each(rows_, [&](const token& row) {
            if (row.id.empty()) nameless.push_back(row);
        });
        for (token& row : nameless) {
            traits::erase(rows_, row.id);
            row.id = unused_id();
            traits::insert_or_assign(rows_, row);
        }
    }

    std::optional<token> find(const token& probe) const { return find(probe, ignore_miss{}); }

    /// The same; `missed(rule)` is called where the rule that decides finds no row.
    template <class Missed>
    std::optional<token> find(const token& probe, Missed missed) const {
        return rules::find(probe, [&](auto rule) {
            std::optional<token> row = only_match(rule, probe);
            if (!row) missed(rule);
            return row;
        });
    }

    std::optional<token> find_by_id(const std::string& id) const { return only_match(by_id{}, token{.id = id}); }

    std::vector<token> all() const {
        std::vector<token> rows;
        traits::for_each(rows_, [&](auto&& row) { rows.push_back(std::forward<decltype(row)>(row)); });
        return rows;
    }

    void save(const token& record) { traits::insert_or_assign(rows_, saved(record)); }

    /// The row that saving the record makes; nothing changes yet.
    template <class Missed = ignore_miss>
    token saved(const token& record, Missed missed = {}) const {
        return saved_into(find(record, missed), record);
    }

    /// The same, where it is known which row the record means.
    token saved_into(std::optional<token> stored, const token& record) const {
        if (!stored && record.access_token.empty() && record.refresh_token.empty() && record.grant_token.empty())
            throw error(errc::invalid_record, "tokenkeep: a new record needs a token");
        token merged = stored ? merge(*std::move(stored), record) : record;
        if (merged.id.empty()) merged.id = unused_id();
        require_unambiguous(merged);
        return merged;
    }

    bool replace(const token& expected, const token& record) {
        if (!may_replace(expected, record)) return false;
        traits::insert_or_assign(rows_, record);
        return true;
    }

    /// Whether the row still is `expected`, and can become `record`.
    bool may_replace(const token& expected, const token& record) const {
        if (!holds(expected)) return false;
        if (record.id != expected.id) throw error(errc::invalid_record, "tokenkeep: a replacement keeps the row's id");
        require_unambiguous(record);
        return true;
    }

    /// Whether the row still is `expected`.
    bool holds(const token& expected) const {
        const std::optional<token> row = find_by_id(expected.id);
        return row && *row == expected;
    }

    /// S4.
    void require_unambiguous(const token& record) const {
        rules::list::for_each([&](auto rule) {
            if (looks_up_id<decltype(rule)> || !rule.applies(record)) return; // one id is one row
            for_each_match(rule, record, [&](const token& row) {
                if (row.id != record.id)
                    throw error(errc::ambiguous, "tokenkeep: the save would make two rows for one identity");
            });
        });
    }

    bool remove(const token& expected) {
        if (!holds(expected)) return false;
        traits::erase(rows_, expected.id);
        return true;
    }

    void erase(const std::string& id) { traits::erase(rows_, id); }

    void clear() {
        Container empty{};
        std::swap(rows_, empty);
    }

    Container& rows() noexcept { return rows_; }
    const Container& rows() const noexcept { return rows_; }

  private:
    template <class Rule, class Visit>
    void for_each_match(Rule rule, const token& probe, Visit visit) const {
        if constexpr (std::is_same_v<Rule, by_id> && can_find<Container>) {
            if (const token* row = traits::find(rows_, probe.id)) visit(*row);
        } else if constexpr (can_match<Container, Rule>) {
            traits::for_each_match(rows_, rule, probe, visit);
        } else {
            traits::for_each(rows_, [&](const token& row) {
                if (matches<Rule>(probe, row)) visit(row);
            });
        }
    }

    template <class Rule>
    std::optional<token> only_match(Rule rule, const token& probe) const {
        std::optional<token> found;
        for_each_match(rule, probe, [&](auto&& row) {
            if (found) throw error(errc::ambiguous, "tokenkeep: the probe means more than one row");
            found = std::forward<decltype(row)>(row);
        });
        return found;
    }

    std::string unused_id() const {
        for (int tries = 0; tries < 1'000; ++tries) {
            std::string id = typename Policy::ids{}();
            if (!id.empty() && !find_by_id(id)) return id;
        }
        throw error(errc::invalid_record, "tokenkeep: the policy's ids gives no id that is free");
    }

    Container rows_{};
};

}}} // namespace tokenkeep::v0::detail

#endif
