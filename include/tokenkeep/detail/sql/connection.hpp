// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_CONNECTION_HPP
#define TOKENKEEP_DETAIL_SQL_CONNECTION_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/sealed_form.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/detail/sql/tables.hpp>
#include <tokenkeep/detail/sql/text.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class Policy>
using form_of = std::conditional_t<sql_columns<Policy>::are_sealed, sealed_form<Policy>, plain_form<Policy>>;

/// A store's connection to its table, with the prepared statements: it opens at the first call, and again at the first
/// call after it was lost. Not thread-safe: the threads of the store take turns.
template <class Connection, class Policy>
class sql_link {
    using statement = decltype(std::declval<Connection&>().prepare(std::declval<const std::string&>()));

  public:
    using policy = Policy;
    using text_type = sql_text<Policy>;
    using sealer_type = table_sealer_of<Policy>;
    static constexpr const sql_dialect& dialect = Connection::dialect;

    /// The sealer must outlive the link.
    sql_link(Connection connection, const sealer_type& sealer)
        : connection_(std::move(connection)),
          text_(dialect, table_of(connection_)),
          form_(sealer, text_.name_in_schema()) {}
    sql_link(const sql_link&) = delete;
    sql_link& operator=(const sql_link&) = delete;

    Connection& connection() noexcept { return connection_; }
    /// The same for every store of one table.
    const std::string& table_key() const noexcept { return text_.name_in_schema(); }

    /// How rows are written as cells. It may be used by any thread.
    const form_of<Policy>& form() const noexcept { return form_; }

    /// From now on, what is done over the link ends by `until`, if the connection can do that.
    void set_deadline(deadline until) {
        if constexpr (takes_deadline<Connection>) connection_.set_deadline(until);
    }

    bool is_open() const noexcept { return is_open_; }

    /// Connects, unless it is connected. Makes the table if there is none, and alters it if it is of an older version.
    void open() {
        if (is_open_) return;
        for (auto& each : statements_) each.reset();
        connection_.connect(Policy::store_lock_timeout);
        sql_tables<Connection, Policy>(connection_, text_).prepare();
        is_open_ = true;
    }
    /// The next call connects again. Statements that are running may end first.
    void give_up() noexcept { is_open_ = false; }

    void execute(std::string_view sql) {
        or_give_up([&] { connection_.execute(std::string(sql)); });
    }

    /// Runs a statement of sql_text to its end; `visit(statement)` sees its rows. How many rows it changed.
    template <class Visit>
    std::uint64_t run(std::size_t which, sql_parameters with, Visit visit) {
        return or_give_up([&] {
            std::optional<prepared>& asked = statements_[which];
            if (!asked || asked->parameters != with.size())
                asked.emplace(connection_.prepare(text_.of(which, with.size())), with.size());
            return run_sql(asked->run, with, visit);
        });
    }
    std::uint64_t run(std::size_t which, sql_parameters with) {
        return run(which, with, [](auto&) {});
    }

    /// After rows were deleted: removes their bytes from the database's files, as far as the database can.
    void erase_remains() {
        if constexpr (!dialect.erase.empty() && Policy::erases_deleted_tokens) {
            try {
                open();
                execute(dialect.erase);
            } catch (const sql_error&) {
                std::throw_with_nested(
                    error(errc::storage_failure, "tokenkeep: the rows are gone, but not erased from the database"));
            }
        }
    }

  private:
    struct prepared {
        prepared(statement made, std::size_t count) : run(std::move(made)), parameters(count) {}

        statement run;
        std::size_t parameters; ///< A look-up has one for each key of the sealer.
    };

    static std::string table_of(const Connection& connection) {
        std::string table;
        if constexpr (names_table<Connection>) table = connection.table();
        return table.empty() ? std::string(Policy::schema::table) : table;
    }

    template <class Work>
    auto or_give_up(Work work) {
        try {
            return work();
        } catch (const sql_error& failure) {
            if (failure.fault() == sql_fault::connection_lost) give_up();
            throw;
        }
    }

    Connection connection_;
    text_type text_;
    form_of<Policy> form_;
    std::array<std::optional<prepared>, text_type::number_of_kinds> statements_{};
    bool is_open_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
