// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_CSV_HPP
#define TOKENKEEP_ZOHO_CSV_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/container.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/utf8.hpp>
#include <tokenkeep/token.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The file of both dialects. `Cells` says how a value becomes a cell: `append` gives false if the value cannot be a
/// cell. `take` removes a cell from the front of the text, up to its comma or line feed; it gives nullopt for text that
/// is not a cell.
template <class Cells>
struct csv_codec {
    static constexpr bool refuses_sealer = true; ///< The SDKs read the file; see document_codec.

    /// The file of these rows, with a header. Throws errc::invalid_record, naming the column, if a value is not UTF-8
    /// or the dialect cannot carry it.
    static secret encode(const std::vector<token>& rows) {
        wiping_string out;
        for (const field& f : columns) out.append(out.empty() ? "" : ",").append(f.name);
        for (const token& row : rows) {
            require_place_for_verifier(row, columns.size());
            const char* separator = "\n";
            for (const field& f : columns) {
                out.append(std::exchange(separator, ","));
                f.visit([&](auto member) { append(out, f.name, row.*member); });
            }
        }
        return secret(std::string_view(out));
    }

    /// The rows of a file. Throws errc::storage_corrupt, naming the row, if the file is damaged, empty, or has no
    /// header.
    static std::vector<token> decode(std::string_view document) {
        if (document.starts_with("\xef\xbb\xbf")) document.remove_prefix(3);
        std::vector<token> rows;
        std::set<std::string> ids;
        std::size_t width = 0;
        for (std::size_t number = 1; !document.empty(); ++number) {
            const std::vector<secret> cells = take_row(document, number);
            if (std::all_of(cells.begin(), cells.end(), [](const secret& cell) { return cell.empty(); })) continue;
            if (width == 0) {
                if (!is_header(cells)) throw damaged(number, "is no header");
                width = cells.size();
                continue;
            }
            if (cells.size() != width) throw damaged(number, "has another number of cells than the header");
            rows.push_back(read_row(cells, number));
            if (!ids.insert(rows.back().id).second) throw damaged(number, "has the id of another row");
        }
        if (width == 0) throw error(errc::storage_corrupt, "tokenkeep: the CSV is empty");
        return rows;
    }

    /// The row as it comes back: without the fields that have no column.
    static token as_stored(token row) { return first_fields(std::move(row), columns.size()); }

  private:
    static constexpr std::span columns = std::span(fields).template first<zoho::policy::schema::columns>();

    static error damaged(std::size_t row, const char* how) {
        return error(errc::storage_corrupt, "tokenkeep: row " + std::to_string(row) + " of the CSV " + how);
    }

    static std::vector<secret> take_row(std::string_view& document, std::size_t number) {
        std::vector<secret> cells;
        for (bool more = true; more;) {
            std::optional<secret> cell = Cells::take(document);
            if (!cell) throw damaged(number, "has a stray quote or carriage return");
            if (!text::is_utf8(cell->reveal())) throw damaged(number, "is not UTF-8");
            cells.push_back(*std::move(cell));
            more = document.starts_with(',');
            if (!document.empty()) document.remove_prefix(1);
        }
        return cells;
    }

    /// The columns of the user and of the redirect have another name in each SDK; the others have one name in all SDKs.
    /// Decision: the names are compared. If the header is missing, the first row would otherwise be lost as the header.
    static bool is_header(const std::vector<secret>& cells) {
        if (cells.size() != columns.size() && cells.size() != columns.size() - 1) return false;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const bool varies = columns[i].text == &token::user_name || columns[i].text == &token::redirect_url;
            if (!varies && cells[i].reveal() != columns[i].name) return false;
        }
        return true;
    }

    static token read_row(const std::vector<secret>& cells, std::size_t number) {
        token row;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string_view cell = cells[i].reveal();
            if (columns[i].time != nullptr && !cell.empty() && !timestamp_from_text(cell))
                throw damaged(number, "has a time that is no number");
            read_cell(columns[i], row, cell);
        }
        if (row.id.empty()) throw damaged(number, "has no id");
        return row;
    }

    template <class Value>
    static void append(wiping_string& out, std::string_view column, const Value& value) {
        if constexpr (std::is_same_v<Value, std::optional<timestamp>>) {
            if (value) out.append(to_text(*value));
        } else if (!text::is_utf8(view_of(value)) || !Cells::append(out, view_of(value))) {
            throw error(errc::invalid_record, "tokenkeep: the CSV cannot carry the value of " + std::string(column));
        }
    }
};

