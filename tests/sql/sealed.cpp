// SPDX-License-Identifier: MIT
// Sealed tables: what others can read in them, what happens if they write into them, and how keys change.
// databases: SQLite, MariaDB, Postgres
#include <tokenkeep/any_store.hpp>
#include <tokenkeep/migrate.hpp>
#include <tokenkeep/reseal.hpp>
#include <tokenkeep/text/base64url.hpp>

#include "sql/faulty.hpp"
#include "sql/sealed.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/sealed_tables.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;

namespace {

const std::vector<std::string> more_columns{"row_mac", "refresh_token_index", "access_token_index", "grant_token_index",
                                            "row_key"};

std::vector<std::string> all_columns() {
    std::vector<std::string> names;
    for (const tokenkeep::field& f : tokenkeep::fields) names.emplace_back(f.name);
    names.insert(names.end(), more_columns.begin(), more_columns.end());
    return names;
}

/// A sealed table with the rows of ada and bob, and a visitor who can write it.
template <class Backend, class Policy = sealed>
class sealed_table {
  public:
    explicit sealed_table(toy_table_sealer sealer = old_key()) {
        auto store = sealed_on<Backend, Policy>(name_, std::move(sealer));
        store.save_token(login("ada"));
        store.save_token(login("bob"));
    }

    const std::string& name() const { return name_; }
    static std::vector<std::string> columns() { return all_columns(); }
    static constexpr bool empty_is_absent = false; ///< An empty cell is not NULL.
    auto store(toy_table_sealer sealer = old_key()) const {
        return sealed_on<Backend, Policy>(name_, std::move(sealer));
    }

    std::string version() { return ask("SELECT version FROM tokenkeep_schema WHERE name = '" + name_ + "'").value(); }
    std::optional<std::string> cell(const std::string& row, const std::string& column) {
        return ask("SELECT " + column + " FROM " + name_ + " WHERE id = 'id of " + row + "'");
    }
    void set(const std::string& row, const std::string& column, const std::optional<std::string>& cell) {
        execute("UPDATE T SET " + column + " = " + (cell ? "'" + *cell + "'" : "NULL") + " WHERE id = 'id of " + row +
                "'");
    }
    /// Makes these cells of ada those of bob, and the reverse.
    void exchange(const std::vector<std::string>& columns) {
        for (const std::string& column : columns) {
            const auto hers = cell("ada", column), his = cell("bob", column);
            set("ada", column, his);
            set("bob", column, hers);
        }
    }
    std::vector<std::optional<std::string>> row(const std::string& name) {
        std::vector<std::optional<std::string>> cells;
        for (const std::string& column : all_columns()) cells.push_back(cell(name, column));
        return cells;
    }
    void set_row(const std::string& name, const std::vector<std::optional<std::string>>& cells) {
        for (std::size_t n = 1; n < cells.size(); ++n) set(name, all_columns()[n], cells[n]);
    }
    void erase(const std::string& row) { execute("DELETE FROM T WHERE id = 'id of " + row + "'"); }
    /// A row as a program writes it that does not seal.
    void insert(const std::string& row, const std::vector<std::pair<std::string, std::string>>& cells) {
        std::string names = "id", values = "'id of " + row + "'";
        for (const auto& [name, cell] : cells) {
            names += ", " + name;
            values += ", '" + cell + "'";
        }
        execute("INSERT INTO T (" + names + ") VALUES (" + values + ")");
    }
    /// T is the table.
    void execute(std::string sql) {
        sql.replace(sql.find(" T ") + 1, 1, name_);
        writer_.execute(sql);
    }

  private:
    std::optional<std::string> ask(const std::string& sql) {
        const std::string found = writer_.ask(sql).at(0);
        return found == "NULL" ? std::nullopt : std::optional<std::string>(found);
    }

    std::string name_ = new_table();
    visitor<Backend> writer_{};
};

/// Kills its own process before the statement of that number. Statements count from 1.
template <class Backend>
class deadly_connection : public Backend::connection_type {
    using base = typename Backend::connection_type;

