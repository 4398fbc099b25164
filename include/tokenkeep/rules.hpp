// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_RULES_HPP
#define TOKENKEEP_RULES_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v1 {

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
concept agrees_is_usable = !names_agrees<R> || has_agrees<R>;

template <class R>
concept names_saves_over = requires {
    &R::saves_over;
};

template <class R>
concept has_saves_over = requires(const token& record, const token& row) {
    { R::saves_over(record, row) } -> std::convertible_to<bool>;
};

template <class R>
concept saves_over_is_usable = !names_saves_over<R> || has_saves_over<R>;

template <class R>
concept looks_up_id = requires {
    requires R::key == &token::id;
};

// How stores ask a rule about a probe and a row. Each is a token or one of the forms in which stores keep rows: any
// type with `text<member>()`, which gives the text of that member of token, and with a conversion to token. The
// library's rules take every form. A rule that takes tokens only gets copies.

template <auto member, class Row>
std::string_view text_of(const Row& row) noexcept {
    if constexpr (std::is_same_v<Row, token>)
        return view_of(row.*member);
    else
        return row.template text<member>();
}

template <auto member, class Row>
bool has_text(const Row& row) noexcept {
    return !text_of<member>(row).empty();
}
/// Two secrets are compared in fixed time.
template <auto member, class A, class B>
bool same_text(const A& a, const B& b) noexcept {
    if constexpr (std::is_same_v<decltype(member), secret token::*>)
        return same_in_fixed_time(text_of<member>(a), text_of<member>(b));
    else
        return text_of<member>(a) == text_of<member>(b);
}

template <class R, class Probe>
concept can_apply_to = requires(const Probe& probe) {
    { R::applies(probe) } -> std::convertible_to<bool>;
};
template <class R, class Probe, class Row>
concept can_agree_on = !has_agrees<R> || requires(const Probe& probe, const Row& row) {
    { R::agrees(probe, row) } -> std::convertible_to<bool>;
};
template <class R, class Record, class Row>
concept can_save_over = !has_saves_over<R> || requires(const Record& record, const Row& row) {
    { R::saves_over(record, row) } -> std::convertible_to<bool>;
};

template <class R, class Probe>
bool applies_to(const Probe& probe) {
    if constexpr (can_apply_to<R, Probe>)
        return R::applies(probe);
    else
        return R::applies(token(probe));
}

template <class R, class Probe, class Row>
bool matches_row(const Probe& probe, const Row& row) {
    if (!has_text<R::key>(probe) || !same_text<R::key>(probe, row)) return false;
    if constexpr (!has_agrees<R>)
        return true;
    else if constexpr (can_agree_on<R, Probe, Row>)
        return R::agrees(probe, row);
    else
        return R::agrees(token(probe), token(row));
}

template <class R, class Record, class Row>
bool saves_over_row(const Record& record, const Row& row) {
    if (!matches_row<R>(record, row)) return false;
    if constexpr (!has_saves_over<R>)
        return true;
    else if constexpr (can_save_over<R, Record, Row>)
        return R::saves_over(record, row);
    else
        return R::saves_over(token(record), token(row));
}

template <class R>
consteval bool explain_matching_rule() {
    static_assert(has_key<R>,
                  "tokenkeep: a matching rule needs `static constexpr auto key = &token::user_name;` or another "
                  "member that holds text; see the concept matching_rule");
    if constexpr (has_key<R>) {
        static_assert(has_applies<R>, "tokenkeep: a matching rule needs `static bool applies(const token& probe)`; see "
                                      "the concept matching_rule");
        if constexpr (has_applies<R> && names_agrees<R>)
            static_assert(has_agrees<R>, "tokenkeep: a rule's agrees is `static bool agrees(const token& probe, const "
                                         "token& row)`; see the concept matching_rule");
        if constexpr (has_applies<R> && names_saves_over<R>)
            static_assert(has_saves_over<R>, "tokenkeep: a rule's saves_over is `static bool saves_over(const token& "
                                             "record, const token& row)`; see the concept matching_rule");
    }
    return true;
}

} // namespace detail

