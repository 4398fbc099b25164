// SPDX-License-Identifier: MIT
// Tables of tokenkeep 0.1: the first program of a newer version that uses one adds the columns that it lacks, once, and
// whatever happens meanwhile, no row is lost.
// databases: SQLite, MariaDB, Postgres
#include <tokenkeep/zoho/rules.hpp>

#include "sql/faulty.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;

namespace {

// ---- The frozen table ----

/// The statements that 0.1 sent to make its tables, with T for the name of the table.
template <class Backend>
std::vector<std::string> statements_of_0_1() {
    const std::string first_columns = "user_name ?, client_id ?, client_secret ?, refresh_token ?, access_token ?, "
                                      "grant_token ?, expiry_time ?, redirect_url ?, api_domain ?, scope ?, "
                                      "token_type ?, issued_at ?, status ?, seed ?, extra ?";
    const auto columns_of = [&](const std::string& type) {
        std::string columns = first_columns;
        for (std::size_t at = 0; (at = columns.find('?')) != std::string::npos;) columns.replace(at, 1, type);
        return columns;
    };
    std::string if_missing = " IF NOT EXISTS", quote = "\"", id = "TEXT", bytes = "TEXT", options, method, length;
    if constexpr (std::is_same_v<Backend, mysql_backend>) {
        if_missing = "";
        quote = "`";
        id = "VARBINARY(767)";
        bytes = "MEDIUMBLOB";
        options = " ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
        length = "(1024)";
    }
    if constexpr (std::is_same_v<Backend, postgres_backend>) {
        id = bytes = "BYTEA";
        method = " USING hash";
    }
    std::vector<std::string> statements{
        "CREATE TABLE IF NOT EXISTS tokenkeep_schema (name VARCHAR(64) NOT NULL PRIMARY KEY, version VARCHAR(20) NOT "
        "NULL)" +
            options,
        "CREATE TABLE" + if_missing + " T (id " + id + " NOT NULL PRIMARY KEY, " + columns_of(bytes) + ")" + options};
    for (const std::string column : {"user_name", "access_token", "grant_token", "refresh_token", "seed"})
        statements.push_back("CREATE INDEX" + if_missing + " " + quote + "T-" + column + quote + " ON T" + method +
                             " (" + column + length + ")");
    return statements;
}

/// A row with every field that 0.1 had, and one with few.
const token ada{.user_name = "ada",
                .client_id = "app",
                .client_secret = "secret",
                .refresh_token = "refresh of ada",
                .access_token = "access of ada",
                .grant_token = "grant of ada",
                .redirect_url = "https://app.example/return",
                .api_domain = "https://api.example",
                .scope = "read write",
                .token_type = "Bearer",
                .expires_at = tokenkeep::timestamp(1'700'000'000'123ms),
                .issued_at = tokenkeep::timestamp(1'699'999'000'000ms),
                .status = "none",
                .seed = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
                .extra = R"({"id_token":"x"})",
                .id = "1"};
const token bob{.user_name = "bob", .client_id = "app", .refresh_token = "refresh of bob", .id = "2"};

std::vector<std::string> rows_of_0_1() {
    return {"INSERT INTO T (id, user_name, client_id, client_secret, refresh_token, access_token, grant_token, "
            "expiry_time, redirect_url, api_domain, scope, token_type, issued_at, status, seed, extra) VALUES ('1', "
            "'ada', 'app', 'secret', 'refresh of ada', 'access of ada', 'grant of ada', '1700000000123', "
            "'https://app.example/return', 'https://api.example', 'read write', 'Bearer', '1699999000000', 'none', "
            "'5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9', '{\"id_token\":\"x\"}')",
            "INSERT INTO T (id, user_name, client_id, refresh_token) VALUES ('2', 'bob', 'app', 'refresh of bob')"};
}

/// A table as 0.1 left it.
template <class Backend>
class table_of_0_1 {
  public:
    table_of_0_1() {
        for (const std::string& sql : statements_of_0_1<Backend>()) execute(sql);
        for (const std::string& sql : rows_of_0_1()) execute(sql);
        execute("INSERT INTO tokenkeep_schema (name, version) VALUES ('T', '1')");
    }

