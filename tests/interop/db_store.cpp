// SPDX-License-Identifier: MIT
// One table in MariaDB, kept by the DBStore of Zoho's SDKs and by ours.
// databases: MariaDB
#include <tokenkeep/zoho/schema.hpp>

#include "peer.hpp"
#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "zoho/rows.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace tokenkeep;
using namespace zoho_rows;
using list = std::vector<token>;

namespace {

using store = tests::store_over<tests::mysql_backend, zoho::policy>;

/// A table as Zoho's documentation has it made, with the server's own collation, or none yet.
struct shared_table {
    explicit shared_table(bool exists) {
        if (!exists) return;
        tests::visitor<tests::mysql_backend>().execute(
            "CREATE TABLE " + name +
            " (id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255), client_secret varchar(255), "
            "refresh_token varchar(255), access_token varchar(255), grant_token varchar(255), expiry_time varchar(20), "
            "redirect_url varchar(255), api_domain varchar(255), primary key (id)) CHARACTER SET utf8mb4 COLLATE "
            "utf8mb4_general_ci");
    }

    store ours() const { return tests::store_on<tests::mysql_backend, zoho::policy>(name); }
    peer& theirs(const std::string& sdk) const {
        const mariadb_server& server = tests::mysql_backend::server();
        return at(sdk, "database",
                  {{"host", server.host()},
                   {"database", server.database()},
                   {"table", name},
                   {"user", server.user()},
                   {"password", server.password()},
                   {"port", server.port()}});
    }

    const std::string name = tests::new_table();
};

list sorted(list rows) {
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.user_name < b.user_name; });
    return rows;
}

token with_secret(token row) {
    row.client_id = "1000.C";
    row.client_secret = "s3";
    return row;
}

} // namespace

TEST_CASE("db_store: what an SDK writes, we read", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const shared_table table(true);
        peer& theirs = table.theirs(sdk);
        for (const token& row : {ada, bob, nobody}) theirs.save_token(row);
        store ours = table.ours();
        const list rows = ours.get_tokens();
        CHECK((rows == list{with_id(ada, "1"), with_id(bob, "2"), with_id(nobody, "3")}));
        CHECK((ours.find_token({.user_name = "bob"}) == rows[1]));
        CHECK((ours.find_token({.access_token = "1000.a.1"}) == rows[0]));
        CHECK((ours.find_token(with_secret({.grant_token = "1000.g.1"})) == rows[0]));
        CHECK((ours.find_token(with_secret({.refresh_token = "1000.r.3"})) == rows[2]));
        CHECK((ours.find_token_by_id("3") == rows[2]));
        theirs.delete_token("2");
        CHECK(ours.get_tokens().size() == 2);
        theirs.delete_tokens();
        CHECK(ours.get_tokens().empty());
    }
}

TEST_CASE("db_store: what we write, an SDK reads, in a table of ours and in one of theirs", "[interop]") {
    for (const std::string sdk : sdks)
        for (const bool is_theirs : {false, true}) {
            CAPTURE(sdk, is_theirs);
            const shared_table table(is_theirs);
            store ours = table.ours();
            for (const token& row : {ada, bob, nobody}) ours.save_token(row);
            const list rows = sorted(ours.get_tokens()); // nobody, ada, bob
            REQUIRE(rows.size() == 3);
            peer& theirs = table.theirs(sdk);
            CHECK((sorted(theirs.get_tokens()) == rows));
            CHECK((theirs.find_token({.user_name = "bob"}) == rows[2]));
            CHECK((theirs.find_token({.access_token = "1000.a.1"}) == rows[1]));
            CHECK((theirs.find_token(with_secret({.grant_token = "1000.g.1"})) == rows[1]));
            CHECK((theirs.find_token(with_secret({.refresh_token = "1000.r.3"})) == rows[0]));
            CHECK((theirs.find_token_by_id(rows[0].id) == rows[0]));
            ours.delete_tokens();
            CHECK(theirs.get_tokens().empty());
        }
}