/// A rule that says which row a probe means, by one field.
///
/// Shape (the least model):
///   struct r {
///       static constexpr auto key = &token::user_name;
///       static bool applies(const token& probe);
///   };
/// Meaning:
///   R1  applies says whether the probe has something to say under this rule. If so, its key field is not empty.
///   R2  A row matches if its key field equals the probe's, byte for byte, and agrees(probe, row), if the rule has it,
///       is true.
///   R3  All members are pure functions of their arguments.
/// May:   be empty types only, because a rule is never asked for state. Two members are optional:
///
///   expression                    | what it gives you                              | without it
///   ------------------------------|------------------------------------------------|---------------------------------
///   R::agrees(probe, row) -> bool | A row matches only if it agrees beyond the key | Every row with the probe's key
///                                 | too. Both arguments are `const token&`.        | matches.
///   R::saves_over(record, row)    | A save of the record changes only a matching   | A save changes the row that
///   -> bool                       | row that this is true for.                     | matches.
///
/// Models: by_id, by_user, by_access_token, by_grant_token, by_refresh_token, by_seed, and these wrapped.
template <class R>
concept matching_rule =
    detail::has_key<R> && detail::has_applies<R> && detail::agrees_is_usable<R> && detail::saves_over_is_usable<R>;

/// Whether the row is one that the probe means under the rule. An empty key matches no row.
///   matches<by_user>({.user_name = "ada"}, row)   // true if row.user_name is "ada"
template <matching_rule Rule>
bool matches(const token& probe, const token& row) {
    return detail::matches_row<Rule>(probe, row);
}

/// Whether a save of the record would change the row under the rule.
///   saves_over<same_client<by_user>>({.user_name = "ada"}, row)   // false if row.label is not empty
template <matching_rule Rule>
bool saves_over(const token& record, const token& row) {
    return detail::saves_over_row<Rule>(record, row);
}

// The functions of these rules take tokens, and rows in the forms in which stores keep them; see detail::text_of.

/// By the row's own name in its store. One id is one row, for any client.
struct by_id {
    static constexpr auto key = &token::id;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        return detail::has_text<key>(probe);
    }
};

/// By the user alone. To ask for the same client too, wrap it: same_client<by_user>.
struct by_user {
    static constexpr auto key = &token::user_name;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        return detail::has_text<key>(probe);
    }
};

/// By the access token. It applies only if the probe has no client id and no client secret, as in Zoho's SDKs.
struct by_access_token {
    static constexpr auto key = &token::access_token;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        using detail::has_text;
        return has_text<key>(probe) && !has_text<&token::client_id>(probe) && !has_text<&token::client_secret>(probe);
    }
};

/// By the grant token, which a row keeps after it was exchanged.
struct by_grant_token {
    static constexpr auto key = &token::grant_token;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        return detail::has_text<key>(probe);
    }
};

/// By the refresh token that the row has now; see also by_seed.
struct by_refresh_token {
    static constexpr auto key = &token::refresh_token;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        return detail::has_text<key>(probe);
    }
};

/// By the refresh token that a program first gave the row, as its SHA-256. So the program finds the row again after the
/// server has rotated the token.
struct by_seed {
    static constexpr auto key = &token::seed;
    template <class Probe = token>
    static bool applies(const Probe& probe) {
        return detail::has_text<key>(probe);
    }
};

/// Binds a rule to the client. If the probe names a client_id, only rows of that client can match. If the probe names
/// an api_domain, only rows of that domain, or of none, can match. Labels are not compared: for stores that share their
/// rows with programs that know no labels. All others use same_client.
template <class Rule>
struct same_client_id : Rule {
    template <class Probe = token, class Row = token>
        requires detail::can_agree_on<Rule, Probe, Row>
    static bool agrees(const Probe& probe, const Row& row) {
        using detail::has_text, detail::same_text;
        if (has_text<&token::client_id>(probe) && !same_text<&token::client_id>(probe, row)) return false;
        if (has_text<&token::api_domain>(probe) && has_text<&token::api_domain>(row) &&
            !same_text<&token::api_domain>(probe, row))
            return false;
        if constexpr (detail::has_agrees<Rule>)
            return Rule::agrees(probe, row);
        else
            return true;
    }
};