    const std::string& name() const { return name_; }

    std::string version() {
        const auto found = admin_.ask("SELECT version FROM tokenkeep_schema WHERE name = '" + name_ + "'");
        return found.size() == 1 ? found[0] : "none";
    }
    std::vector<std::string> columns() {
        if constexpr (std::is_same_v<Backend, sqlite_backend>)
            return admin_.ask("SELECT name FROM pragma_table_info('" + name_ + "')");
        const std::string where = " FROM information_schema.columns WHERE table_name = '" + name_ + "'";
        if constexpr (std::is_same_v<Backend, mysql_backend>)
            return admin_.ask("SELECT column_name" + where +
                              " AND table_schema = DATABASE() ORDER BY ordinal_position");
        return admin_.ask("SELECT column_name::text" + where + " ORDER BY ordinal_position");
    }

    /// As 0.1 left it, and not a bit of it upgraded.
    bool is_of_0_1() { return version() == "1" && columns().size() == 16; }

    /// What must hold after an upgrade that was not cut off.
    void check_upgraded() {
        std::vector<std::string> all;
        for (const tokenkeep::field& f : tokenkeep::fields) all.emplace_back(f.name);
        CHECK(version() == "2");
        CHECK(columns() == all);
    }

    void execute(std::string sql) {
        for (std::size_t at = 0; (at = sql.find('T', at)) != std::string::npos; ++at) {
            const auto is_part_of_word = [&](std::size_t n) {
                return n < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[n])) || sql[n] == '_');
            };
            if (!is_part_of_word(at - 1) && !is_part_of_word(at + 1)) sql.replace(at, 1, name_);
        }
        admin_.execute(sql);
    }

  private:
    std::string name_ = new_table();
    visitor<Backend> admin_{};
};

std::vector<token> sorted(std::vector<token> rows) {
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.id < b.id; });
    return rows;
}

// ---- Who is cut off ----

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

/// Whether the process was killed, and not ended in another way.
bool was_killed(pid_t child) {
    int status = 0;
    expect(::waitpid(child, &status, 0) == child, "no child");
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL;
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed");
    return false;
}

struct by_label {
    static constexpr auto key = &token::label;
    static bool applies(const token& probe) { return !probe.label.empty(); }
};
struct label_policy : tokenkeep::defaults {
    struct rules : tokenkeep::first_applicable<tokenkeep::by_id, by_label> {};
};
template <std::size_t Columns>
struct narrow_policy : tokenkeep::defaults {
    using rules = tokenkeep::zoho::rules; // they look up none of the later columns
    struct schema : tokenkeep::sql_schema {
        static constexpr std::size_t columns = Columns;
    };
};

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: a table of 0.1 gains the new columns at the first use, and its rows stay", "[sql]",
                        every_backend) {
    table_of_0_1<TestType> table;
    REQUIRE(table.is_of_0_1());
    auto store = store_on<TestType>(table.name());
    CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, bob});
    table.check_upgraded();
    CHECK(store.find_token({.user_name = "ada"}) == ada);
    CHECK(store.find_token({.client_id = "app", .seed = ada.seed}) == ada);

    token next = ada;
    next.refresh_expires_at = next.logged_in_at = next.used_at = ada.expires_at;
    next.code_verifier = "verifier";
    next.label = "eu";
    next.former = "0123456789abcdef";
    CHECK(store.replace_token(ada, next));
    CHECK(store_on<TestType>(table.name()).find_token({.user_name = "ada", .label = "eu"}) == next);
    CHECK(store_on<TestType>(table.name()).find_token_by_id("2") == bob);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a new table is what an upgraded one is", "[sql]", every_backend) {
    table_of_0_1<TestType> upgraded, made;
    made.execute("DROP TABLE T");
    made.execute("DELETE FROM tokenkeep_schema WHERE name = 'T'");
    CHECK(store_on<TestType>(upgraded.name()).get_tokens().size() == 2);
    CHECK(store_on<TestType>(made.name()).get_tokens().empty());
    upgraded.check_upgraded();
    made.check_upgraded();
}

