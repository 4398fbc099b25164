// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_ROWS_HPP
#define TOKENKEEP_DETAIL_SQL_ROWS_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/token.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The rows of the table at the other end of a link, as row_rules reads them.
template <class Link>
class sql_rows {
  protected:
    using columns = sql_columns<typename Link::policy>;
    using text = typename Link::text_type;

  public:
    explicit sql_rows(Link& link) : link_(link) {}

    template <class Visit>
    void for_each(Visit&& visit) {
        link_.run(text::all_rows, {}, [&](auto& row) { visit(link_.form().read(row)); });
    }

    /// The rows that matches<Rule>(probe, row) holds for. Databases may compare text in other ways than byte for byte,
    /// so each row that the database finds is compared again.
    template <class Rule, class Visit>
    void for_each_match(const token& probe, Visit&& visit) {
        constexpr std::size_t field = place_of_key<Rule>();
        look_up(columns::look_up(field), field, view_of(probe.*Rule::key), [&](auto& found) {
            token row = link_.form().read(found);
            if (matches<Rule>(probe, row)) visit(std::move(row));
        });
    }

    /// The ids of all rows, in order.
    std::vector<std::string> ids() {
        std::vector<std::string> all;
        link_.run(text::all_ids, {}, [&](auto& row) { all.emplace_back(row.column(0).value_or("")); });
        return all;
    }

    /// Whether there is a row of that id that is sealed with another key than the sealer's first one. Does not open it.
    bool has_other_key(const std::string& id) {
        bool has_other = false;
        look_up(0, 0, id, [&](auto& found) { has_other = !link_.form().has_first_key(found); });
        return has_other;
    }

  protected:
    /// Runs a statement that finds the rows whose field has a value; `visit(statement)` sees them. A value that a
    /// column of characters cannot hold is in no row.
    template <class Visit>
    void look_up(std::size_t which, std::size_t field, std::string_view value, Visit visit) {
        if (value.empty()) return;
        try {
            link_.form().with_keys(field, value, [&](sql_parameters keys) { link_.run(which, keys, visit); });
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::bad_value || columns::longest(columns::look_up(field)) == 0) throw;
        }
    }

    Link& link_;
};

}}} // namespace tokenkeep::v1::detail

/// For look-ups only: sql_transaction changes rows.
template <class Link>
struct tokenkeep::container_traits<tokenkeep::detail::sql_rows<Link>> {
    using rows = tokenkeep::detail::sql_rows<Link>;

    template <class Visit>
    static void for_each(rows& from, Visit&& visit) {
        from.for_each(visit);
    }
    template <class Rule, class Visit>
    static void for_each_match(rows& from, Rule, const tokenkeep::token& probe, Visit&& visit) {
        from.template for_each_match<Rule>(probe, visit);
    }
};

#endif
