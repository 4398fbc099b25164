// SPDX-License-Identifier: MIT
// What an sql_store over SQLite costs, beside prepared statements written by hand for the same table: the same schema,
// indexes and settings, rows that end in a token as well, and the same promises: what is deleted is erased, and a file
// that has been removed is noticed, which takes a system call.
// needs: SQLite
#include <tokenkeep/sqlite.hpp>

#include "benchmark/program.hpp"
#include "support/temporary.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sqlite3.h>

using namespace tokenkeep;
using namespace measuring;

namespace {

/// What a program would write that has this table and knows what it asks for: no rules, no merging, and no other writer
/// at the same time.
class by_hand {
    struct closer {
        void operator()(sqlite3* open) const { ::sqlite3_close(open); }
        void operator()(sqlite3_stmt* prepared) const { ::sqlite3_finalize(prepared); }
    };
    using statement = std::unique_ptr<sqlite3_stmt, closer>;

  public:
    explicit by_hand(const std::string& path) {
        sqlite3* opened = nullptr;
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
        const bool is_open = ::sqlite3_open_v2(path.c_str(), &opened, flags, nullptr) == SQLITE_OK;
        connection_.reset(opened);
        require(is_open, "sqlite3_open");
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
        by_id = prepare("SELECT " + columns() + " FROM tokenkeep_tokens WHERE id = ?");
        by_user = prepare("SELECT " + columns() + " FROM tokenkeep_tokens WHERE user_name = ? AND client_id = ?");
        by_refresh =
            prepare("SELECT " + columns() + " FROM tokenkeep_tokens WHERE refresh_token = ? AND client_id = ?");
        all_rows = prepare("SELECT " + columns() + " FROM tokenkeep_tokens");
        std::string places = "?", updates;
        for (std::size_t n = 1; n < std::size(fields); ++n) {
            places += ",?";
            updates.append(n == 1 ? "" : ",").append(fields[n].name).append("=?").append(std::to_string(n + 1));
        }
        insert = prepare("INSERT INTO tokenkeep_tokens (" + columns() + ") VALUES (" + places + ")");
        update = prepare("UPDATE tokenkeep_tokens SET " + updates + " WHERE id=?1");
        erase = prepare("DELETE FROM tokenkeep_tokens WHERE id=?");
        clear = prepare("DELETE FROM tokenkeep_tokens");
        replace =
            prepare("UPDATE tokenkeep_tokens SET " + updates + " WHERE id=?1 AND access_token=?17 AND status IS ?18");
        begin = prepare("BEGIN IMMEDIATE");
        commit = prepare("COMMIT");
    }

    void run(const std::string& sql) {
        require(::sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql.c_str());
    }

    std::optional<token> find_token_by_id(const std::string& id) {
        require_file();
        bind(by_id, 1, id);
        return only_row(by_id);
    }
    std::optional<token> find_by_user(const std::string& user, const std::string& client) {
        require_file();
        bind(by_user, 1, user);
        bind(by_user, 2, client);
        return only_row(by_user);
    }
    std::optional<token> find_by_refresh_token(const secret& refresh, const std::string& client) {
        require_file();
        bind(by_refresh, 1, refresh.reveal());
        bind(by_refresh, 2, client);
        return only_row(by_refresh);
    }
    std::vector<token> get_tokens() {
        require_file();
        std::vector<token> rows;
        while (::sqlite3_step(all_rows.get()) == SQLITE_ROW) rows.push_back(read(all_rows));
        ::sqlite3_reset(all_rows.get());
        return rows;
    }

    /// Reads the user's row and writes it, or inserts it.
    void save_token(const token& record) {
        step(begin);
        const std::optional<token> stored = find_by_user(record.user_name, record.client_id);
        token changed = record;
        if (stored) changed.id = stored->id;
        write(stored ? update : insert, changed);
        step(commit);
    }
    void insert_row(const token& row) { write(insert, row); }
    bool replace_token(const token& expected, const token& record) {
        require_file();
        bind(replace, 17, expected.access_token.reveal());
        bind(replace, 18, expected.status);
        write(replace, record);
        return ::sqlite3_changes(connection_.get()) == 1;
    }
    void delete_token(const std::string& id) {
        require_file();
        bind(erase, 1, id);
        step(erase);
        run("PRAGMA wal_checkpoint(TRUNCATE)"); // so that its bytes are gone
    }
    void delete_tokens() {
        require_file();
        step(clear);
        run("PRAGMA wal_checkpoint(TRUNCATE)");
    }