TEMPLATE_LIST_TEST_CASE("sql_store: a program of 0.1 that was cut off while it made the table harms nothing", "[sql]",
                        every_backend) {
    const std::size_t statements = statements_of_0_1<TestType>().size();
    for (std::size_t done = 1; done <= statements; ++done) {
        CAPTURE(done);
        table_of_0_1<TestType> table;
        table.execute("DROP TABLE T");
        table.execute("DELETE FROM tokenkeep_schema WHERE name = 'T'");
        const std::vector<std::string> all = statements_of_0_1<TestType>();
        for (std::size_t n = 0; n < done; ++n) table.execute(all[n]);
        store_on<TestType>(table.name()).save_token(bob);
        table.check_upgraded();
        CHECK(store_on<TestType>(table.name()).get_tokens() == std::vector<token>{bob});
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: sixteen processes that are the first to use a table of 0.1 upgrade it once",
                        "[sql]", every_backend) {
    constexpr int processes = 16;
    for (int round = 0; round < 3; ++round) {
        table_of_0_1<TestType> table;
        CHECK(run_together(processes, [&](int n) {
            auto store = store_on<TestType>(table.name());
            if ((n + round) % 2 == 0) expect(store.find_token_by_id("1") == ada, "the row is another");
            const std::string user = "user " + std::to_string(n);
            store.save_token({.user_name = user, .access_token = "access of " + user, .label = "eu"});
            expect(store.find_token_by_id("2") == bob, "the row is another");
        }));
        table.check_upgraded();
        CHECK(store_on<TestType>(table.name()).get_tokens().size() == processes + 2);
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a process that is killed at any statement of the upgrade leaves it to the next",
                        "[sql]", every_backend) {
    std::size_t killed = 0;
    for (std::size_t last = 1;; ++last) {
        CAPTURE(last);
        table_of_0_1<TestType> table;
        const bool is_dead = was_killed(start_process([&] {
            tokenkeep::sql_store<deadly_connection<TestType>> store(
                deadly_connection<TestType>(TestType::connection(table.name()), last));
            (void)store.get_tokens();
        }));
        if constexpr (!std::is_same_v<TestType, mysql_backend>) { // there, each ALTER is a transaction
            const bool is_all_or_nothing = table.is_of_0_1() || table.columns().size() == std::size(tokenkeep::fields);
            CHECK(is_all_or_nothing);
        }
        auto store = store_on<TestType>(table.name());
        CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, bob});
        table.check_upgraded();
        store.save_token({.user_name = "eve", .access_token = "a", .label = "eu"});
        CHECK(store.get_tokens().size() == 3);
        if (!is_dead) break;
        ++killed;
    }
    CHECK(killed >= 10); // BEGIN, the version, six columns, the version, COMMIT
}

TEMPLATE_LIST_TEST_CASE("sql_store: a session that ends at any statement of the upgrade harms nothing", "[sql]",
                        every_backend) {
    for (const harm how : {harm::killed, harm::unheard}) {
        for (std::size_t statement = 1;; ++statement) {
            table_of_0_1<TestType> table;
            const auto suffered = std::make_shared<ordeal>();
            suffered->harms = {{statement, {.how = how}}};
            suffered->unreachable_from = statement + 1;
            tokenkeep::sql_store<faulty_connection<TestType>> store(
                faulty_connection<TestType>(table.name(), suffered));
            const std::error_code code = code_of([&] { (void)store.get_tokens(); });
            CAPTURE(statement, suffered->asked.back());
            const bool was_harmed = suffered->asked.size() >= statement;
            const bool fails_anyway = was_harmed && suffered->asked[statement - 1].ends_with("WHERE 1 = 0");
            if (how == harm::killed || !fails_anyway)
                CHECK(code == (was_harmed ? make_error_code(errc::storage_failure) : std::error_code()));
            *suffered = {};
            CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, bob});
            table.check_upgraded();
            if (!was_harmed) break;
        }
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a table whose row in tokenkeep_schema was lost is used again", "[sql]",
                        every_backend) {
    table_of_0_1<TestType> table;
    CHECK(store_on<TestType>(table.name()).get_tokens().size() == 2);
    table.execute("DELETE FROM tokenkeep_schema WHERE name = 'T'");
    CHECK(sorted(store_on<TestType>(table.name()).get_tokens()) == std::vector<token>{ada, bob});
    table.check_upgraded();
    table.execute("UPDATE tokenkeep_schema SET version = '1' WHERE name = 'T'");
    table.execute("ALTER TABLE T DROP COLUMN former");
    CHECK(sorted(store_on<TestType>(table.name()).get_tokens()) == std::vector<token>{ada, bob});
    table.check_upgraded();
}

