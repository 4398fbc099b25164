// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_SEALED_ROW_HPP
#define TOKENKEEP_DETAIL_STORE_SEALED_ROW_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// What sealed tables of databases and of Redis have in common: stores that keep each field of a row in a cell of its
// own. A sealed row has, besides the cells of its fields:
//   index cells   for each sealed field that rules look up: a fingerprint of: "tokenkeep index", table, name of the
//                 field, value.
//   row_mac       a fingerprint (43 characters), a space, and the id of the key that sealed the row. The fingerprint is
//                 of: "tokenkeep row", table, and for each other cell that is not empty, in the order of the table's
//                 cells: the name of the cell, with "sealed " in front if its field is sealed, and the cell as the
//                 table keeps it.
// A sealed cell is what the sealer makes of the value. Its associated data: "tokenkeep cell", table, id, name of the
// field. In such lists, each text follows its length and a colon, so that no two lists give the same bytes.
// Fingerprints are in base64url, and all are made with the key that sealed the row.
//
// Decision: row_mac covers the sealed cells too. If it covered only the plain ones, a sealed cell could be replaced by
// an older one of the same row and field.

/// The sealer of a table. After explain_fingerprinting_sealer has failed: no sealer, so that the compiler reports
/// nothing else.
template <class Policy>
using table_sealer_of = std::conditional_t<fingerprinting_sealer<sealer_of<Policy>>, sealer_of<Policy>, no_seal>;

template <class Policy>
concept has_table_sealer = !std::is_same_v<table_sealer_of<Policy>, no_seal>;

template <class Policy>
table_sealer_of<Policy> table_sealer(sealer_of<Policy> sealer) {
    if constexpr (std::is_same_v<table_sealer_of<Policy>, sealer_of<Policy>>)
        return sealer;
    else
        return {};
}

/// Whether the cells of a field are sealed.
template <class Policy>
constexpr bool seals_field(std::size_t field) {
    if constexpr (has_table_sealer<Policy>)
        return fields[field].secret_text != nullptr ||
               (Policy::seals_names && fields[field].text != nullptr && fields[field].text != &token::id);
    else
        return false;
}

/// A table is sealed from its beginning or never: other programs may be reading its rows as plain ones.
inline error plain_table() {
    return error(errc::permissions,
                 "tokenkeep: the table of tokens is not sealed, and the store has a sealer; give the "
                 "store a new table, and copy the rows into it with migrate");
}

/// A table that is sealed, and a policy that is not.
inline error sealed_table() {
    return error(errc::permissions, "tokenkeep: the table of tokens is sealed; use a policy with a sealer, and give "
                                    "the store the sealer that has the table's keys");
}

/// A sealed table, and a policy that seals other cells.
inline error differently_sealed_table() {
    return error(errc::request_rejected,
                 "tokenkeep: a policy with another schema, with other seals_names, or whose rules look up other "
                 "fields made the sealed table; use that policy, or copy the rows into a new table with migrate");
}

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

/// Seals and opens the cells of one table. It may be used by several threads at once, as the sealer may.
template <class Sealer>
class row_sealer {
    static constexpr std::size_t fingerprint_size = 43; ///< Of 32 bytes in base64url.

  public:
    /// Both arguments must outlive this object.
    row_sealer(const Sealer& sealer, const std::string& table) noexcept : sealer_(sealer), table_(table) {}

    /// Throws errc::request_rejected if it is empty: rows of such a key could not be told from none.
    std::string key_id() const {
        std::string id = sealer_.key_id();
        if (id.empty())
            throw error(errc::request_rejected, "tokenkeep: key_id() of the sealer of a table must not be empty; see "
                                                "the concept fingerprinting_sealer");
        return id;
    }

    /// The value of a field, sealed with the first key. `field` is a place in `fields`.
    secret seal(std::size_t field, std::string_view id, std::string_view value) const {
        return sealer_.seal(value, place_of(field, id));
    }

