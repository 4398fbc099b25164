// SPDX-License-Identifier: MIT
#include <tokenkeep/indexed.hpp>

#include <tokenkeep/basic_store.hpp>

#include "support/catch.hpp"
#include "support/laws.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace tokenkeep;

namespace {

struct user_only : first_applicable<same_client<by_user>> {};
struct user_first : first_applicable<by_user, by_refresh_token, by_id> {};
/// A rule of a program, which takes tokens. One user may have several rows, of which each has another first letter of
/// the scope.
struct by_scope : by_user {
    static bool applies(const token& probe) { return !probe.user_name.empty() && !probe.scope.empty(); }
    static bool agrees(const token& probe, const token& row) { return probe.scope.front() == row.scope.front(); }
    static bool saves_over(const token& record, const token& row) { return record.scope == row.scope; }
};
struct scope_first : first_applicable<same_client<by_scope>, by_id> {};
struct by_scope_first : defaults {
    using rules = scope_first;
};
struct by_user_only : defaults {
    using rules = user_only;
};
struct by_user_first : defaults {
    using rules = user_first;
};

using table = detail::indexed_table<default_rules>;

void put(table& rows, const token& row) { rows.insert_or_assign(detail::row_view(row)); }

template <class Rule>
std::vector<std::string> ids(const table& rows, Rule rule, const token& probe) {
    std::vector<std::string> found;
    rows.for_each_match(rule, probe, [&](const detail::row_block& row) { found.emplace_back(row.id()); });
    return found;
}

} // namespace

TEST_CASE("store laws: memory_store", "[indexed][store_laws]") {
    const law_findings found = findings_about([] { return memory_store(); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing);
}

TEST_CASE("indexed: a row that changes is found by its new keys and no longer by the old", "[indexed]") {
    table rows;
    const same_client<by_user> user;
    const same_client<needs_client<by_refresh_token>> refresh;
    put(rows, {.user_name = "ada", .client_id = "app", .refresh_token = "R1", .id = "1"});
    put(rows, {.user_name = "bob", .client_id = "app", .refresh_token = "R2", .id = "2"});
    put(rows, {.user_name = "eve", .client_id = "app", .refresh_token = "R3", .id = "1"});
    CHECK(ids(rows, user, {.user_name = "ada"}).empty());
    CHECK(ids(rows, user, {.user_name = "eve"}) == std::vector<std::string>{"1"});
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R1"}).empty());
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R3"}) == std::vector<std::string>{"1"});
    CHECK(ids(rows, user, {.user_name = "bob"}) == std::vector<std::string>{"2"});
    rows.erase("1");
    CHECK(ids(rows, user, {.user_name = "eve"}).empty());
    CHECK(rows.find("1") == nullptr);
    rows.erase("1");
    CHECK(rows.find("2")->view().user_name == "bob");
}

TEST_CASE("indexed: rows with an empty key are found by no rule", "[indexed]") {
    table rows;
    put(rows, {.access_token = "a", .id = "1"});
    CHECK(ids(rows, same_client<by_user>{}, {}).empty());
    CHECK(ids(rows, same_client<by_access_token>{}, {.access_token = "a"}) == std::vector<std::string>{"1"});
}

TEST_CASE("indexed: all rows of one key are seen, as far as the rule agrees", "[indexed]") {
    table rows;
    for (const char* client : {"a", "b", "c"}) put(rows, {.user_name = "ada", .client_id = client, .id = client});
    CHECK(ids(rows, same_client<by_user>{}, {.user_name = "ada"}).size() == 3);
    CHECK(ids(rows, same_client<by_user>{}, {.user_name = "ada", .client_id = "b"}) == std::vector<std::string>{"b"});
}

TEST_CASE("indexed: a chain without an id, or with other rules, is indexed as well", "[indexed]") {
    basic_store<indexed, by_user_only> users;
    users.save_token({.user_name = "ada", .access_token = "a"});
    const std::string id = users.find_token({.user_name = "ada"}).value().id;
    CHECK(users.find_token_by_id(id)->user_name == "ada");
    users.delete_token(id);
    CHECK(users.get_tokens().empty());

    basic_store<indexed, by_user_first> others;
    others.save_token({.user_name = "ada", .refresh_token = "r"});
    CHECK(others.find_token({.refresh_token = "r"}).has_value());
    CHECK(!others.find_token({.access_token = "a"}));
}

TEST_CASE("indexed: a rule that takes tokens is asked about tokens", "[indexed]") {
    basic_store<indexed, by_scope_first> store;
    store.save_token({.user_name = "ada", .access_token = "r", .scope = "read", .id = "1"});
    store.save_token({.user_name = "ada", .access_token = "w", .scope = "write", .id = "2"});
    CHECK(store.find_token({.user_name = "ada", .scope = "r"}).value().id == "1");
    CHECK(store.find_token({.user_name = "ada", .scope = "w"}).value().id == "2");
    store.save_token({.user_name = "ada", .access_token = "r2", .scope = "read"});
    CHECK(store.find_token_by_id("1").value().access_token == "r2");
    store.save_token(
        {.user_name = "ada", .access_token = "x", .scope = "rest"}); // agrees, and is saved over by no other
    CHECK(store.get_tokens().size() == 3);
    CHECK_THROWS_AS(store.find_token({.user_name = "ada", .scope = "r"}), error);
}

TEST_CASE("indexed: a save that moves a row to another id would make two rows", "[indexed]") {
    basic_store<indexed, by_user_first> store;
    store.save_token({.user_name = "ada", .access_token = "a", .id = "1"});
    CHECK_THROWS_AS(store.save_token({.user_name = "ada", .access_token = "b", .id = "2"}), error);
    CHECK(store.get_tokens() == std::vector<token>{{.user_name = "ada", .access_token = "a", .id = "1"}});
}

TEST_CASE("indexed: rows keep what is saved when their sizes change, and when others are removed", "[indexed]") {
    memory_store store;
    std::vector<token> expected;
    for (std::size_t n = 0; n < 20; ++n) {
        expected.push_back({.user_name = "user " + std::to_string(n),
                            .refresh_token = std::string(n, 'r') + std::to_string(n),
                            .expires_at = timestamp(std::chrono::milliseconds(n)),
                            .id = std::to_string(n)});
        store.save_token(expected.back());
    }
    for (const std::size_t size : {3u, 3u, 40u, 1u}) {
        for (token& row : expected) {
            row.access_token = std::string(size, 'a') + row.id;
            row.expires_at = std::nullopt;
            store.save_token({.access_token = row.access_token, .id = row.id});
        }
        for (const token& row : expected) {
            REQUIRE(store.find_token({.user_name = row.user_name}) == row);
            REQUIRE(store.find_token({.access_token = row.access_token}) == row);
        }
    }
    while (!expected.empty()) {
        store.delete_token(expected[expected.size() / 2].id);
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(expected.size() / 2));
        for (const token& row : expected) REQUIRE(store.find_token({.user_name = row.user_name}) == row);
        REQUIRE(store.get_tokens().size() == expected.size());
    }
}

