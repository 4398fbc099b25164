// SPDX-License-Identifier: MIT
#include <tokenkeep/migrate.hpp>

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/zoho/csv.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "support/catch.hpp"
#include "support/stores.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

const timestamp noon{std::chrono::milliseconds{1'700'000'000'000}};
const std::chrono::minutes minute{1};

token login(const std::string& user) {
    return {.user_name = user,
            .client_id = "app",
            .refresh_token = "refresh of " + user,
            .access_token = "access of " + user,
            .scope = "read",
            .expires_at = noon + 60 * minute,
            .issued_at = noon};
}

template <class Store>
std::vector<token> rows_of(Store& store) {
    std::vector<token> rows = store.get_tokens();
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.id < b.id; });
    return rows;
}

memory_store with_users(int count) {
    memory_store store;
    for (int n = 0; n < count; ++n) store.save_token(login("user " + std::to_string(n)));
    return store;
}

/// A store that refuses ids of more than ten characters, as a table of Zoho's does.
class short_ids : public basic_store<indexed, zoho::policy> {
  public:
    void save_token(const token& record) {
        if (record.id.size() > 10) throw error(errc::invalid_record, "the id is too long");
        basic_store::save_token(record);
    }
};

} // namespace

TEST_CASE("migrate: the target then has every row, with its id, and the source is as it was", "[migrate]") {
    temporary_directory folder;
    memory_store from = with_users(5);
    from.save_token({.client_id = "app", .refresh_token = "nobody's", .seed = "s", .extra = R"({"a":1})"});
    const std::vector<token> before = rows_of(from);
    file_store to{folder / "tokens.tkj"};
    to.save_token(login("of the target"));

    const migration_report report = migrate(from, to);

    CHECK(report.total == 6);
    CHECK(report.copied == 6);
    CHECK(report.done() == 6);
    CHECK(rows_of(from) == before);
    CHECK(to.get_tokens().size() == 7);
    for (const token& row : before) CHECK(to.find_token_by_id(row.id) == row);
}

TEST_CASE("migrate: rows of one user at several labels stay several rows", "[migrate]") {
    std::vector<std::string> labels = {"", "eu", "us"};
    do { // each order, as stores give their rows in any
        map_store from;
        memory_store to;
        for (const std::string& label : labels) {
            token row = login("ada");
            row.id = std::to_string(from.get_tokens().size());
            row.label = label;
            row.access_token = "at " + label;
            from.save_token(row);
        }
        CHECK(migrate(from, to).copied == 3);
        CHECK(rows_of(to) == rows_of(from));
        CHECK(migrate(from, to).unchanged == 3);
    } while (std::next_permutation(labels.begin(), labels.end()));
    // The target's row of another label is no older version of this one.
    memory_store eu_only;
    token eu = login("ada");
    eu.label = "eu";
    eu.issued_at = noon - minute;
    eu_only.save_token(eu);
    memory_store plain;
    plain.save_token(login("ada"));
    CHECK(migrate(plain, eu_only).copied == 1);
    CHECK(eu_only.get_tokens().size() == 2);
    CHECK(eu_only.find_token({.user_name = "ada", .label = "eu"})->issued_at == eu.issued_at);
}

TEST_CASE("migrate: a target without labels takes one row of a user and names the others; none is overwritten",
          "[migrate]") {
    const temporary_directory folder;
    memory_store from;
    for (const char* label : {"eu", "us"}) {
        token row = login("ada");
        row.client_secret = "s";
        row.label = label;
        row.access_token = "at " + std::string(label);
        row.refresh_token = "rt " + std::string(label);
        row.issued_at = label[0] == 'e' ? noon : noon + minute;
        from.save_token(row);
    }
    basic_document_store<text_file, zoho::csv, zoho::policy> to{folder / "tokens.csv"};
    const migration_report report = migrate(from, to);
    CHECK(report.copied == 1);
    CHECK(report.left_alone.size() == 1);
    const std::vector<token> rows = to.get_tokens();
    REQUIRE(rows.size() == 1);
    CHECK(migrate(from, to).copied == 0);
    CHECK(to.get_tokens() == rows);
}

