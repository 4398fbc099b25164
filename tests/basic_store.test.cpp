// SPDX-License-Identifier: MIT
#include <tokenkeep/basic_store.hpp>

#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/stores.hpp"

#include <deque>
#include <map>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace tokenkeep;

namespace {

static_assert(locking_store<memory_store> && comparing_store<memory_store>);
static_assert(locking_store<map_store> && comparing_store<list_store>);
static_assert(std::is_nothrow_move_constructible_v<memory_store> && std::is_nothrow_move_assignable_v<map_store>);
static_assert(!std::is_copy_constructible_v<memory_store>);
static_assert(memory_store::never_blocks && list_store::never_blocks);
static_assert(!std::is_convertible_v<std::map<std::string, token>, map_store>);

template <class Container>
void check_laws() {
    const law_findings found = findings_about([] { return basic_store<Container>(); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing);
}

token login(const std::string& user) { return {.user_name = user, .client_id = "app", .access_token = "of " + user}; }

std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
}

} // namespace

TEST_CASE("store laws: basic_store over std::map", "[basic_store][store_laws]") {
    check_laws<std::map<std::string, token>>();
}
TEST_CASE("store laws: basic_store over std::unordered_map", "[basic_store][store_laws]") {
    check_laws<std::unordered_map<std::string, token>>();
}
TEST_CASE("store laws: basic_store over std::vector of token", "[basic_store][store_laws]") {
    check_laws<std::vector<token>>();
}
TEST_CASE("store laws: basic_store over std::list of token", "[basic_store][store_laws]") {
    check_laws<std::list<token>>();
}
TEST_CASE("store laws: basic_store over std::deque of token", "[basic_store][store_laws]") {
    check_laws<std::deque<token>>();
}
TEST_CASE("store laws: basic_store over std::vector of std::list of attributes", "[basic_store][store_laws]") {
    check_laws<std::vector<std::list<std::string>>>();
}
TEST_CASE("store laws: basic_store over std::list of std::vector of attributes", "[basic_store][store_laws]") {
    check_laws<std::list<std::vector<std::string>>>();
}
TEST_CASE("store laws: basic_store over a user's own container", "[basic_store][store_laws]") {
    check_laws<users::shelf>();
}

TEST_CASE("basic_store: it takes over rows that exist, and gives an id to those without one", "[basic_store]") {
    basic_store store{
        std::vector<token>{login("ada"), {.user_name = "bob", .access_token = "b", .id = "7"}, login("eve")}};
    CHECK(store.get_tokens().size() == 3);
    CHECK(store.find_token_by_id("7")->user_name == "bob");
    const std::string ada = store.find_token({.user_name = "ada"}).value().id;
    const std::string eve = store.find_token({.user_name = "eve"}).value().id;
    CHECK(!ada.empty());
    CHECK(!eve.empty());
    CHECK(ada != eve);
    CHECK(store.find_token_by_id(ada)->access_token == "of ada");
}

TEST_CASE("basic_store: it takes over rows of attributes, short ones too", "[basic_store]") {
    list_store store{std::vector<std::list<std::string>>{{"1", "ada", "app", "", "refresh"}, {}, {"", "bob"}}};
    const token ada{.user_name = "ada", .client_id = "app", .refresh_token = "refresh", .id = "1"};
    CHECK(store.find_token_by_id("1") == ada);
    CHECK(store.get_tokens().size() == 3);
    for (const token& row : store.get_tokens()) CHECK(!row.id.empty());
}

TEST_CASE("basic_store: a map whose rows do not repeat their key is found by it", "[basic_store]") {
    map_store store{std::map<std::string, token>{{"7", login("ada")}}};
    CHECK(store.get_tokens().size() == 1);
    REQUIRE(store.find_token_by_id("7"));
    CHECK(store.find_token_by_id("7")->id == "7");
    store.save_token({.user_name = "ada", .scope = "read"});
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("basic_store: moving takes rows and locks along", "[basic_store]") {
    memory_store store;
    store.save_token(login("ada"));
    auto held = store.lock_token("key", soon());
    memory_store moved = std::move(store);
    CHECK(moved.find_token({.user_name = "ada"}).has_value());
    CHECK_THROWS_AS(moved.lock_token("key", soon()), error);
    memory_store assigned;
    assigned.save_token(login("bob"));
    assigned = std::move(moved);
    CHECK(assigned.find_token({.user_name = "ada"}).has_value());
    CHECK(!assigned.find_token({.user_name = "bob"}));
    CHECK_THROWS_AS(assigned.lock_token("key", soon()), error);
}

TEST_CASE("basic_store: a guard may outlive its store", "[basic_store]") {
    auto store = std::make_unique<memory_store>();
    auto held = store->lock_token("key", soon());
    store.reset();
    auto moved = std::move(held);
    SUCCEED();
}

TEST_CASE("basic_store: assigning to a guard releases what it held", "[basic_store]") {
    map_store store;
    auto held = store.lock_token("one", soon());
    {
        auto other = store.lock_token("two", soon());
        held = std::move(other);
    }
    CHECK_NOTHROW(store.lock_token("one", soon()));
    CHECK_THROWS_AS(store.lock_token("two", soon()), error);
}

TEST_CASE("basic_store: a save that throws changes nothing", "[basic_store]") {
    map_store store;
    store.save_token(login("ada"));
    store.save_token(login("bob"));
    const std::vector<token> before = store.get_tokens();
    const std::string ada = store.find_token({.user_name = "ada"}).value().id;
    CHECK_THROWS_AS(store.save_token({.user_name = "bob", .client_id = "app", .id = ada}), error);
    CHECK((store.get_tokens() == before));
}

TEMPLATE_TEST_CASE("basic_store: a visit shows the row that a look-up copies", "[basic_store]", memory_store, map_store,
                   list_store, basic_store<std::vector<token>>) {
    TestType store;
    store.save_token({.user_name = "ada", .client_id = "app", .access_token = "a", .label = "eu", .id = "1"});
    store.save_token({.user_name = "ada", .client_id = "app", .access_token = "b", .label = "us", .id = "2"});
    std::string seen;
    const auto see = [&](const detail::row_view& row) { (seen += row.id) += row.access_token; };
    CHECK(store.visit_token(detail::row_view(token{.user_name = "ada", .label = "us"}), see));
    CHECK(seen == "2b");
    CHECK_FALSE(store.visit_token(detail::row_view(token{.user_name = "bob"}), see));
    CHECK_FALSE(store.visit_token(detail::row_view(token{}), see));
    CHECK_THROWS_AS(store.visit_token(detail::row_view(token{.user_name = "ada"}), see), error);
    CHECK(seen == "2b");
}

TEMPLATE_TEST_CASE("basic_store: a save changes only a row of the same label, and none is a label too", "[basic_store]",
                   memory_store, map_store, list_store, basic_store<std::vector<token>>) {
    TestType store;
    const token plain{.user_name = "ada", .client_id = "app", .refresh_token = "r"};
    token eu = plain;
    eu.label = "eu";
    store.save_token(eu);
    store.save_token(plain);
    CHECK(store.get_tokens().size() == 2);
    store.save_token({.user_name = "ada", .client_id = "app", .scope = "of none"});
    store.save_token({.user_name = "ada", .client_id = "app", .scope = "of eu", .label = "eu"});
    CHECK(store.get_tokens().size() == 2);
    CHECK(store.find_token({.user_name = "ada", .label = "eu"}).value().scope == "of eu");
    for (const token& row : store.get_tokens())
        if (row.label.empty()) CHECK(row.scope == "of none");
}
