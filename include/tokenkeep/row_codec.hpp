// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ROW_CODEC_HPP
#define TOKENKEEP_ROW_CODEC_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/secret.hpp>
#include <tokenkeep/token.hpp>

#include <iterator>
#include <span>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// One field of a row as text: a field of a hash in Redis, an attribute of an item, a member of a document.
struct row_cell {
    std::string_view name{}; ///< The name under which stores keep the field; see `fields` in token.hpp.
    secret text{};           ///< Its bytes as they are; a time as to_text writes it; empty if the field is absent.
};

/// A row as cells, for authors of stores over a network. There is one cell for each field, in the order of `fields`.
/// Write the cells that have a text, and remove those that have none. Leave all others alone: a newer version of the
/// library may have written them.
///   for (const row_cell& cell : encode_row(row)) cell.text.empty() ? remove(cell.name) : write(cell.name, cell.text);
inline std::vector<row_cell> encode_row(const token& row) {
    std::vector<row_cell> cells;
    cells.reserve(std::size(fields));
    for (const field& f : fields) {
        row_cell& cell = cells.emplace_back(row_cell{.name = f.name});
        if (f.secret_text != nullptr)
            cell.text = row.*f.secret_text;
        else
            cell.text = detail::write_cell(f, row);
    }
    return cells;
}

/// The row of these cells, which may come in any order. A cell with a name that `fields` does not have is left out. A
/// time that cannot be read becomes 1970: the keeper then refreshes the token.
///   token row = decode_row(cells);
inline token decode_row(std::span<const row_cell> cells) {
    token row;
    for (const row_cell& cell : cells)
        for (const field& f : fields)
            if (cell.name == f.name) detail::read_cell(f, row, cell.text.reveal());
    return row;
}

}} // namespace tokenkeep::v1

#endif
