// SPDX-License-Identifier: MIT
// No block of memory that we free still holds a secret: every block is searched as it is freed. Rows of a list_store
// are plain strings and exempt.
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/identity_key.hpp>
#include <tokenkeep/status.hpp>
#include <tokenkeep/zoho/csv.hpp>

#include "support/searched_memory.hpp"
#include "support/temporary.hpp"
#include "support/toy_sealer.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view mark = "S3NT";

char text_of_secret[200'000];
std::size_t secret_size = 0;

/// A text shorter than the mark is looked for in blocks of its size only.
bool holds_secret(std::string_view block) {
    if (secret_size >= mark.size()) return block.find(mark) != block.npos;
    return block == std::string_view(text_of_secret, secret_size);
}

using namespace tokenkeep;

const tests::toy_sealer toy{"a key of the toy", {{"a key of the toy", "its key"}}};
struct sealed : defaults {
    using sealer = tests::toy_sealer;
};

using tests::freed, tests::leaks, tests::searching;

int passed = 0, failed = 0;

std::string_view hidden() { return {text_of_secret, secret_size}; }

token login(const char* user) {
    return {.user_name = user,
            .client_id = "app",
            .client_secret = hidden(),
            .refresh_token = hidden(),
            .access_token = hidden(),
            .grant_token = hidden(),
            .extra = hidden()};
}

/// Runs `act` with a secret of each size, and searches what it frees.
template <class Act>
void check(const char* what, Act act) {
    constexpr std::size_t sizes[] = {1,  2,  3,  4,  7,  8,  14,  15,    16,    17,
                                     22, 23, 24, 30, 31, 64, 100, 4'095, 5'000, 70'000};
    for (const std::size_t size : sizes) {
        secret_size = size;
        leaks = freed = 0;
        searching = true;
        act();
        searching = false;
        if (leaks == 0 && freed > 0) {
            ++passed;
        } else {
            ++failed;
            std::printf("%s, %zu bytes: %d of %d freed blocks hold the secret\n", what, size, leaks, freed);
        }
    }
}

template <class Codec>
void there_and_back() {
    std::vector<token> rows{login("ada"), login("bob")};
    rows[0].id = "7";
    rows[1].id = "8";
    const secret document = Codec::encode(rows);
    (void)Codec::decode(document.reveal());
}

template <class Codec>
void damaged() {
    const std::vector<token> rows{{.access_token = hidden(), .id = "7"}};
    const secret document = Codec::encode(rows);
    for (const std::size_t length : {document.size() - 2, document.size() - 5}) {
        try {
            (void)Codec::decode(document.reveal().substr(0, length));
        } catch (const error&) {
        }
    }
    const std::vector<token> refused{{.access_token = hidden(), .id = "7"}, {.user_name = "\xff", .id = "8"}};
    try {
        (void)Codec::encode(refused);
    } catch (const error&) {
    }
}

template <class Store>
void use(Store& store) {
    store.save_token(login("ada"));
    store.save_token(login("ada"));
    store.save_token({.user_name = "ada", .client_id = "app", .access_token = "another"});
    store.save_token(login("ada"));
    const token row = store.find_token({.user_name = "ada"}).value();
    (void)store.find_token({.client_id = "app", .refresh_token = hidden()});
    (void)store.find_token({.access_token = hidden()});
    (void)store.find_token_by_id(row.id);
    (void)store.get_tokens();
    token next = row;
    next.access_token = "another";
    (void)store.replace_token(row, next);
    (void)store.replace_token(row, row);
    (void)store.replace_token(next, row);
    try {
        store.save_token({.user_name = "ada", .client_id = "app", .access_token = hidden(), .id = "of another row"});
    } catch (const error&) {
    }
    store.save_token({.user_name = "bob", .client_id = "app", .access_token = hidden()});
    (void)store.remove_token(row);
    store.delete_token(row.id);
    store.save_token(login("eve"));
    store.delete_tokens();
    store.save_token(login("ada"));
}

} // namespace

int main() {
    tests::holds_secret = holds_secret;
    for (std::size_t i = 0; i < sizeof text_of_secret; ++i) text_of_secret[i] = "S3NT1NEL"[i % 8];

    check("construction", [] { const secret one(hidden()); });
    check("copy", [] {
        const secret one(hidden());
        const secret two = one;
        secret three;
        three = two;
    });
    check("move", [] {
        secret one(hidden());
        secret two = std::move(one);
        secret three("another");
        three = std::move(two);
    });
    check("reassignment", [] {
        secret one(hidden());
        one = "another";
        one = hidden();
        one = secret();
        one = hidden();
        one.clear();
    });
    check("building in place", [] {
        const auto fill = [](char* out) { return std::memcpy(out, text_of_secret, secret_size), secret_size; };
        const secret exact = secret::build(secret_size, fill);
        const secret roomy = secret::build(secret_size + 9, fill);
        try {
            (void)secret::build(secret_size, [&](char* out) -> std::size_t { throw fill(out); });
        } catch (std::size_t) {
        }
    });
    check("digests", [] {
        const secret one(hidden());
        (void)one.fingerprint();
        (void)token_status::fingerprint_of(one);
        (void)identity_key({.refresh_token = one});
        (void)redacted(login("ada"));
    });
    check("growth of a vector of token", [] {
        std::vector<token> rows;
        for (int n = 0; n < 9; ++n) rows.push_back(login("ada"));
        rows.erase(rows.begin());
        rows.resize(2);
        rows.shrink_to_fit();
    });
    check("merging", [] {
        token row = merge(login("ada"), login("bob"));
        row = merge(row, {.access_token = "another"});
    });
    check("an optional that is emptied", [] {
        std::optional<token> row = login("ada");
        row.reset();
    });
    check("map_store", [] {
        map_store store;
        use(store);
    });
    check("memory_store", [] {
        memory_store store;
        use(store);
    });
    check("a store over a vector", [] {
        basic_store<std::vector<token>> store;
        use(store);
    });
    check("JSON", there_and_back<json_codec>);
    check("JSON that is damaged", damaged<json_codec>);
    check("CSV", there_and_back<zoho::csv>);
    check("CSV that is damaged", damaged<zoho::csv>);
    check("CSV without quotes", there_and_back<zoho::unquoted_csv>);
    check("CSV without quotes that is damaged", damaged<zoho::unquoted_csv>);
    check("a quoted cell of CSV", [] {
        const secret head("id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,"
                          "redirect_url,api_domain\n7,ada,,,,\"");
        const secret document = secret::build(head.size() + secret_size + 5, [&](char* to) {
            std::memcpy(to, head.reveal().data(), head.size());
            std::memcpy(to + head.size(), text_of_secret, secret_size);
            std::memcpy(to + head.size() + secret_size, "\",,,,", 5);
            return head.size() + secret_size + 5;
        });
        const std::vector<token> rows = zoho::csv::decode(document.reveal());
        if (rows.at(0).access_token.reveal() != hidden()) std::abort();
    });
    const temporary_directory here;
    check("basic_document_store over text_file", [&] {
        basic_document_store store{text_file{here / "tokens.json"}};
        use(store);
    });
    check("a sealed document", [&] {
        basic_document_store<text_file, json_codec, sealed> store{here / "sealed.json", toy};
        use(store);
    });
    check("a document that this sealer cannot open", [&] {
        basic_document_store<text_file, json_codec, sealed> store{here / "sealed.json", {"other", {{"other", "key"}}}};
        try {
            (void)store.get_tokens();
            std::abort();
        } catch (const error&) {
        }
    });
    check("a sealed file_store", [&] {
        basic_file_store<sealed> store{here / "sealed.tkj", toy};
        use(store);
        store.compact();
        basic_file_store<sealed> another{here / "sealed.tkj", toy};
        use(another);
        (void)store.get_tokens();
        (void)store.salvage();
    });
    check("file_store", [&] {
        file_store store(here / "tokens.tkj");
        use(store);
        store.compact();
        file_store another(here / "tokens.tkj");
        use(another);
        (void)store.get_tokens();
        (void)store.salvage();
    });

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
