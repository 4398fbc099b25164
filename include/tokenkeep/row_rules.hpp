// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ROW_RULES_HPP
#define TOKENKEEP_ROW_RULES_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

struct ignore_miss {
    template <class Rule>
    void operator()(Rule) const noexcept {}
};

/// The tables of this library whose rows stay where they are until the next change. A look-up there gives a pointer to
/// the row, which has view(), and copies nothing. The tables have for_each, for_each_match and find.
template <class Rows>
concept has_stable_rows = requires {
    typename Rows::stable_row;
};

struct as_it_matches {
    template <class Rule, class Record, class Row>
    bool operator()(Rule, const Record& /*probe*/, const Row& /*row*/) const noexcept {
        return true;
    }
};
struct as_a_save {
    template <class Rule, class Record, class Row>
    bool operator()(Rule, const Record& record, const Row& row) const {
        return saves_over_row<Rule>(record, asked(row));
    }
};

} // namespace detail

/// What a look-up, a save and a replacement mean under the rules of a policy. It is for authors of stores.
///
/// The functions read rows and change none. `rows` is any object that container_traits can visit. for_each is enough;
/// for_each_match, or find for look-ups by id, spares the scan. The store holds its own lock during a call. The numbers
/// S1 to S9, C1 and C3 are those in the comments of token_store and comparing_store.
///
/// A store of your own over a list of rows:
///   using meaning = row_rules<defaults>;
///   std::optional<token> find_token(const token& probe) { return meaning::find(rows_, probe); }
///   void save_token(const token& record) { write(meaning::row_to_save(rows_, record)); }
template <class Policy = defaults>
class row_rules {
    static_assert(detail::explain_policy<Policy>());
    using rules = detail::rules_of<Policy>;
    template <class Rows>
    using traits_of = container_traits<std::remove_const_t<Rows>>;

  public:
    /// The one row that the probe means (S1); nullopt if there is none. If the rule that decides finds no row, find
    /// calls `missed(rule)` first; a store with rows that it cannot read may throw there. Throws errc::ambiguous if the
    /// probe means more than one row (S2).
    ///   std::optional<token> ada = row_rules<>::find(rows, {.user_name = "ada"});
    template <class Rows, class Missed = detail::ignore_miss>
    static std::optional<token> find(Rows& rows, const token& probe, Missed missed = {}) {
        return copy(find_row(rows, probe, missed));
    }

    /// The row of that id (S9); nullopt if there is none.
    ///   std::optional<token> row = row_rules<>::find_by_id(rows, id);
    template <class Rows>
    static std::optional<token> find_by_id(Rows& rows, const std::string& id) {
        return copy(find_row_by_id(rows, id));
    }

    /// Every row (S7).
    ///   std::vector<token> list = row_rules<>::all(rows);
    template <class Rows>
    static std::vector<token> all(Rows& rows) {
        std::vector<token> found;
        if constexpr (detail::has_stable_rows<Rows>) {
            found.reserve(rows.size());
            rows.for_each([&](const auto& row) { found.emplace_back(row.view()); });
        } else {
            traits_of<Rows>::for_each(rows, [&](auto&& row) { found.push_back(std::forward<decltype(row)>(row)); });
        }
        return found;
    }

    /// The one row that a save of `record` changes (S3); nullopt if it inserts a row. It is the row that find gives,
    /// but for the labels, which must be equal (see same_client). `missed` and the exceptions are those of find.
    ///   std::optional<token> before = row_rules<>::find_to_save(rows, record);
    template <class Rows, class Missed = detail::ignore_miss>
    static std::optional<token> find_to_save(Rows& rows, const token& record, Missed missed = {}) {
        return copy(find_meant(rows, record, missed, detail::as_a_save{}));
    }

    /// The row that a store must write to save `record` (S3): `record` merged into the row that it means, or `record`
    /// with a new id if it has none. `missed` works like that of find. Throws errc::invalid_record (S5) and
    /// errc::ambiguous (S2, S4).
    ///   token row = row_rules<>::row_to_save(rows, record);
    template <class Rows, class Missed = detail::ignore_miss>
    static token row_to_save(Rows& rows, const token& record, Missed missed = {}) {
        return row_to_save_over(rows, find_to_save(rows, record, missed), record);
    }

