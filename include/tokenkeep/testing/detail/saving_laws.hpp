// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_SAVING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_SAVING_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

template <class Rules, class Make, class Check>
void saving_laws(Make& make, Check& check) {
    check.law("S3", [&] {
        auto store = make();
        store.save_token(login("ada"));
        const token ada = only_row_of(store, "ada");
        check.expect(!ada.id.empty(), "a new row is given an id");
        token wanted = login("ada");
        wanted.id = ada.id;
        check.expect(ada == wanted, "a new row is the record, and nothing else");
        store.save_token(login("ada"));
        check.expect(rows_of(store) == std::vector<token>{ada}, "the same record a second time is the same row");
        store.save_token(ada);
        check.expect(rows_of(store) == std::vector<token>{ada}, "a row saved as it was read changes nothing");
        store.save_token(login("bob"));
        check.expect(rows_of(store).size() == 2, "another user is another row");
        check.expect(only_row_of(store, "ada") == ada, "a save touches no row but its own");
    });

    check.law("S3", [&] {
        auto store = make();
        store.save_token(login("ada"));
        store.save_token(login("bob"));
        const token ada = only_row_of(store, "ada"), bob = only_row_of(store, "bob");
        store.save_token({.refresh_token = "rotated", .id = ada.id});
        token rotated = ada;
        rotated.refresh_token = "rotated";
        check.expect(store.find_token_by_id(ada.id) == rotated, "a rotated refresh token is saved by the row's id");
        store.save_token({.user_name = "lovelace", .id = ada.id});
        check.expect(rows_of(store).size() == 2 && only_row_of(store, "lovelace").id == ada.id,
                     "the id decides, whatever the user");
        store.save_token({.user_name = "eve", .access_token = "of eve", .id = "alice"});
        check.expect(only_row_of(store, "eve").id == "alice", "a record with an id no row has keeps it");
        store.save_token(login("next"));
        check.expect(!only_row_of(store, "next").id.empty(), "after an id in letters new rows are still given ids");
        store.save_token({.access_token = "pwned' where 1=1 --", .id = "x' or '1'='1"});
        check.expect(store.find_token_by_id(bob.id) == bob &&
                         store.find_token_by_id(ada.id).value().user_name == "lovelace",
                     "text that looks like SQL changes no other row");
    });

    check.law("S3", [&] {
        auto store = make();
        std::set<std::string> ids;
        for (int n = 0; n < 25; ++n) store.save_token(login("user " + std::to_string(n)));
        for (const token& row : rows_of(store)) ids.insert(row.id);
        check.expect(ids.size() == 25 && !ids.contains(""), "25 users are 25 rows of 25 ids");
        check.expect(only_row_of(store, "user 9").access_token == "access of user 9", "no row overwrites another");
    });

    check.law("S4", [&] {
        auto store = make();
        fill_with_three(store);
        const std::vector<token> before = rows_of(store);
        for (const token& row : before)
            for (const token& other : before) {
                if (row.id == other.id) continue;
                token record = other;
                record.id = row.id;
                const token merged = merge(row, record);
                if (!is_double<Rules>(merged, other)) continue;
                check.expect_error(
                    errc::ambiguous, [&] { store.save_token(record); }, "a row may not become the double of another");
                check.law("S10",
                          [&] { check.expect(rows_of(store) == before, "a save that is refused changes nothing"); });
            }
        token double_of_ada = full_login("ada");
        double_of_ada.id = "an id of its own";
        check.expect_error(
            errc::ambiguous, [&] { store.save_token(double_of_ada); },
            "a second row for one user is refused, even under an id of its own");
        check.expect(rows_of(store) == before, "a save that is refused changes nothing");
    });

    check.law("S5", [&] {
        auto store = make();
        for (const token& record : {token{}, token{.user_name = "ada"}, token{.user_name = ""}, token{.id = "7"},
                                    token{.user_name = "ada", .client_id = "app", .client_secret = "s"}})
            check.expect_error(
                errc::invalid_record, [&] { store.save_token(record); },
                "a new record without any token is refused: " + redacted(record));
        check.expect(rows_of(store).empty(), "what is refused is not stored");
        for (const token& record :
             {token{.user_name = "a", .access_token = "x"}, token{.user_name = "b", .refresh_token = "x"},
              token{.user_name = "c", .grant_token = "y"}})
            store.save_token(record);
        check.expect(rows_of(store).size() == 3, "any one token will do");
        store.save_token({.user_name = "a", .scope = "read"});
        check.expect(only_row_of(store, "a").scope == "read",
                     "a record without a token may change a row that is there");
    });
}

