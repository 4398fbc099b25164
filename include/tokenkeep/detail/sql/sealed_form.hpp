// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_SEALED_FORM_HPP
#define TOKENKEEP_DETAIL_SQL_SEALED_FORM_HPP

#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The cells of a sealed row (see row_sealer), all in text that survives a dump of the database:
//   sealed field  base64url of the sealed text.
//   index column  as row_sealer makes it.
//   row_key       the id of the key that sealed the row.
//   row_mac       as row_sealer makes it. An empty cell is NULL; the cells are in the order of the columns.
// The table is the name in tokenkeep_schema.

/// The cells of a sealed row.
template <class Policy>
class sealed_cells {
    using columns = sql_columns<Policy>;

  public:
    using views = std::array<std::optional<std::string_view>, columns::count()>;

    std::optional<std::string>& operator[](std::size_t column) { return cells_[column]; }

    /// The values of the columns, beginning with column `first` and from the last on with column 0.
    views values(std::size_t first = 0) const {
        views all{};
        for (std::size_t n = 0; n < all.size(); ++n)
            if (const auto& cell = cells_[(first + n) % all.size()]) all[n] = *cell;
        return all;
    }

  private:
    std::array<std::optional<std::string>, columns::count()> cells_{};
};

/// A sealed table. It may be used by several threads at once, as the sealer may.
template <class Policy>
class sealed_form {
    using columns = sql_columns<Policy>;
    using schema = typename Policy::schema;
    using sealer_type = table_sealer_of<Policy>;
    using views = typename sealed_cells<Policy>::views;

  public:
    /// Both arguments must outlive the form.
    sealed_form(const sealer_type& seal, const std::string& table) noexcept : sealer_(seal, table) {}

    /// The cells of a row, sealed with the sealer's first key. Throws errc::invalid_record if a column cannot hold its
    /// value.
    sealed_cells<Policy> cells(const token& row) const {
        require_place_for_verifier(row, schema::columns);
        const std::string key_id = sealer_.key_id();
        const sql_cells<schema> plain(row);
        const auto values = plain.values();
        sealed_cells<Policy> made;
        for (std::size_t n = 0; n < values.size(); ++n) {
            if (!values[n]) continue;
            made[n] = columns::seals(n) ? text::to_base64url(sealer_.seal(n, row.id, *values[n]).reveal())
                                        : std::string(*values[n]);
            require_fitting(columns::name(n), columns::longest(n), *made[n]);
        }
        constexpr auto indexed = columns::indexed();
        for (std::size_t n = 0; n < indexed.count; ++n)
            if (const auto& value = values[indexed.places[n]])
                made[columns::first_index + n] = sealer_.index_cell(indexed.places[n], *value, key_id);
        made[columns::row_key()] = key_id;
        made[columns::row_mac] = sealer_.row_mac(key_id, each_of(made.values()));
        return made;
    }

    /// The row that a statement has stepped to. Throws unopened_row.
    template <class Statement>
    token read(Statement& from) const {
        views cells{};
        for (std::size_t n = 0; n < cells.size(); ++n) cells[n] = from.column(n);
        const std::string_view id = cells[0].value_or(std::string_view());
        const std::string key_id =
            sealer_.require_intact(id, cells[columns::row_mac].value_or(std::string_view()), each_of(cells));
        token row;
        for (std::size_t n = 0; n < schema::columns; ++n) {
            if (!cells[n]) continue;
            if (columns::seals(n)) {
                const std::optional<std::string> sealed = text::from_base64url(*cells[n]);
                if (!sealed) throw sealer_.altered(id, key_id);
                sealer_.open_into(row, n, id, *sealed, key_id);
            } else {
                read_cell(fields[n], row, *cells[n]);
            }
        }
        return row;
    }

    /// Whether the row that a statement has stepped to is sealed with the sealer's first key.
    template <class Statement>
    bool has_first_key(Statement& row) const {
        return sealer_.is_of_first_key(row.column(columns::row_mac).value_or(std::string_view()));
    }

    /// See row_sealer::require_known_key.
    std::string require_known_key(std::string_view id, std::string_view row_mac) const {
        return sealer_.require_known_key(id, row_mac);
    }

    /// Gives act(keys): the texts to look for in the field's column, if the field has that value. For a sealed field
    /// this is its index column, and one fingerprint for each key of the sealer.
    template <class Act>
    auto with_keys(std::size_t field, std::string_view value, Act act) const {
        std::vector<std::string> texts;
        if (columns::seals(field))
            texts = sealer_.index_cells(field, value);
        else
            texts.emplace_back(value);
        const std::vector<std::optional<std::string_view>> keys(texts.begin(), texts.end());
        return act(sql_parameters(keys));
    }

  private:
    /// The cells that a row_mac covers.
    static auto each_of(const views& cells) {
        return [cells](auto add) {
            for (std::size_t n = 0; n < cells.size(); ++n)
                if (n != columns::row_mac && cells[n])
                    add(n < schema::columns && columns::seals(n), columns::name(n), *cells[n]);
        };
    }

    row_sealer<sealer_type> sealer_;
};

}}} // namespace tokenkeep::v1::detail

#endif
