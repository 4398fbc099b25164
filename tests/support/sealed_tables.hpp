// SPDX-License-Identifier: MIT
// What holds for sealed tables of every store that keeps each field in a cell. A Table is made with the rows of ada and
// bob, sealed with a sealer that is given or old_key(). It has store(sealer); cell(row, column), set(row, column, cell)
// and exchange(columns) of both rows; row(name) and set_row(name, cells) for the cells of columns(); erase(row);
// insert(row, cells); empty_is_absent.
#ifndef TOKENKEEP_TESTS_SUPPORT_SEALED_TABLES_HPP
#define TOKENKEEP_TESTS_SUPPORT_SEALED_TABLES_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/reseal.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/token.hpp>

#include "support/catch.hpp"
#include "support/sealed_keys.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tests {

using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::token;

/// A row with every field, each with `name` in it.
inline token login(const std::string& name) {
    return {.user_name = "user " + name,
            .client_id = "client of " + name,
            .client_secret = "client secret of " + name,
            .refresh_token = "refresh of " + name,
            .access_token = "access of " + name,
            .grant_token = "grant of " + name,
            .redirect_url = "https://app.example/" + name,
            .api_domain = "https://api.example/" + name,
            .scope = "read " + name,
            .token_type = "Bearer " + name,
            .expires_at = tokenkeep::timestamp(1'700'000'000'123ms),
            .issued_at = tokenkeep::timestamp(1'699'999'000'000ms),
            .status = "status of " + name,
            .seed = "seed of " + name,
            .extra = "extra of " + name,
            .refresh_expires_at = tokenkeep::timestamp(1'800'000'000'000ms),
            .logged_in_at = tokenkeep::timestamp(1'699'000'000'000ms),
            .used_at = tokenkeep::timestamp(1'699'000'000'001ms),
            .code_verifier = "verifier of " + name,
            .label = "label of " + name,
            .former = "former of " + name,
            .id = "id of " + name};
}

inline std::vector<token> sorted(std::vector<token> rows) {
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.id < b.id; });
    return rows;
}

/// Whether the call says that the row of that name cannot be opened.
template <class Act>
bool cannot_open(const std::string& name, Act act, const std::string& why = {}) {
    try {
        act();
    } catch (const tokenkeep::error& failure) {
        const std::string said = failure.what();
        if (failure.code() == errc::permissions &&
            has_all(said, {"this sealer cannot open the row \"id of " + name + "\"", why}))
            return true;
        UNSCOPED_INFO(said);
    }
    return false;
}

inline const std::string altered = "the row is not as it was sealed";

/// The row of ada cannot be opened by any call that finds it by something of hers. All else is as ever.
template <class Table>
void check_only_ada_is_lost(Table& table, const std::string& why = altered) {
    auto store = table.store();
    CHECK(cannot_open(
        "ada", [&] { (void)store.find_token_by_id("id of ada"); }, why));
    CHECK(cannot_open(
        "ada", [&] { (void)store.get_tokens(); }, why));
    CHECK(cannot_open(
        "ada", [&] { store.save_token({.access_token = "x", .id = "id of ada"}); }, why));
    CHECK(cannot_open(
        "ada", [&] { (void)store.replace_token(login("ada"), login("ada")); }, why));
    CHECK(cannot_open(
        "ada", [&] { (void)store.remove_token(login("ada")); }, why));
    CHECK(store.find_token_by_id("id of bob") == login("bob"));
    CHECK(store.find_token({.user_name = "user bob"}) == login("bob"));
    CHECK(store.find_token({.client_id = "client of bob", .refresh_token = "refresh of bob"}) == login("bob"));
    token next = login("bob");
    next.scope = "other";
    CHECK(store.replace_token(login("bob"), next));
    CHECK(store.replace_token(next, login("bob")));
}

template <class Store>
void check_every_rule(Store store) {
    const token ada = login("ada");
    store.save_token(ada);
    store.save_token(login("bob"));
    CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, login("bob")});
    const std::string client = ada.client_id;
    for (const token& probe :
         {token{.id = ada.id}, token{.user_name = ada.user_name}, token{.access_token = ada.access_token},
          token{.client_id = client, .grant_token = ada.grant_token},
          token{.client_id = client, .refresh_token = ada.refresh_token}, token{.client_id = client, .seed = ada.seed},
          token{.user_name = ada.user_name, .label = ada.label}})
        CHECK(store.find_token(probe) == ada);
    CHECK(!store.find_token({.access_token = "access of eve"}));
    CHECK(!store.find_token({.client_id = "client of bob", .refresh_token = ada.refresh_token}));
    token next{.id = ada.id};
    next.access_token = "another";
    CHECK(store.replace_token(ada, next)); // most cells are empty
    CHECK(store.find_token_by_id(ada.id) == next);
    CHECK(store.find_token({.access_token = "another"}) == next);
    CHECK(!store.find_token({.access_token = ada.access_token}));
}

