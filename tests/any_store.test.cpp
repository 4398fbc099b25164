// SPDX-License-Identifier: MIT
#include <tokenkeep/any_store.hpp>

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/indexed.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/migrate.hpp>
#include <tokenkeep/zoho/csv.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/leased_store.hpp"
#include "support/stores.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tokenkeep;
using namespace std::chrono_literals;
using tests::error_of;
using tokenkeep::testing::fault;

static_assert(locking_store<any_store> && comparing_store<any_store> && deadline_store<any_store>);
static_assert(!std::is_copy_constructible_v<any_store> && std::is_nothrow_move_constructible_v<any_store>);

const token ada{.user_name = "ada"};

/// Rows that several objects share, with the six operations. It notes what is called.
struct plain {
    struct shared {
        memory_store rows{};
        std::vector<std::string> calls{};
        bool fails = false; ///< Whether changes fail.
    };
    std::shared_ptr<shared> of = std::make_shared<shared>();

    void note(const char* call) { of->calls.emplace_back(call); }
    void change(const char* call) {
        note(call);
        if (of->fails) throw error(errc::storage_failure, "the disk is full");
    }
    std::optional<token> find_token(const token& probe) { return note("find"), of->rows.find_token(probe); }
    void save_token(const token& record) { change("save"), of->rows.save_token(record); }
    void delete_token(const std::string& id) { change("delete"), of->rows.delete_token(id); }
    std::vector<token> get_tokens() { return note("all"), of->rows.get_tokens(); }
    void delete_tokens() { of->rows.delete_tokens(); }
    std::optional<token> find_token_by_id(const std::string& id) {
        return note("find by id"), of->rows.find_token_by_id(id);
    }
};
template <class Store>
struct locking : Store {
    auto lock_token(const std::string& key, deadline until) {
        return this->note("lock"), this->of->rows.lock_token(key, until);
    }
};
template <class Store>
struct comparing : Store {
    bool replace_token(const token& expected, const token& record) {
        return this->change("replace"), this->of->rows.replace_token(expected, record);
    }
    bool remove_token(const token& expected) { return this->change("remove"), this->of->rows.remove_token(expected); }
};
template <class Store>
struct leasing : Store {
    static constexpr bool lock_may_lapse = true;
};
template <class Store>
struct looking_for_seeds : Store {
    using policy_type = defaults;
};
template <class Store>
struct ending : Store {
    ending until(deadline) { return this->note("until"), *this; }
};

/// What a keeper does over a store: what it tells, what it asks of the store, and what reaches the server.
struct life {
    std::vector<event_kind> told{};
    std::vector<std::string> asked{};
    std::vector<errc> thrown{};
    unsigned requests = 0, refreshes = 0, replayed = 0;
    std::chrono::milliseconds time{};

    bool operator==(const life&) const = default;
};

/// A session in all its states, over `store`, whose rows are `rows`.
template <class Store>
life live(Store& store, plain::shared& rows) {
    testing::virtual_clock clock;
    testing::fake_server server({.grace = 60s}, clock);
    tests::recorder seen;
    life lived;
    const auto begun = clock.now();
    const auto in_each_process = [&](auto call) {
        keeper keep{store, server, server.provider(), {.first_backoff = 0ms, .longest_backoff = 0ms}, seen, clock};
        if (const auto failure = error_of([&] { call(keep); })) lived.thrown.push_back(*failure);
    };
    const auto ask = [](auto& keep) { keep.access_token(ada); };

    const secret grant = server.grant("ada");
    in_each_process([&](auto& keep) { keep.access_token({.user_name = "ada", .grant_token = grant}); });
    in_each_process(ask);
    clock.advance(2h);
    in_each_process(ask);
    for (const auto kind : {fault::kind::lost_answer, fault::kind::truncated, fault::kind::lost_request}) {
        clock.advance(2h);
        server.next(kind);
        in_each_process(ask);
        in_each_process(ask);
    }
    clock.advance(2h);
    rows.fails = true;
    in_each_process(ask);
    rows.fails = false;
    in_each_process(ask);
    clock.advance(2h);
    { // new tokens that cannot be saved at first
        const auto full_disk = [&](const http_request& request) {
            rows.fails = true;
            return server(request);
        };
        keeper keep{store, full_disk, server.provider(), {.first_backoff = 0ms, .longest_backoff = 0ms}, seen, clock};
        lived.thrown.push_back(error_of([&] { keep.access_token(ada); }).value());
        rows.fails = false;
        keep.access_token(ada);
    }
    const secret seed = [&] { // the refresh token of another login, as a program may have it
        const oauth2_provider provider = server.provider();
        const token consent{.grant_token = server.grant("bob")};
        return provider.read_token_response(server(provider.exchange_request(consent)), consent).refresh_token;
    }();
    const token bob{.client_id = "app", .refresh_token = seed};
    in_each_process([&](auto& keep) { keep.access_token(bob); });
    in_each_process([&](auto& keep) { keep.access_token(bob); });
    clock.advance(2h);
    server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
    in_each_process(ask);
    in_each_process(ask);
    in_each_process([&](auto& keep) { keep.revoke(bob); });
    in_each_process([&](auto& keep) { keep.revoke(ada); });
    CHECK(rows.rows.get_tokens().empty());

    lived.told = seen.kinds;
    lived.asked = rows.calls;
    lived.requests = server.log().token_requests;
    lived.refreshes = server.log().refreshes;
    lived.replayed = server.log().replayed;
    lived.time = clock.now() - begun;
    return lived;
}

