// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_SEALED_FORM_HPP
#define TOKENKEEP_DETAIL_SQL_SEALED_FORM_HPP

#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The cells of a sealed row, all in text that survives a dump of the database:
//   sealed field  base64url of the sealed text. Its associated data: "tokenkeep cell", table, id, name of the column.
//   index column  base64url of a fingerprint of: "tokenkeep index", table, name of the field, value.
//   row_mac       base64url of a fingerprint (43 characters), a space, and the id of the key that sealed the row. The
//                 fingerprint is of: "tokenkeep row", table, and for each other cell that is not NULL, in the order of
//                 the columns: the name of the column, with "sealed " in front if its field is sealed, and the cell.
//   row_key       the id of the key that sealed the row.
// The table is the name in tokenkeep_schema. In such lists, each text follows its length and a colon, so that no two
// lists give the same bytes. All fingerprints are made with the key that sealed the row.
//
// Decision: row_mac covers the sealed cells too. If it covered only the plain ones, a sealed cell could be replaced by
// an older one of the same row and column.

/// A row that this sealer cannot open.
class unopened_row : public error {
  public:
    unopened_row(std::string_view id, std::string_view table, const std::string& cause)
        : error(errc::permissions, sentence(id, table) + cause) {}

    static std::string quoted(std::string_view text) {
        std::string json;
        text::append_json_string(json, text);
        return json;
    }