    /// The same for a store that has already called find_to_save, which gave `stored`.
    ///   token row = row_rules<>::row_to_save_over(rows, before, record);
    template <class Rows>
    static token row_to_save_over(Rows& rows, std::optional<token> stored, const token& record) {
        if (!stored) require_a_token(record);
        token merged = stored ? merge(*std::move(stored), record) : record;
        if (merged.id.empty()) merged.id = unused_id(rows);
        require_unambiguous(rows, merged);
        return merged;
    }

    /// Whether the row of that id still is `expected` in every field (C1).
    ///   if (!row_rules<>::is_unchanged(rows, expected)) return false;
    template <class Rows>
    static bool is_unchanged(Rows& rows, const token& expected) {
        const auto row = find_row_by_id(rows, expected.id);
        if constexpr (detail::has_stable_rows<Rows>)
            return row != nullptr && row->view() == detail::row_view(expected);
        else
            return row && *row == expected;
    }

    /// Whether the row still is `expected`, and may become `record`. Throws errc::invalid_record if the ids differ.
    /// Throws errc::ambiguous if the replacement would make two rows for one identity (C3).
    ///   if (!row_rules<>::may_replace(rows, expected, record)) return false;
    template <class Rows>
    static bool may_replace(Rows& rows, const token& expected, const token& record) {
        if (!is_unchanged(rows, expected)) return false;
        if (record.id != expected.id) throw error(errc::invalid_record, "tokenkeep: a replacement keeps the row's id");
        require_unambiguous(rows, record);
        return true;
    }

    /// An id from the policy that no row has. Throws errc::invalid_record if the policy finds none in 1,000 tries.
    ///   record.id = row_rules<>::unused_id(rows);
    template <class Rows>
    static std::string unused_id(Rows& rows) {
        for (int tries = 0; tries < 1'000; ++tries) {
            std::string id = typename Policy::ids{}();
            if (!id.empty() && !find_row_by_id(rows, id)) return id;
        }
        throw error(errc::invalid_record, "tokenkeep: the policy's ids gives no id that is free");
    }

    // For the stores of this library, which need no copy of a row that lies in a table with stable rows. These
    // functions are no part of the public contract.

    /// What find finds: a pointer to the row, which can be null, if the rows are stable; or else what find gives.
    template <class Rows, class Probe = token, class Missed = detail::ignore_miss>
    static auto find_row(Rows& rows, const Probe& probe, Missed missed = {}) {
        return find_meant(rows, probe, missed, detail::as_it_matches{});
    }
    /// The same for find_by_id.
    template <class Rows>
    static auto find_row_by_id(Rows& rows, std::string_view id) {
        if constexpr (detail::has_stable_rows<Rows>)
            return static_cast<kept<Rows>>(rows.find(id));
        else
            return only_match(rows, by_id{}, token{.id = std::string(id)});
    }
    /// The row that row_to_save gives. It refers to the stored row, to `record`, and to `new_id`, in which a new id is
    /// put.
    template <detail::has_stable_rows Rows>
    static detail::row_view view_to_save(Rows& rows, const token& record, std::string& new_id) {
        const auto* stored = find_meant(rows, record, detail::ignore_miss{}, detail::as_a_save{});
        if (stored == nullptr) require_a_token(record);
        const detail::row_view given(record);
        detail::row_view merged = stored != nullptr ? stored->view() : given;
        if (stored != nullptr) detail::merge_into(merged, given);
        if (merged.id.empty()) merged.id = new_id = unused_id(rows);
        const bool keeps_id = stored != nullptr && stored->id() == merged.id;
        require_unambiguous(rows, merged, keeps_id ? stored : nullptr);
        return merged;
    }

  private:
    template <class Rows>
    struct kept_row {
        using type = std::optional<token>;
    };
    template <detail::has_stable_rows Rows>
    struct kept_row<Rows> {
        using type = const typename Rows::stable_row*;
    };
    /// What is kept of a row that was found: a pointer to it if the rows are stable, or else a copy.
    template <class Rows>
    using kept = typename kept_row<std::remove_const_t<Rows>>::type;

