// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_CELLS_HPP
#define TOKENKEEP_DETAIL_SQL_CELLS_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/sql_schema.hpp>
#include <tokenkeep/text/utf8.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Throws errc::invalid_record if a column of that many characters cannot hold the text. 0 means any bytes.
inline void require_fitting(std::string_view column, std::size_t longest, std::string_view text) {
    const auto characters = [&] {
        std::size_t count = 0;
        for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xc0) != 0x80 ? 1u : 0u;
        return count;
    };
    if (longest == 0 || (text::is_utf8(text) && characters() <= longest)) return;
    throw error(errc::invalid_record, "tokenkeep: the column " + std::string(column) + " takes at most " +
                                          std::to_string(longest) + " characters of UTF-8");
}

/// A record as the cells of a table: views into the record, and its times as text.
template <class Schema>
class sql_cells {
  public:
    explicit sql_cells(const token& row) : row_(row) {
        std::size_t next = 0;
        for (const field& f : fields)
            if (f.time != nullptr) {
                if (const auto& time = row.*f.time) times_[next] = to_text(*time);
                ++next;
            }
    }

    /// The values of the columns, beginning with column `first` and from the last on with column 0. An absent field is
    /// NULL.
    std::array<std::optional<std::string_view>, Schema::columns> values(std::size_t first = 0) const {
        std::array<std::optional<std::string_view>, Schema::columns> all{};
        for (std::size_t n = 0; n < all.size(); ++n) {
            const std::string_view text = view((first + n) % all.size());
            if (!text.empty()) all[n] = text;
        }
        return all;
    }

    /// Throws errc::invalid_record if a value is longer than its column, or is not UTF-8 in a column of characters, or
    /// is a code verifier without a column.
    void require_fitting() const {
        require_place_for_verifier(row_, Schema::columns);
        for (std::size_t n = 0; n < Schema::columns; ++n)
            detail::require_fitting(fields[n].name, Schema::longest(fields[n].name), view(n));
    }

  private:
    /// An absent field is empty.
    std::string_view view(std::size_t column) const {
        if (fields[column].text != nullptr) return row_.*fields[column].text;
        if (fields[column].secret_text != nullptr) return (row_.*fields[column].secret_text).reveal();
        return times_[times_before(column)];
    }

    static constexpr std::size_t times_before(std::size_t column) {
        std::size_t times = 0;
        for (std::size_t n = 0; n < column; ++n) times += fields[n].time != nullptr ? 1u : 0u;
        return times;
    }

    const token& row_;
    std::array<std::string, times_before(std::size(fields))> times_{};
};

/// A row as it comes back from the table: without the fields that the schema has no column for.
template <class Schema>
std::optional<token> as_stored(std::optional<token> row) {
    if (row) row = first_fields(std::move(*row), Schema::columns);
    return row;
}

/// The row that a statement has stepped to.
template <class Schema, class Statement>
token read_sql_row(Statement& cells) {
    token row;
    for (std::size_t n = 0; n < Schema::columns; ++n)
        if (const std::optional<std::string_view> cell = cells.column(n)) read_cell(fields[n], row, *cell);
    return row;
}

/// How rows are written as cells and read from them, in a plain table: cells are the fields as they are. For sealed
/// tables, see sealed_form.
template <class Policy>
class plain_form {
    using schema = typename Policy::schema;

  public:
    plain_form(const no_seal& /*sealer*/, const std::string& /*table*/) noexcept {}

    /// The cells of a row, which must outlive them. Throws errc::invalid_record if a column cannot hold its value.
    sql_cells<schema> cells(const token& row) const {
        sql_cells<schema> made(row);
        made.require_fitting();
        return made;
    }

    /// The row that a statement has stepped to.
    template <class Statement>
    token read(Statement& row) const {
        return read_sql_row<schema>(row);
    }

    /// A plain row never needs another key.
    template <class Statement>
    bool has_first_key(Statement& /*row*/) const noexcept {
        return true;
    }

    /// Gives act(keys): the texts to look for in the column of the field, if the field has that value.
    template <class Act>
    auto with_keys(std::size_t /*field*/, std::string_view value, Act act) const {
        const std::optional<std::string_view> key[] = {value};
        return act(sql_parameters(key));
    }
};

}}} // namespace tokenkeep::v1::detail

#endif
