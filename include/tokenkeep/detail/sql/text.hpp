// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TEXT_HPP
#define TOKENKEEP_DETAIL_SQL_TEXT_HPP

#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The text of every statement of an sql_store. It is made from the columns and the keys of the rules; it never
/// contains a value.
template <class Policy>
class sql_text {
    using columns = sql_columns<Policy>;

    /// Text that numbers its parameters in the order in which they are written.
    struct writer {
        const sql_dialect& dialect;
        std::string text{};
        std::size_t parameters = 0;

        writer& operator<<(std::string_view piece) {
            text += piece;
            return *this;
        }
        writer& parameter() {
            ++parameters;
            return dialect.numbered ? *this << "$" << std::to_string(parameters) : *this << "?";
        }
    };

  public:
    /// The statements that a connection prepares. The number of a column means: find the rows by this column.
    enum kind : std::size_t {
        all_rows = columns::count(),
        all_ids,
        insert_row,
        update_row,
        erase_row,
        clear_rows,
        locked_row,
        locked_version,
        next_key,
        number_of_kinds
    };

    sql_text(const sql_dialect& dialect, std::string_view table)
        : dialect_(&dialect), name_(table), lower_name_(text::to_lower(name_)) {
        require_plain(name_);
    }

    const std::string& name() const noexcept { return name_; }
    /// The table's name in lower case: some databases take "Tokens" and "tokens" for one table.
    const std::string& name_in_schema() const noexcept { return lower_name_; }

    /// A statement that finds rows finds those with any of `keys` values.
    std::string of(std::size_t which, std::size_t keys = 1) const {
        switch (which) {
        case all_rows: return select();
        case all_ids: return ids() + " ORDER BY id";
        case insert_row: return insert();
        case update_row: return update();
        case erase_row: return erase();
        case clear_rows: return clear();
        case locked_row: return lock_row();
        case locked_version: return lock_version();
        case next_key: return find_next_key();
        default: return find_by(which, keys);
        }
    }

    std::string find_by(std::size_t column, std::size_t keys = 1) const {
        return select().append(" WHERE ").append(where(column, keys));
    }
    std::string select() const { return "SELECT " + column_names() + " FROM " + quoted(name_); }
    /// Reads the row of an id, and locks it until the transaction ends.
    std::string lock_row() const { return find_by(0).append(dialect_->for_update); }
    /// Reads the first row of a sealed table, in the order of their keys, whose key comes after the parameter.
    std::string find_next_key() const {
        writer sql{*dialect_};
        sql << "SELECT id, row_mac, row_key FROM " << quoted(name_) << " WHERE row_key > ";
        return (sql.parameter() << " ORDER BY row_key LIMIT 1").text;
    }
    std::string erase() const { return "DELETE FROM " + quoted(name_) + " WHERE " + where(0); }
    std::string clear() const { return "DELETE FROM " + quoted(name_); }

    std::string insert() const {
        writer sql{*dialect_};
        sql << "INSERT INTO " << quoted(name_) << " (" << column_names() << ") VALUES (";
        for (std::size_t n = 0; n < columns::count(); ++n) (n == 0 ? sql : sql << ", ").parameter();
        return (sql << ")").text;
    }

    /// Its parameters are all columns except the id, and then the id.
    std::string update() const {
        writer sql{*dialect_};
        sql << "UPDATE " << quoted(name_) << " SET ";
        for (std::size_t n = 1; n < columns::count(); ++n) {
            sql << (n == 1 ? "" : ", ") << columns::name(n) << " = ";
            sql.parameter();
        }
        sql << " WHERE id = ";
        return sql.parameter().text;
    }

    std::string version() const {
        writer sql{*dialect_};
        sql << "SELECT version FROM " << quoted("tokenkeep_schema") << " WHERE name = ";
        return sql.parameter().text;
    }
    /// Reads the version of a table, and keeps every other writer of the table out until the transaction ends.
    std::string lock_version() const { return version().append(dialect_->for_update); }
    /// Its parameters are the name of the table and its version.
    std::string insert_version() const {
        writer sql{*dialect_};
        sql << "INSERT INTO " << quoted("tokenkeep_schema") << " (name, version) VALUES (";
        sql.parameter() << ", ";
        return (sql.parameter() << ")").text;
    }

    /// Its parameters are the version and the name of the table.
    std::string update_version() const {
        writer sql{*dialect_};
        sql << "UPDATE " << quoted("tokenkeep_schema") << " SET version = ";
        sql.parameter() << " WHERE name = ";
        return sql.parameter().text;
    }