/// Binds a rule to the client, as same_client_id does, and to the label. If the probe names a label, only rows of
/// exactly that label can match. If it names none, rows of any label can match. A save is stricter: it changes only a
/// row of the same label, and a record without a label only a row without one.
///   struct ours : first_applicable<by_id, same_client<by_user>> {};
template <class Rule>
struct same_client : same_client_id<Rule> {
    template <class Probe = token, class Row = token>
        requires detail::can_agree_on<Rule, Probe, Row>
    static bool agrees(const Probe& probe, const Row& row) {
        using detail::has_text, detail::same_text;
        return (!has_text<&token::label>(probe) || same_text<&token::label>(probe, row)) &&
               same_client_id<Rule>::agrees(probe, row);
    }
    template <class Record = token, class Row = token>
        requires detail::can_save_over<Rule, Record, Row>
    static bool saves_over(const Record& record, const Row& row) {
        if (!detail::same_text<&token::label>(record, row)) return false;
        if constexpr (detail::has_saves_over<Rule>)
            return Rule::saves_over(record, row);
        else
            return true;
    }
};

/// The rule applies only if the probe names a client_id.
template <class Rule>
struct needs_client : Rule {
    template <class Probe = token>
        requires detail::can_apply_to<Rule, Probe>
    static bool applies(const Probe& probe) {
        return detail::has_text<&token::client_id>(probe) && Rule::applies(probe);
    }
};

/// The rules of a chain as types. Containers index their keys.
template <class... Rules>
struct rule_list {
    /// Calls visit(Rule{}) for each rule, in order.
    ///   ours::list::for_each([](auto rule) { index(rule.key); });
    template <class Visit>
    static constexpr void for_each(Visit&& visit) {
        (visit(Rules{}), ...);
    }
};

/// A chain of rules. The first rule that applies to the probe decides. If it finds no row, no row is found: the rules
/// after it are not asked. To give a chain a short name, inherit from it.
///   struct ours : first_applicable<by_id, by_user> {};
template <class... Rules>
struct first_applicable {
    static_assert((detail::explain_matching_rule<Rules>() && ...));
    // After a failed assertion: a chain without rules, so that the compiler reports nothing else.
    static constexpr bool is_usable = (matching_rule<Rules> && ...);

    using list = std::conditional_t<is_usable, rule_list<Rules...>, rule_list<>>;

    /// Gives look(Rule{}) for the rule that decides. If no rule applies, gives a default value of the same type.
    ///   bool found = ours::find(probe, [&](auto rule) { return matches<decltype(rule)>(probe, row); });
    template <class Probe = token, class Look>
    static auto find(const Probe& probe, Look&& look) {
        decltype(look(by_id{})) found{};
        if constexpr (is_usable) (void)((detail::applies_to<Rules>(probe) && (found = look(Rules{}), true)) || ...);
        return found;
    }
};

namespace detail {

// The functions have bodies because clang warns of a missing body if a rule is in an unnamed namespace.
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

/// The place of a member of token in the table of fields.
template <auto member>
consteval std::size_t place_of() {
    std::size_t place = 0;
    while (!fields[place].visit([](auto other) {
        if constexpr (std::is_same_v<decltype(other), std::remove_const_t<decltype(member)>>)
            return other == member;
        else
            return false;
    }))
        ++place;
    return place;
}

/// The place of a rule's key in the table of fields.
template <class Rule>
consteval std::size_t place_of_key() {
    return place_of<Rule::key>();
}

} // namespace detail

/// A chain of matching rules, as the policy of a store names it.
///
/// Shape (the least model):
///   struct c {
///       using list = rule_list<by_user>;
///       template <class Look>
///       static auto find(const token& probe, Look&& look);
///   };
/// Meaning:
///   M1  list names every rule that find can ask for. Containers may index their keys.
///   M2  find asks look(Rule{}) for at most one rule, the one that decides for this probe, and gives the result. If no
///       rule decides, it gives a default value of that type.
///   M3  Which rule decides depends on the probe alone.
/// May:   be any empty type. To name a chain of your own, inherit from first_applicable.
/// Models: first_applicable, default_rules, zoho::rules.
template <class C>
concept matching_rules = requires(const token& probe) {
    C::list::for_each(detail::any_visit{});
    { C::find(probe, detail::any_look{}) } -> std::convertible_to<int>;
};

/// The rules of a store whose policy names no others: id, user, access token, grant token, refresh token, seed. All but
/// the id are bound to the client and the label. The rules of grant token, refresh token and seed apply only if the
/// probe names a client_id.
struct default_rules
    : first_applicable<by_id, same_client<by_user>, same_client<by_access_token>,
                       same_client<needs_client<by_grant_token>>, same_client<needs_client<by_refresh_token>>,
                       same_client<needs_client<by_seed>>> {};

}} // namespace tokenkeep::v1

#endif