/// A store of a program's own, which a URL opens.
struct placed_store : plain {
    static constexpr std::string_view scheme = "postgres";
    static placed_store from_url(std::string_view what_follows) {
        placed_store made;
        made.save_token({.user_name = std::string(what_follows), .access_token = "a"});
        return made;
    }
};

/// A document that a URL names.
struct placed_note : users::note {
    static constexpr std::string_view scheme = "note";
    explicit placed_note(const std::string& place) { text = "{\"tokenkeep\":1,\"tokens\":[" + place + "]}"; }
};

} // namespace

TEST_CASE("any_store: a keeper over it does what it does over the store itself", "[any_store]") {
    const auto compare = [](auto store, auto same) {
        const life itself = live(store, *store.of);
        any_store any(same);
        const life through_any = live(any, *same.of);
        CHECK(through_any.told == itself.told);
        CHECK(through_any.asked == itself.asked);
        CHECK(through_any.thrown == itself.thrown);
        CHECK(through_any.requests == itself.requests);
        CHECK(through_any.refreshes == itself.refreshes);
        CHECK(through_any.replayed == itself.replayed);
        CHECK(through_any.time == itself.time);
        CHECK(itself.requests > 8);
    };
    SECTION("plain") { compare(plain(), plain()); }
    SECTION("locking") { compare(locking<plain>(), locking<plain>()); }
    SECTION("comparing") { compare(comparing<plain>(), comparing<plain>()); }
    SECTION("with a lock that may lapse") {
        using leased = leasing<comparing<locking<plain>>>;
        compare(leased(), leased());
    }
    SECTION("with everything") {
        using full = ending<comparing<locking<looking_for_seeds<plain>>>>;
        compare(full(), full());
    }
}

TEST_CASE("any_store: it has the abilities of the store that it holds", "[any_store]") {
    const auto abilities = [](const any_store& store) {
        return std::vector{store.locks(), store.compares(), store.lock_lapses(),
                           store.looks_for_seed({.client_id = "app", .seed = "s"})};
    };
    CHECK(abilities(any_store(plain())) == std::vector{false, false, false, false});
    CHECK(abilities(any_store(locking<plain>())) == std::vector{true, false, false, false});
    CHECK(abilities(any_store(comparing<plain>())) == std::vector{false, true, false, false});
    CHECK(abilities(any_store(leasing<comparing<locking<plain>>>())) == std::vector{true, true, true, false});
    CHECK(abilities(any_store(memory_store())) == std::vector{true, true, false, true});
    CHECK(abilities(any_store(file_store("tokens.tkj"))) == std::vector{true, true, false, true});
    any_store inner(plain{});
    CHECK(abilities(any_store(std::in_place_type<any_store>, std::move(inner))) ==
          std::vector{false, false, false, false});
}