    static std::optional<token> copy(std::optional<token> row) { return row; }
    template <class Row>
    static std::optional<token> copy(const Row* row) {
        return row != nullptr ? std::optional<token>(row->view()) : std::nullopt;
    }

    static void require_a_token(const token& record) {
        if (record.access_token.empty() && record.refresh_token.empty() && record.grant_token.empty())
            throw error(errc::invalid_record, "tokenkeep: a new record needs a token");
    }

    template <class Rows, class Probe, class Missed, class IsMeant>
    static kept<Rows> find_meant(Rows& rows, const Probe& probe, Missed missed, IsMeant is_meant) {
        const auto look = [&](auto rule) {
            auto row = only_match(rows, rule, probe, is_meant);
            if (!row) missed(rule);
            return row;
        };
        if constexpr (requires { rules::find(probe, look); })
            return rules::find(probe, look);
        else
            return rules::find(token(probe), look);
    }

    /// Throws errc::ambiguous if a save of `record` would make two rows agree (S4).
    template <class Rows>
    static void require_unambiguous(Rows& rows, const token& record) {
        for_each_rule_of(record, [&](auto rule) {
            for_each_match(rows, rule, record, [&](const auto& row) {
                using detail::asked;
                const auto& stored = asked(row);
                if (!detail::same_text<&token::id>(record, stored)) require_not_meant(rule, record, stored);
            });
        });
    }
    /// The same for stable rows. `own` is null, or the row of the record's id, which is then not read again.
    template <detail::has_stable_rows Rows>
    static void require_unambiguous(Rows& rows, const detail::row_view& record, const typename Rows::stable_row* own) {
        for_each_rule_of(record, [&](auto rule) {
            rows.for_each_of_key(rule, record, [&](const auto& row) {
                if (&row != own && row.id() != record.id) require_not_meant(rule, record, asked(row));
            });
        });
    }
    template <class Rule, class Record, class Row>
    static void require_not_meant(Rule, const Record& record, const Row& row) {
        if (detail::saves_over_row<Rule>(record, row))
            throw error(errc::ambiguous, "tokenkeep: the save would make two rows for one identity");
    }
    /// Calls `act(rule)` for each rule under which the record means a row, but those by the id: one id is one row.
    template <class Record, class Act>
    static void for_each_rule_of(const Record& record, Act act) {
        rules::list::for_each([&](auto rule) {
            using Rule = decltype(rule);
            if constexpr (!detail::looks_up_id<Rule>)
                if (detail::applies_to<Rule>(record)) act(rule);
        });
    }

    template <class Rows, class Rule, class Probe, class Visit>
    static void for_each_match(Rows& rows, Rule rule, const Probe& probe, Visit visit) {
        using traits = traits_of<Rows>;
        if constexpr (detail::has_stable_rows<Rows>) {
            rows.for_each_match(rule, probe, visit);
        } else if constexpr (std::is_same_v<Rule, by_id> && detail::can_find<std::remove_const_t<Rows>>) {
            if (const token* row = traits::find(rows, probe.id)) visit(*row);
        } else if constexpr (requires { traits::for_each_match(rows, rule, probe, visit); }) {
            traits::for_each_match(rows, rule, probe, visit);
        } else {
            traits::for_each(rows, [&](const token& row) {
                if (matches<Rule>(probe, row)) visit(row);
            });
        }
    }

    template <class Rows, class Rule, class Probe, class IsMeant = detail::as_it_matches>
    static kept<Rows> only_match(Rows& rows, Rule rule, const Probe& probe, IsMeant is_meant = {}) {
        kept<Rows> found{};
        for_each_match(rows, rule, probe, [&](auto&& row) {
            if (!is_meant(rule, probe, row)) return;
            if (found) throw error(errc::ambiguous, "tokenkeep: the probe means more than one row");
            if constexpr (detail::has_stable_rows<Rows>)
                found = &row;
            else
                found = std::forward<decltype(row)>(row);
        });
        return found;
    }
};

}} // namespace tokenkeep::v1

#endif