  public:
    deadly_connection(base connection, std::size_t last) : base(std::move(connection)), left_(last) {}

    void execute(const std::string& sql) {
        die_or_go_on();
        base::execute(sql);
    }
    auto prepare(const std::string& sql) {
        die_or_go_on();
        return base::prepare(sql);
    }

  private:
    void die_or_go_on() {
        if (left_ != 0 && --left_ == 0) std::raise(SIGKILL);
    }

    std::size_t left_;
};

struct secrets : sealed {
    struct rules : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::by_refresh_token> {};
};
struct names_too : secrets {
    static constexpr bool seals_names = true;
};

/// The version of a table that this policy has sealed.
template <class Policy>
std::string version_of() {
    return "3 " + tokenkeep::detail::sql_columns<Policy>::layout();
}

struct by_label {
    static constexpr auto key = &token::label;
    static bool applies(const token& probe) { return !probe.label.empty(); }
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sealed table: every field comes back, and every rule finds the row", "[sql]", every_backend) {
    check_every_rule(sealed_on<TestType>(new_table()));
    check_every_rule(sealed_on<TestType, hidden>(new_table(), both_keys()));
}

// ---- What others can read ----

TEMPLATE_LIST_TEST_CASE("sealed table: a dump of the table has no secret in any cell", "[sql]", every_backend) {
    const auto dump_of = [](auto& table) {
        std::string all;
        for (const char* const name : {"ada", "bob"})
            for (const auto& cell : table.row(name)) all += cell.value_or("NULL") + "\n";
        return all;
    };
    sealed_table<TestType> table;
    sealed_table<TestType, hidden> without_names;
    check_dumps(dump_of(table), dump_of(without_names));
    CHECK(table.cell("ada", "row_mac")->size() == 43 + 1 + 5);
}

TEMPLATE_LIST_TEST_CASE("sealed table: equal secrets of a column have equal fingerprints, and sizes show", "[sql]",
                        every_backend) {
    sealed_table<TestType> one, two;
    const auto save = [](auto& table, const std::string& secret) {
        token row = login("ada");
        row.refresh_token = row.access_token = secret;
        auto store = table.store();
        store.save_token(row);
        row.id = "id of bob";
        row.user_name = "user bob";
        row.access_token.clear(); // else the rows could not be told apart
        row.grant_token = "grant of bob";
        row.client_id = "client of bob";
        store.save_token(row);
    };
    save(one, "the same");
    save(two, "the same");
    const auto index = one.cell("ada", "refresh_token_index");
    CHECK(index->size() == 43);
    CHECK(one.cell("bob", "refresh_token_index") == index);
    CHECK(one.cell("ada", "access_token_index") != index);
    CHECK(two.cell("ada", "refresh_token_index") != index);
    CHECK(one.cell("ada", "refresh_token")->size() == one.cell("bob", "refresh_token")->size());
    CHECK(one.cell("ada", "refresh_token") != one.cell("bob", "refresh_token"));
    save(one, "the same and more");
    CHECK(one.cell("ada", "refresh_token")->size() == (32 + 17) * 4 / 3 + 1);
}

// ---- What happens if others write ----

TEMPLATE_LIST_TEST_CASE("sealed table: no cell can be changed, cut off, emptied or filled", "[sql]", every_backend) {
    check_changed_cells<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("sealed table: a cell of another row, column, table or time does not open", "[sql]",
                        every_backend) {
    check_moved_cells<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("sealed table: whole rows cannot exchange their ids, nor their fingerprints", "[sql]",
                        every_backend) {
    sealed_table<TestType> table;
    const std::vector<std::string> columns = all_columns();
    table.exchange({columns.begin() + 1, columns.end()});
    auto store = table.store();
    CHECK(cannot_open(
        "bob", [&] { (void)store.find_token({.user_name = "user ada"}); }, altered));
    CHECK(cannot_open(
        "ada", [&] { (void)store.find_token({.user_name = "user bob"}); }, altered));
    table.exchange({columns.begin() + 1, columns.end()});
    CHECK(sorted(store.get_tokens()) == std::vector<token>{login("ada"), login("bob")});
    table.exchange({"refresh_token_index"});
    CHECK(cannot_open(
        "bob", [&] { (void)store.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}); }));
}

TEMPLATE_LIST_TEST_CASE("sealed table: a row that was not sealed is refused, and can be deleted", "[sql]",
                        every_backend) {
    check_plain_row<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("sealed table: while a row names another key, no row is inserted", "[sql]", every_backend) {
    sealed_table<TestType> table;
    table.set("ada", "row_mac", table.cell("ada", "row_mac").value().substr(0, 43) + " 100% another_key");
    table.set("ada", "row_key", "100% another_key");
    check_only_ada_is_lost(table, "it has no key \"100% another_key\"");
    auto store = table.store();
    CHECK(cannot_open("ada", [&] { store.save_token(login("eve")); }));
    store.delete_token("id of ada");
    store.save_token(login("eve"));
    CHECK(sorted(store.get_tokens()) == std::vector<token>{login("bob"), login("eve")});
}

TEMPLATE_LIST_TEST_CASE("sealed table: that a whole row is an older one, or is gone, goes unnoticed", "[sql]",
                        every_backend) {
    check_older_row<sealed_table<TestType>>();
}

// ---- Keys ----

TEMPLATE_LIST_TEST_CASE("sealed table: keys change row by row, and rows of both are found", "[sql]", every_backend) {
    check_change_of_keys<sealed_table<TestType>>();
    check_change_of_keys<sealed_table<TestType, hidden>>();
}

TEMPLATE_LIST_TEST_CASE("sealed table: a store that lacks the key of any row inserts none", "[sql]", every_backend) {
    check_unknown_key<sealed_table<TestType>>(false);
    check_unknown_key<sealed_table<TestType, hidden>>(true);
}

TEMPLATE_LIST_TEST_CASE("sealed table: a row whose key others change is found at every moment", "[sql]",
                        every_backend) {
    check_rows_whose_key_changes<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("sealed table: a sealer that fails changes nothing", "[sql]", every_backend) {
    check_failing_sealer<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("reseal: every row of a table gets the first key, while others use them", "[sql]",
                        every_backend) {
    check_reseal_among_others<sealed_table<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("reseal: a process that is killed at any statement leaves the rest to the next", "[sql]",
                        every_backend) {
    using connection = deadly_connection<TestType>;
    sealed_table<TestType> table;
    const std::vector<token> rows{login("ada"), login("bob")};
    std::size_t killed = 0;
    for (std::size_t last = 1;; ++last) {
        CAPTURE(last);
        const pid_t child = start_process([&] {
            tokenkeep::sql_store<connection, sealed> store(connection(TestType::connection(table.name()), last),
                                                           both_keys());
            (void)tokenkeep::reseal(store);
        });
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(sorted(table.store(both_keys()).get_tokens()) == rows);
        if (!WIFSIGNALED(status)) break;
        ++killed;
    }
    CHECK(killed >= 8);
    CHECK(sorted(table.store(new_key()).get_tokens()) == rows);
}

TEMPLATE_LIST_TEST_CASE("reseal: a row that cannot be opened is named, and the rows after it keep their key", "[sql]",
                        every_backend) {
    check_reseal_of_altered_row<sealed_table<TestType>>();

    sealed_table<TestType> other;
    other.set("bob", "scope", "all");
    auto after = other.store(both_keys());
    CHECK(cannot_open("bob", [&] { (void)tokenkeep::reseal(after); }));
    CHECK(other.store(new_key()).find_token_by_id("id of ada") == login("ada"));
}

TEMPLATE_LIST_TEST_CASE("reseal: it asks a table for its ids, and begins a transaction only for a row to change",
                        "[sql]", every_backend) {
    using connection = faulty_connection<TestType>;
    sealed_table<TestType> table;
    table.store(both_keys()).save_token(login("bob"));
    const auto said = std::make_shared<ordeal>();
    tokenkeep::sql_store<connection, sealed> store(connection(table.name(), said), both_keys());
    CHECK(store.token_ids() == std::vector<std::string>{"id of ada", "id of bob"});
    said->asked.clear();
    CHECK(tokenkeep::reseal(store).resealed == 1);
    const auto count = [&](const std::string& sql) { return std::count(said->asked.begin(), said->asked.end(), sql); };
    CHECK(count(std::string(connection::dialect.begin)) == 1);
    CHECK(count("COMMIT") == 1);
    const tokenkeep::detail::sql_text<sealed> text(connection::dialect, table.name());
    CHECK(count(text.ids() + " ORDER BY id") == 1);
    CHECK(count(text.select()) == 0);
    CHECK(count(text.find_by(0)) == 3); // ada's row twice: the second time in the transaction
}

TEMPLATE_LIST_TEST_CASE("sealed table: a change whose commit has no answer is looked up", "[sql]", every_backend) {
    for (const harm how : {harm::unheard, harm::killed}) {
        sealed_table<TestType> table;
        table.set("bob", "scope", "all"); // it cannot be opened any more
        const auto harmed_once = [&](auto act) {
            const auto suffered = std::make_shared<ordeal>();
            suffered->from_commit = {{0, {.how = how}}};
            tokenkeep::sql_store<faulty_connection<TestType>, sealed> store(
                faulty_connection<TestType>(table.name(), suffered), both_keys());
            // The first commit is that of the call: the table is there.
            return code_of([&] { act(store); });
        };
        token next = login("ada");
        next.access_token = "at-2";
        CHECK(!harmed_once([&](auto& store) { CHECK(store.replace_token(login("ada"), next)); }));
        CHECK(table.store(both_keys()).find_token_by_id("id of ada") == next);
        CHECK(!harmed_once([&](auto& store) { store.save_token(login("ada")); }));
        CHECK(!harmed_once([&](auto& store) { (void)store.reseal_token("id of ada"); }));
        CHECK(table.store(new_key()).find_token_by_id("id of ada") == login("ada"));
        CHECK(!harmed_once([&](auto& store) { store.delete_token("id of bob"); }));
        CHECK(table.store(new_key()).get_tokens() == std::vector<token>{login("ada")});
    }
}

// ---- Sealed and plain ----

TEMPLATE_LIST_TEST_CASE("sealed table: a store without a sealer is refused, and the reverse", "[sql]", every_backend) {
    sealed_table<TestType> table;
    CHECK(table.version() == version_of<sealed>()); // which 0.1 and 0.2 refuse
    check_refused(store_on<TestType>(table.name()), "the table of tokens is sealed");
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});

    const std::string plain = new_table(), empty = new_table();
    store_on<TestType>(plain).save_token(login("ada"));
    check_refused(sealed_on<TestType>(plain), "the table of tokens is not sealed");
    CHECK(store_on<TestType>(plain).get_tokens() == std::vector<token>{login("ada")});
    CHECK(store_on<TestType>(empty).get_tokens().empty());
    check_refused(sealed_on<TestType>(empty), "the table of tokens is not sealed");

    visitor<TestType> writer;
    writer.execute("UPDATE tokenkeep_schema SET version = '2' WHERE name = '" + table.name() + "'");
    check_refused(table.store(), "the table of tokens is not sealed");
    writer.execute("UPDATE tokenkeep_schema SET version = '3' WHERE name = '" + table.name() + "'");
    CHECK(code_of([&] { (void)table.store().get_tokens(); }) == errc::unsupported_version);
}

TEMPLATE_LIST_TEST_CASE("sealed table: its row in tokenkeep_schema may be lost, that of a plain table may not", "[sql]",
                        every_backend) {
    sealed_table<TestType> table;
    visitor<TestType> writer;
    const auto lose = [&](const std::string& name) {
        writer.execute("DELETE FROM tokenkeep_schema WHERE name = '" + name + "'");
    };
    lose(table.name());
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});
    CHECK(table.version() == version_of<sealed>());
    lose(table.name());
    CHECK(code_of([&] { (void)store_on<TestType>(table.name()).get_tokens(); }) == errc::permissions);
    CHECK(writer.ask("SELECT version FROM tokenkeep_schema WHERE name = '" + table.name() + "'").empty());
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});

    const std::string plain = new_table();
    store_on<TestType>(plain).save_token(login("ada"));
    lose(plain);
    CHECK(code_of([&] { (void)sealed_on<TestType>(plain).get_tokens(); }) == errc::permissions);
    CHECK(writer.ask("SELECT version FROM tokenkeep_schema WHERE name = '" + plain + "'").empty());
    CHECK(store_on<TestType>(plain).get_tokens() == std::vector<token>{login("ada")});
}