TEST_CASE("any_store: a store that can seal its rows again does so", "[any_store]") {
    struct resealing : plain {
        bool reseal_token(const std::string& id) { return id == "old"; }
    };
    struct resealing_at_once : plain {
        bool reseal_tokens() { return true; }
    };
    any_store inner(resealing{});
    any_store store(std::in_place_type<any_store>, std::move(inner));
    CHECK(store.reseals());
    store.save_token({.access_token = "a", .id = "old"});
    store.save_token({.access_token = "b", .id = "new"});
    std::vector<std::size_t> done;
    const reseal_report report = reseal(store, [&](const reseal_report& so_far) { done.push_back(so_far.done()); });
    CHECK(report.total == 2);
    CHECK(report.resealed == 1);
    CHECK(report.unchanged == 1);
    CHECK(done == std::vector<std::size_t>{1, 2});
    CHECK(store.reseal().resealed == 1);

    any_store other(resealing_at_once{});
    CHECK(other.reseals());
    other.save_token({.access_token = "a", .id = "old"});
    CHECK(reseal(other).resealed == 1);
}

TEST_CASE("any_store: what the store cannot do is refused", "[any_store]") {
    any_store store(plain{});
    store.save_token({.user_name = "ada", .access_token = "a"});
    const token row = store.find_token(ada).value();
    CHECK(error_of([&] { store.lock_token("key", std::chrono::steady_clock::now()); }) == errc::request_rejected);
    CHECK(error_of([&] { store.replace_token(row, row); }) == errc::request_rejected);
    CHECK(error_of([&] { store.remove_token(row); }) == errc::request_rejected);
    CHECK(!store.reseals());
    CHECK(error_of([&] { store.reseal(); }) == errc::request_rejected);
    CHECK(store.find_token(ada) == row);
}

TEST_CASE("any_store: it keeps the laws that the store keeps", "[any_store]") {
    const auto all = laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines;
    SECTION("memory_store") {
        const auto found = findings_about([] { return any_store(memory_store()); });
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == all);
    }
    SECTION("file_store") {
        const temporary_directory folder;
        int n = 0;
        const auto found =
            findings_about([&] { return any_store(file_store(folder / ("tokens" + std::to_string(++n) + ".tkj"))); });
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == all);
    }
    SECTION("a store that does not lock or compare") {
        const auto found =
            findings_about<users::plain_rules>([] { return any_store(std::in_place_type<users::plain_store>); });
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == laws_of_every_store + std::set<std::string>{"D1", "D2"});
    }
    SECTION("a store whose lock is a lease") {
        const auto found = findings_about([] { return any_store(std::in_place_type<tests::leased_store>); });
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == all + std::set<std::string>{"L1'", "L3'"});
    }
}

TEST_CASE("any_store: a deadline reaches the store", "[any_store]") {
    const temporary_directory folder;
    any_store store(file_store(folder / "tokens.tkj"));
    const auto held = store.lock_token("key", std::chrono::steady_clock::now() + 10s);
    CHECK(held);
    auto soon = store.until(std::chrono::steady_clock::now());
    CHECK(error_of([&] { soon.lock_token("key", (deadline::max)()); }) == errc::lock_timeout);
    any_store kept = [&] { return any_store(file_store(folder / "other.tkj")).until((deadline::max)()); }();
    kept.save_token({.user_name = "ada", .access_token = "a"}); // it outlives the store that it came from
    CHECK(kept.find_token(ada));
}

TEST_CASE("any_store: rows come in any range that the store gives", "[any_store]") {
    struct by_reference : plain {
        const std::vector<token>& get_tokens() { return rows = of->rows.get_tokens(); }
        std::vector<token> rows{};
    };
    any_store store(by_reference{});
    store.save_token({.user_name = "ada", .access_token = "a"});
    store.save_token({.user_name = "bob", .access_token = "b"});
    CHECK(store.get_tokens().size() == 2);
    CHECK(store.get_tokens().size() == 2);
    memory_store copy;
    migrate(store, copy);
    CHECK(copy.get_tokens().size() == 2);
    any_store target(plain{});
    for (int times = 0; times < 2; ++times) migrate(copy, target);
    CHECK(target.get_tokens().size() == 2);
}

