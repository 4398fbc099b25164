// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_KEEPING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_KEEPING_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>

#include <exception>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

template <class Make, class Check>
void deleting_laws(Make& make, Check& check) {
    check.law("S6", [&] {
        auto store = make();
        store.delete_token("nobody");
        fill_with_three(store);
        store.save_token({.user_name = "prefix", .access_token = "p", .id = "007"});
        store.save_token({.user_name = "longer", .access_token = "l", .id = "0077"});
        const std::vector<token> before = rows_of(store);
        for (const char* id : {"", "id", "nope", "1 or 1=1", "x' or '1'='1", "0", "7", "00", "00777", "%", "*"})
            store.delete_token(id);
        check.expect(rows_of(store) == before, "deleting an id that no row has changes nothing and is not an error");
        store.delete_token("007");
        check.expect(!store.find_token_by_id("007") && store.find_token_by_id("0077"), "an id is deleted by all of it");
        store.delete_token("007");
        std::size_t left = rows_of(store).size();
        check.expect(left + 1 == before.size(), "one row is deleted, and not twice");
        for (const token& row : rows_of(store)) {
            store.delete_token(row.id);
            --left;
            check.expect(!store.find_token_by_id(row.id) && rows_of(store).size() == left,
                         "the row of that id is gone");
        }
        check.expect(!store.find_token({.user_name = "bob"}), "a deleted row is not found");
    });

    check.law("S6", [&] {
        auto store = make();
        store.save_token({.user_name = "ada", .access_token = "a", .id = "id"});
        store.save_token(login("bob"));
        check.expect(store.find_token_by_id("id").has_value(), "\"id\" is an id like any other");
        store.delete_token("id");
        check.expect(rows_of(store).size() == 1, "and deletes one row");
    });

    check.law("S7", [&] {
        auto store = make();
        check.expect(rows_of(store).empty(), "an empty store gives an empty range");
        store.save_token(full_login("ada"));
        check.expect(rows_of(store).size() == 1, "the first row is a row, not a heading");
        store.save_token(full_login("bob"));
        const std::vector<token> rows = rows_of(store);
        check.expect(rows.size() == 2 && rows[0].id != rows[1].id, "every row is given once");
        for (const token& row : rows) {
            token wanted = full_login(row.user_name);
            wanted.id = row.id;
            check.expect(row == wanted, "every row is given whole");
        }
        check.expect(rows_of(store) == rows, "looking changes nothing");
    });

    check.law("S8", [&] {
        auto store = make();
        store.delete_tokens();
        check.expect(rows_of(store).empty(), "emptying an empty store is not an error");
        fill_with_three(store);
        store.delete_tokens();
        check.expect(rows_of(store).empty() && !store.find_token({.user_name = "bob"}), "every row is gone");
        store.save_token(login("ada"));
        check.expect(rows_of(store).size() == 1, "an emptied store takes rows again");
    });

    check.law("S12", [&] {
        auto store = make();
        std::set<std::string> given;
        const auto save = [&](const std::string& user) {
            store.save_token(login(user));
            const std::string id = only_row_of(store, user).id;
            check.expect(given.insert(id).second, "no id is given a second time");
            return id;
        };
        save("ada");
        save("bob");
        store.delete_token(save("the last"));
        save("after the last");
        store.delete_token(*given.begin());
        save("after the first");
        store.delete_tokens();
        save("after all");
        store.save_token({.user_name = "named", .access_token = "n", .id = "9"});
        save("after nine");
        save("after ten");
    });
}

