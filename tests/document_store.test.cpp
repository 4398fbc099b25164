// SPDX-License-Identifier: MIT
#include <tokenkeep/document_store.hpp>

#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/fake_server.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"
#include "support/stores.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

// What a document is, and what its store can do.
static_assert(document<archetypes::document<0>> && document<text_file> && document<users::note> &&
              document<users::page>);
static_assert(!document<archetypes::document<1>> && !document<archetypes::document<2>> &&
              !document<archetypes::document<3>> && !document<archetypes::document<4>>);
static_assert(document<archetypes::versioned_document<0>> && !document<archetypes::versioned_document<1>> &&
              !document<archetypes::versioned_document<2>> && !document<archetypes::versioned_document<3>>);
static_assert(detail::can_lock<archetypes::locked_document<0>> && detail::can_lock<text_file>);
static_assert(!detail::can_lock<archetypes::locked_document<1>> && !detail::can_lock<archetypes::locked_document<2>> &&
              !detail::can_lock<archetypes::locked_document<3>> && !detail::can_lock<users::note>);

static_assert(locking_store<json_file_store> && comparing_store<json_file_store>);
using note_store = basic_document_store<users::note>;
static_assert(token_store<note_store> && !locking_store<note_store> && !comparing_store<note_store>);
using page_store = basic_document_store<users::page>;
static_assert(!locking_store<page_store> && comparing_store<page_store>);
static_assert(document_codec<json_codec> && !document_codec<users::note>);
static_assert(detail::explain_token_store<note_store>() && detail::explain_token_store<page_store>());
static_assert(std::is_nothrow_move_constructible_v<json_file_store> && !std::is_copy_constructible_v<json_file_store>);

token login(const std::string& user) { return {.user_name = user, .client_id = "app", .access_token = "of " + user}; }

std::chrono::steady_clock::time_point in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

/// A least document that lies outside its store and counts.
struct watched {
    struct contents {
        std::optional<std::string> text{};
        int loads = 0, saves = 0;
        bool broken = false;
    };

    std::optional<std::string> load() { return ++shared->loads, shared->text; }
    void save(std::string_view bytes) {
        if (shared->broken) throw std::runtime_error("no room");
        ++shared->saves;
        shared->text = std::string(bytes);
    }

    std::shared_ptr<contents> shared = std::make_shared<contents>();
};

struct hasty : defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{50};
};

struct maybe_held {
    explicit operator bool() const { return held; }
    bool held;
};

/// Its lock answers in a guard that may be false.
struct undecided : watched {
    maybe_held lock(const std::string& name, std::chrono::steady_clock::time_point) {
        names->push_back(name);
        return {granted};
    }
    std::shared_ptr<std::vector<std::string>> names = std::make_shared<std::vector<std::string>>();
    bool granted = true;
};

/// Somebody else saves between each load and save, so many times.
struct contested : users::page {
    bool save(std::string_view bytes, const int& expected) {
        if (rivals > 0) {
            --rivals;
            ++shared->version;
        }
        return users::page::save(bytes, expected);
    }
    int rivals = 0;
};

struct in_secret {
    std::optional<secret> load() { return text; }
    void save(std::string_view bytes) { text = secret(bytes); }
    std::optional<secret> text{};
};

/// It holds so many bytes.
struct box : users::page {
    std::size_t capacity() const { return *size; }
    bool save(std::string_view bytes, const int& expected) {
        ++*saves;
        return users::page::save(bytes, expected);
    }
    std::shared_ptr<std::size_t> size = std::make_shared<std::size_t>(16'384);
    std::shared_ptr<int> saves = std::make_shared<int>(0);
};
static_assert(detail::has_capacity<box> && !detail::has_capacity<users::page> && !detail::names_capacity<text_file>);

/// Its lock is a lease, or says that it is none.
template <bool lapses>
struct leased : users::page {
    static constexpr bool lock_may_lapse = lapses;
    maybe_held lock(const std::string&, std::chrono::steady_clock::time_point) { return {true}; }
};
static_assert(basic_document_store<leased<true>>::lock_may_lapse);
static_assert(comparing_store<basic_document_store<leased<true>>>);
static_assert(!basic_document_store<leased<false>>::lock_may_lapse && !json_file_store::lock_may_lapse &&
              !page_store::lock_may_lapse);

token marked(token row) {
    row.status = to_status({.kind = status_kind::spend,
                            .fingerprint = token_status::fingerprint_of(row.refresh_token),
                            .last_sent = timestamp(),
                            .nonce = "0123456789abcdef"});
    return row;
}

/// A codec of one's own: ids only, one a line.
struct lines {
    static secret encode(const std::vector<token>& rows) {
        std::string text;
        for (const token& row : rows) text += row.id + "\n";
        return text;
    }
    static std::vector<token> decode(std::string_view bytes) {
        std::vector<token> rows;
        for (std::size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
            rows.push_back({.id = std::string(bytes.substr(0, end))});
            bytes.remove_prefix(end + 1);
        }
        return rows;
    }
};

} // namespace