/// The part of law S3 about merging.
template <class Make, class Check>
void merging_laws(Make& make, Check& check) {
    check.law("S3", [&] {
        auto store = make();
        store.save_token(full_login("ada"));
        token wanted = only_row_of(store, "ada");
        store.save_token({.user_name = "ada", .client_id = "app", .scope = "read"});
        wanted.scope = "read";
        check.expect(only_row_of(store, "ada") == wanted, "what a record leaves empty keeps the stored value");

        store.save_token({.user_name = "ada", .client_id = "app", .access_token = "new access"});
        wanted.access_token = "new access";
        wanted.expires_at.reset();
        wanted.issued_at.reset();
        wanted.status.clear();
        check.expect(only_row_of(store, "ada") == wanted,
                     "a new access token takes expiry, time of issue and status with it, empty ones too");

        const timestamp soon{std::chrono::milliseconds{1'800'000'000'000}};
        store.save_token(
            {.user_name = "ada", .access_token = "newer", .expires_at = soon, .issued_at = soon, .status = "s"});
        wanted.access_token = "newer";
        wanted.expires_at = wanted.issued_at = soon;
        wanted.status = "s";
        check.expect(only_row_of(store, "ada") == wanted, "a new access token brings its own expiry");

        store.save_token({.user_name = "ada", .access_token = "newer"});
        check.expect(only_row_of(store, "ada") == wanted, "the access token that is there already changes nothing");

        store.save_token({.user_name = "ada", .refresh_token = "rotated", .status = "none"});
        wanted.refresh_token = "rotated";
        wanted.refresh_expires_at.reset();
        wanted.status = "none";
        check.expect(only_row_of(store, "ada") == wanted,
                     "other fields are replaced one by one; a new refresh token takes its end with it");

        store.save_token({.client_id = "app", .refresh_token = "rotated", .token_type = "bearer", .id = wanted.id});
        wanted.token_type = "bearer";
        check.expect(only_row_of(store, "ada") == wanted, "saving by id merges as well");
    });
}

/// Which records are one identity and which are two, if the rules tie a row to its client, its domain and its label.
template <class Rules, class Make, class Check>
void identity_laws(Make& make, Check& check) {
    const token ada = login("ada");
    token at_other = ada, at_domain = ada, at_elsewhere = ada;
    at_other.client_id = "other";
    at_domain.api_domain = "https://api.example";
    at_elsewhere.api_domain = "https://elsewhere.example";

    check.law("S3", [&] {
        auto store = make();
        store.save_token(ada);
        store.save_token(at_other);
        check.expect(rows_of(store).size() == (means<Rules>(at_other, ada) ? 1u : 2u),
                     "one user of two clients is two identities, where the rules bind the client");
        store.save_token(ada);
        check.expect(rows_of(store).size() == (means<Rules>(at_other, ada) ? 1u : 2u), "each is saved to its own row");
    });

    check.law("S3", [&] {
        auto store = make();
        store.save_token(at_domain);
        store.save_token(at_elsewhere);
        check.expect(rows_of(store).size() == (means<Rules>(at_elsewhere, at_domain) ? 1u : 2u),
                     "one user of two API domains is two identities, where the rules bind the domain");
    });

    check.law("S3", [&] {
        auto store = make();
        store.save_token(ada);
        store.save_token(at_domain);
        check.expect(rows_of(store).size() == 1, "a row without a domain takes the one that is saved");
        check.expect(only_row_of(store, "ada").api_domain == "https://api.example", "and keeps it");
        store.save_token({.user_name = "ada", .scope = "read"});
        check.expect(rows_of(store).size() == 1,
                     "a record that names neither client nor domain means the user's one row");
    });

    check.law("S3", [&] {
        token in_eu = ada, in_us = ada;
        in_eu.label = "eu";
        in_us.label = "us";
        auto store = make();
        store.save_token(ada);
        const bool binds_labels = !is_saved_over<Rules>(in_eu, ada) && !store.find_token(in_eu);
        store.save_token(in_eu);
        store.save_token(in_us);
        if (!binds_labels) return; // nor does it keep them apart
        const std::size_t wanted = 3;
        check.expect(rows_of(store).size() == wanted,
                     "one user at two labels and at none is three identities, where the store binds the label");
        store.save_token({.user_name = "ada", .client_id = "app", .scope = "read", .label = "eu"});
        check.expect(rows_of(store).size() == wanted, "each is saved to its own row");
        const std::optional<token> eu = store.find_token(in_eu);
        check.expect(eu && eu->label == "eu" && eu->scope == "read", "a label finds the row of exactly that label");
        check.expect(store.find_token(in_us).value_or(token{}).scope.empty(), "and no other row has changed");
        check.expect(!store.find_token({.user_name = "ada", .label = "apac"}), "a label that no row has finds none");
        check.expect_error(
            errc::ambiguous, [&] { (void)store.find_token({.user_name = "ada"}); },
            "a probe without a label means the rows of all labels");
    });

    check.law("S2", [&] {
        auto store = make();
        store.save_token(ada);
        store.save_token(at_other);
        if (rows_of(store).size() != 2) return;
        const std::vector<token> before = rows_of(store);
        check.expect_error(
            errc::ambiguous, [&] { store.save_token({.user_name = "ada", .scope = "x"}); },
            "a save that means two rows is ambiguous");
        check.expect(rows_of(store) == before, "and changes nothing");
    });

    check.law("S3", [&] {
        auto store = make();
        const token first{.client_id = "app", .refresh_token = "R"}, bare{.refresh_token = "R"},
            other{.client_id = "other", .refresh_token = "R"};
        store.save_token(first);
        store.save_token(first);
        check.expect(rows_of(store).size() == (means<Rules>(first, first) ? 1u : 2u),
                     "a record without a user is known by its refresh token and client");
        const std::size_t before = rows_of(store).size();
        if (before != 1) return;
        store.save_token(other);
        check.expect(rows_of(store).size() == (means<Rules>(other, first) ? 1u : 2u),
                     "the refresh token of another client is another row");
        if (means<Rules>(bare, first)) return;
        check.expect(!store.find_token(bare),
                     "a refresh token without a client finds nothing, under rules that ask for one");
    });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