TEMPLATE_TEST_CASE("indexed: it stays right over many changes", "[indexed]", defaults, by_user_first, by_scope_first) {
    basic_store<indexed, TestType> fast;
    basic_store<std::vector<token>, TestType> slow;
    std::uint32_t random = 1;
    const auto pick = [&](std::uint32_t below) {
        return (random = random * 1'664'525u + 1'013'904'223u) / 65'536u % below;
    };
    for (int step = 0; step < 3'000; ++step) {
        token record{.user_name = "u" + std::to_string(pick(12)),
                     .client_id = pick(3) != 0 ? "c" + std::to_string(pick(2)) : std::string(),
                     .refresh_token = "r" + std::to_string(pick(12)),
                     .access_token = std::string(pick(3), 'a') + std::to_string(pick(12)),
                     .scope = pick(2) != 0 ? "s" + std::to_string(pick(3)) : std::string(),
                     .id = "i" + std::to_string(pick(10))};
        if (pick(2) != 0) record.expires_at = timestamp(std::chrono::milliseconds(step));
        const std::uint32_t what = pick(6);
        const auto change = [&](auto& store) {
            try {
                if (what == 0) store.delete_token(record.id);
                if (what > 1) store.save_token(record);
                const std::optional<token> before = store.find_token_by_id(record.id);
                if (what == 1 && before) return std::string(store.replace_token(*before, record) ? "new" : "old");
                return std::string("done");
            } catch (const error& fault) {
                return fault.code().message();
            }
        };
        REQUIRE(change(fast) == change(slow));
        const token probes[] = {{.user_name = record.user_name},
                                {.client_id = record.client_id, .refresh_token = record.refresh_token},
                                {.access_token = record.access_token},
                                {.user_name = record.user_name, .scope = record.scope},
                                {.id = record.id}};
        for (const token& probe : probes) {
            const auto look = [&](auto& store) -> std::pair<std::optional<token>, bool> {
                try {
                    return {store.find_token(probe), false};
                } catch (const error&) {
                    return {std::nullopt, true};
                }
            };
            REQUIRE((look(fast) == look(slow)));
        }
    }
    CHECK(fast.get_tokens().size() == slow.get_tokens().size());
    CHECK(fast.get_tokens().size() > 3);
}
