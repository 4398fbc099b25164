// SPDX-License-Identifier: MIT
#include <tokenkeep/container.hpp>

#include "support/catch.hpp"
#include "support/stores.hpp"

#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

using namespace tokenkeep;

namespace {

using attributes = std::vector<std::list<std::string>>;

template <int Mode>
struct archetype {};

} // namespace

template <int Mode>
struct tokenkeep::container_traits<archetype<Mode>> {
    template <class Visit>
    static void for_each(const archetype<Mode>&, Visit) requires(Mode != 1) {}
    static void insert_or_assign(archetype<Mode>&, const token&) requires(Mode != 2) {}
    static void erase(archetype<Mode>&, const std::string&) requires(Mode != 3) {}
    static bool find(const archetype<Mode>&, const std::string&) requires(Mode == 4) { return false; }
};

namespace {

template <class C>
concept whole = detail::can_iterate<C> && detail::can_insert<C> && detail::can_erase<C>;
static_assert(whole<archetype<0>> && whole<users::shelf>);
static_assert(!whole<archetype<1>> && !whole<archetype<2>> && !whole<archetype<3>>);
static_assert(whole<archetype<4>> && !detail::can_find<archetype<4>>);
static_assert(whole<std::vector<token>> && whole<std::list<token>> && whole<std::deque<token>>);
static_assert(whole<std::map<std::string, token>> && whole<std::unordered_map<std::string, token>>);
static_assert(whole<attributes> && whole<std::list<std::vector<std::string>>>);
static_assert(!whole<std::vector<int>> && !whole<int> && !whole<std::string> && !whole<std::vector<std::string>>);
static_assert(detail::can_find<std::map<std::string, token>> && !detail::can_find<std::vector<token>>);

template <class C>
std::vector<token> rows_of(const C& rows) {
    std::vector<token> seen;
    container_traits<C>::for_each(rows, [&](const token& row) { seen.push_back(row); });
    return seen;
}

timestamp at(std::int64_t count) { return timestamp{std::chrono::milliseconds{count}}; }

const token whole_row{"ada",  "app",  "secret",   "refresh", "access", "grant", "url",       "domain",
                      "read", "B",    at(11),     at(-12),   "status", "seed",  "{\"a\":1}", at(16),
                      at(17), at(18), "verifier", "label",   "former", "7"};

template <class Rows>
void check_rows() {
    using traits = container_traits<Rows>;
    Rows rows;
    traits::erase(rows, "7");
    CHECK(rows_of(rows).empty());
    traits::insert_or_assign(rows, whole_row);
    CHECK((rows_of(rows) == std::vector<token>{whole_row}));
    const token other{.user_name = "bob", .id = "8"}, changed{.user_name = "eve", .id = "7"};
    traits::insert_or_assign(rows, other);
    traits::insert_or_assign(rows, changed);
    CHECK(rows_of(rows).size() == 2);
    traits::erase(rows, "8");
    CHECK((rows_of(rows) == std::vector<token>{changed}));
    traits::insert_or_assign(rows, token(rows_of(rows)[0]));
    CHECK(rows_of(rows).size() == 1);
    traits::erase(rows, "");
    CHECK(rows_of(rows).size() == 1);
}

} // namespace

TEST_CASE("container_traits: a row takes the place of the older one of its id, in any container", "[container]") {
    check_rows<std::vector<token>>();
    check_rows<std::list<token>>();
    check_rows<std::deque<token>>();
    check_rows<std::map<std::string, token>>();
    check_rows<std::unordered_map<std::string, token>>();
    check_rows<attributes>();
    check_rows<std::list<std::vector<std::string>>>();
    check_rows<users::shelf>();
}

TEST_CASE("container_traits: a map finds by its key", "[container]") {
    std::map<std::string, token> rows;
    container_traits<decltype(rows)>::insert_or_assign(rows, whole_row);
    CHECK(container_traits<decltype(rows)>::find(rows, "7") == &rows.at("7"));
    CHECK(container_traits<decltype(rows)>::find(rows, "8") == nullptr);
}

TEST_CASE("container_traits: attributes lie in the order of the field table", "[container]") {
    attributes rows;
    container_traits<attributes>::insert_or_assign(rows, whole_row);
    const std::list<std::string> wanted{"7",   "ada",    "app",  "secret",   "refresh", "access", "grant", "11",
                                        "url", "domain", "read", "B",        "-12",     "status", "seed",  "{\"a\":1}",
                                        "16",  "17",     "18",   "verifier", "label",   "former"};
    CHECK((rows == attributes{wanted}));
}

TEST_CASE("container_traits: a row of the sixteen attributes of 0.1 is read, and written with all", "[container]") {
    attributes rows{{"7", "ada", "app", "", "r", "", "", "5", "", "", "", "", "", "", "", "{}"}};
    const token ada{
        .user_name = "ada", .client_id = "app", .refresh_token = "r", .expires_at = at(5), .extra = "{}", .id = "7"};
    CHECK((rows_of(rows) == std::vector<token>{ada}));
    token labelled = ada;
    labelled.label = "eu";
    container_traits<attributes>::insert_or_assign(rows, labelled);
    CHECK(rows[0].size() == std::size(fields));
    CHECK((rows_of(rows) == std::vector<token>{labelled}));
}

TEST_CASE("container_traits: a short row is read with the rest empty and written back whole", "[container]") {
    attributes rows{{"7", "ada", "app"}, {}, {"9"}};
    CHECK((rows_of(rows) == std::vector<token>{{.user_name = "ada", .client_id = "app", .id = "7"}, {}, {.id = "9"}}));
    container_traits<attributes>::insert_or_assign(rows, rows_of(rows)[0]);
    CHECK(rows[0].size() == std::size(fields));
    CHECK(rows_of(rows)[0].user_name == "ada");
    CHECK(rows[1].empty());
    container_traits<attributes>::erase(rows, "9");
    CHECK(rows.size() == 2);
}

TEST_CASE("container_traits: cells beyond the table are kept", "[container]") {
    attributes rows{std::list<std::string>(24, "x")};
    rows[0].front() = "7";
    rows[0].back() = "the user's own";
    container_traits<attributes>::insert_or_assign(rows, whole_row);
    CHECK(rows[0].size() == 24);
    CHECK(rows[0].back() == "the user's own");
    CHECK((rows_of(rows) == std::vector<token>{whole_row}));
}

TEST_CASE("container_traits: a time that cannot be read counts as long past, an empty one as absent", "[container]") {
    attributes rows{
        {"7", "", "", "", "", "", "", "soon"}, {"8", "", "", "", "", "", "", ""}, {"9", "", "", "", "", "", "", "-5"}};
    const std::vector<token> read = rows_of(rows);
    CHECK(read[0].expires_at == at(0));
    CHECK(!read[1].expires_at);
    CHECK(read[2].expires_at == at(-5));
}
