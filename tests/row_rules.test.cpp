// SPDX-License-Identifier: MIT
#include <tokenkeep/row_rules.hpp>

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

using meaning = row_rules<>;

/// What an author of a store has least: rows that can be visited.
struct shelf {
    std::vector<token> rows{};
};

template <class Act>
errc code_of(Act act) {
    try {
        act();
    } catch (const error& failure) {
        return static_cast<errc>(failure.code().value());
    }
    return {};
}

} // namespace

template <>
struct tokenkeep::container_traits<shelf> {
    template <class Visit>
    static void for_each(const shelf& from, Visit visit) {
        for (const token& row : from.rows) visit(row);
    }
};

namespace {

const shelf two{{{.user_name = "ada", .client_id = "app", .refresh_token = "r", .access_token = "a", .id = "1"},
                 {.user_name = "bob", .client_id = "app", .refresh_token = "s", .access_token = "b", .id = "2"}}};

} // namespace

TEST_CASE("row_rules: rows that can be visited are enough for every look-up", "[row_rules]") {
    CHECK(meaning::find(two, {.user_name = "ada"}) == two.rows[0]);
    CHECK(meaning::find(two, {.access_token = "b"}) == two.rows[1]);
    CHECK(!meaning::find(two, {}));
    CHECK(!meaning::find(two, {.user_name = "ada", .client_id = "other"}));
    CHECK(meaning::find_by_id(two, "2") == two.rows[1]);
    CHECK(!meaning::find_by_id(two, ""));
    CHECK(meaning::all(two) == two.rows);
}

TEST_CASE("row_rules: one user at two labels is two rows, and no label is a label of its own for a save",
          "[row_rules]") {
    const token eu{.user_name = "ada", .client_id = "app", .refresh_token = "e", .label = "eu", .id = "1"};
    const token us{.user_name = "ada", .client_id = "app", .refresh_token = "u", .label = "us", .id = "2"};
    const shelf labelled{{eu, us}};
    CHECK(meaning::find(labelled, {.user_name = "ada", .label = "us"}) == us);
    CHECK(!meaning::find(labelled, {.user_name = "ada", .label = "apac"}));
    CHECK(code_of([&] { (void)meaning::find(labelled, {.user_name = "ada"}); }) == errc::ambiguous);
    const shelf one{{eu}};
    CHECK(meaning::find(one, {.user_name = "ada"}) == eu);

    const token change{.user_name = "ada", .client_id = "app", .access_token = "a"};
    CHECK(!meaning::find_to_save(labelled, change));
    const token inserted = meaning::row_to_save(labelled, change);
    CHECK((inserted.id != "1" && inserted.id != "2" && inserted.label.empty()));
    token to_eu = change;
    to_eu.label = "eu";
    CHECK(meaning::find_to_save(labelled, to_eu) == eu);
    CHECK(meaning::row_to_save(labelled, to_eu).id == "1");
    CHECK(meaning::row_to_save(labelled, {.refresh_token = "new", .id = "2"}).label == "us");

    const shelf three{{eu, us, {.user_name = "ada", .client_id = "app", .refresh_token = "n", .id = "3"}}};
    CHECK(meaning::find_to_save(three, change)->id == "3");
    // A row whose label becomes that of another is the other's double.
    CHECK(code_of([&] { (void)meaning::row_to_save(three, {.label = "eu", .id = "2"}); }) == errc::ambiguous);
    token clash = us;
    clash.label = "eu";
    CHECK(code_of([&] { (void)meaning::may_replace(three, us, clash); }) == errc::ambiguous);
    clash.label = "apac";
    CHECK(meaning::may_replace(three, us, clash));
}

TEST_CASE("row_rules: the store is told which rule has found no row", "[row_rules]") {
    std::size_t misses = 0;
    const auto missed = [&](auto) { ++misses; };
    (void)meaning::find(two, {.user_name = "ada"}, missed);
    CHECK(misses == 0);
    (void)meaning::find(two, {.user_name = "eve"}, missed);
    CHECK(misses == 1);
    (void)meaning::row_to_save(two, {.user_name = "eve", .access_token = "e"}, missed);
    CHECK(misses == 2);
    (void)meaning::find(two, {}, missed); // no rule decides
    CHECK(misses == 2);
}

TEST_CASE("row_rules: the row to save is merged, or new with an id that no row has", "[row_rules]") {
    const token merged = meaning::row_to_save(two, {.user_name = "ada", .access_token = "new"});
    CHECK(merged.id == "1");
    CHECK(merged.access_token == "new");
    CHECK(merged.refresh_token == "r");
    const token added = meaning::row_to_save(two, {.user_name = "eve", .access_token = "e"});
    CHECK(added.id.size() == 32);
    CHECK(meaning::row_to_save(two, {.user_name = "eve", .access_token = "e", .id = "7"}).id == "7");
    CHECK(code_of([] { meaning::row_to_save(two, {.user_name = "eve"}); }) == errc::invalid_record);
    CHECK(code_of([] { meaning::row_to_save(two, {.user_name = "bob", .access_token = "x", .id = "1"}); }) ==
          errc::ambiguous);
}

TEST_CASE("row_rules: a row may be replaced while it is as it was read, and keeps its id", "[row_rules]") {
    token next = two.rows[0];
    next.access_token = "new";
    CHECK(meaning::is_unchanged(two, two.rows[0]));
    CHECK(meaning::may_replace(two, two.rows[0], next));
    CHECK(!meaning::is_unchanged(two, next));
    CHECK(!meaning::may_replace(two, next, two.rows[0]));
    next.id = "7";
    CHECK(code_of([&] { meaning::may_replace(two, two.rows[0], next); }) == errc::invalid_record);
    next = two.rows[0];
    next.user_name = "bob";
    CHECK(code_of([&] { meaning::may_replace(two, two.rows[0], next); }) == errc::ambiguous);
}
