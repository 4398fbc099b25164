// SPDX-License-Identifier: MIT
// What a sealer changes for a document store, and what it does not: the laws, keepers, any_store, migrate; the format;
// and each line of the table of what others can learn and do.
#include <tokenkeep/document_store.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/detail/store/sealed_codec.hpp>
#include <tokenkeep/migrate.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/stores.hpp"
#include "support/temporary.hpp"
#include "support/toy_sealer.hpp"

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace tokenkeep;
using tests::toy_sealer;
using users::page;

namespace {

struct sealed : defaults {
    using sealer = toy_sealer;
};
template <class Document>
using store_over = basic_document_store<Document, json_codec, sealed>;
using store = store_over<page>;
using plain_store = basic_document_store<page>;

struct built_in_sealer : toy_sealer {
    built_in_sealer() : toy_sealer("key-1", {{"key-1", "one"}}) {}
};
struct sealed_by_itself : defaults {
    using sealer = built_in_sealer;
};

/// It hides nothing, so that the laws do not wait for it.
struct quick_sealer {
    std::string key_id() const { return "1"; }
    secret seal(std::string_view plain, std::string_view associated) const {
        return secret(std::string(associated) + std::string(plain));
    }
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const {
        if (key_id != "1" || !sealed.starts_with(associated)) return std::nullopt;
        return secret(sealed.substr(associated.size()));
    }
};
struct sealed_quickly : defaults {
    using sealer = quick_sealer;
};

/// Its threads wait for each other, up to ten seconds, when they open.
struct meeting_sealer : quick_sealer {
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        for (++*inside; *inside < wanted && std::chrono::steady_clock::now() < end;) std::this_thread::yield();
        if (*inside < wanted) return std::nullopt;
        return quick_sealer::open(sealed, associated, key_id);
    }
    int wanted = 0;
    std::shared_ptr<std::atomic<int>> inside = std::make_shared<std::atomic<int>>(0);
};
struct sealed_by_meeting : defaults {
    using sealer = meeting_sealer;
};

struct placed_note : users::note {
    static constexpr std::string_view scheme = "note";
    static placed_note from_url(std::string_view) { return {}; }
};

// A sealer that cannot be made without a key is never left out.
static_assert(!std::constructible_from<store, page> && std::constructible_from<store, page, toy_sealer>);
static_assert(!std::constructible_from<store_over<text_file>, std::string> &&
              std::constructible_from<store_over<text_file>, std::string, toy_sealer> &&
              std::constructible_from<store_over<text_file>, text_file, toy_sealer>);
static_assert(std::constructible_from<basic_document_store<page, json_codec, sealed_by_itself>, page> &&
              std::constructible_from<plain_store, page, no_seal>);
static_assert(detail::has_from_url<basic_document_store<placed_note>> &&
              detail::has_from_url<basic_document_store<placed_note, json_codec, sealed_by_itself>> &&
              !detail::names_from_url<store_over<placed_note>>);
// It can do what the document can do.
static_assert(comparing_store<store> && !locking_store<store>);
static_assert(locking_store<store_over<text_file>> && comparing_store<store_over<text_file>>);
static_assert(!comparing_store<store_over<users::note>>);

const built_in_sealer seal;
const toy_sealer two_keys{"key-2", {{"key-1", "one"}, {"key-2", "two"}}}, other_key{"key-2", {{"key-2", "two"}}};

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = "user " + user,
            .client_id = "the client",
            .refresh_token = "refresh of " + user,
            .access_token = access + " access of " + user,
            .id = "id of " + user};
}

/// What lies in a document; and what a store of these rows puts there.
std::string text_of(const page& document) { return document.shared->text.value(); }
std::string text_of(const std::vector<token>& rows, const toy_sealer& by = seal) {
    const page document;
    store on{document, by};
    for (const token& row : rows) on.save_token(row);
    return text_of(document);
}

page with_text(std::string text) {
    page document;
    document.shared->text = std::move(text);
    return document;
}

/// The rows of a store over this text.
std::vector<token> read(const std::string& text, const toy_sealer& by = seal) {
    return store(with_text(text), by).get_tokens();
}
std::error_code fault_of(const std::string& text, const toy_sealer& by = seal) {
    return code_of([&] { (void)read(text, by); });
}

