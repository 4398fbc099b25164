// SPDX-License-Identifier: MIT
// The table that is shared with Zoho's SDKs: as this library makes it, and as it finds it.
// databases: SQLite, MariaDB
#include <tokenkeep/zoho/schema.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace tests;
using namespace std::string_literals;
using tokenkeep::errc;
using tokenkeep::token;

namespace {

template <class Backend>
auto zoho_store_on(const std::string& table) {
    return store_on<Backend, tokenkeep::zoho::policy>(table);
}

/// Makes the table as the SDKs' documents and samples do. `options` follow the columns; `collation` follows each type.
template <class Backend>
std::string table_of_the_sdks(const std::string& options = {}, const std::string& collation = {},
                              const std::string& more_columns = {}) {
    const std::string table = new_table();
    const std::string text = " varchar(255)" + collation;
    visitor<Backend>().execute("CREATE TABLE " + table + " (id varchar(10)" + collation + " NOT NULL,user_name" + text +
                               ", client_id" + text + ", client_secret" + text + ", refresh_token" + text +
                               ", access_token" + text + ", grant_token" + text + ", expiry_time varchar(20)" +
                               collation + ", redirect_url" + text + ", api_domain" + text + more_columns +
                               ", primary key (id))" + options);
    return table;
}

/// What follows the columns where a server's default character set and collation are of that kind.
template <class Backend>
std::vector<std::string> kinds_of_tables();
template <>
std::vector<std::string> kinds_of_tables<sqlite_backend>() {
    return {""};
}
template <>
std::vector<std::string> kinds_of_tables<mysql_backend>() {
    return {"",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            " CHARACTER SET latin1",
            " CHARACTER SET utf8mb3",
            " CHARACTER SET utf8mb4 ROW_FORMAT=COMPACT", // whose indexes are short
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            " CHARACTER SET latin1 COLLATE latin1_general_cs"};
}

/// What follows the columns where they are for every character.
template <class Backend>
constexpr const char* for_any_text = "";
template <>
constexpr const char* for_any_text<mysql_backend> = " CHARACTER SET utf8mb4";

/// A record as the SDKs keep it.
token login(const std::string& user, const std::string& mark) {
    return {.user_name = user,
            .client_id = "1000.APP",
            .client_secret = "app secret",
            .refresh_token = "1000.r" + mark,
            .access_token = "1000.a" + mark,
            .grant_token = "1000.g" + mark,
            .redirect_url = "https://app.example/return",
            .api_domain = "https://www.zohoapis.eu",
            .expires_at = tokenkeep::timestamp{std::chrono::milliseconds{1'700'000'000'000}},
            .id = mark};
}

/// Puts it there as an SDK does: absent fields NULL, or empty.
template <class Backend>
void insert_as_an_sdk(visitor<Backend>& sdk, const std::string& table, const token& record, bool null = true) {
    std::string values;
    for (std::size_t n = 0; n < 10; ++n) {
        std::string value = tokenkeep::detail::write_cell(tokenkeep::fields[n], record);
        values += (n == 0 ? "" : ", ");
        values += value.empty() && null ? "NULL" : "'" + value + "'";
    }
    sdk.execute("INSERT INTO " + table +
                " (id, user_name, client_id, client_secret, refresh_token, access_token, grant_token, expiry_time, "
                "redirect_url, api_domain) VALUES (" +
                values + ")");
}

/// Ids that are taken before one is free.
struct repeated_ids {
    static inline int asked = 0;
    std::string operator()() const { return ++asked < 7 ? "123456789" : "123456780"; }
};
struct with_repeated_ids : tokenkeep::zoho::policy {
    using ids = repeated_ids;
};

const std::string umlaut = "\xc3\xbc", emoji = "\xf0\x9f\x94\x91";

std::string times(std::size_t count, const std::string& text) {
    std::string all;
    while (count-- != 0) all += text;
    return all;
}

} // namespace