  private:
    void require_file() {
        int moved = 0;
        ::sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        require(moved == 0, "the file has been removed");
    }

    static std::string columns() {
        std::string names;
        for (const field& each : fields) names.append(names.empty() ? "" : ",").append(each.name);
        return names;
    }

    statement prepare(const std::string& sql) {
        sqlite3_stmt* prepared = nullptr;
        require(::sqlite3_prepare_v3(connection_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &prepared,
                                     nullptr) == SQLITE_OK,
                sql.c_str());
        return statement(prepared);
    }

    static void bind(statement& to, int place, std::string_view text) {
        if (text.empty())
            ::sqlite3_bind_null(to.get(), place);
        else
            ::sqlite3_bind_text(to.get(), place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    static void step(statement& to_run) {
        require(::sqlite3_step(to_run.get()) == SQLITE_DONE, "sqlite3_step");
        ::sqlite3_reset(to_run.get());
    }

    static void write(statement& to_run, const token& row) {
        const std::string expiry = row.expires_at ? to_text(*row.expires_at) : std::string();
        const std::string issue = row.issued_at ? to_text(*row.issued_at) : std::string();
        const std::string_view cells[] = {row.id,
                                          row.user_name,
                                          row.client_id,
                                          row.client_secret.reveal(),
                                          row.refresh_token.reveal(),
                                          row.access_token.reveal(),
                                          row.grant_token.reveal(),
                                          expiry,
                                          row.redirect_url,
                                          row.api_domain,
                                          row.scope,
                                          row.token_type,
                                          issue,
                                          row.status,
                                          row.seed,
                                          row.extra.reveal()};
        int place = 0;
        for (const std::string_view cell : cells) bind(to_run, ++place, cell);
        step(to_run);
    }

    static std::string_view cell(statement& from, int column) {
        const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(from.get(), column));
        return text == nullptr
                   ? std::string_view()
                   : std::string_view(text, static_cast<std::size_t>(::sqlite3_column_bytes(from.get(), column)));
    }
    static token read(statement& from) {
        const auto text = [&](int column) { return std::string(cell(from, column)); };
        token row;
        row.id = text(0);
        row.user_name = text(1);
        row.client_id = text(2);
        row.client_secret = secret(cell(from, 3));
        row.refresh_token = secret(cell(from, 4));
        row.access_token = secret(cell(from, 5));
        row.grant_token = secret(cell(from, 6));
        row.expires_at = timestamp_from_text(cell(from, 7));
        row.redirect_url = text(8);
        row.api_domain = text(9);
        row.scope = text(10);
        row.token_type = text(11);
        row.issued_at = timestamp_from_text(cell(from, 12));
        row.status = text(13);
        row.seed = text(14);
        row.extra = secret(cell(from, 15));
        return row;
    }
    static std::optional<token> only_row(statement& from) {
        std::optional<token> row;
        if (::sqlite3_step(from.get()) == SQLITE_ROW) row = read(from);
        ::sqlite3_reset(from.get());
        return row;
    }

    std::unique_ptr<sqlite3, closer> connection_{};
    statement by_id{}, by_user{}, by_refresh{}, all_rows{}, insert{}, update{}, replace{}, erase{}, clear{}, begin{},
        commit{};
};

/// Two files with the same rows, one for each side.
class sides {
  public:
    explicit sides(std::size_t rows)
        : rows_(rows), ours_(made(folder_ / "ours.db")), by_hand_(made(folder_ / "by_hand.db")) {
        fill(ours_);
        fill(by_hand_);
    }

    sqlite_store& side(std::type_identity<sqlite_store>) { return ours_; }
    by_hand& side(std::type_identity<by_hand>) { return by_hand_; }

    void fill(sqlite_store&) const { fill(folder_ / "ours.db"); }
    void fill(by_hand&) const { fill(folder_ / "by_hand.db"); }

  private:
    /// The path of a file whose table a store has made.
    static const std::string& made(const std::string& path) {
        sqlite_store store{path};
        store.save_token(row_of(0));
        store.delete_tokens();
        return path;
    }