/// `all` is everything that is stored of a table with the row of ada, and `without_names` of one with seals_names.
inline void check_dumps(const std::string& all, const std::string& without_names) {
    const auto holds = [](const std::string& dump, std::string_view text) {
        const std::string coded = tokenkeep::text::to_base64url(text);
        return dump.find(text) != dump.npos || dump.find(coded.substr(0, coded.size() - 1)) != dump.npos;
    };
    const token ada = login("ada");
    for (const tokenkeep::field& f : tokenkeep::fields) {
        CAPTURE(f.name);
        if (f.secret_text != nullptr) {
            CHECK(!holds(all, (ada.*f.secret_text).reveal()));
            CHECK(!holds(without_names, (ada.*f.secret_text).reveal()));
        } else if (f.text != nullptr) {
            CHECK(holds(all, ada.*f.text)); // seed, former and status too
            CHECK(holds(without_names, ada.*f.text) == (f.name == "id"));
        } else {
            CHECK(holds(all, tokenkeep::to_text(*(ada.*f.time))));
            CHECK(holds(without_names, tokenkeep::to_text(*(ada.*f.time))));
        }
    }
    CHECK(holds(all, "key-1"));
}

template <class Table>
void check_changed_cells() {
    Table table;
    token sparse{.access_token = "access of ada", .id = "id of ada"};
    for (const token& ada : {login("ada"), sparse}) {
        REQUIRE(table.store().replace_token(table.store().find_token_by_id(ada.id).value(), ada));
        const auto whole = table.row("ada");
        for (std::size_t n = 1; n < whole.size(); ++n) {
            const std::string column = Table::columns()[n];
            const std::string right = whole[n].value_or("");
            std::vector<std::optional<std::string>> wrong;
            if (whole[n] || !Table::empty_is_absent) wrong.emplace_back("");
            if (whole[n]) {
                std::string flipped = right;
                flipped[0] = flipped[0] == 'A' ? 'B' : 'A';
                wrong.insert(wrong.end(), {flipped, right.substr(0, right.size() - 1), right + "A", std::nullopt});
            } else {
                wrong.push_back("A");
            }
            auto store = table.store();
            for (const auto& cell : wrong) {
                CAPTURE(column, cell.value_or("NULL"));
                table.set("ada", column, cell);
                CHECK(cannot_open("ada", [&] { (void)store.find_token_by_id("id of ada"); }));
                CHECK(store.find_token_by_id("id of bob") == login("bob"));
            }
            table.set("ada", column, whole[n]);
            CHECK(store.find_token_by_id("id of ada") == ada);
        }
    }
    table.set("ada", "access_token", table.cell("bob", "access_token"));
    check_only_ada_is_lost(table);
}

template <class Table>
void check_moved_cells() {
    for (const std::string column : {"client_secret", "refresh_token", "extra"}) {
        Table table;
        table.exchange({column});
        auto store = table.store();
        CHECK(cannot_open(
            "ada", [&] { (void)store.find_token_by_id("id of ada"); }, altered));
        CHECK(cannot_open(
            "bob", [&] { (void)store.find_token({.user_name = "user bob"}); }, altered));
    }
    Table table, other;
    const auto whole = table.row("ada");
    const auto refresh = table.cell("ada", "refresh_token"), index = table.cell("ada", "refresh_token_index");
    table.set("ada", "refresh_token", table.cell("ada", "access_token"));
    table.set("ada", "refresh_token_index", table.cell("ada", "access_token_index"));
    check_only_ada_is_lost(table);
    table.set_row("ada", other.row("ada"));
    check_only_ada_is_lost(table);
    table.set_row("ada", whole);
    CHECK(table.store().find_token_by_id("id of ada") == login("ada"));
    table.store().save_token({.refresh_token = "a newer one", .id = "id of ada"});
    table.set("ada", "refresh_token", refresh);
    table.set("ada", "refresh_token_index", index);
    check_only_ada_is_lost(table);
}