  private:
    static std::string sentence(std::string_view id, std::string_view table) {
        return "tokenkeep: this sealer cannot open the row " + quoted(id) + " of the table " + std::string(table) +
               ": ";
    }
};

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

    static constexpr std::size_t fingerprint_size = 43; ///< Of 32 bytes in base64url.

  public:
    /// Both arguments must outlive the form.
    sealed_form(const sealer_type& seal, const std::string& table) noexcept : sealer_(seal), table_(table) {}

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
            made[n] = columns::seals(n) ? sealed_cell(n, row.id, *values[n]) : std::string(*values[n]);
            require_fitting(columns::name(n), columns::longest(n), *made[n]);
        }
        constexpr auto indexed = columns::indexed();
        for (std::size_t n = 0; n < indexed.count; ++n)
            if (const auto& value = values[indexed.places[n]])
                made[columns::first_index + n] = key_of_look_up(indexed.places[n], *value, key_id);
        made[columns::row_key()] = key_id;
        made[columns::row_mac] = mac_of(made.values(), key_id) + " " + key_id;
        return made;
    }

    /// The row that a statement has stepped to. Throws unopened_row.
    template <class Statement>
    token read(Statement& from) const {
        views cells{};
        for (std::size_t n = 0; n < cells.size(); ++n) cells[n] = from.column(n);
        const std::string_view id = cells[0].value_or(std::string_view());
        const std::string key_id = require_intact(cells, id);
        token row;
        for (std::size_t n = 0; n < schema::columns; ++n) {
            if (!cells[n]) continue;
            if (columns::seals(n))
                put(row, n, open(n, id, *cells[n], key_id));
            else
                read_cell(fields[n], row, *cells[n]);
        }
        return row;
    }

    /// Whether the row that a statement has stepped to is sealed with the sealer's first key.
    template <class Statement>
    bool has_first_key(Statement& row) const {
        const std::optional<std::string_view> mac = row.column(columns::row_mac);
        return mac && key_id_in(*mac) == std::optional<std::string_view>(sealer_.key_id());
    }

    /// The id of the key that sealed the row. Throws unopened_row if the sealer lacks that key.
    std::string require_known_key(std::string_view id, std::string_view row_mac) const {
        const std::optional<std::string_view> key_id = key_id_in(row_mac);
        if (!key_id)
            throw unopened_row(id, table_,
                               "its row_mac is missing or cut off; a program that does not seal wrote the "
                               "row, or someone has altered it");
        if (*key_id != sealer_.key_id()) {
            const std::vector<std::string> known = sealer_.key_ids();
            if (std::find(known.begin(), known.end(), *key_id) == known.end())
                throw unopened_row(id, table_,
                                   "it has no key " + unopened_row::quoted(*key_id) +
                                       ", which sealed the row; use a sealer that has it");
        }
        return std::string(*key_id);
    }

    /// Gives act(keys): the texts to look for in the field's column, if the field has that value. For a sealed field
    /// this is its index column, and one fingerprint for each key of the sealer. They are looked up together: between
    /// two statements, others could change the key of the row, and the row would not be found.
    template <class Act>
    auto with_keys(std::size_t field, std::string_view value, Act act) const {
        std::vector<std::string> texts;
        if (columns::seals(field))
            for (const std::string& key_id : sealer_.key_ids()) texts.push_back(key_of_look_up(field, value, key_id));
        else
            texts.emplace_back(value);
        const std::vector<std::optional<std::string_view>> keys(texts.begin(), texts.end());
        return act(sql_parameters(keys));
    }

  private:
    static void append(wiping_string& list, std::string_view text) {
        list.append(std::to_string(text.size())).append(":").append(text);
    }
    static wiping_string list_of(std::initializer_list<std::string_view> texts) {
        wiping_string list;
        for (const std::string_view text : texts) append(list, text);
        return list;
    }

    std::string sealed_cell(std::size_t field, std::string_view id, std::string_view plain) const {
        const secret sealed = sealer_.seal(plain, list_of({"tokenkeep cell", table_, id, fields[field].name}));
        return text::to_base64url(sealed.reveal());
    }

    std::string key_of_look_up(std::size_t field, std::string_view value, std::string_view key_id) const {
        return fingerprint(list_of({"tokenkeep index", table_, fields[field].name, value}), key_id);
    }

    std::string mac_of(const views& cells, std::string_view key_id) const {
        wiping_string list = list_of({"tokenkeep row", table_});
        for (std::size_t n = 0; n < cells.size(); ++n) {
            if (n == columns::row_mac || !cells[n]) continue;
            append(list, (n < schema::columns && columns::seals(n) ? "sealed " : "") + columns::name(n));
            append(list, *cells[n]);
        }
        return fingerprint(list, key_id);
    }

    std::string fingerprint(std::string_view text, std::string_view key_id) const {
        const std::string bytes = sealer_.fingerprint(text, key_id);
        if (bytes.size() != 32)
            throw error(errc::request_rejected, "tokenkeep: fingerprint of the sealer must give 32 bytes, and gives " +
                                                    std::to_string(bytes.size()) +
                                                    "; see the concept fingerprinting_sealer");
        return text::to_base64url(bytes);
    }

    static std::optional<std::string_view> key_id_in(std::string_view row_mac) {
        if (row_mac.size() <= fingerprint_size || row_mac[fingerprint_size] != ' ') return std::nullopt;
        return row_mac.substr(fingerprint_size + 1);
    }

    /// The id of the key that sealed the row, if the row is as it was sealed.
    std::string require_intact(const views& cells, std::string_view id) const {
        const std::string_view row_mac = cells[columns::row_mac].value_or(std::string_view());
        std::string key_id = require_known_key(id, row_mac);
        if (secret(mac_of(cells, key_id)) != secret(row_mac.substr(0, fingerprint_size))) throw altered(id, key_id);
        return key_id;
    }

    unopened_row altered(std::string_view id, std::string_view key_id) const {
        return unopened_row(id, table_,
                            "the row is not as it was sealed: someone has altered it, or the key " +
                                unopened_row::quoted(key_id) +
                                " that sealed it was another key of that name, or a program with another "
                                "policy wrote it");
    }

    secret open(std::size_t field, std::string_view id, std::string_view cell, const std::string& key_id) const {
        if (const std::optional<std::string> sealed = text::from_base64url(cell))
            if (std::optional<secret> plain =
                    sealer_.open(*sealed, list_of({"tokenkeep cell", table_, id, fields[field].name}), key_id))
                return *std::move(plain);
        throw altered(id, key_id);
    }

    static void put(token& row, std::size_t field, secret plain) {
        if (fields[field].secret_text != nullptr)
            row.*fields[field].secret_text = std::move(plain);
        else
            read_cell(fields[field], row, plain.reveal());
    }

    const sealer_type& sealer_;
    const std::string& table_;
};

}}} // namespace tokenkeep::v1::detail

#endif