    void fill(const std::string& path) const {
        by_hand filling(path);
        filling.run("BEGIN");
        for (std::size_t row = 0; row < rows_; ++row) filling.insert_row(row_of(row));
        filling.run("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    }

    const temporary_directory folder_{};
    const std::size_t rows_;
    sqlite_store ours_;
    by_hand by_hand_;
};

sides& both(std::size_t rows) {
    static sides one(rows);
    return one;
}

template <class Side>
Side& side_of(std::size_t rows) {
    return both(rows).side(std::type_identity<Side>());
}

template <class Side>
constexpr const char* name_of = std::is_same_v<Side, by_hand> ? "by_hand" : "ours";

/// A look-up, of rows in no order.
template <class Side, class Find>
void add_find(const char* operation, std::size_t rows, Find find) {
    const auto number = [rows](std::size_t n) { return scattered(n, rows); };
    const auto side = [rows]() -> Side& { return side_of<Side>(rows); };
    const auto act = [find](Side& of, std::size_t row) { require(find(of, row).has_value(), "find"); };
    add(operation, name_of<Side>, rows, 9, calls(10'000, side, number, act));
}

/// A change of a row. Only `act` counts.
template <class Side, class Before, class Act, class After>
void add_change(const char* operation, std::size_t rows, Before before, Act act, After after) {
    const std::size_t count = is_quick ? 3 : 15;
    add(operation, name_of<Side>, rows, 21, [=, n = std::size_t{0}](benchmark::State&) mutable {
        Side& side = side_of<Side>(rows);
        std::vector<double> taken;
        while (taken.size() < count) {
            const token row = row_of(scattered(n++, rows));
            before(side, row);
            taken.push_back(seconds_of([&] { act(side, row); }));
            after(side, row);
        }
        return median(taken);
    });
}

template <class Side>
void add_side(std::size_t rows) {
    constexpr bool is_ours = !std::is_same_v<Side, by_hand>;
    add_find<Side>("find_by_id", rows, [](Side& side, std::size_t n) {
        if constexpr (is_ours)
            return side.find_token({.id = id_of(n)});
        else
            return side.find_token_by_id(id_of(n));
    });
    add_find<Side>("find_token_by_id", rows, [](Side& side, std::size_t n) { return side.find_token_by_id(id_of(n)); });
    add_find<Side>("find_by_user", rows, [](Side& side, std::size_t n) {
        if constexpr (is_ours)
            return side.find_token({.user_name = user_of(n), .client_id = client_id});
        else
            return side.find_by_user(user_of(n), client_id);
    });
    add_find<Side>("find_by_refresh_token", rows, [](Side& side, std::size_t n) {
        if constexpr (is_ours)
            return side.find_token({.client_id = client_id, .refresh_token = refresh_of(n)});
        else
            return side.find_by_refresh_token(refresh_of(n), client_id);
    });

    const auto nothing = [](Side&, const token&) {};
    const auto save = [](Side& side, const token& row) { side.save_token(row); };
    const auto remove = [](Side& side, const token& row) { side.delete_token(row.id); };
    const auto replace = [](Side& side, const token& row) {
        token fresh = row;
        fresh.access_token = "1000.replaced";
        require(side.replace_token(row, fresh), "replace_token");
    };
    add_change<Side>("save", rows, nothing, save, nothing);
    add_change<Side>("insert", rows, remove, save, nothing);
    add_change<Side>("replace", rows, nothing, replace, save);
    add_change<Side>("delete", rows, nothing, remove, save);
    add("get_tokens", name_of<Side>, rows, 5, [=](benchmark::State&) {
        Side& side = side_of<Side>(rows);
        return seconds_of([&] { require(!side.get_tokens().empty(), "rows"); });
    });
    add("delete_tokens", name_of<Side>, rows, 3, [=](benchmark::State&) {
        Side& side = side_of<Side>(rows);
        const double took = seconds_of([&] { side.delete_tokens(); });
        both(rows).fill(side);
        return took;
    });
}

void add_all() {
    const std::size_t rows = is_quick ? 100 : 100'000;
    add_side<sqlite_store>(rows);
    add_side<by_hand>(rows);
}

} // namespace

int main(int count, char** words) { return run(count, words, add_all); }