/// The same words before the check, with the right check.
std::string with_right_check(const std::string& words) { return words + text::sha256_hex(words).substr(0, 16) + "\n"; }

/// The parts of a sealed document.
detail::sealed_document parts_of(const std::string& text) { return detail::sealed_document::from_text(text); }

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

/// That every call throws errc::permissions and says these words, and that the document stays as it is.
void check_refused(auto on, const page& document, const std::vector<std::string>& words) {
    const std::string before = text_of(document);
    const auto check = [&](auto act) {
        CHECK(code_of(act) == errc::permissions);
        const std::string said = words_of(act);
        CAPTURE(said);
        CHECK(has_all(said, words));
        CHECK(!holds(said, "damaged"));
    };
    check([&] { (void)on.find_token({.user_name = "user ada"}); });
    check([&] { (void)on.find_token_by_id("id of ada"); });
    check([&] { (void)on.get_tokens(); });
    check([&] { on.save_token(login("eve")); });
    check([&] { (void)on.replace_token(login("ada"), login("ada", "second")); });
    check([&] { (void)on.remove_token(login("ada")); });
    check([&] { on.delete_token("id of ada"); });
    check([&] { on.delete_tokens(); });
    CHECK(text_of(document) == before);
}

} // namespace

TEST_CASE("sealed document_store: it keeps the store laws", "[document_store_sealed][store_laws]") {
    using quick_store = basic_document_store<page, json_codec, sealed_quickly>;
    const law_findings found = findings_about([] { return quick_store(page()); }, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_comparing + std::set<std::string>{"D1", "D2"});
}

TEST_CASE("sealed document_store: a keeper does over it what it does over a plain one", "[document_store_sealed]") {
    struct plain : plain_store {
        plain() : plain_store(page()) {}
    };
    struct hidden : store {
        hidden() : store(page(), seal) {}
    };
    struct hidden_in_any : any_store {
        hidden_in_any() : any_store(hidden()) {}
    };
    const auto over_plain = tests::told_over<plain>();
    CHECK(over_plain.size() > 5);
    CHECK(tests::told_over<hidden>() == over_plain);
    CHECK(tests::told_over<hidden_in_any>() == over_plain);
    tests::live_a_session<hidden>();
}

TEST_CASE("sealed document_store: migrate seals what was plain, and the reverse", "[document_store_sealed]") {
    const temporary_directory here;
    json_file_store from{here / "plain.json"}, back{here / "plain_again.json"};
    for (const char* user : {"ada", "bob", "eve"}) from.save_token(login(user));
    store_over<text_file> to{here / "sealed.json", seal};
    CHECK(migrate(from, to).copied == 3);
    CHECK(bytes_of(here / "sealed.json").starts_with("tokenkeep-sealed 1 key-1 "));
    CHECK(!holds(bytes_of(here / "sealed.json"), "user "));
    CHECK(mode_of(here / "sealed.json") == 0600);
    CHECK(migrate(from, to).unchanged == 3);
    CHECK(migrate(to, back).copied == 3);
    CHECK(back.get_tokens() == from.get_tokens());
}

TEST_CASE("sealed document_store: the document is one line of five words", "[document_store_sealed]") {
    const std::string plain(json_codec::encode({login("ada")}).reveal());
    const toy_sealer odd{"a key/1", {{"a key/1", "one"}}};
    const std::string sealed_text(odd.seal(plain, "tokenkeep document 1").reveal());
    const std::string text = text_of({login("ada")}, odd);
    CHECK(text == with_right_check("tokenkeep-sealed 1 a+key%2F1 " + text::to_base64url(sealed_text) + " "));
    CHECK(parts_of(text).key_id == "a key/1");
    CHECK(parts_of(text).sealed == sealed_text);
    CHECK(read(text, odd) == std::vector{login("ada")});
    // What other programs do at the end of a line does not matter.
    const std::string line = text.substr(0, text.size() - 1);
    for (const char* end : {"", "\r\n", "\n\n", " "}) CHECK(read(line + end, odd) == std::vector{login("ada")});
    // A key may be without a name.
    const toy_sealer nameless{"", {{"", "one"}}};
    CHECK(read(text_of({login("ada")}, nameless), nameless) == std::vector{login("ada")});
}

