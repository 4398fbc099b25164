// SPDX-License-Identifier: MIT
#include <tokenkeep/indexed.hpp>

#include <tokenkeep/basic_store.hpp>

#include "support/catch.hpp"
#include "support/laws.hpp"

#include <new>
#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

struct user_only : first_applicable<same_client<by_user>> {};
struct user_first : first_applicable<by_user, by_refresh_token, by_id> {};
struct by_user_only : defaults {
    using rules = user_only;
};
struct by_user_first : defaults {
    using rules = user_first;
};

using table = detail::indexed_table<default_rules>;

template <class Rule>
std::vector<std::string> ids(const table& rows, Rule rule, const token& probe) {
    std::vector<std::string> found;
    rows.for_each_match(rule, probe, [&](const token& row) { found.push_back(row.id); });
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
    rows.insert_or_assign({.user_name = "ada", .client_id = "app", .refresh_token = "R1", .id = "1"});
    rows.insert_or_assign({.user_name = "bob", .client_id = "app", .refresh_token = "R2", .id = "2"});
    rows.insert_or_assign({.user_name = "eve", .client_id = "app", .refresh_token = "R3", .id = "1"});
    CHECK(ids(rows, user, {.user_name = "ada"}).empty());
    CHECK(ids(rows, user, {.user_name = "eve"}) == std::vector<std::string>{"1"});
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R1"}).empty());
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R3"}) == std::vector<std::string>{"1"});
    CHECK(ids(rows, user, {.user_name = "bob"}) == std::vector<std::string>{"2"});
    rows.erase("1");
    CHECK(ids(rows, user, {.user_name = "eve"}).empty());
    CHECK(rows.find("1") == nullptr);
    rows.erase("1");
    CHECK(rows.find("2")->user_name == "bob");
}

TEST_CASE("indexed: rows with an empty key are found by no rule", "[indexed]") {
    table rows;
    rows.insert_or_assign({.access_token = "a", .id = "1"});
    CHECK(ids(rows, same_client<by_user>{}, {}).empty());
    CHECK(ids(rows, same_client<by_access_token>{}, {.access_token = "a"}) == std::vector<std::string>{"1"});
}

TEST_CASE("indexed: all rows of one key are seen, as far as the rule agrees", "[indexed]") {
    table rows;
    for (const char* client : {"a", "b", "c"})
        rows.insert_or_assign({.user_name = "ada", .client_id = client, .id = client});
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

TEST_CASE("indexed: it stays right over many changes", "[indexed]") {
    basic_store<indexed> fast;
    basic_store<std::vector<token>> slow;
    std::uint32_t random = 1;
    const auto pick = [&](std::uint32_t below) {
        return (random = random * 1'664'525u + 1'013'904'223u) / 65'536u % below;
    };
    for (int step = 0; step < 3'000; ++step) {
        token record{.user_name = "u" + std::to_string(pick(12)),
                     .client_id = pick(3) != 0 ? "c" + std::to_string(pick(2)) : std::string(),
                     .refresh_token = "r" + std::to_string(pick(12)),
                     .access_token = "a" + std::to_string(pick(12)),
                     .id = "i" + std::to_string(pick(10))};
        const std::uint32_t what = pick(4);
        const auto change = [&](auto& store) {
            try {
                if (what == 0) store.delete_token(record.id);
                if (what != 0) store.save_token(record);
                return std::string("done");
            } catch (const error& fault) {
                return fault.code().message();
            }
        };
        REQUIRE(change(fast) == change(slow));
        const token probes[] = {{.user_name = record.user_name},
                                {.client_id = record.client_id, .refresh_token = record.refresh_token},
                                {.access_token = record.access_token},
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