struct unquoted_cells {
    static bool append(wiping_string& out, std::string_view value) {
        out.append(value);
        return value.find_first_of(",\r\n") == std::string_view::npos;
    }
    static std::optional<secret> take(std::string_view& document) {
        std::string_view cell = document.substr(0, document.find_first_of(",\n"));
        document.remove_prefix(cell.size());
        while (cell.ends_with('\r')) cell.remove_suffix(1);
        if (cell.find('\r') != std::string_view::npos) return std::nullopt;
        return secret(cell);
    }
};

struct quoted_cells {
    static bool append(wiping_string& out, std::string_view value) {
        using namespace std::string_view_literals;
        if (value.find('\0') != std::string_view::npos) return false; // Python before 3.11 cannot read a file with one
        if (value.ends_with('\\') || value.find("\\\""sv) != std::string_view::npos) return false; // an escape in Java
        if (value.find_first_of(",\"\r\n") == std::string_view::npos) return out.append(value), true;
        out += '"';
        for (const char c : value) out.append(c == '"' ? 2 : 1, c);
        out += '"';
        return true;
    }
    static std::optional<secret> take(std::string_view& document) {
        if (!document.starts_with('"')) {
            std::optional<secret> cell = unquoted_cells::take(document);
            if (cell && cell->reveal().find('"') != std::string_view::npos) cell.reset();
            return cell;
        }
        std::size_t end = document.find('"', 1);
        while (end != std::string_view::npos && document.substr(end + 1).starts_with('"'))
            end = document.find('"', end + 2);
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view inside = document.substr(1, end - 1);
        document.remove_prefix(end + 1);
        while (document.starts_with('\r')) document.remove_prefix(1);
        if (!document.empty() && document.front() != ',' && document.front() != '\n') return std::nullopt;
        return secret::build(inside.size(), [&](char* to) {
            const char* const begin = to;
            for (std::size_t i = 0; i < inside.size(); ++i) {
                *to++ = inside[i];
                if (inside[i] == '"') ++i; // the second of a pair
            }
            return static_cast<std::size_t>(to - begin);
        });
    }
};

} // namespace detail

namespace zoho {

/// The file of the FileStore of Zoho's CRM SDKs, with quotes (RFC 4180): a codec for programs that share the file with
/// SDKs in Python and Java.
///   basic_document_store<text_file, zoho::csv, zoho::policy> store{"tokens.csv"};
///
/// The format: one row a line, values separated by commas, the first line is the header with the names of the columns.
/// The columns are the ten fields that the SDKs know, `id` to `api_domain`. An absent value is an empty cell, so `null`
/// is text like any other.
///
/// Promised:
///   - Written: line feeds between rows and none at the end; quotes only around a value with a comma, a quote or a line
///     break. As long as no value has one of these, the SDKs in all six languages read the file.
///   - Read: the file of any SDK, with ten columns or nine (from before `api_domain`), with that SDK's header, with
///     CRLF or LF, with or without a byte order mark, and with rows that have no value, which some SDKs leave behind.
///   - A value that the SDKs would damage is refused (errc::invalid_record): one with a NUL, and one with a backslash
///     at its end or before a quote, on which Java and PHP lose the columns.
///
/// Not promised:
///   - Other fields are not stored, and the marker of a refresh is one of them: see zoho::policy.
///   - The file is not encrypted, as the SDKs could not read it. A policy with a sealer does not compile.
///   - The SDKs take no lock. What one of them saves while another program changes the file can be lost.
///   - Java drops the remaining backslashes; Python and Java read a carriage return as a line feed; PHP cannot read a
///     line feed in a value.
///
///   errc            | when                                                 | what to do
///   ----------------|------------------------------------------------------|------------------------------------------
///   invalid_record  | a value cannot be written in this dialect            | change the value, or use another store
///   storage_corrupt | the file is empty, damaged, or has no header         | restore it; remove a file that is empty
///   permissions     | others can write the file, or it is a symbolic link  | chmod 600 it, or name the file itself
struct csv : detail::csv_codec<detail::quoted_cells> {
    static constexpr std::string_view scheme = "zoho-csv"; ///< Of a text_file with this codec; see open_store.
};

/// The same file without quotes: for programs that share it with SDKs in TypeScript, Node and C#, which split lines at
/// commas. A quote is a character like any other. A value with a comma or a line break is refused. PHP writes this
/// dialect and reads both.
///   basic_document_store<text_file, zoho::unquoted_csv, zoho::policy> store{"tokens.csv"};
struct unquoted_csv : detail::csv_codec<detail::unquoted_cells> {};

} // namespace zoho

}} // namespace tokenkeep::v1

#endif