    /// Writes the value of a sealed cell into the row. Throws unopened_row.
    void open_into(token& row, std::size_t field, std::string_view id, std::string_view cell,
                   const std::string& key_id) const {
        std::optional<secret> value = sealer_.open(cell, place_of(field, id), key_id);
        if (!value) throw altered(id, key_id);
        if (fields[field].secret_text != nullptr)
            row.*fields[field].secret_text = *std::move(value);
        else
            read_cell(fields[field], row, value->reveal());
    }

    /// The index cell of a field that has that value, in a row that the key has sealed.
    std::string index_cell(std::size_t field, std::string_view value, std::string_view key_id) const {
        return fingerprint(list_of({"tokenkeep index", table_, fields[field].name, value}), key_id);
    }
    /// The index cells of that value under each key. They must be looked up together: between two look-ups, others
    /// could change the key of the row, and the row would not be found.
    std::vector<std::string> index_cells(std::size_t field, std::string_view value) const {
        std::vector<std::string> cells;
        for (const std::string& key_id : sealer_.key_ids()) cells.push_back(index_cell(field, value, key_id));
        return cells;
    }

    /// The row_mac of a row. `each(add)` calls add(is_sealed, name, cell) for each other cell that is not empty.
    template <class Each>
    std::string row_mac(const std::string& key_id, Each each) const {
        return mac_of(key_id, each) + " " + key_id;
    }

    /// The id of the key that sealed the row; nullopt if the row_mac is not whole.
    static std::optional<std::string_view> key_id_in(std::string_view row_mac) {
        if (row_mac.size() <= fingerprint_size || row_mac[fingerprint_size] != ' ') return std::nullopt;
        return row_mac.substr(fingerprint_size + 1);
    }

    /// Whether the sealer has that key.
    bool has_key(std::string_view key_id) const {
        if (key_id == sealer_.key_id()) return true;
        const std::vector<std::string> known = sealer_.key_ids();
        return std::find(known.begin(), known.end(), key_id) != known.end();
    }

    /// The id of the key that sealed the row. Throws unopened_row if the sealer lacks that key.
    std::string require_known_key(std::string_view id, std::string_view row_mac) const {
        const std::optional<std::string_view> key_id = key_id_in(row_mac);
        if (!key_id)
            throw unopened_row(id, table_,
                               "its row_mac is missing or cut off; a program that does not seal wrote the "
                               "row, or someone has altered it");
        if (!has_key(*key_id))
            throw unopened_row(id, table_,
                               "it has no key " + unopened_row::quoted(*key_id) +
                                   ", which sealed the row; use a sealer that has it");
        return std::string(*key_id);
    }

    /// The id of the key that sealed the row, if the row is as it was sealed. `each` is that of row_mac. Throws
    /// unopened_row.
    template <class Each>
    std::string require_intact(std::string_view id, std::string_view row_mac, Each each) const {
        std::string key_id = require_known_key(id, row_mac);
        if (secret(mac_of(key_id, each)) != secret(row_mac.substr(0, fingerprint_size))) throw altered(id, key_id);
        return key_id;
    }

    /// Whether the first key has sealed the row.
    bool is_of_first_key(std::string_view row_mac) const {
        return key_id_in(row_mac) == std::optional<std::string_view>(sealer_.key_id());
    }

    unopened_row altered(std::string_view id, std::string_view key_id) const {
        return unopened_row(id, table_,
                            "the row is not as it was sealed: someone has altered it, or the key " +
                                unopened_row::quoted(key_id) +
                                " that sealed it was another key of that name, or a program with another "
                                "policy wrote it");
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
    wiping_string place_of(std::size_t field, std::string_view id) const {
        return list_of({"tokenkeep cell", table_, id, fields[field].name});
    }

    template <class Each>
    std::string mac_of(std::string_view key_id, Each each) const {
        wiping_string list = list_of({"tokenkeep row", table_});
        each([&](bool is_sealed, std::string_view name, std::string_view cell) {
            append(list, std::string(is_sealed ? "sealed " : "").append(name));
            append(list, cell);
        });
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

    const Sealer& sealer_;
    const std::string& table_;
};

}}} // namespace tokenkeep::v1::detail

#endif