template <class Table>
void check_plain_row() {
    Table table;
    table.erase("ada");
    table.insert("ada", {{"user_name", "user ada"}, {"access_token", "access of eve"}});
    check_only_ada_is_lost(table, "row_mac is missing or cut off");
    auto store = table.store();
    CHECK(cannot_open("ada", [&] { (void)store.find_token({.user_name = "user ada"}); }));
    store.delete_token("id of ada");
    CHECK(store.get_tokens() == std::vector<token>{login("bob")});
    table.set("bob", "scope", "all");
    store.delete_token("id of bob");
    store.delete_token("id of bob");
    CHECK(store.get_tokens().empty());
}

template <class Table>
void check_older_row() {
    Table table;
    const auto older = table.row("ada");
    table.store().save_token({.access_token = "newer", .id = "id of ada"});
    table.set_row("ada", older);
    CHECK(table.store().find_token_by_id("id of ada") == login("ada"));
    table.erase("bob");
    CHECK(table.store().get_tokens() == std::vector<token>{login("ada")});
}

template <class Table>
void check_change_of_keys() {
    Table table;
    const token ada = login("ada"), bob = login("bob");
    auto store = table.store(both_keys());
    CHECK(sorted(store.get_tokens()) == std::vector<token>{ada, bob});
    CHECK(store.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}) == ada);
    store.save_token(bob);
    CHECK(table.cell("ada", "row_mac")->ends_with(" key-1"));
    CHECK(table.cell("bob", "row_mac")->ends_with(" key-2"));
    CHECK(store.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}) == ada);
    CHECK(store.find_token({.client_id = "client of bob", .refresh_token = "refresh of bob"}) == bob);
    token eve = login("eve");
    eve.refresh_token = ada.refresh_token;
    eve.client_id = ada.client_id;
    eve.label = ada.label;
    eve.api_domain = ada.api_domain;
    CHECK(code_of([&] { store.save_token(eve); }) == errc::ambiguous); // across the keys

    auto only_new = table.store(new_key()), only_old = table.store(old_key());
    CHECK(cannot_open(
        "ada", [&] { (void)only_new.find_token_by_id("id of ada"); }, "it has no key \"key-1\""));
    CHECK(cannot_open("ada", [&] { (void)only_new.get_tokens(); }));
    CHECK(only_new.find_token({.user_name = "user bob"}) == bob);
    CHECK(cannot_open(
        "bob", [&] { (void)only_old.find_token_by_id("id of bob"); }, "it has no key \"key-2\""));
    store.save_token(ada);
    CHECK(sorted(only_new.get_tokens()) == std::vector<token>{ada, bob});
    CHECK(!only_old.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}));

    auto impostor = table.store(toy_table_sealer("key-2", {{"key-2", "another"}}));
    CHECK(cannot_open(
        "ada", [&] { (void)impostor.find_token_by_id("id of ada"); }, "another key of that name"));
}

/// A store that lacks the key of any row inserts none: a row that it does not find may be one of these.
template <class Table>
void check_unknown_key(bool hides_names) {
    const auto is_refused = [](auto& store, const token& record, const std::string& key) {
        CHECK(!store.find_token(record));
        const auto save = [&] { store.save_token(record); };
        CHECK(code_of(save) == errc::permissions);
        CHECK(has_all(words_of(save), {"this sealer cannot open", "it has no key \"" + key + "\""}));
    };
    Table table;
    const token ada = login("ada"), bob = login("bob"), eve = login("eve");
    const std::vector<token> new_rows{
        {.client_id = ada.client_id, .refresh_token = ada.refresh_token, .access_token = "new"},
        {.access_token = ada.access_token},
        {.client_id = ada.client_id, .grant_token = ada.grant_token},
        eve,
    };
    auto both = table.store(both_keys()), only_new = table.store(new_key()), only_old = table.store(old_key());
    for (const token& row : new_rows) is_refused(only_new, row, "key-1");
    if (hides_names) is_refused(only_new, {.user_name = ada.user_name, .access_token = "new"}, "key-1");
    CHECK(sorted(both.get_tokens()) == std::vector<token>{ada, bob});

    only_old.save_token(eve); // all rows have its key
    both.save_token(bob);
    is_refused(only_old, login("carl"), "key-2"); // though it has inserted a row before
    is_refused(only_new, login("carl"), "key-1");
    token next = bob;
    next.scope = "less";
    only_new.save_token(next);
    CHECK(only_new.find_token({.access_token = bob.access_token}) == next);
    CHECK(sorted(both.get_tokens()) == std::vector<token>{ada, next, eve});

    only_new.delete_token(ada.id);
    is_refused(only_new, login("carl"), "key-1");
    only_new.delete_token(eve.id);
    only_new.save_token(login("carl"));
    CHECK(sorted(only_new.get_tokens()) == std::vector<token>{next, login("carl")});
}