TEST_CASE("migrate: a code verifier that the target has no place for is no silent loss", "[migrate]") {
    const temporary_directory folder;
    memory_store from;
    from.save_token({.user_name = "ada", .client_id = "app", .grant_token = "g", .code_verifier = "v", .id = "7"});
    basic_document_store<text_file, zoho::csv, zoho::policy> to{folder / "tokens.csv"};
    CHECK(migrate(from, to).refused == std::vector<std::string>{"7"});
    CHECK(to.get_tokens().empty());
}

TEST_CASE("migrate: a second time changes nothing", "[migrate]") {
    memory_store from = with_users(5), to;
    migrate(from, to);
    const std::vector<token> after = rows_of(to);
    const migration_report report = migrate(from, to);
    CHECK(report.unchanged == 5);
    CHECK(report.copied == 0);
    CHECK(rows_of(to) == after);
}

TEST_CASE("migrate: what was stopped goes on where it ended", "[migrate]") {
    memory_store from = with_users(7), to;
    std::vector<std::size_t> seen;
    const auto stop_after_three = [&](const migration_report& so_far) {
        CHECK(so_far.total == 7);
        seen.push_back(so_far.done());
        if (so_far.done() == 3) throw std::runtime_error("enough for today");
    };
    CHECK_THROWS_AS(migrate(from, to, stop_after_three), std::runtime_error);
    CHECK(seen == std::vector<std::size_t>{1, 2, 3});
    CHECK(rows_of(to).size() == 3);

    const migration_report report = migrate(from, to);
    CHECK(report.unchanged == 3);
    CHECK(report.copied == 4);
    CHECK(rows_of(to) == rows_of(from));
}

TEST_CASE("migrate: a row that was refreshed in the target meanwhile stays as it is there", "[migrate]") {
    memory_store from = with_users(2), to;
    from.save_token({.client_id = "app", .refresh_token = "nobody's", .access_token = "a", .issued_at = noon});
    migrate(from, to);
    for (token row : to.get_tokens()) {
        row.access_token = "refreshed";
        row.refresh_token = std::string(row.refresh_token.reveal()) + ", rotated";
        row.issued_at = noon + 60 * minute;
        to.save_token(row);
    }
    const std::vector<token> refreshed = rows_of(to);
    const migration_report report = migrate(from, to);
    CHECK(report.left_alone.size() == 3);
    CHECK(rows_of(to) == refreshed);
}

TEST_CASE("migrate: a row that was refreshed in the source meanwhile is brought up to date", "[migrate]") {
    memory_store from = with_users(2), to;
    migrate(from, to);
    token row = from.get_tokens()[0];
    row.access_token = "refreshed";
    row.refresh_token = "rotated";
    row.scope.clear();
    row.issued_at = noon + 60 * minute;
    const token old = *from.find_token_by_id(row.id);
    REQUIRE(from.replace_token(old, row));
    const migration_report report = migrate(from, to);
    CHECK(report.updated == 1);
    CHECK(report.unchanged == 1);
    CHECK(to.find_token_by_id(row.id) == row);
}

TEST_CASE("migrate: a row that differs without being older stays, and is named", "[migrate]") {
    memory_store from, to;
    from.save_token(login("ada"));
    token other = login("ada");
    other.access_token = "another";
    to.save_token(other);
    const std::vector<token> before = rows_of(to);
    const migration_report report = migrate(from, to);
    CHECK(report.left_alone == std::vector<std::string>{from.get_tokens()[0].id});
    CHECK(rows_of(to) == before);
}

TEST_CASE("migrate: ids that are the same by chance mix nobody's tokens", "[migrate]") {
    map_store from, to;
    token ada = login("ada"), bob = login("bob");
    ada.id = bob.id = "1";
    bob.issued_at = noon - minute;
    from.save_token(ada);
    to.save_token(bob);
    CHECK(migrate(from, to).copied == 1);
    CHECK(to.find_token_by_id("1") == bob);
    const token copied = to.find_token({.user_name = "ada"}).value();
    CHECK(copied.access_token == "access of ada");
    CHECK(migrate(from, to).unchanged == 1);
    CHECK(to.get_tokens().size() == 2);
}

TEST_CASE("migrate: where ids do not fit, the target gives its own, and finds the row again", "[migrate]") {
    memory_store from = with_users(3);
    short_ids to;
    CHECK(migrate(from, to).copied == 3);
    for (const token& row : to.get_tokens()) CHECK(row.id.size() == 9);
    CHECK(migrate(from, to).unchanged == 3);
    CHECK(to.get_tokens().size() == 3);
}

