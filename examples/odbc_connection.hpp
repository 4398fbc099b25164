// SPDX-License-Identifier: MIT
// A connection of your own for an sql_store: to any database with an ODBC driver. Copy it and change it. Its dialect is
// SQLite's; for other databases, see the dialects in tokenkeep/mysql.hpp and tokenkeep/postgres.hpp.
#ifndef TOKENKEEP_EXAMPLES_ODBC_CONNECTION_HPP
#define TOKENKEEP_EXAMPLES_ODBC_CONNECTION_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <deque>
#include <map>
#include <vector>

#include <sql.h>
#include <sqlext.h>

/// One of ODBC's handles. An error names the SQLSTATE only, because the driver's message could repeat values.
template <SQLSMALLINT kind>
struct odbc_handle {
    explicit odbc_handle(SQLHANDLE parent) { SQLAllocHandle(kind, parent, &handle); }
    odbc_handle(odbc_handle&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    odbc_handle& operator=(odbc_handle&& other) noexcept { return std::swap(handle, other.handle), *this; }
    ~odbc_handle() {
        if (kind == SQL_HANDLE_DBC) SQLDisconnect(handle); // a connected handle cannot be freed
        SQLFreeHandle(kind, handle);
    }

    SQLRETURN check(SQLRETURN result) const {
        if (SQL_SUCCEEDED(result) || result == SQL_NO_DATA) return result;
        SQLCHAR state[6] = "";
        SQLINTEGER number = 0;
        SQLGetDiagRec(kind, handle, 1, state, &number, nullptr, 0, nullptr);
        const std::string code = reinterpret_cast<const char*>(state), group = code.substr(0, 2);
        using enum tokenkeep::sql_fault;
        static const std::map<std::string, tokenkeep::sql_fault> faults{
            {"08", connection_lost}, {"22", bad_value}, {"23", already_exists}, {"40", conflict}};
        const auto known = faults.find(number == 5 ? "40" : group); // SQLITE_BUSY, which has no SQLSTATE
        throw tokenkeep::sql_error(known == faults.end() ? other : known->second, "SQLSTATE " + code);
    }

    SQLHANDLE handle = nullptr;
};

class odbc_statement {
  public:
    odbc_statement(SQLHANDLE connection, std::string sql) : statement_(connection) {
        statement_.check(SQLPrepare(statement_.handle, reinterpret_cast<SQLCHAR*>(sql.data()), SQL_NTS));
    }

    void bind(std::size_t parameter, std::optional<std::string_view> value) {
        if (value && value->find('\0') != value->npos)
            throw tokenkeep::sql_error(tokenkeep::sql_fault::bad_value, "NUL");
        if (lengths_.size() <= parameter) lengths_.resize(parameter + 1);
        lengths_[parameter] = value ? static_cast<SQLLEN>(value->size()) : SQL_NULL_DATA;
        char* const text = const_cast<char*>(value && !value->empty() ? value->data() : "");
        statement_.check(SQLBindParameter(statement_.handle, static_cast<SQLUSMALLINT>(parameter + 1), SQL_PARAM_INPUT,
                                          SQL_C_CHAR, SQL_VARCHAR, 1'000'000, 0, text, 0, &lengths_[parameter]));
    }
    bool step() {
        if (!std::exchange(is_running_, true)) statement_.check(SQLExecute(statement_.handle));
        SQLSMALLINT columns = 0;
        SQLNumResultCols(statement_.handle, &columns);
        if (columns == 0 || statement_.check(SQLFetch(statement_.handle)) == SQL_NO_DATA) return false;
        cells_.assign(static_cast<std::size_t>(columns), std::nullopt);
        for (std::size_t n = 0; n < cells_.size(); ++n) cells_[n] = read(static_cast<SQLUSMALLINT>(n + 1));
        return true;
    }
    std::optional<std::string_view> column(std::size_t column) const { return cells_[column]; }
    std::uint64_t changes() const {
        SQLLEN rows = 0;
        statement_.check(SQLRowCount(statement_.handle, &rows));
        return static_cast<std::uint64_t>(rows);
    }
    void reset() noexcept {
        is_running_ = false;
        SQLFreeStmt(statement_.handle, SQL_CLOSE);
    }

  private:
    std::optional<std::string> read(SQLUSMALLINT place) const {
        std::string text;
        for (char piece[4'096];;) { // long text comes in pieces, each with a NUL at its end
            SQLLEN left = 0;
            statement_.check(SQLGetData(statement_.handle, place, SQL_C_CHAR, piece, sizeof piece, &left));
            if (left == SQL_NULL_DATA) return std::nullopt;
            if (left != SQL_NO_TOTAL && left < static_cast<SQLLEN>(sizeof piece))
                return text.append(piece, static_cast<std::size_t>(left));
            text.append(piece, sizeof piece - 1);
        }
    }

    odbc_handle<SQL_HANDLE_STMT> statement_;
    std::deque<SQLLEN> lengths_{};
    std::vector<std::optional<std::string>> cells_{};
    bool is_running_ = false;
};

/// Takes a connection string of ODBC, such as "Driver=SQLite3;Database=tokens.db".
class odbc_connection {
  public:
    static constexpr tokenkeep::sql_dialect dialect{
        .bytes = "TEXT", .key_bytes = "TEXT", .if_missing = " IF NOT EXISTS", .begin = "BEGIN IMMEDIATE"};

    explicit odbc_connection(std::string parameters) : parameters_(std::move(parameters)) {
        SQLSetEnvAttr(environment_.handle, SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
    }

    void connect(std::chrono::milliseconds patience) {
        std::string all = parameters_ + ";Timeout=" + std::to_string(patience.count()); // as SQLite's driver has it
        connection_.emplace(environment_.handle);
        connection_->check(SQLDriverConnect(connection_->handle, nullptr, reinterpret_cast<SQLCHAR*>(all.data()),
                                            SQL_NTS, nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT));
    }
    void execute(const std::string& sql) { prepare(sql).step(); }
    odbc_statement prepare(const std::string& sql) { return {connection_->handle, sql}; }

  private:
    std::string parameters_;
    odbc_handle<SQL_HANDLE_ENV> environment_{nullptr};
    std::optional<odbc_handle<SQL_HANDLE_DBC>> connection_{};
};

#endif