TEST_CASE("sealed document_store: what can be read is the size of all rows and the key id; nothing else",
          "[document_store_sealed]") {
    const token longer = login("ada", "a longer");
    const std::string one = text_of({login("ada")}), two = text_of({login("ada"), login("bob")}),
                      more = text_of({longer});
    const auto size = [](const std::vector<token>& rows) { return json_codec::encode(rows).size(); };
    CHECK(parts_of(one).sealed.size() == toy_sealer::tag_size + size({login("ada")}));
    CHECK(parts_of(two).sealed.size() == toy_sealer::tag_size + size({login("ada"), login("bob")}));
    CHECK(parts_of(more).sealed.size() == toy_sealer::tag_size + size({longer}));
    for (const std::string& text : {one, two, more}) {
        CHECK(parts_of(text).key_id == "key-1");
        for (const char* part : {"id of", "user", "client", "refresh", "access", "first", "longer"}) {
            CAPTURE(part);
            CHECK(!holds(text, part));
            CHECK(!holds(parts_of(text).sealed, part));
        }
    }
}

TEST_CASE("sealed document_store: a flipped bit or a lost end is damage", "[document_store_sealed]") {
    const std::string text = text_of({login("ada")});
    for (std::size_t bit = 0; bit < 8 * (text.size() - 1); ++bit) {
        CAPTURE(bit);
        std::string flipped = text;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CHECK(fault_of(flipped) == errc::storage_corrupt);
    }
    for (std::size_t size = 0; size + 1 < text.size(); ++size) {
        CAPTURE(size);
        CHECK(fault_of(text.substr(0, size)) == errc::storage_corrupt);
    }
    for (const char* other :
         {"", "garbage", "tokenkeep-sealed", "tokenkeep-sealed ", "tokenkeep-sealed 1", R"({"tokenkeep":1,"tokens":[)"})
        CHECK(fault_of(other) == errc::storage_corrupt);
    CHECK(fault_of(with_right_check("tokenkeep-sealed 1 key-1 x ")) == errc::storage_corrupt); // no base64url
    CHECK(fault_of(with_right_check("tokenkeep-sealed 1 key-1 eA eA ")) == errc::storage_corrupt);
    CHECK(fault_of(with_right_check("tokenkeep-sealed 2 key-1 eA ")) == errc::unsupported_version);

    const page document = with_text(text.substr(0, 60));
    store on{document, seal};
    CHECK(code_of([&] { on.save_token(login("bob")); }) == errc::storage_corrupt);
    CHECK(code_of([&] { on.delete_tokens(); }) == errc::storage_corrupt);
    CHECK(text_of(document) == text.substr(0, 60));
}

TEST_CASE("sealed document_store: a document that was changed, or made without the key, is refused",
          "[document_store_sealed]") {
    const detail::sealed_document right = parts_of(text_of({login("ada")}));
    for (std::size_t n = 0; n < right.sealed.size(); ++n) {
        detail::sealed_document changed = right;
        changed.sealed[n] = static_cast<char>(changed.sealed[n] ^ 1);
        CHECK(fault_of(changed.to_text()) == errc::permissions);
        changed.sealed = right.sealed.substr(0, n);
        CHECK(fault_of(changed.to_text()) == errc::permissions);
    }
    detail::sealed_document of_another_key = right;
    of_another_key.key_id = "key-2";
    CHECK(fault_of(of_another_key.to_text(), two_keys) == errc::permissions);
    CHECK(fault_of(text_of({login("eve")}, {"key-1", {{"key-1", "guessed"}}})) == errc::permissions);
    CHECK(read(right.to_text(), two_keys) == std::vector{login("ada")});

    // A sealed text of another kind, such as a row of a file, is no document.
    const std::string plain(json_codec::encode({login("ada")}).reveal());
    const detail::sealed_document row{"key-1", std::string(seal.seal(plain, "tokenkeep row id of ada").reveal())};
    CHECK(fault_of(row.to_text()) == errc::permissions);
}

TEST_CASE("sealed document_store: a sealer without the key says that it cannot open the document",
          "[document_store_sealed]") {
    const page document = with_text(text_of({login("ada")}));
    const std::vector<std::string> words{"this sealer cannot open the document", "\"key-1\"",
                                         "use the sealer that sealed it"};
    check_refused(store(document, other_key), document, words);
    check_refused(store(document, {"key-1", {{"key-1", "guessed"}}}), document, words);
}