TEST_CASE("migrate: over Zoho's ten columns, too, what was refreshed in the target stays as it is there", "[migrate]") {
    temporary_directory folder;
    memory_store from = with_users(1);
    basic_document_store<text_file, zoho::csv, zoho::policy> to{text_file{folder / "tokens.csv"}};
    CHECK(migrate(from, to).copied == 1);
    token row = to.get_tokens()[0]; // it has no time of issue
    row.access_token = "refreshed";
    row.refresh_token = "rotated";
    row.expires_at = noon + 120 * minute;
    to.save_token(row);
    CHECK(migrate(from, to).left_alone.size() == 1);
    CHECK(to.get_tokens() == std::vector<token>{row});

    row.expires_at = noon; // and what is older there is brought up to date
    to.save_token(row);
    CHECK(migrate(from, to).updated == 1);
    CHECK(to.get_tokens()[0].access_token == "access of user 0");
}

TEST_CASE("migrate: a row without a user is refused where its id does not fit, as it would be copied twice",
          "[migrate]") {
    memory_store from;
    from.save_token({.client_id = "app", .refresh_token = "nobody's"});
    short_ids to;
    for (int times = 0; times < 2; ++times) CHECK(migrate(from, to).refused.size() == 1);
    CHECK(to.get_tokens().empty());
}

TEST_CASE("migrate: one user at two API domains is two rows, though an id be the same", "[migrate]") {
    map_store from, to;
    token here = login("ada"), there = login("ada");
    here.id = there.id = "1";
    here.api_domain = "https://www.zohoapis.eu";
    there.api_domain = "https://www.zohoapis.com";
    here.issued_at = noon + minute;
    from.save_token(here);
    to.save_token(there);
    CHECK(migrate(from, to).copied == 1);
    CHECK(to.find_token_by_id("1") == there);
    CHECK(to.get_tokens().size() == 2);
}

TEST_CASE("migrate: a token that the target lacks is not taken for a field without a place", "[migrate]") {
    memory_store from, to;
    from.save_token(login("ada"));
    token poorer = login("ada");
    poorer.refresh_token = secret();
    to.save_token(poorer);
    CHECK(migrate(from, to).left_alone.size() == 1);
}

TEST_CASE("migrate: an update keeps whose row it is", "[migrate]") {
    memory_store from, to;
    token row = login("ada");
    row.seed = "seed";
    to.save_token(row);
    from.save_token({.client_id = "app",
                     .refresh_token = row.refresh_token,
                     .access_token = "refreshed",
                     .issued_at = noon + 60 * minute});
    CHECK(migrate(from, to).updated == 1);
    const token updated = to.find_token({.user_name = "ada"}).value();
    CHECK(updated.access_token == "refreshed");
    CHECK(updated.seed == "seed");
}

TEST_CASE("migrate: rows that the target refuses are named, and the others are copied", "[migrate]") {
    struct picky : memory_store {
        void save_token(const token& record) {
            if (record.user_name == "user 1") throw error(errc::invalid_record, "not this one");
            memory_store::save_token(record);
        }
    };
    memory_store from = with_users(3);
    picky to;
    const migration_report report = migrate(from, to);
    CHECK(report.copied == 2);
    CHECK(report.refused == std::vector<std::string>{from.find_token({.user_name = "user 1"})->id});
}

TEST_CASE("migrate: another failure of the target ends it, with what it was", "[migrate]") {
    struct failing : memory_store {
        void save_token(const token&) { throw error(errc::not_saved, "the disk is full"); }
    };
    memory_store from = with_users(1);
    failing to;
    CHECK(code_of([&] { migrate(from, to); }) == errc::not_saved);
}

TEST_CASE("migrate: a store of the six operations only will do on either side", "[migrate]") {
    users::plain_store from, to;
    from.save_token(login("ada"));
    CHECK(migrate(from, to).copied == 1);
    token newer = login("ada");
    newer.access_token = "refreshed";
    newer.issued_at = noon + minute;
    from.save_token(newer);
    CHECK(migrate(from, to).updated == 1);
    CHECK(to.find_token({.user_name = "ada"})->access_token == "refreshed");
}