TEST_CASE("any_store: what until gives keeps the store alive to which it refers", "[any_store]") {
    struct referring : plain {
        struct value : plain {
            referring* of_;
            std::optional<token> find_token(const token& probe) { return of_->find_token(probe); }
        };
        value until(deadline) { return {*this, this}; }
        std::shared_ptr<bool> lives = std::make_shared<bool>(true);
    };
    referring store;
    const std::weak_ptr<bool> lives = store.lives;
    store.save_token({.user_name = "ada", .access_token = "a"});
    {
        const deadline end = std::chrono::steady_clock::now() + 1h;
        any_store limited = any_store(std::move(store)).until(end).until(end);
        CHECK(!lives.expired());
        CHECK(limited.find_token(ada));
    }
    CHECK(lives.expired());
}

TEST_CASE("open_store: the scheme of the URL chooses the store", "[any_store]") {
    using csv_store = basic_document_store<text_file, zoho::csv, zoho::policy>;
    const temporary_directory folder;
    const auto open = [](const std::string& url) {
        return open_store<file_store, json_file_store, csv_store, memory_store>(url);
    };
    const token record{.user_name = "ada", .access_token = "a"};
    const auto text_of = [&](const std::string& scheme, const std::string& name) {
        open(scheme + (folder / name)).save_token(record);
        return bytes_of(folder / name);
    };
    CHECK_THAT(text_of("file:", "a"), StartsWith("\x89TKJ"));
    CHECK_THAT(text_of("json:", "b"), StartsWith("{\"tokenkeep\""));
    CHECK_THAT(text_of("JSON://", "c"), StartsWith("{\"tokenkeep\""));
    CHECK_THAT(text_of("zoho-csv:", "d"), StartsWith("id,user_name,"));
    CHECK(open("json:" + (folder / "b")).find_token(ada));
    any_store memory = open("memory:");
    memory.save_token(record);
    CHECK(memory.find_token(ada));
}

TEST_CASE("open_store: a store of one's own names its scheme", "[any_store]") {
    for (const std::string scheme : {"POSTGRES", "postgresql", "PostgreSQL"})
        CHECK(open_store<memory_store, placed_store>(scheme + ":a?b").find_token({.user_name = "a?b"}));
    any_store note = open_store<basic_document_store<placed_note>>("note:{\"user_name\":\"ada\",\"id\":\"1\"}");
    CHECK(note.find_token(ada));
}

TEST_CASE("open_store: a URL that no store understands is refused, and says what may be written", "[any_store]") {
    const auto open = [](std::string_view url) { return open_store<file_store, memory_store>(url); };
    for (const std::string_view url : {"", "tokens.tkj", "sqlite:tokens.db", "file", ":file", "file :x"}) {
        INFO(url);
        CHECK_THROWS_WITH(open(url), ContainsSubstring("file: memory:"));
        CHECK(error_of([&] { open(url); }) == errc::request_rejected);
    }
    CHECK_THROWS_WITH(open("file:"), ContainsSubstring("a path must follow"));
    CHECK_THROWS_WITH(open("file://host/tokens.tkj"), ContainsSubstring("another machine"));
    CHECK_THROWS_WITH(open("memory:tokens"), ContainsSubstring("nothing follows"));
}

TEST_CASE("open_store: a password in the URL is refused and not shown", "[any_store]") {
    for (const std::string_view url :
         {"postgres://app:s3cret@db.example/app", "postgres://app:s3cret@[::1]:5432/app",
          "postgres://db.example/app?sslmode=require&password=s3cret", "postgres://db.example/app?PASSWORD=s3cret",
          "postgres://db.example/app?pass%77ord=s3cret", "postgres://db.example/app?sslpassword=s3cret",
          "postgres://a@b:s3cret@db.example/app", "postgres://app:s3?s3cret@db.example/app",
          "postgres://app:s3#s3cret@db.example/app", "postgres://a?b@db.example/app?password=s3cret",
          "postgres://app:s3/s3cret@db.example/app", "postgres://db.example/app?oauth_client_secret=s3cret"}) {
        INFO(url);
        try {
            open_store<placed_store>(url);
            FAIL("it was opened");
        } catch (const error& failure) {
            CHECK(failure.code() == errc::request_rejected);
            CHECK_THAT(failure.what(), ContainsSubstring("~/.pgpass"));
            CHECK_THAT(failure.what(), !ContainsSubstring("s3cret"));
        }
    }
    CHECK_NOTHROW(open_store<placed_store>("postgres://app@db.example:5432/app?passfile=/etc/app/pgpass"));
    CHECK_NOTHROW(open_store<placed_store>("postgres://db.example:5432/app"));
}