TEST_CASE("store laws: basic_document_store over text_file", "[document_store][store_laws]") {
    const temporary_directory here;
    int made = 0;
    const auto make = [&] { return json_file_store(text_file(here / std::to_string(made++))); };
    const law_findings found = findings_about(make, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("store laws: basic_document_store over a document in memory", "[document_store][store_laws]") {
    const law_findings found = findings_about([] { return note_store(users::note()); }, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + std::set<std::string>{"D1", "D2"});
}

TEST_CASE("store laws: basic_document_store over a document of versions", "[document_store][store_laws]") {
    const law_findings found = findings_about([] { return page_store(users::page()); }, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_comparing + std::set<std::string>{"D1", "D2"});
}

TEST_CASE("json_file_store: the name of a file is enough, and the file is JSON", "[document_store]") {
    const temporary_directory here;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(here / "");
    json_file_store store{"tokens.json"};
    store.save_token({.user_name = "ada", .access_token = "at", .id = "7"});
    std::filesystem::current_path(before);
    CHECK(bytes_of(here / "tokens.json") ==
          "{\"tokenkeep\":1,\"tokens\":[\n{\"id\":\"7\",\"user_name\":\"ada\",\"access_token\":\"at\"}]}\n");
    CHECK(mode_of(here / "tokens.json") == 0600);
    json_file_store again{here / "tokens.json"};
    CHECK(again.find_token({.user_name = "ada"})->access_token == "at");
}

TEST_CASE("document_store: what one store saves, another sees at its next call", "[document_store]") {
    const temporary_directory here;
    json_file_store one{here / "tokens.json"};
    json_file_store two{here / "tokens.json"};
    one.save_token(login("ada"));
    REQUIRE(two.find_token({.user_name = "ada"}));
    two.save_token({.user_name = "ada", .access_token = "new"});
    CHECK(one.find_token({.user_name = "ada"})->access_token == "new");
    one.delete_tokens();
    CHECK(two.get_tokens().empty());
    CHECK(json_codec::decode(bytes_of(here / "tokens.json")).empty());
}

TEST_CASE("document_store: looking writes nothing, and neither does a change that changes nothing",
          "[document_store]") {
    const watched document;
    basic_document_store store{document};
    CHECK(store.get_tokens().empty());
    store.delete_token("nobody");
    CHECK(document.shared->saves == 0);
    CHECK(!document.shared->text);
    store.save_token(login("ada"));
    CHECK(document.shared->saves == 1);
    (void)store.find_token({.user_name = "ada"});
    (void)store.find_token_by_id("7");
    CHECK(document.shared->saves == 1);
    store.delete_tokens();
    CHECK(document.shared->saves == 2);
    CHECK(document.shared->text == std::string(json_codec::encode({}).reveal()));
}

TEST_CASE("document_store: a save that fails is passed on, and nothing has changed", "[document_store]") {
    const watched document;
    basic_document_store store{document};
    store.save_token(login("ada"));
    document.shared->broken = true;
    CHECK_THROWS_AS(store.save_token(login("bob")), std::runtime_error);
    CHECK_THROWS_AS(store.delete_tokens(), std::runtime_error);
    document.shared->broken = false;
    CHECK(store.get_tokens().size() == 1);
    CHECK(!store.find_token({.user_name = "bob"}));
}

TEST_CASE("document_store: an empty or damaged document is an error and no new store, and it is left as it is",
          "[document_store]") {
    for (const char* text : {"", "\n", "garbage", "{}", R"({"tokenkeep":1,"tokens":[)"}) {
        const watched document;
        document.shared->text = text;
        basic_document_store store{document};
        const auto corrupt = [&](auto act) { return code_of([&] { act(); }) == errc::storage_corrupt; };
        CHECK(corrupt([&] { store.find_token({.user_name = "ada"}); }));
        CHECK(corrupt([&] { store.find_token_by_id("7"); }));
        CHECK(corrupt([&] { store.get_tokens(); }));
        CHECK(corrupt([&] { store.save_token(login("ada")); }));
        CHECK(corrupt([&] { store.delete_token("7"); }));
        CHECK(corrupt([&] { store.delete_tokens(); }));
        CHECK(document.shared->text == text);
        CHECK(document.shared->saves == 0);
    }
}

TEST_CASE("document_store: a file truncated anywhere is storage_corrupt, and is left as it is", "[document_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens.json";
    json_file_store store{path};
    store.save_token(login("ada"));
    store.save_token(login("O\"Brien\n"));
    const std::string whole = bytes_of(path);
    const std::vector<token> rows = store.get_tokens();
    REQUIRE(whole.ends_with("}\n"));
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
        write_file(path, whole.substr(0, length));
        CAPTURE(length);
        CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::storage_corrupt);
        CHECK(code_of([&] { store.save_token(login("eve")); }) == errc::storage_corrupt);
        CHECK(bytes_of(path) == whole.substr(0, length));
    }
    write_file(path, whole.substr(0, whole.size() - 1)); // only the line's end is missing
    CHECK((store.get_tokens() == rows));
    write_file(path, whole + whole);
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::storage_corrupt);
    write_file(path, std::string(whole.size(), '\0'));
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::storage_corrupt);
}

