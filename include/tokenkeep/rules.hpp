// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_RULES_HPP
#define TOKENKEEP_RULES_HPP

#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

namespace tokenkeep { inline namespace v0 {

namespace detail {

template <class R>
concept has_key = requires {
    requires std::same_as<decltype(R::key), std::string token::*const> ||
        std::same_as<decltype(R::key), secret token::*const>;
};

template <class R>
concept has_applies = requires(const token& probe) {
    { R::applies(probe) } -> std::convertible_to<bool>;
};

template <class R>
concept names_agrees = requires {
    &R::agrees;
};

template <class R>
concept has_agrees = requires(const token& probe, const token& row) {
    { R::agrees(probe, row) } -> std::convertible_to<bool>;
};

template <class R>
concept looks_up_id = requires {
    requires R::key == &token::id;
};

template <class R>
consteval bool explain_matching_rule() {
    static_assert(has_key<R>,
                  "tokenkeep: a matching rule needs `static constexpr auto key = &token::user_name;` or another "
                  "member that holds text; see tokenkeep/rules.hpp");
    if constexpr (has_key<R>) {
        static_assert(has_applies<R>, "tokenkeep: a matching rule needs `static bool applies(const token& probe)`; see "
                                      "tokenkeep/rules.hpp");
        if constexpr (has_applies<R> && names_agrees<R>)
            static_assert(has_agrees<R>, "tokenkeep: a rule's agrees is `static bool agrees(const token& probe, const "
                                         "token& row)`; see tokenkeep/rules.hpp");
    }
    return true;
}

} // namespace detail

/// What says which row a probe means, by one field.
///
/// Shape (the least model):
///   struct r {
///       static constexpr auto key = &token::user_name;
///       static bool applies(const token& probe);
///   };
/// Meaning:
///   R1  applies says whether the probe has something to say under this rule; its key is then not empty.
///   R2  A row matches if its key equals the probe's, byte for byte, and agrees(probe, row) holds, where the rule
///       has such a member: `static bool agrees(const token& probe, const token& row)`.
///   R3  All members are pure functions of their arguments.
/// May:   be empty types only; they are never asked for state.
/// Models: by_id, by_user, by_access_token, by_grant_token, by_refresh_token, by_seed, and these wrapped.
template <class R>
concept matching_rule = detail::has_key<R> && detail::has_applies<R> &&
    (!detail::names_agrees<R> || detail::has_agrees<R>);

/// Whether the row is one that the probe means under the rule. An empty key matches nothing.
template <matching_rule Rule>
bool matches(const token& probe, const token& row) {
    const auto& wanted = probe.*Rule::key;
    if (wanted.empty() || !(row.*Rule::key == wanted)) return false;
    if constexpr (detail::has_agrees<Rule>)
        return Rule::agrees(probe, row);
    else
        return true;
}

/// The rows' own name. One id is one row, whoever asks.
struct by_id {
    static constexpr auto key = &token::id;
    static bool applies(const token& probe) { return !probe.id.empty(); }
};

struct by_user {
    static constexpr auto key = &token::user_name;
    static bool applies(const token& probe) { return !probe.user_name.empty(); }
};

/// Only for a probe that names no client, as in Zoho's SDKs.
struct by_access_token {
    static constexpr auto key = &token::access_token;
    static bool applies(const token& probe) {
        return !probe.access_token.empty() && probe.client_id.empty() && probe.client_secret.empty();
    }
};

struct by_grant_token {
    static constexpr auto key = &token::grant_token;
    static bool applies(const token& probe) { return !probe.grant_token.empty(); }
};

struct by_refresh_token {
    static constexpr auto key = &token::refresh_token;
    static bool applies(const token& probe) { return !probe.refresh_token.empty(); }
};

/// The refresh token a program once gave the row, by its SHA-256: found again after the server has rotated it.
struct by_seed {
    static constexpr auto key = &token::seed;
    static bool applies(const token& probe) { return !probe.seed.empty(); }
};

/// Binds a rule to the client: a probe that names a client_id meets only that client's rows, and one that names an
/// api_domain only rows of that domain or of none.
template <class Rule>
struct same_client : Rule {
    static bool agrees(const token& probe, const token& row) {
        if (!probe.client_id.empty() && probe.client_id != row.client_id) return false;
        if (!probe.api_domain.empty() && !row.api_domain.empty() && probe.api_domain != row.api_domain) return false;
        if constexpr (detail::has_agrees<Rule>)
            return Rule::agrees(probe, row);
        else
            return true;
    }
};

/// Applies only to a probe that names a client_id.
template <class Rule>
struct needs_client : Rule {
    static bool applies(const token& probe) { return !probe.client_id.empty() && Rule::applies(probe); }
};

/// The rules of a chain, for whoever indexes their keys.
template <class... Rules>
struct rule_list {
    /// Calls `visit(Rule{})` for each, in order.
    template <class Visit>
    static constexpr void for_each(Visit&& visit) {
        (visit(Rules{}), ...);
    }
};

/// A chain of rules: the first one that applies to the probe decides, and if it finds nothing, nothing is found.
template <class... Rules>
struct first_applicable {
    static_assert((detail::explain_matching_rule<Rules>() && ...));

    using list = rule_list<Rules...>;

    /// What `look(Rule{})` gives for the rule that decides; a default value if none applies.
    template <class Look>
    static auto find(const token& probe, Look&& look) {
        decltype(look(by_id{})) found{};
        (void)((Rules::applies(probe) && (found = look(Rules{}), true)) || ...);
        return found;
    }
};

namespace detail {

// With bodies, as clang warns of one that is missing where a rule is in an unnamed namespace.
struct any_look {
    template <class Rule>
    int operator()(Rule) const {
        return 0;
    }
};
struct any_visit {
    template <class Rule>
    void operator()(Rule) const {}
};

/// The place of a rule's key in the table of fields.
template <class Rule>
consteval std::size_t place_of_key() {
    std::size_t place = 0;
    while (!fields[place].visit([](auto member) {
        if constexpr (std::is_same_v<decltype(member), std::remove_const_t<decltype(Rule::key)>>)
            return member == Rule::key;
        else
            return false;
    }))
        ++place;
    return place;
}

} // namespace detail

/// A chain of matching rules, as a store's policy names it.
///
/// Shape (the least model):
///   struct c {
///       using list = rule_list<by_user>;
///       template <class Look>
///       static auto find(const token& probe, Look&& look);
///   };
/// Meaning:
///   M1  list names every rule that find can ask for; containers may index their keys.
///   M2  find asks look(Rule{}) for at most one rule, the one that decides for this probe, and gives its result;
///       where none decides it gives a default value of that type.
///   M3  Which rule decides depends on the probe alone.
/// May:   be any empty type; inherit from first_applicable to name a chain of your own.
/// Models: first_applicable, default_rules, zoho::rules.
template <class C>
concept matching_rules = requires(const token& probe) {
    C::list::for_each(detail::any_visit{});
    { C::find(probe, detail::any_look{}) } -> std::convertible_to<int>;
};

/// The chain that stores use unless told otherwise: id, user, access token, grant, refresh token, seed. All but the
/// id are bound to the client; grant, refresh token and seed ask for a client_id in the probe.
struct default_rules
    : first_applicable<by_id, same_client<by_user>, same_client<by_access_token>,
                       same_client<needs_client<by_grant_token>>, same_client<needs_client<by_refresh_token>>,
                       same_client<needs_client<by_seed>>> {};

}} // namespace tokenkeep::v0

#endif