    /// The statements that make the tables and indexes of version 1, in order. Some of these may exist already. A
    /// sealed table has all its columns from the beginning, unless it exists already.
    std::vector<std::string> create() const {
        std::vector<std::string> statements{create_table("tokenkeep_schema") +
                                            "name VARCHAR(64) NOT NULL PRIMARY KEY, version VARCHAR(20) NOT NULL)"};
        std::string definitions;
        for (std::size_t n = 0; n < columns::count(); ++n) {
            if (columns::since(n) > 1 && !columns::are_sealed) continue;
            definitions.append(n == 0 ? "" : ", ").append(column_definition(n));
        }
        statements.push_back(create_table(name_) + definitions + ")");
        for (std::string& statement : statements) statement += dialect_->table_options;
        add_indexes(statements, 0);
        return statements;
    }

    std::string add_column(std::size_t column) const {
        return "ALTER TABLE " + quoted(name_) + " ADD COLUMN " + column_definition(column);
    }
    /// Fails if there is no such column.
    std::string look_for_column(std::size_t column) const {
        return "SELECT " + columns::name(column) + " FROM " + quoted(name_) + " WHERE 1 = 0";
    }
    /// Fails if a column is missing.
    std::string look_for_all_columns() const { return select() + " WHERE 1 = 0"; }
    std::string ids() const { return "SELECT id FROM " + quoted(name_); }
    std::string plain_ids() const { return ids() + " WHERE row_mac IS NULL"; }
    std::string sealed_ids() const { return ids() + " WHERE row_mac IS NOT NULL"; }

    /// The statements that make the indexes that came after the version `older`. Some of these may exist already.
    std::vector<std::string> new_indexes(unsigned older) const {
        std::vector<std::string> statements;
        add_indexes(statements, older);
        return statements;
    }

  private:
    /// A name cannot be a bound parameter. It is safe in SQL if it has only letters, digits and underscores.
    static void require_plain(std::string_view name) {
        bool plain = !name.empty() && name.size() <= 48;
        for (const char c : name)
            plain = plain && (c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
        if (!plain || text::equal_ignoring_case(name, "tokenkeep_schema"))
            throw error(errc::invalid_record, "tokenkeep: the name of a table is at most 48 letters, digits and "
                                              "underscores, and not tokenkeep_schema");
    }

    std::string quoted(std::string_view name) const { return dialect_->quote + std::string(name) + dialect_->quote; }

    static bool is_row_key(std::size_t column) { return columns::are_sealed && column == columns::row_key(); }
    static bool is_characters(std::size_t column) { return columns::longest(column) != 0; }

    std::string column_definition(std::size_t column) const {
        return columns::name(column) + " " + type_of(column) + (column == 0 ? " NOT NULL PRIMARY KEY" : "");
    }

    std::string type_of(std::size_t column) const {
        if (is_characters(column)) return "VARCHAR(" + std::to_string(columns::longest(column)) + ")";
        return std::string(column == 0 || is_row_key(column) ? dialect_->key_bytes : dialect_->bytes);
    }

    std::string create_table(std::string_view name) const {
        return "CREATE TABLE" + std::string(dialect_->if_missing) + " " + quoted(name) + " (";
    }
    /// Adds the statements that make the indexes of columns: those of version 1 if `older` is 0, else those that came
    /// after `older`.
    void add_indexes(std::vector<std::string>& statements, unsigned older) const {
        std::vector<std::size_t> indexed{0}; // the primary key
        const auto add = [&](std::size_t column) {
            for (const std::size_t other : indexed)
                if (other == column) return;
            indexed.push_back(column);
            const unsigned since = columns::since(column);
            if (older == 0 ? since == 1 : since > older) statements.push_back(create_index(column));
        };
        rules_of<Policy>::list::for_each([&](auto rule) { add(columns::look_up(place_of_key<decltype(rule)>())); });
        if (columns::are_sealed) add(columns::row_key());
    }
    std::string create_index(std::size_t column) const {
        std::string sql = "CREATE INDEX" + std::string(dialect_->if_missing) + " ";
        // No table has a name with a hyphen; tables and indexes share their names in some databases.
        sql.append(quoted(name_ + "-" + columns::name(column))).append(" ON ").append(quoted(name_));
        if (is_row_key(column)) return sql + " (row_key)"; // in order, and whole, as the primary key
        sql.append(dialect_->index_method).append(" (").append(columns::name(column));
        sql.append(is_characters(column) ? dialect_->index_characters : dialect_->index_length);
        return sql + ")";
    }

    static std::string column_names() {
        std::string names;
        for (std::size_t n = 0; n < columns::count(); ++n) names.append(n == 0 ? "" : ", ").append(columns::name(n));
        return names;
    }

    std::string where(std::size_t column, std::size_t keys = 1) const {
        writer sql{*dialect_};
        sql << columns::name(column);
        if (keys == 1) return (sql << " = ").parameter().text;
        sql << " IN (";
        for (std::size_t n = 0; n < keys; ++n) (n == 0 ? sql : sql << ", ").parameter();
        return (sql << ")").text;
    }

    const sql_dialect* dialect_;
    std::string name_, lower_name_;
};

}}} // namespace tokenkeep::v1::detail

#endif
