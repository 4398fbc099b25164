// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_FINDING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_FINDING_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// Probes of every kind about those rows: each field alone, with the right client and with wrong ones, and with text
/// that is in no row.
inline std::vector<token> probes_about(const std::vector<token>& rows) {
    std::vector<token> probes{
        {}, {.client_id = "app"}, {.client_secret = "app secret"}, {.api_domain = "https://api.example"}};
    const auto add = [&](token probe) {
        probes.push_back(probe);
        for (const char* client : {"app", "other", "nobody's"}) {
            probe.client_id = client;
            probes.push_back(probe);
            probe.client_secret = "app secret";
            probes.push_back(probe);
            probe.client_secret.clear();
        }
        probe.client_id.clear();
        for (const char* domain : {"https://api.example", "https://elsewhere.example"}) {
            probe.api_domain = domain;
            probes.push_back(probe);
        }
    };
    for (const token& row : rows) {
        add({.id = row.id});
        add({.user_name = row.user_name});
        add({.access_token = row.access_token});
        add({.grant_token = row.grant_token});
        add({.refresh_token = row.refresh_token});
        add({.seed = row.seed});
        add({.refresh_token = row.refresh_token, .grant_token = "a new grant"});
        add({.user_name = "nobody", .access_token = row.access_token});
        add({.user_name = row.user_name, .refresh_token = rows.front().refresh_token, .id = rows.back().id});
    }
    for (const char* text : {"nobody", "id", "user_name", "ad", "ada ", "ADA", "' or '1'='1", "nobody' or '1'='1",
                             "x' union select client_secret from oauthtoken --", "1 or 1=1", "%", "*", "0", "\n"}) {
        add({.user_name = text});
        add({.access_token = text});
        add({.refresh_token = text});
        add({.id = text});
    }
    return probes;
}

template <class Rules, class Make, class Check>
void finding_laws(Make& make, Check& check) {
    check.law("S1", [&] {
        auto store = make();
        fill_with_three(store);
        const std::vector<token> rows = rows_of(store);
        for (const token& probe : probes_about(rows)) {
            std::vector<token> meant;
            for (const token& row : rows)
                if (means<Rules>(probe, row)) meant.push_back(row);
            const token before = probe;
            if (meant.size() > 1) {
                check.law("S2", [&] {
                    check.expect_error(
                        errc::ambiguous, [&] { store.find_token(probe); },
                        "a probe that means two rows is ambiguous: " + redacted(probe));
                });
                continue;
            }
            const std::optional<token> found = store.find_token(probe);
            if (meant.empty())
                check.expect(!found, "a probe that means no row finds nothing: " + redacted(probe));
            else
                check.expect(found == meant[0], "the row is found whole, as it is stored: " + redacted(probe));
            check.expect(probe == before, "the probe is not touched: " + redacted(probe));
        }
        check.expect(rows_of(store) == rows, "looking changes nothing");
    });

    check.law("S1", [&] {
        auto store = make();
        check.expect(!store.find_token({}), "an empty probe finds nothing in an empty store");
        check.expect(!store.find_token({.user_name = "ada"}), "a user is not found in an empty store");
        store.save_token(login("ada"));
        check.expect(!store.find_token({}), "an empty probe finds nothing, even if the store has one row");
        const token stale{.user_name = "ada", .access_token = "stale", .scope = "of the probe"};
        const std::optional<token> found = store.find_token(stale);
        check.expect(found && found->access_token == "access of ada" && found->scope.empty(),
                     "the result is the row, with nothing of the probe");
    });

    check.law("S9", [&] {
        auto store = make();
        fill_with_three(store);
        for (const token& row : rows_of(store)) {
            check.expect(store.find_token_by_id(row.id) == row, "a row is found by its id");
            for (const std::string& id : {row.id + " ", " " + row.id, row.id + "0", "0" + row.id, row.id.substr(1)})
                check.expect(!store.find_token_by_id(id),
                             "an id that differs a little from that of a row finds nothing");
        }
        for (const char* id : {"", "id", "0", "1 or 1=1", "zzz' or user_name='bob", "nobody", "%"})
            check.expect(!store.find_token_by_id(id), "an id that no row has is nullopt");
    });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