TEST_CASE("document_store: a document of a newer version is refused and left as it is", "[document_store]") {
    const temporary_directory here;
    const std::string newer = R"({"tokenkeep":3,"tokens":[]})";
    write_file(here / "tokens.json", newer);
    json_file_store store{here / "tokens.json"};
    CHECK(code_of([&] { (void)store.find_token({.user_name = "ada"}); }) == errc::unsupported_version);
    CHECK(code_of([&] { store.save_token(login("ada")); }) == errc::unsupported_version);
    CHECK(bytes_of(here / "tokens.json") == newer);
}

TEST_CASE("document_store: two stores of one file exclude each other, also in one process", "[document_store]") {
    const temporary_directory here;
    json_file_store one{here / "tokens.json"};
    json_file_store two{here / "tokens.json"};
    auto held = std::optional(one.lock_token("key", in(1s)));
    CHECK(code_of([&] { (void)two.lock_token("key", in(20ms)); }) == errc::lock_timeout);
    CHECK(!code_of([&] { (void)two.lock_token("other", in(1s)); }));
    two.save_token(login("ada"));
    CHECK(one.find_token({.user_name = "ada"}).has_value());
    std::thread([taken = std::move(held)]() mutable { taken.reset(); }).join();
    CHECK(!code_of([&] { (void)two.lock_token("key", in(1s)); }));
}