TEST_CASE("zoho::policy: the table has exactly Zoho's ten columns, in their order, with their types", "[sql]") {
    const std::string types = "varchar(255)";
    std::vector<std::string> wanted{"id|varchar(10)"};
    for (const char* name : {"user_name", "client_id", "client_secret", "refresh_token", "access_token", "grant_token"})
        wanted.push_back(name + ("|" + types));
    wanted.push_back("expiry_time|varchar(20)");
    for (const char* name : {"redirect_url", "api_domain"}) wanted.push_back(name + ("|" + types));

#ifdef TOKENKEEP_TEST_MARIADB
    (void)zoho_store_on<mysql_backend>("").get_tokens();
    CHECK(visitor<mysql_backend>().ask("SELECT column_name, column_type FROM information_schema.columns WHERE "
                                       "table_schema = 'tokenkeep' AND table_name = 'oauthtoken' ORDER BY "
                                       "ordinal_position",
                                       2) == wanted);
    CHECK(visitor<mysql_backend>().ask("SELECT column_name FROM information_schema.columns WHERE table_schema = "
                                       "'tokenkeep' AND table_name = 'oauthtoken' AND (column_key = 'PRI' OR "
                                       "is_nullable = 'NO')") == std::vector<std::string>{"id"});
#endif
#ifdef TOKENKEEP_TEST_SQLITE
    (void)zoho_store_on<sqlite_backend>("").get_tokens();
    CHECK(visitor<sqlite_backend>().ask("SELECT name, lower(type) FROM pragma_table_info('oauthtoken') ORDER BY cid",
                                        2) == wanted);
    CHECK(visitor<sqlite_backend>().ask("SELECT name FROM pragma_table_info('oauthtoken') WHERE pk <> 0 OR \"notnull\" "
                                        "<> 0") == std::vector<std::string>{"id"});
#endif
}

TEMPLATE_LIST_TEST_CASE("zoho::policy: rows that an SDK has written are found, compared and changed", "[sql]",
                        zoho_backends) {
    visitor<TestType> sdk;
    for (const std::string& kind : kinds_of_tables<TestType>()) {
        INFO(kind);
        const std::string table = table_of_the_sdks<TestType>(kind);
        std::vector<token> rows;
        for (int n = 1; n <= 12; ++n) rows.push_back(login("user " + std::to_string(n), std::to_string(n)));
        rows[1].grant_token.clear();
        rows[2].grant_token.clear();
        rows[3] = {.access_token = "1000.alone", .id = "4"};
        rows[4] = {.access_token = "1000.alone too", .id = "5"};
        rows[5].user_name = "J\xc3\xbcrgen M\xc3\xbcller";
        rows[6].user_name = "ADA";
        rows[7].user_name = "ada";
        rows[8].expires_at.reset();
        rows[9].user_name = "caf\xc3\xa9 \xc3\x9f";
        for (const token& row : rows) insert_as_an_sdk(sdk, table, row, row.id != "3" && row.id != "5");

        auto store = zoho_store_on<TestType>(table);
        CHECK(store.get_tokens().size() == rows.size());
        for (const token& row : rows) {
            INFO(row.id);
            CHECK(store.find_token_by_id(row.id) == row);
            CHECK(store.find_token({.access_token = row.access_token}) == row);
            const token client{.client_id = row.client_id, .client_secret = row.client_secret};
            token probe = client;
            probe.refresh_token = row.refresh_token;
            if (!row.refresh_token.empty()) CHECK(store.find_token(probe) == row);
            probe = client;
            probe.grant_token = row.grant_token;
            if (!row.grant_token.empty()) CHECK(store.find_token(probe) == row);
            if (!row.user_name.empty()) CHECK(store.find_token({.user_name = row.user_name}) == row);
        }
        for (const std::string& none : {"Ada"s, "ada "s, "USER 1"s, "jurgen muller"s, "J\xc3\xbcrgen"s,
                                        "\xe6\x97\xa5\xe6\x9c\xac"s, "\xff"s, emoji, "ada\0"s}) {
            INFO(none);
            CHECK(code_of([&] { CHECK_FALSE(store.find_token({.user_name = none})); }) == std::error_code());
            CHECK(code_of([&] { CHECK_FALSE(store.find_token_by_id(none)); }) == std::error_code());
            CHECK(code_of([&] { CHECK_FALSE(store.find_token({.access_token = none})); }) == std::error_code());
        }

        for (const token& row : rows) {
            INFO(row.id);
            CHECK(store.replace_token(row, row));
            token other = row;
            other.access_token = std::string(row.access_token.reveal()) + "A";
            CHECK_FALSE(store.replace_token(other, row));
            CHECK_FALSE(store.remove_token(other));
            other = row;
            other.client_id += " ";
            CHECK_FALSE(store.replace_token(other, row));
        }
        token next = rows[5];
        next.access_token = "1000.new";
        next.expires_at = tokenkeep::timestamp{std::chrono::milliseconds{1'800'000'000'001}};
        CHECK(store.replace_token(rows[5], next));
        CHECK(sdk.ask("SELECT expiry_time, access_token FROM " + table + " WHERE id = '6'", 2) ==
              std::vector<std::string>{"1800000000001|1000.new"});
        store.save_token({.user_name = rows[9].user_name, .access_token = "1000.saved"});
        CHECK(sdk.ask("SELECT access_token FROM " + table + " WHERE id = '10'") ==
              std::vector<std::string>{"1000.saved"});
        CHECK(store.remove_token(rows[7]));
        store.delete_token("7");
        CHECK(store.get_tokens().size() == rows.size() - 2);
        store.delete_token("007");
        store.delete_token("01");
        CHECK(store.get_tokens().size() == rows.size() - 2);
    }
}