TEMPLATE_LIST_TEST_CASE("sealed table: a policy with other columns, or that seals others, is refused", "[sql]",
                        every_backend) {
    struct by_labels : hidden {
        struct rules : tokenkeep::first_applicable<tokenkeep::by_id, by_label> {};
    };
    sealed_table<TestType> table;
    const auto is_refused = [](auto store) {
        CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::request_rejected);
        CHECK(code_of([&] { (void)store.find_token_by_id("id of ada"); }) == errc::request_rejected);
        CHECK(code_of([&] { store.save_token(login("eve")); }) == errc::request_rejected);
    };
    is_refused(sealed_on<TestType, by_labels>(table.name())); // has another index
    is_refused(sealed_on<TestType, secrets>(table.name()));   // would write rows that lack a fingerprint
    is_refused(sealed_on<TestType, hidden>(table.name()));    // has more indexes
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});

    const std::string other = new_table();
    sealed_on<TestType, names_too>(other).save_token(login("ada"));
    is_refused(sealed_on<TestType, secrets>(other)); // would take sealed text for names

    visitor<TestType>().execute("ALTER TABLE " + table.name() + " DROP COLUMN scope");
    is_refused(table.store());
}

TEMPLATE_LIST_TEST_CASE("sealed table: a plain table in its place is refused, whatever its version says", "[sql]",
                        every_backend) {
    const std::string plain = new_table();
    store_on<TestType>(plain).save_token(login("ada"));
    visitor<TestType> writer;
    writer.execute("UPDATE tokenkeep_schema SET version = '" + version_of<sealed>() + "' WHERE name = '" + plain + "'");
    auto store = sealed_on<TestType>(plain);
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { store.save_token(login("eve")); }) == errc::permissions);
}