TEMPLATE_LIST_TEST_CASE("sql_store: tables of sixteen columns and fewer stay as they are", "[sql]", every_backend) {
    table_of_0_1<TestType> table;
    auto store = store_on<TestType, narrow_policy<16>>(table.name());
    CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, bob});
    token labelled = bob;
    labelled.scope = "read";
    labelled.former = "0123456789abcdef";
    store.save_token(labelled);
    labelled.former.clear();
    CHECK(store.find_token_by_id("2") == labelled);
    CHECK(table.is_of_0_1());

    table.execute("DROP TABLE T");
    table.execute("DELETE FROM tokenkeep_schema WHERE name = 'T'");
    CHECK(store_on<TestType, narrow_policy<12>>(table.name()).get_tokens().empty());
    CHECK(table.version() == "1");
    CHECK(table.columns().size() == 12);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a program with fewer columns goes on with a table that another has upgraded",
                        "[sql]", every_backend) {
    table_of_0_1<TestType> table;
    token eve{.user_name = "eve", .client_id = "app", .access_token = "a", .label = "eu", .id = "3"};
    store_on<TestType>(table.name()).save_token(eve);
    auto narrow = store_on<TestType, narrow_policy<16>>(table.name());
    narrow.save_token({.access_token = "b", .id = "3"});
    eve.access_token = "b";
    CHECK(store_on<TestType>(table.name()).find_token_by_id("3") == eve);
    table.check_upgraded();
}

TEMPLATE_LIST_TEST_CASE("sql_store: a code verifier that has no column is refused, and a used one is none", "[sql]",
                        every_backend) {
    table_of_0_1<TestType> table;
    auto store = store_on<TestType, narrow_policy<16>>(table.name());
    token next = bob;
    next.code_verifier = "verifier";
    CHECK(code_of([&] { store.save_token(next); }) == errc::invalid_record);
    CHECK(code_of([&] { (void)store.replace_token(bob, next); }) == errc::invalid_record);
    CHECK(store.find_token_by_id("2") == bob);
    next.code_verifier = "-";
    CHECK(store.replace_token(bob, next));
}

TEMPLATE_LIST_TEST_CASE("sql_store: a rule that looks up a new field has its index, in an upgraded and in a new table",
                        "[sql]", every_backend) {
    table_of_0_1<TestType> table;
    for (const bool is_new : {false, true}) {
        if (is_new) {
            table.execute("DROP TABLE T");
            table.execute("DELETE FROM tokenkeep_schema WHERE name = 'T'");
        }
        auto store = store_on<TestType, label_policy>(table.name());
        store.save_token({.user_name = "eve", .access_token = "a", .label = "eu", .id = "3"});
        CHECK(store.find_token({.label = "eu"}).value().id == "3");
        CHECK(code_of([&] {
                  const char quote = TestType::connection_type::dialect.quote;
                  const std::string index = quote + table.name() + "-label" + quote;
                  if constexpr (std::is_same_v<TestType, mysql_backend>)
                      visitor<TestType>().execute("DROP INDEX " + index + " ON " + table.name());
                  else
                      visitor<TestType>().execute("DROP INDEX " + index);
              }) == std::error_code());
    }
}
