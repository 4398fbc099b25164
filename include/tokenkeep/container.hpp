// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_CONTAINER_HPP
#define TOKENKEEP_CONTAINER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/rules.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <iterator>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// How basic_store reaches the rows of a container. Three forms of standard containers are ready: a sequence of token,
/// a map from id (std::string) to token, and rows of strings, whose first cell is the id. For a container of your own,
/// specialise it.
///
/// Shape (the least model):
///   template <> struct tokenkeep::container_traits<my_rows> {
///       template <class Visit>
///       static void for_each(const my_rows& rows, Visit visit);
///       static void insert_or_assign(my_rows& rows, const token& row);
///       static void erase(my_rows& rows, const std::string& id);
///   };
/// Meaning:
///   K1  for_each calls visit(const token&) once for each row. The reference need only live during the call.
///   K2  insert_or_assign puts the row in. If there is a row of that id, the new row replaces it. If it throws, nothing
///       has changed.
///   K3  erase removes the row of that id, if there is one.
/// May:   be without locks of its own, because the store locks. Optional functions, all static:
///
///   expression                               | what it gives you                            | without it
///   -----------------------------------------|----------------------------------------------|----------------------
///   find(rows, id) -> const token*           | Look-ups by id need no scan. Null means that | Each look-up by id
///                                            | there is no such row.                        | visits every row,
///                                            |                                              | unless for_each_match
///                                            |                                              | is there.
///   for_each_match(rows, Rule, probe, visit) | Look-ups by any rule (see rules.hpp) need no | Each look-up visits
///                                            | scan. It visits each row with                | every row.
///                                            | matches<Rule>(probe, row).                   |
///
/// The arguments are `const my_rows&`, `const std::string&`, a rule by value, `const token&`, and a callable:
///   template <class Rule, class Visit>
///   static void for_each_match(const my_rows& rows, Rule, const token& probe, Visit visit) {
///       for (const token& row : rows.with(Rule::key, probe.*Rule::key)) // an index of your own
///           if (matches<Rule>(probe, row)) visit(row);
///   }
/// Models: those below; examples/custom_container.cpp.
template <class Container>
struct container_traits;

namespace detail {

template <class C>
concept token_sequence = requires(C& rows, const token& row) {
    requires std::same_as<typename C::value_type, token>;
    rows.push_back(row);
    rows.erase(rows.begin());
    rows.end();
};

template <class C>
concept token_map = requires(C& rows, const std::string& id, const token& row) {
    requires std::same_as<typename C::mapped_type, token>;
    rows.insert_or_assign(id, row);
    rows.find(id)->second;
    rows.erase(id);
};

template <class C>
concept text_rows = requires(C& rows, typename C::value_type& cells, std::string cell) {
    requires std::same_as<typename C::value_type::value_type, std::string>;
    cells.push_back(cell);
    cells.begin();
    rows.push_back(cells);
    rows.erase(rows.begin());
    rows.end();
};

template <class C, class Id>
auto find_row(C& rows, const std::string& id, Id id_of) {
    auto at = rows.begin();
    while (at != rows.end() && id_of(*at) != id) ++at;
    return at;
}

template <class C>
concept can_iterate = requires(const C& rows) {
    container_traits<C>::for_each(rows, [](const token&) {});
};
template <class C>
concept can_insert = requires(C& rows, const token& row) {
    container_traits<C>::insert_or_assign(rows, row);
};
template <class C>
concept can_erase = requires(C& rows, const std::string& id) {
    container_traits<C>::erase(rows, id);
};
template <class C>
concept can_find = requires(const C& rows, const std::string& id) {
    { container_traits<C>::find(rows, id) } -> std::same_as<const token*>;
};
template <class C, class Rule>
concept can_match = requires(const C& rows, const token& probe) {
    container_traits<C>::for_each_match(rows, Rule{}, probe, [](const token&) {});
};

template <class C>
concept usable_container = can_iterate<C> && can_insert<C> && can_erase<C>;

template <class C>
consteval bool explain_container() {
    static_assert(can_iterate<C>,
                  "tokenkeep: a container is a sequence of token, a map from std::string to token, rows of "
                  "strings, or has a container_traits with for_each; see container_traits");
    if constexpr (can_iterate<C>)
        static_assert(can_insert<C>,
                      "tokenkeep: container_traits needs insert_or_assign(rows, const token&); see container_traits");
    if constexpr (can_iterate<C> && can_insert<C>)
        static_assert(can_erase<C>,
                      "tokenkeep: container_traits needs erase(rows, const std::string& id); see container_traits");
    return true;
}

} // namespace detail

/// For std::vector<token>, std::list<token>, std::deque<token> and the like. The rows stay in the order of insertion.
template <detail::token_sequence Rows>
struct container_traits<Rows> {
    template <class Visit>
    static void for_each(const Rows& rows, Visit&& visit) {
        for (const token& row : rows) visit(row);
    }
    static void insert_or_assign(Rows& rows, const token& row) {
        const auto at = place(rows, row.id);
        if (at == rows.end())
            rows.push_back(row);
        else
            *at = token(row);
    }
    static void erase(Rows& rows, const std::string& id) {
        const auto at = place(rows, id);
        if (at != rows.end()) rows.erase(at);
    }

  private:
    static auto place(Rows& rows, const std::string& id) {
        return detail::find_row(rows, id, [](const token& row) -> const std::string& { return row.id; });
    }
};

/// For std::map<std::string, token>, std::unordered_map<std::string, token> and the like. The key is the id.
template <detail::token_map Rows>
struct container_traits<Rows> {
    template <class Visit>
    static void for_each(const Rows& rows, Visit&& visit) {
        for (const auto& [id, row] : rows) visit(row);
    }
    static void insert_or_assign(Rows& rows, const token& row) { rows.insert_or_assign(row.id, token(row)); }
    static void erase(Rows& rows, const std::string& id) { rows.erase(id); }
    static const token* find(const Rows& rows, const std::string& id) {
        const auto at = rows.find(id);
        return at == rows.end() ? nullptr : &at->second;
    }
};

/// For rows of strings in the order of `fields` (see token.hpp), such as std::vector<std::list<std::string>>. If a row
/// has fewer cells, its other fields are empty; the next save of the row writes them all. Cells beyond `fields` stay.
template <detail::text_rows Rows>
struct container_traits<Rows> {
    using cells = typename Rows::value_type;

    template <class Visit>
    static void for_each(const Rows& rows, Visit&& visit) {
        for (const cells& row : rows) visit(read(row));
    }
    static void insert_or_assign(Rows& rows, const token& row) {
        cells fresh;
        for (const field& f : fields) fresh.push_back(detail::write_cell(f, row));
        const auto at = place(rows, row.id);
        if (at == rows.end()) {
            rows.push_back(std::move(fresh));
            return;
        }
        std::size_t column = 0;
        for (const std::string& cell : *at)
            if (column++ >= std::size(fields)) fresh.push_back(cell);
        *at = std::move(fresh);
    }
    static void erase(Rows& rows, const std::string& id) {
        const auto at = place(rows, id);
        if (at != rows.end()) rows.erase(at);
    }

  private:
    static token read(const cells& row) {
        token record;
        auto cell = row.begin();
        for (const field& f : fields) {
            if (cell == row.end()) break;
            detail::read_cell(f, record, *cell++);
        }
        return record;
    }
    static auto place(Rows& rows, const std::string& id) {
        return detail::find_row(
            rows, id, [](const cells& row) { return row.begin() == row.end() ? std::string() : *row.begin(); });
    }
};

}} // namespace tokenkeep::v1

#endif