/// Texts that real stores have lost or changed.
inline std::vector<std::string> awkward_texts(bool any_bytes, bool nul) {
    using namespace std::string_literals;
    std::vector<std::string> texts{"O'Brien",
                                   "a \"quoted\" name",
                                   "comma, semicolon; tab\t",
                                   "line\nbreak\r\n",
                                   "back\\slash",
                                   " space at both ends ",
                                   "%s%d%n",
                                   "nobody' or '1'='1",
                                   "x'; drop table oauthtoken; --",
                                   "${jndi}",
                                   "<a&amp;b>",
                                   "{\"json\":[1]}",
                                   "null",
                                   "NULL",
                                   "0",
                                   "-1",
                                   "1e3",
                                   "true",
                                   "\xc3\xa9t\xc3\xa9",
                                   "\xf0\x9f\x94\x91 key",
                                   "\xe2\x80\xae left",
                                   "\xef\xbb\xbf mark",
                                   "\x01\x02\x1f\x7f",
                                   "id",
                                   "user_name",
                                   std::string(40, 'x'),
                                   std::string(2'000, 'y'),
                                   std::string(65'536, 'z')};
    if (nul) texts.insert(texts.end(), {"a\0b"s, "\0"s, "end\0"s});
    if (any_bytes) texts.insert(texts.end(), {"latin \xe9", "\xff\xfe", "\xc3"});
    return texts;
}

template <class Make, class Check>
void value_laws(Make& make, Check& check, bool any_bytes, bool nul, std::size_t longest_id) {
    const std::vector<std::string> texts = awkward_texts(any_bytes, nul);

    check.law("S11", [&] {
        auto store = make();
        for (const std::string& text : texts) {
            token record = login(text);
            record.scope = record.token_type = record.redirect_url = record.status = record.seed = text;
            record.grant_token = "grant " + text;
            store.save_token(record);
            const std::optional<token> found = store.find_token({.user_name = text, .client_id = "app"});
            record.id = found ? found->id : std::string();
            check.expect(found == record,
                         "text comes back byte for byte: " + redacted({.user_name = text.substr(0, 30)}));
        }
        check.expect(rows_of(store).size() == texts.size(), "text that differs in one byte is another name");
        for (const std::string& text : texts)
            check.expect(only_row_of(store, text).access_token == "access of " + text,
                         "no name hits the row of another");
    });

    check.law("S11", [&] {
        auto store = make();
        std::vector<std::string> ids = texts;
        if (longest_id != 0) std::erase_if(ids, [&](const std::string& id) { return id.size() > longest_id; });
        for (const std::string& text : ids)
            store.save_token({.user_name = "user " + text, .access_token = text, .id = text});
        for (const std::string& text : ids) {
            const token wanted{.user_name = "user " + text, .access_token = text, .id = text};
            check.expect(store.find_token_by_id(text) == wanted, "any text is an id");
        }
        for (const std::string& text : ids) store.delete_token(text);
        check.expect(rows_of(store).empty(), "and deletes its row");
    });

    check.law("S11", [&] {
        auto store = make();
        for (const std::int64_t count : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{253'402'300'799'999}}) {
            token record = login("ada");
            record.access_token = "at " + std::to_string(count);
            record.expires_at = record.issued_at = timestamp{std::chrono::milliseconds{count}};
            store.save_token(record);
            record.id = only_row_of(store, "ada").id;
            check.expect(only_row_of(store, "ada") == record, "a time comes back to the millisecond");
        }
    });

    check.law("S11", [&] {
        auto store = make();
        store.save_token(login("ada"));
        const std::vector<token> before = rows_of(store);
        std::vector<token> refused;
        if (!any_bytes) refused.push_back({.user_name = "latin \xe9", .access_token = "a"});
        if (!nul) refused.push_back({.user_name = std::string("a\0b", 3), .access_token = "a"});
        if (longest_id != 0)
            refused.push_back({.user_name = "b", .access_token = "b", .id = std::string(longest_id + 1, 'x')});
        for (const token& record : refused) {
            bool failed = false;
            try {
                store.save_token(record);
            } catch (const std::exception&) {
                failed = true;
            }
            check.expect(failed && rows_of(store) == before, "text that cannot be kept is refused and changes nothing");
        }
    });
}

/// The law "May": every operation may be called from many threads at once.
template <class Make, class Check>
void thread_laws(Make& make, Check& check) {
    check.law("May", [&] {
        auto store = make();
        std::vector<std::string> faults(threads_of_a_law);
        std::vector<std::string> thrown = all_at_once([&](std::size_t n) {
            for (int i = 0; i < 20; ++i) {
                const std::string user = std::to_string(n) + "." + std::to_string(i);
                store.save_token(login(user));
                store.save_token(login("of all"));
                if (!store.find_token({.user_name = user})) faults[n] = "a row that was saved is not found";
                if (i % 4 == 0) store.delete_token(store.find_token({.user_name = user}).value().id);
                if (rows_of(store).empty()) faults[n] = "rows are missing";
            }
        });
        thrown.insert(thrown.end(), faults.begin(), faults.end());
        for (const std::string& fault : thrown) check.expect(fault.empty(), "four threads at once: " + fault);
        check.expect(rows_of(store).size() == 61, "no save and no deletion is lost among threads");
    });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