TEMPLATE_LIST_TEST_CASE("zoho::policy: a row whose time is spelled otherwise is replaced and removed as it was read",
                        "[sql]", zoho_backends) {
    visitor<TestType> sdk;
    const std::string table = table_of_the_sdks<TestType>();
    auto store = zoho_store_on<TestType>(table);
    for (const std::string time : {"never", "1.7e12", "007", " 1700000000000", "1700000000000 "}) {
        INFO(time);
        insert_as_an_sdk(sdk, table, login("ada", "1"));
        sdk.execute("UPDATE " + table + " SET expiry_time = '" + time + "'");
        const token row = store.find_token_by_id("1").value();
        token next = row;
        next.access_token = "1000.next";
        CHECK(store.replace_token(row, next));
        CHECK_FALSE(store.replace_token(row, next));
        CHECK_FALSE(store.remove_token(row));
        sdk.execute("UPDATE " + table + " SET expiry_time = '" + time + "'");
        CHECK(store.remove_token(store.find_token_by_id("1").value()));
        CHECK(store.get_tokens().empty());
    }
}

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("zoho::policy: columns that ignore case do not make two names one, in SQLite either", "[sql]") {
    const std::string table = table_of_the_sdks<sqlite_backend>("", " COLLATE NOCASE");
    visitor<sqlite_backend> sdk;
    insert_as_an_sdk(sdk, table, login("ADA", "1"));
    insert_as_an_sdk(sdk, table, login("ada", "2"));
    auto store = zoho_store_on<sqlite_backend>(table);
    CHECK(store.find_token({.user_name = "ada"}) == login("ada", "2"));
    CHECK_FALSE(store.find_token({.user_name = "Ada"}));
    token other = login("ada", "2");
    other.user_name = "ADA";
    CHECK_FALSE(store.replace_token(other, other));
    CHECK_FALSE(store.remove_token(other));
    CHECK(store.remove_token(login("ada", "2")));
}
#endif