TEST_CASE("sealed document_store: a sealed document is not for a store without a sealer, nor the reverse",
          "[document_store_sealed]") {
    const page hidden = with_text(text_of({login("ada")}));
    check_refused(plain_store(hidden), hidden,
                  {"the document is sealed; make the store with the sealer that sealed it, or migrate()"});
    const page plain = with_text(std::string(json_codec::encode({login("ada")}).reveal()));
    check_refused(store(plain, seal), plain, {"the document is not sealed", "without one, or migrate()"});
}

TEST_CASE("sealed document_store: an older version, another document of the same key, and none are taken",
          "[document_store_sealed]") {
    page document;
    store on{document, seal};
    on.save_token(login("ada"));
    const std::string older = text_of(document);
    on.save_token(login("ada", "second"));
    document.shared->text = older;
    CHECK(on.get_tokens() == std::vector{login("ada")});
    document.shared->text = text_of({login("bob")});
    CHECK(on.get_tokens() == std::vector{login("bob")});
    document.shared->text.reset();
    CHECK(on.get_tokens().empty());
}

TEST_CASE("sealed document_store: a save seals with the new key what the old one had sealed",
          "[document_store_sealed]") {
    const page document = with_text(text_of({login("ada")}));
    store turning{document, two_keys};
    CHECK(turning.find_token_by_id("id of ada") == login("ada"));
    turning.save_token(login("bob"));
    CHECK(parts_of(text_of(document)).key_id == "key-2");
    CHECK(read(text_of(document), other_key) == std::vector{login("ada"), login("bob")});
}

TEST_CASE("sealed document_store: look-ups of several threads open the document at the same time",
          "[document_store_sealed]") {
    const page document;
    basic_document_store<page, json_codec, sealed_quickly>{document}.save_token(login("ada"));
    meeting_sealer meeting;
    meeting.wanted = 2;
    basic_document_store<page, json_codec, sealed_by_meeting> on{document, meeting};
    std::vector<token> here, there;
    std::error_code fault;
    std::thread other([&] { fault = code_of([&] { there = on.get_tokens(); }); });
    CHECK(code_of([&] { here = on.get_tokens(); }) == std::error_code());
    other.join();
    CHECK(fault == std::error_code());
    CHECK(here == std::vector{login("ada")});
    CHECK(there == here);
}

TEST_CASE("sealed document_store: if the sealer throws, that is what is thrown, and nothing has changed",
          "[document_store_sealed]") {
    const page document;
    toy_sealer failing = seal;
    store on{document, failing};
    on.save_token(login("ada"));
    const std::string before = text_of(document);
    failing.fail(true);
    CHECK_THROWS_AS(on.save_token(login("bob")), tests::out_of_reach);
    CHECK_THROWS_AS(on.get_tokens(), tests::out_of_reach);
    CHECK(text_of(document) == before);
    failing.fail(false);
    CHECK(on.get_tokens() == std::vector{login("ada")});
}

TEST_CASE("sealed document_store: its capacity counts what is sealed", "[document_store_sealed]") {
    struct box : page {
        std::size_t capacity() const { return *size; }
        std::shared_ptr<std::size_t> size = std::make_shared<std::size_t>(1'000'000);
    };
    const box document;
    store_over<box> on{document, seal};
    const token ada = login("ada");
    const std::size_t size = text_of({ada}).size();
    *document.size = size - 1;
    CHECK(code_of([&] { on.save_token(ada); }) == errc::storage_failure);
    *document.size = size;
    on.save_token(ada);
    CHECK(text_of(document).size() == size);

    // New tokens must have room for what they are when they are sealed.
    token large = ada;
    large.refresh_token = std::string(3'000, 'r');
    token next = large;
    next.status = to_status({.kind = status_kind::spend,
                             .fingerprint = token_status::fingerprint_of(large.refresh_token),
                             .last_sent = timestamp(),
                             .nonce = "0123456789abcdef"});
    const std::size_t tokens = 2 * (large.refresh_token.size() + large.access_token.size());
    const std::size_t needed = text_of({next}).size() + (tokens + 2) / 3 * 4;
    *document.size = 1'000'000;
    on.save_token(large);
    *document.size = needed - 1;
    CHECK(code_of([&] { (void)on.replace_token(large, next); }) == errc::storage_failure);
    *document.size = needed;
    CHECK(on.replace_token(large, next));
}