TEST_CASE("document_store: a change waits for the document's lock, but not for ever", "[document_store]") {
    const temporary_directory here;
    const text_file file(here / "tokens.json");
    basic_document_store<text_file, json_codec, hasty> store{file};
    auto held = std::optional(file.lock("", in(1s)));
    CHECK(code_of([&] { store.save_token(login("ada")); }) == errc::lock_timeout);
    CHECK(!exists(here / "tokens.json"));
    CHECK(store.get_tokens().empty()); // looking needs no lock
    held.reset();
    store.save_token(login("ada"));
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("document_store: every change is made under the empty name, and a false guard is no permission",
          "[document_store]") {
    undecided refusing;
    refusing.granted = false;
    basic_document_store store{refusing};
    CHECK(code_of([&] { store.save_token(login("ada")); }) == errc::lock_timeout);
    CHECK(refusing.shared->saves == 0);
    STATIC_REQUIRE(locking_store<decltype(store)>);
    CHECK(!store.lock_token("key", {}));

    const undecided granting;
    basic_document_store other{granting};
    other.save_token(login("ada"));
    (void)other.find_token({.user_name = "ada"});
    other.delete_token("7");
    (void)other.replace_token({}, {});
    (void)other.remove_token({});
    other.delete_tokens();
    CHECK((*granting.names == std::vector<std::string>(5, "")));
    (void)other.lock_token("key", {});
    CHECK(granting.names->back() == "key");
}

TEST_CASE("document_store: a change that meets another one of the same document is made again on what is there",
          "[document_store]") {
    const users::page shared;
    basic_document_store one{shared};
    basic_document_store two{shared};
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 50; ++i)
                (n % 2 == 0 ? one : two).save_token(login(std::to_string(n) + "." + std::to_string(i)));
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(one.get_tokens().size() == 200);

    contested document;
    document.rivals = 3;
    basic_document_store store{document};
    store.save_token(login("ada"));
    CHECK(document.shared->refused == 3);
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("document_store: a change that is overtaken for ever is lock_timeout", "[document_store]") {
    contested document;
    document.rivals = 1'000'000'000;
    basic_document_store<contested, json_codec, hasty> store{document};
    CHECK(code_of([&] { store.save_token(login("ada")); }) == errc::lock_timeout);
    CHECK(!document.shared->text);
}

TEST_CASE("document_store: replace_token sees what another store has done in between", "[document_store]") {
    const users::page shared;
    basic_document_store one{shared};
    basic_document_store two{shared};
    one.save_token(login("ada"));
    const token read = one.get_tokens()[0];
    token next = read;
    next.access_token = "two's";
    CHECK(two.replace_token(read, next));
    CHECK(!one.replace_token(read, read));
    CHECK(!one.remove_token(read));
    CHECK((one.get_tokens() == std::vector<token>{next}));
}

TEST_CASE("document_store: a document may give its text as a secret, and codecs may be of one's own",
          "[document_store]") {
    basic_document_store store{in_secret()};
    store.save_token(login("ada"));
    CHECK(store.find_token({.user_name = "ada"}).has_value());
    const watched document;
    basic_document_store<watched, lines> ids{document};
    ids.save_token({.access_token = "a", .id = "7"});
    ids.save_token({.access_token = "a", .id = "8"});
    CHECK(document.shared->text == "7\n8\n");
    CHECK((ids.get_tokens() == std::vector<token>{{.id = "7"}, {.id = "8"}}));
}

TEST_CASE("document_store: what exceeds the capacity is refused, and the document is not asked", "[document_store]") {
    const box document;
    basic_document_store store{document};
    store.save_token(login("ada"));
    token large = login("bob");
    large.access_token = std::string(20'000, 'x');
    CHECK(code_of([&] { store.save_token(large); }) == errc::storage_failure);
    CHECK(*document.saves == 1);
    const std::string words = words_of([&] { store.save_token(large); });
    CHECK(has_all(words, {"its capacity is 16384", "delete rows"}));
    CHECK(words.find("xxx") == words.npos);
    large.access_token = std::string(15'000, 'x'); // no marker: nothing must stay free
    store.save_token(large);
    CHECK(store.get_tokens().size() == 2);
}

TEST_CASE("document_store: a spend marker needs room for twice the row's tokens, and for 4 KiB or a quarter",
          "[document_store]") {
    struct {
        std::size_t capacity, refresh, access, room;
    } const cases[] = {{16'384, 10, 10, 4'096},       {8'000, 10, 10, 2'000},   {16'384, 1'000, 1'048, 4'096},
                       {16'384, 1'000, 1'500, 5'000}, {8'000, 500, 600, 2'200}, {100'000, 0, 3'000, 6'000}};
    for (const auto& each : cases) {
        CAPTURE(each.capacity, each.refresh, each.access);
        const box document;
        basic_document_store store{document};
        token row = login("ada");
        row.refresh_token = std::string(each.refresh, 'r');
        row.access_token = std::string(each.access, 'a');
        store.save_token(row);
        row = store.get_tokens()[0];
        const token next = marked(row);
        const auto leave_free = [&](std::size_t bytes) {
            token filler{.user_name = "filler", .access_token = "x", .id = "filler"};
            const std::size_t least = json_codec::encode({next, filler}).size();
            filler.access_token = std::string(each.capacity - bytes - least + 1, 'x');
            *document.size = 2 * each.capacity;
            store.save_token(filler);
            *document.size = each.capacity;
        };
        leave_free(each.room - 1);
        CHECK(code_of([&] { (void)store.replace_token(row, next); }) == errc::storage_failure);
        CHECK(code_of([&] { store.save_token(next); }) == errc::storage_failure);
        CHECK(has_all(words_of([&] { (void)store.replace_token(row, next); }),
                      {"must keep " + std::to_string(each.room) + " free for new tokens"}));
        CHECK(store.find_token_by_id(row.id) == row);
        leave_free(each.room);
        CHECK(store.replace_token(row, next));
    }
}

TEST_CASE(
    "document_store: if new tokens would not fit, the keeper sends nothing, and gives the old token while it lives",
    "[document_store]") {
    testing::virtual_clock clock;
    testing::fake_server server{{.token_life = 1h}, clock};
    const box document;
    basic_document_store store{document};
    keeper keep{store, server, server.provider(), {}, ignore_events{}, clock};
    const token ada{.user_name = "ada"};
    const secret first = keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    token other = login("bob");
    other.access_token = std::string(14'000, 'x');
    store.save_token(other);
    const unsigned sent = server.log().token_requests;
    const token before = *store.find_token(ada);

    clock.advance(1h - 30s);
    CHECK(keep.access_token(ada) == first);
    CHECK(server.log().token_requests == sent);
    clock.advance(1min);
    CHECK(code_of([&] { (void)keep.access_token(ada); }) == errc::storage_failure);
    CHECK(code_of([&] { (void)keep.access_token({.user_name = "eve", .grant_token = server.grant("eve")}); }) ==
          errc::storage_failure);
    CHECK(server.log().token_requests == sent);
    CHECK(store.find_token(ada) == before);

    store.delete_token(store.find_token({.user_name = "bob"})->id);
    CHECK(keep.access_token(ada) != first);
    CHECK(server.log().token_requests == sent + 1);
    CHECK(server.is_live(store.find_token(ada)->refresh_token));
}

TEST_CASE("document_store: it may be moved", "[document_store]") {
    const watched first, second;
    basic_document_store store{first};
    store.save_token(login("ada"));
    basic_document_store moved = std::move(store);
    CHECK(moved.get_tokens().size() == 1);
    basic_document_store assigned{second};
    assigned = std::move(moved);
    CHECK(assigned.get_tokens().size() == 1);
}

TEST_CASE("document_store: a save without room is not_saved, and the file is as it was", "[document_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens.json";
    json_file_store store{text_file{path}};
    store.save_token(login("ada"));
    const std::string before = bytes_of(path);
    CHECK(ended_well(start_process([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small_files{1'000, 1'000};
        ::setrlimit(RLIMIT_FSIZE, &small_files);
        token large = login("bob");
        large.access_token = std::string(2'000, 'x');
        if (code_of([&] { store.save_token(large); }) != errc::not_saved) throw 1;
        if (bytes_of(path) != before || store.get_tokens().size() != 1) throw 2;
        store.save_token(login("eve"));
    })));
    CHECK(store.get_tokens().size() == 2);
    CHECK(!exists(path + ".tmp"));
}

TEST_CASE("document_store: two processes lose no save, whatever becomes of a third", "[document_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens.json";
    const auto start = std::chrono::steady_clock::now();
    std::vector<pid_t> writers;
    for (const char* name : {"a", "b"})
        writers.push_back(start_process([&] {
            json_file_store store{text_file{path}};
            for (int n = 0; n < 200; ++n) store.save_token({.user_name = name + std::to_string(n), .grant_token = "g"});
        }));
    int killed = 0;
    for (; killed < 12; ++killed) {
        const pid_t victim = start_process([&] {
            json_file_store store{text_file{path}};
            for (int n = 0;; ++n) {
                const auto held = store.lock_token("key", in(10s));
                store.save_token({.user_name = "victim", .access_token = std::to_string(n)});
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(7 + 5 * killed));
        ::kill(victim, SIGKILL);
        CHECK(!ended_well(victim));
    }
    for (const pid_t writer : writers) CHECK(ended_well(writer));

    json_file_store store{text_file{path}};
    std::size_t rows = 0;
    for (const token& row : store.get_tokens()) rows += row.user_name == "victim" ? 0u : 1u;
    CHECK(rows == 400);
    CHECK(!code_of([&] { (void)store.lock_token("key", in(1s)); }));
    CHECK(!code_of([&] { (void)text_file(path).lock("", in(1s)); }));
    store.save_token({.user_name = "victim", .access_token = "after"});
    CHECK(!exists(path + ".tmp"));
    CHECK(mode_of(path) == 0600);
    CHECK(std::chrono::steady_clock::now() - start < 120s);
}