TEMPLATE_LIST_TEST_CASE("sealed table: migrate copies from plain to sealed and back", "[sql]", every_backend) {
    auto plain = store_on<TestType>(new_table()), again = store_on<TestType>(new_table());
    auto one = sealed_on<TestType>(new_table());
    auto two = sealed_on<TestType, hidden>(new_table(), both_keys());
    const std::vector<token> rows{login("ada"), login("bob")};
    for (const token& row : rows) plain.save_token(row);
    CHECK(tokenkeep::migrate(plain, one).copied == 2);
    CHECK(tokenkeep::migrate(one, two).copied == 2);
    CHECK(tokenkeep::migrate(two, again).copied == 2);
    for (const auto& copied : {one.get_tokens(), two.get_tokens(), again.get_tokens()}) CHECK(sorted(copied) == rows);
}

// ---- How a table is made ----

TEMPLATE_LIST_TEST_CASE("sealed table: a process that is killed at any statement leaves the making to the next",
                        "[sql]", every_backend) {
    std::size_t killed = 0;
    for (std::size_t last = 1;; ++last) {
        CAPTURE(last);
        const std::string table = new_table();
        const pid_t child = start_process([&] {
            tokenkeep::sql_store<deadly_connection<TestType>, sealed> store(
                deadly_connection<TestType>(TestType::connection(table), last), old_key());
            (void)store.get_tokens();
        });
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        const bool was_killed = WIFSIGNALED(status);
        CHECK((was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
        visitor<TestType> reader;
        bool is_claimed = false;
        try {
            is_claimed = !reader.ask("SELECT version FROM tokenkeep_schema WHERE name = '" + table + "'").empty();
        } catch (const tokenkeep::sql_error&) { // the process was killed before it made this table
        }
        if (is_claimed) CHECK(code_of([&] { (void)store_on<TestType>(table).get_tokens(); }) == errc::permissions);
        auto store = sealed_on<TestType>(table);
        store.save_token(login("ada"));
        CHECK(sealed_on<TestType>(table).get_tokens() == std::vector<token>{login("ada")});
        CHECK(reader.ask("SELECT version FROM tokenkeep_schema WHERE name = '" + table + "'") ==
              std::vector<std::string>{version_of<sealed>()});
        if (!was_killed) break;
        ++killed;
    }
    CHECK(killed >= 15); // two tables, two indexes, the version, BEGIN, four indexes, the version, COMMIT
}

TEMPLATE_LIST_TEST_CASE("sealed table: what a store without a sealer left unfinished becomes sealed, and the reverse",
                        "[sql]", every_backend) {
    using connection = deadly_connection<TestType>;
    const auto leave_at_version = [](const std::string& table, auto make_store) { // right before it is inserted
        for (std::size_t last = 1;; ++last) {
            const pid_t child =
                start_process([&] { (void)make_store(connection(TestType::connection(table), last)).get_tokens(); });
            int status = 0;
            REQUIRE(::waitpid(child, &status, 0) == child);
            REQUIRE(WIFSIGNALED(status));
            visitor<TestType> reader;
            if (!code_of([&] { (void)reader.ask("SELECT id FROM " + table); })) return;
        }
    };
    (void)store_on<TestType>(new_table()).get_tokens(); // tokenkeep_schema
    const std::string first = new_table(), second = new_table();
    leave_at_version(first, [](connection over) { return tokenkeep::sql_store<connection>(std::move(over)); });
    sealed_on<TestType>(first).save_token(login("ada"));
    CHECK(sealed_on<TestType>(first).get_tokens() == std::vector<token>{login("ada")});
    leave_at_version(
        second, [](connection over) { return tokenkeep::sql_store<connection, sealed>(std::move(over), old_key()); });
    store_on<TestType>(second).save_token(login("ada"));
    CHECK(store_on<TestType>(second).get_tokens() == std::vector<token>{login("ada")});
    visitor<TestType>().execute("DELETE FROM tokenkeep_schema WHERE name = '" + second + "'");
    CHECK(code_of([&] { (void)sealed_on<TestType>(second).get_tokens(); }) == errc::permissions);
    CHECK(store_on<TestType>(second).get_tokens() == std::vector<token>{login("ada")});
}

TEMPLATE_LIST_TEST_CASE("sealed table: of programs that race to make a table, only one kind gets it", "[sql]",
                        every_backend) {
    for (int round = 0; round < 3; ++round) {
        const std::string table = new_table();
        (void)store_on<TestType>(new_table()).get_tokens(); // tokenkeep_schema
        CHECK(run_together(4, [&](int n) {
            const token row = login(std::to_string(n));
            const auto save = [&](auto store) {
                const std::error_code code = code_of([&] { store.save_token(row); });
                expect(!code || code == errc::permissions, "another error");
                if (!code) expect(store.find_token_by_id(row.id) == row, "the row is another");
            };
            if (n % 2 == 0)
                save(sealed_on<TestType>(table));
            else
                save(store_on<TestType>(table));
        }));
        std::vector<token> rows;
        const bool is_plain = !code_of([&] { rows = store_on<TestType>(table).get_tokens(); });
        if (!is_plain) rows = sealed_on<TestType>(table).get_tokens();
        CHECK(code_of([&] { (void)sealed_on<TestType>(table).get_tokens(); }) ==
              (is_plain ? make_error_code(errc::permissions) : std::error_code()));
        std::vector<token> expected;
        for (const char* name : is_plain ? std::vector{"1", "3"} : std::vector{"0", "2"})
            expected.push_back(login(name));
        CHECK(sorted(rows) == expected);
    }
}

TEMPLATE_LIST_TEST_CASE("sealed table: columns of characters hold sealed text of that length", "[sql]", every_backend) {
    struct narrow : sealed {
        struct schema : tokenkeep::sql_schema {
            static constexpr std::size_t longest(std::string_view column) {
                return column == "id" ? 40 : column == "user_name" ? 200 : column == "access_token" ? 80 : 0;
            }
        };
    };
    auto store = sealed_on<TestType, narrow>(new_table());
    token row = login("ada");
    row.access_token = std::string(28, '\xff'); // 32 + 28 bytes are 80 digits
    store.save_token(row);
    CHECK(store.find_token({.access_token = row.access_token}) == row);
    token longer = row;
    longer.access_token = std::string(29, 'a');
    CHECK(code_of([&] { store.save_token(longer); }) == errc::invalid_record);
    CHECK(code_of([&] { (void)store.replace_token(row, longer); }) == errc::invalid_record);
    longer = row;
    longer.user_name = std::string(201, 'a');
    CHECK(code_of([&] { store.save_token(longer); }) == errc::invalid_record);
    CHECK(!store.find_token({.user_name = "\xff"}));
    CHECK(store.get_tokens() == std::vector<token>{row});
}

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("sealed table: a look-up by a sealed field uses its index, for any number of keys", "[sql]") {
    sealed_table<sqlite_backend> table;
    const tokenkeep::detail::sql_text<sealed> text(tokenkeep::sqlite_connection::dialect, table.name());
    using columns = tokenkeep::detail::sql_columns<sealed>;
    auto connection = sqlite_backend::connection();
    connection.connect(5s);
    for (const std::size_t keys : {1u, 2u, 5u}) {
        auto plan = connection.prepare("EXPLAIN QUERY PLAN " + text.find_by(columns::look_up(4), keys));
        REQUIRE(plan.step());
        CHECK_THAT(std::string(plan.column(3).value()), ContainsSubstring(table.name() + "-refresh_token_index"));
    }
    auto plan = connection.prepare("EXPLAIN QUERY PLAN " + text.find_next_key());
    REQUIRE(plan.step());
    CHECK_THAT(std::string(plan.column(3).value()), ContainsSubstring(table.name() + "-row_key"));
    CHECK(!plan.step()); // nothing is sorted
}
#endif

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("sealed table: a type that brings its sealer is opened by a URL", "[sql]") {
    struct sealed_database : tokenkeep::basic_sqlite_store<sealed> {
        explicit sealed_database(std::string path)
            : tokenkeep::basic_sqlite_store<sealed>(std::move(path), old_key()) {}
    };
    const temporary_directory folder;
    const auto open = [&] { return tokenkeep::open_store<sealed_database>("sqlite:" + folder / "tokens.db"); };
    open().save_token(login("ada"));
    CHECK(open().find_token({.user_name = "user ada"}) == login("ada"));
    tokenkeep::sqlite_store plain(folder / "tokens.db");
    CHECK(code_of([&] { (void)plain.get_tokens(); }) == errc::permissions);
}
#endif

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sealed table: threads of one store share its sealer over several connections", "[sql]",
                        server_backends) {
    const std::string table = new_table();
    store_over<TestType, sealed> store(TestType::connection(table, 4), both_keys());
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            const token row = login(std::to_string(n));
            for (int round = 0; round < 5; ++round) {
                store.save_token(row);
                (void)store.find_token({.access_token = row.access_token});
            }
        });
    for (std::thread& each : threads) each.join();
    CHECK(sorted(store.get_tokens()) == std::vector<token>{login("0"), login("1"), login("2"), login("3")});
}
#endif