template <class Table>
void check_rows_whose_key_changes() {
    Table table;
    bool is_done = false;
    std::thread other([&] {
        auto one = table.store(both_keys()),
             two = table.store(toy_table_sealer("key-1", {{"key-1", "one"}, {"key-2", "two"}}));
        for (int n = 0; n < 20; ++n) {
            (void)one.reseal_token("id of ada");
            (void)two.reseal_token("id of ada");
        }
    });
    auto store = table.store(both_keys());
    for (int n = 0; n < 60; ++n)
        is_done = is_done ||
                  store.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}) != login("ada");
    other.join();
    CHECK(!is_done);
}

template <class Table>
void check_failing_sealer() {
    Table table;
    toy_table_sealer sealer = old_key();
    auto store = table.store(sealer);
    const auto before = table.row("ada");
    sealer.fail(true);
    CHECK_THROWS_AS(store.save_token({.access_token = "x", .id = "id of ada"}), key_not_at_hand);
    CHECK_THROWS_AS(store.save_token(login("eve")), key_not_at_hand);
    CHECK_THROWS_AS(store.replace_token(login("ada"), login("ada")), key_not_at_hand);
    CHECK_THROWS_AS(store.find_token_by_id("id of ada"), key_not_at_hand);
    sealer.fail(false);
    CHECK(table.row("ada") == before);
    CHECK(sorted(store.get_tokens()) == std::vector<token>{login("ada"), login("bob")});
}

template <class Table>
void check_reseal_among_others() {
    Table table;
    {
        auto store = table.store();
        for (int n = 0; n < 10; ++n) store.save_token(login("user " + std::to_string(n)));
    }
    std::thread other([&] { // which still seals with the old key
        auto store = table.store(toy_table_sealer("key-1", {{"key-1", "one"}, {"key-2", "two"}}));
        for (int n = 0; n < 20; ++n) {
            token next = store.find_token_by_id("id of ada").value();
            next.scope = std::to_string(n);
            while (!store.replace_token(store.find_token_by_id(next.id).value(), next)) {
            }
            store.save_token({.access_token = "new " + std::to_string(n), .id = "id of bob"});
        }
    });
    auto store = table.store(both_keys());
    for (int n = 0; n < 3; ++n) {
        const tokenkeep::reseal_report report = tokenkeep::reseal(store);
        CHECK(report.done() == 12);
        if (n == 0) CHECK(report.resealed >= 10);
    }
    other.join();
    CHECK(tokenkeep::reseal(store).resealed <= 2);
    CHECK(tokenkeep::reseal(store).resealed == 0);
    auto only_new = table.store(new_key());
    CHECK(only_new.get_tokens().size() == 12);
    CHECK(only_new.find_token_by_id("id of ada")->scope == "19"); // no change is lost
    CHECK(only_new.find_token({.access_token = "new 19"})->id == "id of bob");
    CHECK(only_new.find_token_by_id("id of user 3") == login("user 3"));
    CHECK(!store.reseal_token("id of nobody"));
}

template <class Table>
void check_reseal_of_altered_row() {
    Table table;
    table.set("ada", "scope", "all");
    auto store = table.store(both_keys());
    CHECK(cannot_open("ada", [&] { (void)tokenkeep::reseal(store); }));
    CHECK(cannot_open("ada", [&] { (void)store.reseal_token("id of ada"); }));
    CHECK(table.cell("bob", "row_mac")->ends_with(" key-1"));
    store.delete_token("id of ada");
    CHECK(tokenkeep::reseal(store).resealed == 1);
    CHECK(table.store(new_key()).get_tokens() == std::vector<token>{login("bob")});
}

/// A store that is not as its table is: no call does anything.
template <class Store>
void check_refused(Store store, const std::string& why) {
    for (int n = 0; n < 2; ++n) {
        const auto refuses = [&](auto act) {
            CHECK(code_of(act) == errc::permissions);
            CHECK(has_all(words_of(act), {why}));
        };
        refuses([&] { (void)store.get_tokens(); });
        refuses([&] { (void)store.find_token({.user_name = "user ada"}); });
        refuses([&] { store.save_token(login("eve")); });
        refuses([&] { store.delete_token("id of ada"); });
        refuses([&] { store.delete_tokens(); });
        refuses([&] { (void)store.remove_token(login("ada")); });
    }
}

} // namespace tests

#endif