TEMPLATE_LIST_TEST_CASE("zoho::policy: values of 255 characters fit, and longer ones are refused with nothing written",
                        "[sql]", zoho_backends) {
    for (const bool is_made_by_us : {true, false}) {
        auto store =
            zoho_store_on<TestType>(is_made_by_us ? new_table() : table_of_the_sdks<TestType>(for_any_text<TestType>));
        int users = 0;
        for (const std::string& character : {"x"s, umlaut, emoji}) {
            const std::string longest = times(255, character);
            token record = login(longest, std::to_string(++users));
            record.refresh_token = record.client_id = longest;
            record.client_secret = record.access_token = record.grant_token = record.redirect_url = longest;
            record.api_domain = longest;
            store.save_token(record);
            CHECK(store.find_token({.user_name = longest}) == record);
            CHECK(store.replace_token(record, record));

            const std::vector<token> before = store.get_tokens();
            for (std::size_t n = 1; n < 10; ++n) {
                if (tokenkeep::fields[n].time != nullptr) continue; // 64 bits have no more than 20 characters
                token too_long = record;
                tokenkeep::fields[n].visit([&](auto member) {
                    if constexpr (!std::is_same_v<decltype(member), std::optional<tokenkeep::timestamp> token::*>)
                        too_long.*member = longest + character;
                });
                CHECK(code_of([&] { store.save_token(too_long); }) == errc::invalid_record);
                CHECK(code_of([&] { store.replace_token(record, too_long); }) == errc::invalid_record);
                for (const auto member : {&token::access_token, &token::refresh_token, &token::grant_token})
                    if (too_long.*member == record.*member) too_long.*member = "another";
                if (too_long.user_name == longest) too_long.user_name = "another";
                too_long.id.clear();
                CHECK(code_of([&] { store.save_token(too_long); }) == errc::invalid_record);
            }
            CHECK(store.get_tokens() == before);
        }
        const std::vector<token> before = store.get_tokens();
        for (const std::string& bad : {"\xff"s, "a\xc3"s, "\xed\xa0\x80"s})
            CHECK(code_of([&] { store.save_token({.user_name = bad, .access_token = "a"}); }) == errc::invalid_record);
        CHECK(code_of([&] { store.save_token({.user_name = "b", .access_token = "b", .id = "12345678901"}); }) ==
              errc::invalid_record);
        CHECK(store.get_tokens() == before);
        for (const std::int64_t count :
             {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
            token record{.user_name = "time", .access_token = std::to_string(count), .id = "1234567890"};
            record.expires_at = tokenkeep::timestamp{std::chrono::milliseconds{count}};
            store.save_token(record);
            CHECK(store.find_token({.user_name = "time"}) == record);
        }
    }
}

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("zoho::policy: what PostgreSQL's characters lack is an invalid record, is in no row, and nothing is written",
          "[sql]") {
    auto store = zoho_store_on<postgres_backend>(new_table());
    for (const std::string& name : {"a\0b"s, "\xff"s}) {
        const token record{.user_name = name, .access_token = "a"};
        CHECK(store.find_token(record) == std::nullopt);
        CHECK(code_of([&] { store.save_token(record); }) == errc::invalid_record);
        CHECK(store.get_tokens().empty());
    }
}
#endif

#ifdef TOKENKEEP_TEST_MARIADB
TEST_CASE("zoho::policy: what a table's character set lacks is an invalid record, and nothing is written", "[sql]") {
    for (const char* kind : {" CHARACTER SET latin1", " CHARACTER SET utf8mb3"}) {
        INFO(kind);
        auto store = zoho_store_on<mysql_backend>(table_of_the_sdks<mysql_backend>(kind));
        store.save_token(login("ada", "1"));
        CHECK(code_of([&] { store.save_token(login(emoji, "2")); }) == errc::invalid_record);
        token next = login("ada", "1");
        next.redirect_url = emoji;
        CHECK(code_of([&] { store.save_token(next); }) == errc::invalid_record);
        CHECK(code_of([&] { store.replace_token(login("ada", "1"), next); }) == errc::invalid_record);
        CHECK(store.get_tokens() == std::vector<token>{login("ada", "1")});
        store.save_token(login("\xc3\xa4", "3"));
        CHECK(store.get_tokens().size() == 2);
    }
}
#endif

TEMPLATE_LIST_TEST_CASE("zoho::policy: new ids are nine digits, and none that is taken", "[sql]", zoho_backends) {
    const std::string table = new_table();
    auto store = zoho_store_on<TestType>(table);
    std::set<std::string> ids;
    for (int n = 0; n < 15; ++n) {
        store.save_token({.user_name = std::to_string(n), .access_token = "a" + std::to_string(n)});
        const std::string id = store.find_token({.user_name = std::to_string(n)})->id;
        CHECK(id.size() == 9);
        CHECK(id.find_first_not_of("0123456789") == std::string::npos);
        CHECK((id[0] >= '1' && id[0] <= '8'));
        ids.insert(id);
    }
    CHECK(ids.size() == 15);
    CHECK(visitor<TestType>().ask("SELECT max(id) FROM " + table) == std::vector<std::string>{*ids.rbegin()});

    repeated_ids::asked = 0;
    auto repeating = store_on<TestType, with_repeated_ids>(new_table());
    for (const char* user : {"ada", "bob"}) repeating.save_token({.user_name = user, .access_token = user});
    CHECK(repeating.find_token_by_id("123456789")->user_name == "ada");
    CHECK(repeating.find_token_by_id("123456780")->user_name == "bob");
}

TEMPLATE_LIST_TEST_CASE("zoho::policy: columns that others have added are left alone", "[sql]", zoho_backends) {
    visitor<TestType> sdk;
    const std::string table = table_of_the_sdks<TestType>("", "", ", note varchar(20) DEFAULT 'none', amount integer");
    insert_as_an_sdk(sdk, table, login("ada", "1"));
    sdk.execute("UPDATE " + table + " SET note = 'theirs', amount = 7");
    auto store = zoho_store_on<TestType>(table);
    store.save_token({.user_name = "ada", .access_token = "1000.new"});
    const token ada = store.find_token({.user_name = "ada"}).value();
    CHECK(ada.access_token == "1000.new");
    CHECK(store.replace_token(ada, ada));
    store.save_token(login("bob", "2"));
    CHECK(sdk.ask("SELECT id, note, amount FROM " + table + " ORDER BY id", 3) ==
          std::vector<std::string>{"1|theirs|7", "2|none|NULL"});
}

TEMPLATE_LIST_TEST_CASE("zoho::policy: a key that others have added and that forbids a row is a typed failure, soon",
                        "[sql]", zoho_backends) {
    const std::string table = table_of_the_sdks<TestType>("", "", ", UNIQUE (user_name)");
    auto store = zoho_store_on<TestType>(table);
    store.save_token(login("ada", "1"));
    token at_other = login("ada", "2");
    at_other.client_id = "another";
    const auto start = std::chrono::steady_clock::now();
    CHECK(code_of([&] { store.save_token(at_other); }) == errc::not_saved);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(14));
    try {
        store.save_token(at_other);
    } catch (const std::exception& fault) {
        CHECK_THAT(fault.what(), !ContainsSubstring("ada")); // which the database says
    }
    CHECK(store.get_tokens() == std::vector<token>{login("ada", "1")});
}

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("zoho::policy: the file of the article's sample works both ways", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "zohooauth.db";
    const auto sample = [&](const std::string& sql) {
        sqlite3* opened = nullptr;
        REQUIRE(sqlite3_open(path.c_str(), &opened) == SQLITE_OK);
        const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(opened, sqlite3_close);
        std::vector<std::string> rows;
        const auto remember = [](void* all, int columns, char** cells, char**) {
            std::string row;
            for (int n = 0; n < columns; ++n)
                row.append(n == 0 ? "" : "|").append(cells[n] == nullptr ? "NULL" : cells[n]);
            static_cast<std::vector<std::string>*>(all)->push_back(row);
            return 0;
        };
        CHECK(sqlite3_exec(opened, sql.c_str(), remember, &rows, nullptr) == SQLITE_OK);
        return rows;
    };
    sample("CREATE TABLE oauthtoken (id varchar(10) NOT NULL,user_name varchar(255), client_id varchar(255), "
           "client_secret varchar(255), refresh_token varchar(255), access_token varchar(255), grant_token "
           "varchar(255), expiry_time varchar(20), redirect_url varchar(255), api_domain varchar(255), primary key "
           "(id))");
    sample("insert into oauthtoken values ('1','ada','1000.APP','app secret','1000.r1','1000.a1',NULL,"
           "1700000000000,NULL,'https://www.zohoapis.eu')");

    using zoho_store = tokenkeep::sql_store<tokenkeep::sqlite_connection, tokenkeep::zoho::policy>;
    ::chmod(path.c_str(), 0644); // as the sample leaves it
    zoho_store store{path};
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::permissions);
    ::chmod(path.c_str(), 0600);
    token ada = login("ada", "1");
    ada.grant_token.clear();
    ada.redirect_url.clear();
    CHECK(store.find_token({.user_name = "ada"}) == ada);
    CHECK(store.replace_token(ada, ada));
    store.save_token({.user_name = "ada", .access_token = "1000.ours", .expires_at = ada.expires_at});
    store.save_token({.user_name = "bob", .refresh_token = "1000.of bob"});
    const std::string id_of_bob = store.find_token({.user_name = "bob"})->id;

    CHECK(sample("select access_token, expiry_time from oauthtoken where user_name='ada'") ==
          std::vector<std::string>{"1000.ours|1700000000000"});
    sample("update oauthtoken set access_token='1000.theirs' where user_name='bob'");
    sample("insert into oauthtoken values ('3','eve','1000.APP','app secret','','1000.of eve','','','','')");
    CHECK(store.find_token({.user_name = "bob"}) ==
          token{.user_name = "bob", .refresh_token = "1000.of bob", .access_token = "1000.theirs", .id = id_of_bob});
    const token eve = store.find_token({.user_name = "eve"}).value();
    CHECK_FALSE(eve.expires_at);
    CHECK(store.replace_token(eve, eve));
    sample("delete from oauthtoken where id='1'");
    CHECK_FALSE(store.find_token({.user_name = "ada"}));
    CHECK_FALSE(store.replace_token(ada, ada));
    store.delete_tokens();
    CHECK(sample("select count(*) from oauthtoken") == std::vector<std::string>{"0"});
    CHECK(zoho_store{path}.get_tokens().empty()); // the sample could not open an empty table again
}
#endif
