// SPDX-License-Identifier: MIT
// The tables that an sql_store makes, the SQL that it sends, and how values fare in the columns.
// databases: SQLite, MariaDB, Postgres
#include <tokenkeep/zoho/rules.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tests;
using namespace std::string_literals;
using tokenkeep::errc;
using tokenkeep::token;

namespace {

// ---- What is asked of databases ----

/// A rule and a chain of a user's own.
struct by_redirect_url {
    static constexpr auto key = &token::redirect_url;
    static bool applies(const token& probe) { return !probe.redirect_url.empty(); }
};
struct own_rules
    : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::same_client<by_redirect_url>, tokenkeep::by_seed> {};

template <class Chain>
struct going_by : tokenkeep::defaults {
    using rules = Chain;
};

/// How the database plans to run that statement, each parameter bound to `value`.
template <class Backend>
std::string plan_of(const std::string& sql, const std::string& value) {
    constexpr bool is_sqlite = std::is_same_v<Backend, sqlite_backend>;
    auto connection = Backend::connection();
    connection.connect(std::chrono::seconds(5));
    auto statement = connection.prepare((is_sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ") + sql);
    const auto is_parameter = [](char c) { return c == '?' || c == '$'; };
    const auto parameters = static_cast<std::size_t>(std::count_if(sql.begin(), sql.end(), is_parameter));
    for (std::size_t n = 0; n < parameters; ++n) statement.bind(n, value);
    std::string plan;
    while (statement.step())
        for (const std::size_t column : is_sqlite                                ? std::vector<std::size_t>{3}
                                        : std::is_same_v<Backend, mysql_backend> ? std::vector<std::size_t>{3, 5}
                                                                                 : std::vector<std::size_t>{0})
            plan.append(statement.column(column).value_or("NULL")).append("\n");
    return plan;
}

/// Whether a plan reads the whole table.
bool scans(const std::string& plan) {
    for (const char* words : {"SCAN", "Seq Scan", "ALL\n", "index\n"})
        if (plan.find(words) != std::string::npos) return true;
    return false;
}

template <class Backend>
std::string primary_key(const std::string& table) {
    if constexpr (std::is_same_v<Backend, sqlite_backend>) return "sqlite_autoindex_" + table;
    if constexpr (std::is_same_v<Backend, mysql_backend>) return "PRIMARY";
    return table + "_pkey";
}

/// Puts 900 rows into a table: in each field there is its name and the number of the row.
template <class Backend>
void fill(const std::string& table) {
    std::string columns, values;
    for (const tokenkeep::field& f : tokenkeep::fields) {
        const std::string name(f.name), comma = columns.empty() ? "" : ", ";
        columns += comma + name;
        if constexpr (std::is_same_v<Backend, sqlite_backend>) values += comma + "'" + name + " ' || i";
        if constexpr (std::is_same_v<Backend, mysql_backend>) values += comma + "concat('" + name + " ', i)";
        if constexpr (std::is_same_v<Backend, postgres_backend>)
            values += comma + "convert_to('" + name + " ' || i, 'UTF8')";
    }
    visitor<Backend> admin;
    admin.execute("INSERT INTO " + table + " (" + columns +
                  ") WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT " + values +
                  " FROM n");
    if constexpr (std::is_same_v<Backend, mysql_backend>)
        (void)admin.ask("ANALYZE TABLE " + table);
    else
        admin.execute("ANALYZE " + table);
}

/// Looks at the plan of every statement that a store with those rules makes.
template <class Backend, class Rules>
void require_indexes() {
    const std::string table = new_table();
    auto store = store_on<Backend, going_by<Rules>>(table);
    REQUIRE(store.get_tokens().empty());
    fill<Backend>(table);
    const tokenkeep::detail::sql_text<going_by<Rules>> text(Backend::connection_type::dialect, table);

    Rules::list::for_each([&](auto rule) {
        constexpr std::size_t column = tokenkeep::detail::place_of_key<decltype(rule)>();
        const std::string name(tokenkeep::fields[column].name);
        const std::string plan = plan_of<Backend>(text.find_by(column), name + " 77");
        INFO(name << ": " << plan);
        CHECK_THAT(plan, ContainsSubstring(column == 0 ? primary_key<Backend>(table) : table + "-" + name));
        CHECK_FALSE(scans(plan));
    });
    for (const std::string& sql : {text.update(), text.lock_row(), text.erase()}) {
        const std::string plan = plan_of<Backend>(sql, "id 77");
        INFO(sql << ": " << plan);
        CHECK_THAT(plan, ContainsSubstring(primary_key<Backend>(table)));
        CHECK_FALSE(scans(plan));
    }
    CHECK(scans(plan_of<Backend>(text.select(), "")));
    CHECK(store.find_token_by_id("id 77")->user_name == "user_name 77");
}

// ---- What is sent to databases ----

/// A connection that remembers the text of all that it sends.
template <class Backend>
struct recording_connection : Backend::connection_type {
    using base = typename Backend::connection_type;

    explicit recording_connection(base recorded) : base(std::move(recorded)) {}

    void execute(const std::string& sql) {
        sent().push_back(sql);
        base::execute(sql);
    }
    auto prepare(const std::string& sql) {
        sent().push_back(sql);
        return base::prepare(sql);
    }

    static std::vector<std::string>& sent() {
        static std::vector<std::string> all;
        return all;
    }
};

template <class Backend>
using recording_store = tokenkeep::sql_store<recording_connection<Backend>>;

template <class Backend>
recording_store<Backend> recording_store_on(const std::string& table) {
    return recording_store<Backend>(recording_connection<Backend>(Backend::connection(table)));
}

/// A record whose every field has `mark` in it.
token marked(const std::string& mark) {
    token record;
    for (const tokenkeep::field& f : tokenkeep::fields) {
        if (f.text != nullptr) record.*f.text = mark + std::string(f.name);
        if (f.secret_text != nullptr) record.*f.secret_text = mark + std::string(f.name);
    }
    record.expires_at = record.issued_at = tokenkeep::timestamp{std::chrono::milliseconds{1'777'666'555'444}};
    return record;
}

/// Every operation, with values that `mark` is in.
template <class Store>
void use_all_of(Store& store, const std::string& mark) {
    const token record = marked(mark);
    store.save_token(record);
    for (const tokenkeep::field& f : tokenkeep::fields) {
        token probe{.client_id = record.client_id};
        f.visit([&](auto member) { probe.*member = record.*member; });
        (void)store.find_token(probe);
        probe.client_id.clear();
        (void)store.find_token(probe);
    }
    (void)store.get_tokens();
    (void)store.find_token_by_id(record.id);
    token other = marked(mark + "other ");
    other.id.clear();
    store.save_token(other);
    other = store.find_token(other).value();
    token clash = record;
    clash.id = other.id;
    CHECK(code_of([&] { store.save_token(clash); }) == errc::ambiguous);
    CHECK(code_of([&] { store.replace_token(other, clash); }) == errc::ambiguous);
    token next = record;
    next.access_token = mark + "next";
    CHECK(store.replace_token(record, next));
    CHECK_FALSE(store.replace_token(record, next));
    next.scope.clear();
    store.save_token(next);
    (void)store.remove_token(record);
    store.delete_token(record.id);
    (void)store.lock_token(mark, std::chrono::steady_clock::now() + std::chrono::seconds(5));
    CHECK(store.remove_token(other));
    store.delete_tokens();
}

/// What each operation of the store throws; `row` is in it.
template <class Store>
std::vector<std::error_code> codes_of_all(Store& store, const token& row) {
    const std::vector<std::function<void()>> operations{
        [&] { (void)store.find_token({.user_name = row.user_name}); },
        [&] { (void)store.find_token_by_id(row.id); },
        [&] { (void)store.get_tokens(); },
        [&] { store.save_token(row); },
        [&] { store.save_token({.user_name = "new", .access_token = "new"}); },
        [&] { store.replace_token(row, row); },
        [&] { store.remove_token(row); },
        [&] { store.delete_token(row.id); },
        [&] { store.delete_tokens(); },
    };
    std::vector<std::error_code> codes;
    for (const auto& operation : operations) codes.push_back(code_of(operation));
    return codes;
}
std::vector<std::error_code> all_of_them(errc code) { return std::vector<std::error_code>(9, code); }

/// Bytes that no database can press into fewer.
std::string incompressible(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(random() & 0xff);
    return bytes;
}

#ifdef TOKENKEEP_TEST_MARIADB
/// A server that is not set up for keeping tokens: nothing strict, no autocommit, small packets.
mariadb_server& careless_server() {
    static mariadb_server one({"--sql-mode=", "--autocommit=0", "--max-allowed-packet=1M",
                               "--character-set-server=latin1", "--transaction-isolation=READ-UNCOMMITTED"});
    return one;
}
tokenkeep::mysql_parameters careless(const std::string& table) { return parameters_of(careless_server(), table); }
#endif

// ---- Users of a server who may not do everything ----

template <class Backend>
struct restricted;

#ifdef TOKENKEEP_TEST_MARIADB
template <>
struct restricted<mysql_backend> {
    static void make(visitor<mysql_backend>& admin) {
        admin.execute("CREATE USER IF NOT EXISTS clerk IDENTIFIED BY 'pw'");
    }
    static tokenkeep::mysql_connection connection(const std::string& table) {
        tokenkeep::mysql_parameters clerk = parameters_of(mysql_backend::server(), table);
        clerk.user = "clerk";
        clerk.password = "pw";
        return tokenkeep::mysql_connection(clerk);
    }
};
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
template <>
struct restricted<postgres_backend> {
    static void make(visitor<postgres_backend>& admin) {
        if (admin.ask("SELECT rolname::bytea FROM pg_roles WHERE rolname = 'clerk'").empty())
            admin.execute("CREATE ROLE clerk LOGIN");
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    }
    static tokenkeep::postgres_connection connection(const std::string& table) {
        return tokenkeep::postgres_connection(postgres_backend::server().connection() + " user=clerk", table);
    }
};
#endif

} // namespace

// ---- Statements ----

TEMPLATE_LIST_TEST_CASE("sql_store: every look-up by every rule uses an index, and every change the primary key",
                        "[sql]", every_backend) {
    require_indexes<TestType, tokenkeep::default_rules>();
    require_indexes<TestType, tokenkeep::zoho::rules>();
    require_indexes<TestType, own_rules>();
}

TEMPLATE_LIST_TEST_CASE("sql_store: no value is ever part of the SQL", "[sql]", every_backend) {
    std::vector<std::string>& sent = recording_connection<TestType>::sent();
    const auto sent_for = [&](const std::string& mark) {
        sent.clear();
        const std::string table = new_table();
        auto store = recording_store_on<TestType>(table);
        use_all_of(store, mark);
        for (std::string& sql : sent) {
            CHECK_THAT(sql, !ContainsSubstring("sentinel") && !ContainsSubstring("1777666555444"));
            for (std::size_t at = 0; (at = sql.find(table)) != std::string::npos;) sql.replace(at, table.size(), "T");
        }
        return sent;
    };
    const std::vector<std::string> first = sent_for("sentinel ");
    CHECK(first.size() > 20);
    CHECK(sent_for("another sentinel' or '1'='1\\\" -- ") == first);
    CHECK(sent_for("sentinel \0%\xff"s) == first);
    for (const std::string& sql : first) CHECK_THAT(sql, !ContainsSubstring("LIMIT") && !ContainsSubstring("limit"));
}

// ---- Values ----

TEMPLATE_LIST_TEST_CASE("sql_store: names, ids and tokens are compared byte by byte", "[sql]", every_backend) {
    const std::vector<std::string> texts{
        "alice",        "ALICE",         "alice ",    " alice",    "alice\0"s,     "alice\0x"s, "\xc3\x84lice",
        "\xc3\xa4lice", "a\xcc\x88lice", "alice\xff", "alice\xfe", "alic\xc3\xa9", "1",         "01",
        "1e0",          "0x31"};
    auto store = store_on<TestType>(new_table());
    for (const std::string& text : texts)
        store.save_token({.user_name = text,
                          .client_id = "app",
                          .refresh_token = "r" + text,
                          .access_token = "a" + text,
                          .grant_token = "g" + text,
                          .seed = "s" + text,
                          .id = text});
    CHECK(store.get_tokens().size() == texts.size());
    for (const std::string& text : texts) {
        const std::optional<token> row = store.find_token_by_id(text);
        REQUIRE(row);
        CHECK(row->access_token == "a" + text);
        CHECK(store.find_token({.user_name = text}) == row);
        CHECK(store.find_token({.access_token = "a" + text}) == row);
        CHECK(store.find_token({.client_id = "app", .grant_token = "g" + text}) == row);
        CHECK(store.find_token({.client_id = "app", .refresh_token = "r" + text}) == row);
        CHECK(store.find_token({.client_id = "app", .seed = "s" + text}) == row);
    }
    for (const char* none : {"Alice", "alice  ", "ALICE ", "\xc3\x84LICE", "a", "1.0", "001"}) {
        CHECK_FALSE(store.find_token({.user_name = none}));
        CHECK_FALSE(store.find_token_by_id(none));
    }
    const token alice = store.find_token_by_id("alice").value();
    token shouted = alice;
    shouted.user_name = "ALICE";
    CHECK_FALSE(store.replace_token(shouted, alice));
    CHECK_FALSE(store.remove_token(shouted));
    store.delete_token("alice");
    CHECK(store.get_tokens().size() == texts.size() - 1);
    CHECK(store.find_token_by_id("ALICE"));
}

TEMPLATE_LIST_TEST_CASE("sql_store: tokens of 64 KiB and of 1 MiB are kept whole, and found", "[sql]", every_backend) {
    auto store = store_on<TestType>(new_table());
    for (const std::size_t size : {std::size_t{64 * 1024}, std::size_t{1024 * 1024}}) {
        const std::string bytes = incompressible(size - 1);
        const token record{.user_name = std::to_string(size),
                           .client_id = "app",
                           .refresh_token = bytes + "r",
                           .access_token = bytes + "a",
                           .extra = bytes + "e"};
        store.save_token(record);
        std::optional<token> row = store.find_token({.access_token = record.access_token});
        REQUIRE(row);
        CHECK(row->refresh_token == record.refresh_token);
        CHECK(row->extra == record.extra);
        CHECK_FALSE(store.find_token({.access_token = bytes + "b"}));
        token next = *row;
        next.access_token = bytes + "n";
        CHECK(store.replace_token(*row, next));
        CHECK(store.find_token_by_id(row->id) == next);
    }
    CHECK(store.get_tokens().size() == 2);
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: an id that is too long for a key is an invalid record, and nothing is written",
                        "[sql]", server_backends) {
    constexpr bool is_mysql = std::is_same_v<TestType, mysql_backend>;
    const std::string longest = incompressible(is_mysql ? 767 : 2'600),
                      too_long = incompressible(is_mysql ? 768 : 3'000);
    auto store = store_on<TestType>(new_table());
    store.save_token({.user_name = "long", .access_token = "a", .id = longest});
    const std::vector<token> before = store.get_tokens();
    CHECK(store.find_token_by_id(longest));
    CHECK(code_of([&] { store.save_token({.user_name = "longer", .access_token = "b", .id = too_long}); }) ==
          errc::invalid_record);
    CHECK_FALSE(store.find_token_by_id(too_long));
    CHECK(store.get_tokens() == before);
    store.save_token({.user_name = "next", .access_token = "c"});
    CHECK(store.get_tokens().size() == 2);
}
#endif

#ifdef TOKENKEEP_TEST_MARIADB
TEST_CASE("mysql: what is longer than the server's packets is refused, never cut, and the store goes on", "[sql]") {
    tokenkeep::mysql_store store(careless(new_table()));
    const std::string fits(900'000, 'f');
    store.save_token({.user_name = "ada", .access_token = fits});
    const std::vector<token> before = store.get_tokens();
    for (const std::size_t size : {std::size_t{1024 * 1024}, std::size_t{2'000'000}, std::size_t{9'000'000}}) {
        const std::error_code code =
            code_of([&] { store.save_token({.user_name = "ada", .access_token = std::string(size, 'x')}); });
        CHECK((code == errc::invalid_record || code == errc::not_saved));
        CHECK(store.get_tokens() == before);
    }
    store.save_token({.user_name = "ada", .access_token = "short"});
    CHECK(store.find_token({.user_name = "ada"})->access_token == "short");
}

TEST_CASE("mysql: sessions are strict and commit, whatever the server is set to", "[sql]") {
    const std::string table = new_table();
    tokenkeep::mysql_connection connection(careless(table));
    connection.connect(std::chrono::seconds(5));
    const auto ask = [&](const std::string& sql) {
        auto statement = connection.prepare(sql);
        return statement.step() ? std::string(statement.column(0).value_or("NULL")) : "nothing";
    };
    REQUIRE(ask("SELECT @@GLOBAL.sql_mode") == "");
    REQUIRE(ask("SELECT @@GLOBAL.autocommit") == "0");
    CHECK_THAT(ask("SELECT @@SESSION.sql_mode"), ContainsSubstring("STRICT_ALL_TABLES"));
    CHECK(ask("SELECT @@SESSION.autocommit") == "1");
    CHECK(ask("SELECT @@SESSION.tx_isolation") == "REPEATABLE-READ");
    CHECK(ask("SELECT @@character_set_client") == "utf8mb4");

    {
        tokenkeep::mysql_store store(careless(table));
        store.save_token({.user_name = "\xe6\x97\xa5\xe6\x9c\xac", .access_token = std::string(70'000, 't')});
        store.save_token({.user_name = "bob", .access_token = "b"});
        store.delete_token(store.find_token({.user_name = "bob"})->id);
    }
    tokenkeep::mysql_store other(careless(table));
    REQUIRE(other.get_tokens().size() == 1);
    CHECK(other.get_tokens()[0].access_token.reveal().size() == 70'000);
    CHECK(ask("SELECT engine FROM information_schema.tables WHERE table_name = '" + table + "'") == "InnoDB");
}
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("postgres: sessions write and commit to the disk, whatever the server is set to", "[sql]") {
    const std::string careless = " options='-c synchronous_commit=off -c default_transaction_read_only=on -c "
                                 "default_transaction_isolation=serializable -c client_encoding=LATIN1 -c "
                                 "bytea_output=escape -c standard_conforming_strings=off'";
    const std::string table = new_table(), options = postgres_backend::server().connection() + careless;
    tokenkeep::postgres_connection connection(options, table);
    connection.connect(std::chrono::seconds(5));
    const auto ask = [&](const std::string& setting) {
        auto statement = connection.prepare("SELECT current_setting('" + setting + "')");
        return statement.step() ? std::string(statement.column(0).value_or("NULL")) : "nothing";
    };
    REQUIRE(ask("bytea_output") == "escape"); // so the options are taken
    CHECK(ask("synchronous_commit") == "on");
    CHECK(ask("transaction_read_only") == "off");
    CHECK(ask("transaction_isolation") == "read committed");
    CHECK(ask("client_encoding") == "UTF8");
    tokenkeep::postgres_store store(options, table);
    const token record{.user_name = "a\\b\0\xff"s, .access_token = "\\x00'"};
    store.save_token(record);
    CHECK(store_on<postgres_backend>(table).find_token({.user_name = record.user_name}) == store.get_tokens().at(0));
}
#endif

// ---- Tables ----

TEMPLATE_LIST_TEST_CASE("sql_store: the tables are made at the first use, and not again", "[sql]", every_backend) {
    const std::string table = new_table();
    const std::vector<std::string>& sent = recording_connection<TestType>::sent();
    const auto makes_tables = [&] {
        return std::any_of(sent.begin(), sent.end(), [](const std::string& sql) { return sql.starts_with("CREATE"); });
    };
    recording_connection<TestType>::sent().clear();
    auto store = recording_store_on<TestType>(table);
    CHECK(sent.empty());
    CHECK_FALSE(store.find_token({.user_name = "ada"}));
    CHECK(makes_tables());
    store.save_token({.user_name = "ada", .access_token = "a"});

    recording_connection<TestType>::sent().clear();
    auto again = recording_store_on<TestType>(table);
    again.save_token({.user_name = "bob", .access_token = "b"});
    CHECK_FALSE(makes_tables());
    CHECK(again.get_tokens().size() == 2);
    CHECK(store.get_tokens() == again.get_tokens());
}

TEMPLATE_LIST_TEST_CASE("sql_store: the tables may be made by many at once", "[sql]", every_backend) {
    (void)TestType::connection();
    for (int round = 0; round < 3; ++round) {
        const std::string table = new_table();
        std::vector<std::thread> threads;
        std::vector<std::string> faults(5);
        for (std::size_t n = 0; n < faults.size(); ++n)
            threads.emplace_back([&, n] {
                try {
                    const std::string user = std::to_string(n);
                    store_on<TestType>(table).save_token({.user_name = user, .access_token = user});
                } catch (const std::exception& fault) {
                    faults[n] = fault.what();
                }
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(faults == std::vector<std::string>(faults.size()));
        CHECK(store_on<TestType>(table).get_tokens().size() == faults.size());
    }
}

#if defined(TOKENKEEP_TEST_MARIADB) || defined(TOKENKEEP_TEST_POSTGRES)
TEMPLATE_LIST_TEST_CASE("sql_store: a user who may only read can find, and every change is refused", "[sql]",
                        server_backends) {
    visitor<TestType> admin;
    restricted<TestType>::make(admin);
    const std::string table = new_table();
    const token ada{.user_name = "ada", .access_token = "a", .id = "1"};
    store_on<TestType>(table).save_token(ada);
    for (const std::string& name : {table, "tokenkeep_schema"s}) {
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON " + name + " TO clerk");
        admin.execute("REVOKE INSERT, UPDATE, DELETE ON " + name + " FROM clerk");
    }
    tokenkeep::sql_store reader(restricted<TestType>::connection(table));
    std::vector<std::error_code> wanted(3);
    wanted.resize(9, errc::permissions);
    CHECK(codes_of_all(reader, ada) == wanted);
    CHECK(reader.get_tokens() == std::vector<token>{ada});

    if constexpr (std::is_same_v<TestType, mysql_backend>) { // a server that is a copy of another
        for (const std::string& name : {table, "tokenkeep_schema"s})
            admin.execute("GRANT INSERT, UPDATE, DELETE ON " + name + " TO clerk");
        CHECK(reader.replace_token(ada, ada));
        admin.execute("SET GLOBAL read_only = 1");
        CHECK(codes_of_all(reader, ada) == wanted);
        admin.execute("SET GLOBAL read_only = 0");
        CHECK(reader.get_tokens() == std::vector<token>{ada});
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a user who may not make tables can use those that are there", "[sql]",
                        server_backends) {
    visitor<TestType> admin;
    restricted<TestType>::make(admin);
    const std::string table = new_table(), missing = new_table();
    const token ada{.user_name = "ada", .access_token = "a", .id = "1"};
    auto owner = store_on<TestType>(table);
    owner.save_token(ada);

    tokenkeep::sql_store stranger(restricted<TestType>::connection(table));
    CHECK(codes_of_all(stranger, ada) == all_of_them(errc::permissions));
    CHECK(owner.get_tokens() == std::vector<token>{ada});

    for (const std::string& name : {table, "tokenkeep_schema"s})
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON " + name + " TO clerk");
    tokenkeep::sql_store clerk(restricted<TestType>::connection(table));
    CHECK(codes_of_all(clerk, ada) == std::vector<std::error_code>(9));
    CHECK(owner.get_tokens().empty());
    CHECK(codes_of_all(stranger, ada) == std::vector<std::error_code>(9));

    tokenkeep::sql_store too_early(restricted<TestType>::connection(missing));
    CHECK(codes_of_all(too_early, ada) == all_of_them(errc::permissions));
    (void)store_on<TestType>(missing).get_tokens();
    admin.execute("GRANT SELECT ON " + missing + " TO clerk");
    CHECK(too_early.get_tokens().empty());
    const std::error_code code = code_of([&] { too_early.save_token(ada); });
    CHECK(code == errc::permissions);
}
#endif

TEMPLATE_LIST_TEST_CASE("sql_store: a table of a newer version is refused, and left as it is", "[sql]", every_backend) {
    visitor<TestType> admin;
    const std::string table = new_table(), other = new_table();
    const token ada{.user_name = "ada", .access_token = "a", .id = "1"};
    auto before = store_on<TestType>(table);
    before.save_token(ada);
    store_on<TestType>(other).save_token(ada);
    const auto set_version = [&](const std::string& version) {
        admin.execute("UPDATE tokenkeep_schema SET version = '" + version + "' WHERE name = '" + table + "'");
    };
    for (const std::string version : {"4", "garbage", "10", "99999999999999999999", "", "-1", "1x", "1.5"}) {
        set_version(version);
        auto store = store_on<TestType>(table);
        if (version == "4" || version == "garbage")
            CHECK(codes_of_all(store, ada) == all_of_them(errc::unsupported_version));
        CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::unsupported_version);
        CHECK(code_of([&] { before.save_token({.user_name = "new", .access_token = "n"}); }) ==
              errc::unsupported_version); // it was open already
        CHECK(code_of([&] { before.remove_token(ada); }) == errc::unsupported_version);
    }
    CHECK(store_on<TestType>(other).get_tokens() == std::vector<token>{ada});
    set_version("2");
    CHECK(store_on<TestType>(table).get_tokens() == std::vector<token>{ada});
    CHECK(before.remove_token(ada));
}

TEMPLATE_LIST_TEST_CASE("sql_store: a table that is dropped while the store is open is a typed failure", "[sql]",
                        every_backend) {
    visitor<TestType> admin;
    const std::string table = new_table();
    const token ada{.user_name = "ada", .access_token = "a", .id = "1"};
    auto store = store_on<TestType>(table);
    store.save_token(ada);
    (void)store.get_tokens();
    admin.execute("DROP TABLE " + table);
    std::vector<std::error_code> wanted(3, errc::storage_failure);
    wanted.resize(9, errc::not_saved);
    CHECK(codes_of_all(store, ada) == wanted);
    admin.execute("DELETE FROM tokenkeep_schema WHERE name = '" + table + "'");
    auto next = store_on<TestType>(table);
    CHECK(next.get_tokens().empty()); // both are gone: it is a new table
    next.save_token(ada);
    CHECK(store.get_tokens() == std::vector<token>{ada});
}

TEMPLATE_LIST_TEST_CASE("sql_store: every plain name of a table works, even a word of SQL", "[sql]", every_backend) {
    for (const std::string& name : {std::string(48, 'a'), "select"s, "Order"s, "_"s, "9"s, "a__b"s}) {
        auto store = recording_store_on<TestType>(name);
        use_all_of(store, "x ");
        CHECK(store.get_tokens().empty());
    }
    auto unnamed = store_on<TestType>("");
    unnamed.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(store_on<TestType>("tokenkeep_tokens").get_tokens() == unnamed.get_tokens());
}

TEMPLATE_LIST_TEST_CASE("sql_store: a table may have the name of another and of one of its columns", "[sql]",
                        every_backend) {
    const std::string table = new_table();
    for (const auto& name : {table, table + "_user_name", table + "_access_token"}) {
        auto store = store_on<TestType>(name);
        store.save_token({.user_name = "ada", .access_token = name});
        CHECK(store.get_tokens().size() == 1);
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: two names that differ only in upper and lower case never are two tables of tokens",
                        "[sql]", every_backend) {
    const std::string lower = new_table(), upper = "T" + lower.substr(1);
    REQUIRE(lower[0] == 't');
    const token ada{.user_name = "ada", .access_token = "a", .id = "1"};
    auto one = store_on<TestType>(upper);
    one.save_token(ada);
    if constexpr (std::is_same_v<TestType, sqlite_backend>) {
        CHECK(store_on<TestType>(lower).get_tokens() == std::vector<token>{ada}); // one table with two names
    } else {
        visitor<TestType> admin;
        const char quote = TestType::connection().dialect.quote;
        const auto name = [&](const std::string& table) { return quote + table + quote; };
        auto two = store_on<TestType>(lower);
        for (int call = 0; call < 2; ++call) {
            CHECK(code_of([&] { two.save_token(ada); }) == errc::invalid_record);
            CHECK(code_of([&] { (void)two.get_tokens(); }) == errc::invalid_record);
        }
        CHECK_THROWS_AS(admin.execute("SELECT 1 FROM " + name(lower)), tokenkeep::sql_error); // nothing was made
        CHECK(store_on<TestType>(upper).get_tokens() == std::vector<token>{ada});
        // Both programs begin at once, and each makes its table.
        admin.execute("DELETE FROM tokenkeep_schema WHERE name = '" + lower + "'");
        CHECK(code_of([&] { two.save_token(ada); }) == errc::invalid_record);
        CHECK(code_of([&] { (void)store_on<TestType>(upper).get_tokens(); }) == errc::invalid_record);
        admin.execute("DROP TABLE " + name(lower));
        admin.execute("UPDATE tokenkeep_schema SET version = '" +
                      std::to_string(tokenkeep::detail::version_of_fields()) + "' WHERE name = '" + lower + "'");
        CHECK(store_on<TestType>(upper).get_tokens() == std::vector<token>{ada});
        // A table of that name that holds no tokens is no obstacle.
        admin.execute("CREATE TABLE " + name(lower) + " (id INT)");
        CHECK(store_on<TestType>(upper).get_tokens() == std::vector<token>{ada});
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: two tables of one database have nothing to do with each other", "[sql]",
                        every_backend) {
    auto one = store_on<TestType>(new_table()), two = store_on<TestType>(new_table());
    const token ada{.user_name = "ada", .client_id = "app", .access_token = "one", .id = "1"};
    token of_two = ada;
    of_two.access_token = "two";
    one.save_token(ada);
    two.save_token(of_two);
    CHECK(one.get_tokens() == std::vector<token>{ada});
    CHECK(two.get_tokens() == std::vector<token>{of_two});
    const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(2); };
    {
        const auto held = one.lock_token("ada", soon());
        (void)two.lock_token("ada", soon());
    }
    one.delete_tokens();
    CHECK(two.get_tokens() == std::vector<token>{of_two});
    CHECK_FALSE(one.find_token({.user_name = "ada"}));
}