TEST_CASE("db_store: both change one table in turns, and no id names two rows", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const shared_table table(true);
        store ours = table.ours();
        peer& theirs = table.theirs(sdk);
        ours.save_token({.user_name = "first", .refresh_token = "r"}); // from here on ids have nine digits
        for (int i = 0; i < 12; ++i) {
            const std::string n = std::to_string(i);
            theirs.save_token({.user_name = "theirs" + n, .refresh_token = "r" + n});
            ours.save_token({.user_name = "ours" + n, .refresh_token = "s" + n});
            theirs.save_token({.user_name = "ours" + n, .access_token = "a" + n}); // each updates the other's row
            ours.save_token({.user_name = "theirs" + n, .access_token = "b" + n});
        }
        const list rows = sorted(ours.get_tokens());
        CHECK(rows.size() == 25);
        CHECK((sorted(theirs.get_tokens()) == rows));
        std::set<std::string> ids;
        for (const token& row : rows) ids.insert(row.id);
        CHECK(ids.size() == 25);
        for (int i = 0; i < 12; ++i) {
            const std::string n = std::to_string(i);
            const token of_ours = theirs.find_token({.user_name = "ours" + n}).value();
            CHECK((of_ours.refresh_token == "s" + n && of_ours.access_token == "a" + n));
            const token of_theirs = ours.find_token({.user_name = "theirs" + n}).value();
            CHECK((of_theirs.refresh_token == "r" + n && of_theirs.access_token == "b" + n));
        }
    }
}

TEST_CASE("db_store: a row as an SDK wrote it can be replaced and removed only as it was read", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const shared_table table(true);
        peer& theirs = table.theirs(sdk);
        for (const token& row : {ada, bob}) theirs.save_token(row);
        store ours = table.ours();
        const token read = ours.find_token({.user_name = ada.user_name}).value();
        theirs.save_token({.user_name = ada.user_name, .access_token = "1000.a.theirs"});
        token refreshed = read;
        refreshed.access_token = "1000.a.ours";
        CHECK_FALSE(ours.replace_token(read, refreshed));
        CHECK_FALSE(ours.remove_token(read));
        CHECK(theirs.find_token({.user_name = ada.user_name})->access_token == "1000.a.theirs");
        CHECK(ours.replace_token(ours.find_token({.user_name = ada.user_name}).value(), refreshed));
        CHECK((theirs.find_token({.user_name = ada.user_name}) == refreshed));
        CHECK(ours.remove_token(refreshed));
        CHECK(theirs.get_tokens().size() == 1);
    }
}

TEST_CASE("db_store: names that the SDKs break on are whole in ours, and what they read is right", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const shared_table table(false);
        store ours = table.ours();
        peer& theirs = table.theirs(sdk);
        const std::vector<std::string> names{"O'Brien", "x' or '1'='1", "Doe, John", "ada",
                                             "ADA",     "ada ",         "\xc3\xa4",  "a\\b"};
        for (const std::string& name : names) ours.save_token({.user_name = name, .access_token = "of " + name});
        CHECK(ours.get_tokens().size() == names.size());
        for (const std::string& name : names) CHECK(ours.find_token({.user_name = name})->access_token == "of " + name);
        CHECK((sorted(theirs.get_tokens()) == sorted(ours.get_tokens())));
    }
}

TEST_CASE("db_store: what their columns cannot hold is refused, and nothing is written", "[interop]") {
    const shared_table table(true);
    store ours = table.ours();
    ours.save_token(ada);
    const list before = ours.get_tokens();
    for (const std::string sdk : sdks) {
        peer& theirs = table.theirs(sdk);
        CHECK(code_of([&] { ours.save_token({.user_name = ada.user_name, .access_token = std::string(256, 'x')}); }) ==
              errc::invalid_record);
        CHECK(code_of([&] { ours.save_token({.user_name = std::string(256, 'x'), .access_token = "a"}); }) ==
              errc::invalid_record);
        CHECK((theirs.get_tokens() == before));
    }
}
