// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_COMPARING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_COMPARING_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// The record with another value in that field.
inline token altered(token record, const field& f) {
    f.visit([&](auto member) {
        if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
            record.*member = (record.*member).value_or(timestamp{}) + std::chrono::milliseconds{1};
        else
            record.*member = std::string(tokenkeep::detail::view_of(record.*member)) + "x";
    });
    if (f.secret_text == &token::extra) record.extra = R"({"altered":true})";
    return record;
}

/// The record without that field.
inline token emptied(token record, const field& f) {
    f.visit([&](auto member) { record.*member = {}; });
    return record;
}

template <class Rules, class Make, class Check>
void comparing_laws(Make& make, Check& check) {
    const auto fill = [](auto& store) {
        store.save_token(full_login("ada"));
        store.save_token(full_login("bob"));
    };

    check.law("C1", [&] {
        auto store = make();
        fill(store);
        const token ada = only_row_of(store, "ada");
        const std::vector<token> before = rows_of(store);
        token next = ada;
        next.access_token = "new access";
        for (const field& f : fields)
            for (const token& expected : {altered(ada, f), emptied(ada, f)}) {
                if (expected == ada) continue; // the field was empty
                token record = next;
                record.id = expected.id;
                const std::string name(f.name);
                check.expect(!store.replace_token(expected, record), "replace_token sees that " + name + " differs");
                check.expect(!store.remove_token(expected), "remove_token sees that " + name + " differs");
            }
        check.expect(rows_of(store) == before, "if the row differs, nothing changes");
        store.delete_token(ada.id);
        check.expect(!store.replace_token(ada, next), "replace_token is false for a row that is gone");
        check.expect(!store.remove_token(ada), "remove_token is false for a row that is gone");
        check.expect(rows_of(store).size() == 1, "if the row is gone, nothing changes");
    });

    check.law("C2", [&] {
        auto store = make();
        fill(store);
        const token ada = only_row_of(store, "ada"), bob = only_row_of(store, "bob");
        const token bare{.user_name = "ada", .access_token = "new access", .id = ada.id};
        check.expect(store.replace_token(ada, bare), "replace_token is true if the row is as it was read");
        check.expect(store.find_token_by_id(ada.id) == bare, "the row is exactly the record: nothing is merged");
        check.expect(!store.replace_token(ada, bare),
                     "replace_token is false if `expected` is the row before its last change");
        check.expect(store.replace_token(bare, bare), "a replacement that changes nothing is true");
        check.expect(store.find_token_by_id(bob.id) == bob, "no other row is touched");
        check.expect(store.remove_token(bare), "remove_token is true if the row is as it was read");
        check.expect(rows_of(store) == std::vector<token>{bob}, "remove_token removes that row and no other");
    });

    check.law("C2", [&] {
        auto store = make();
        fill(store);
        token ada = only_row_of(store, "ada");
        for (const field& f : fields) {
            if (f.text == &token::id) continue;
            const token next = altered(ada, f);
            check.expect(store.replace_token(ada, next), "a replacement may change " + std::string(f.name));
            check.expect(store.find_token_by_id(ada.id) == next, "and has changed " + std::string(f.name));
            ada = next;
        }
        check.expect(rows_of(store).size() == 2, "a replacement never makes a row");
        const token gone{.id = ada.id};
        check.expect(store.replace_token(ada, gone), "a replacement may empty a row");
        check.expect(store.find_token_by_id(ada.id) == gone, "and has emptied it");
    });

    check.law("C2", [&] {
        auto store = make();
        fill(store);
        for (int round = 0; round < 8; ++round) {
            const token ada = only_row_of(store, "ada");
            std::vector<int> won(threads_of_a_law);
            const std::vector<std::string> thrown = all_at_once([&](std::size_t n) {
                token next = ada;
                next.access_token = "access " + std::to_string(round) + "." + std::to_string(n);
                won[n] = store.replace_token(ada, next) ? 1 : 0;
            });
            for (const std::string& fault : thrown)
                check.expect(fault.empty(), "replacements of one row at once do not throw: " + fault);
            check.expect(std::count(won.begin(), won.end(), 1) == 1,
                         "of replacements of one row at once, one succeeds");
        }
    });

    check.law("C3", [&] {
        auto store = make();
        fill(store);
        const token ada = only_row_of(store, "ada");
        const std::vector<token> before = rows_of(store);
        token renamed = ada;
        renamed.id += "x";
        check.expect_error(
            errc::invalid_record, [&] { store.replace_token(ada, renamed); }, "a replacement keeps the row's id");
        token stranger = full_login("eve");
        stranger.id = "eve's id";
        check.expect(!store.replace_token(stranger, stranger), "replace_token never inserts");
        check.expect(!store.remove_token(stranger), "remove_token of an id that no row has is false");
        const token nobody{};
        check.expect(!store.replace_token(nobody, nobody) && !store.remove_token(nobody),
                     "an empty record matches no row");
        token clash = ada;
        clash.user_name = "bob";
        if (means<Rules>(token{.user_name = "bob", .client_id = "app"}, clash))
            check.expect_error(
                errc::ambiguous, [&] { store.replace_token(ada, clash); },
                "a replacement never makes two rows of one identity");
        check.expect(rows_of(store) == before, "a change that is refused changes nothing");
    });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
