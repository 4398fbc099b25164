// SPDX-License-Identifier: MIT
// A call whose access token is at hand: the keeper looks at the row without copying it. It must do what it does over a
// store that only gives copies.
#include <tokenkeep/any_store.hpp>
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/keeper.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::memory_store, tokenkeep::secret, tokenkeep::token;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

/// Finds rows as memory_store does, and counts. The class that it derives from shows rows, this one does not.
struct counted_store : memory_store {
    int finds = 0;
    std::optional<token> find_token(const token& probe) {
        ++finds;
        return memory_store::find_token(probe);
    }
};

/// What a call over a store did: the access token or the error, and what the observer was told.
struct done {
    std::string result;
    std::vector<event_kind> events;
    std::vector<token> rows;
    bool operator==(const done&) const = default;
};

/// The server's access tokens are random.
std::string named(const secret& access) {
    return access.reveal().starts_with("at-") ? "a new one" : std::string(access.reveal());
}

template <class Store>
done call(const token& row, const token& probe, const tokenkeep::keeper_options& options, bool serves_clients) {
    world<Store> w;
    w.store.save_token(row);
    tokenkeep::oauth2_provider provider = w.server.provider();
    provider.client_credentials = serves_clients;
    auto keep = w.keeper_with(provider, options);
    done all;
    try {
        all.result = named(keep.access_token(probe));
    } catch (const tokenkeep::error& failure) {
        all.result = failure.code().message();
    }
    all.events = w.seen.kinds;
    all.rows = w.store.get_tokens();
    for (token& each : all.rows) {
        each.id.clear();
        each.access_token = named(each.access_token);
        if (each.status.starts_with("spend")) each.status = "spend"; // it has a nonce
    }
    std::sort(all.rows.begin(), all.rows.end(), [](const token& a, const token& b) {
        return std::tie(a.user_name, a.seed) < std::tie(b.user_name, b.seed);
    });
    return all;
}

} // namespace

TEST_CASE("at_hand: a row that is shown brings what a copy of it brings", "[at_hand]") {
    const auto now = tokenkeep::testing::virtual_clock().now();
    const token fresh{.user_name = "ada",
                      .client_id = "app",
                      .refresh_token = "rt-unknown",
                      .access_token = "at",
                      .expires_at = now + 1h,
                      .issued_at = now};
    const auto with = [&](auto change) {
        token row = fresh;
        change(row);
        return row;
    };
    const auto marked = [&](tokenkeep::status_kind kind) {
        return with([&](token& row) {
            row.status =
                tokenkeep::to_status({.kind = kind,
                                      .fingerprint = tokenkeep::token_status::fingerprint_of(row.refresh_token),
                                      .first_sent = now,
                                      .nonce = "n"});
        });
    };
    const std::vector<token> rows{
        fresh,
        with([](token& row) { row.expires_at.reset(); }),
        with([&](token& row) { row.expires_at = now + 10s; }),
        with([&](token& row) { row.expires_at = now + 10s, row.issued_at = now - 1h; }),
        with([&](token& row) { row.expires_at = now - 1s; }),
        with([&](token& row) { row.issued_at.reset(), row.expires_at = now + 6s; }),
        with([&](token& row) { row.issued_at = now + 2h, row.expires_at = now + 3h; }),
        with([](token& row) { row.access_token.clear(); }),
        with([](token& row) { row.access_token.clear(), row.refresh_token.clear(), row.grant_token = "code"; }),
        with([](token& row) { row.client_id.clear(); }),
        with([](token& row) { row.client_id = "other"; }),
        with([](token& row) { row.user_name.clear(), row.refresh_token.clear(), row.seed = "s"; }),
        with([&](token& row) { row.logged_in_at = now - 2h; }),
        with([&](token& row) { row.used_at = now - 2h; }),
        with([&](token& row) { row.used_at = now - 20min; }),
        with([&](token& row) { row.used_at = now - 1min; }),
        marked(tokenkeep::status_kind::none),
        marked(tokenkeep::status_kind::spend),
        marked(tokenkeep::status_kind::refused),
        marked(tokenkeep::status_kind::revoking),
        with([](token& row) { row.status = "none"; }),
        with([](token& row) { row.status = "what is this"; }),
    };
    const std::vector<token> probes{{},
                                    ada,
                                    {.user_name = "ada", .client_id = "app"},
                                    {.user_name = "bob"},
                                    {.access_token = "at"},
                                    {.user_name = "ada", .refresh_token = "rt-unknown"},
                                    {.user_name = "ada", .grant_token = "code"},
                                    {.seed = "s"}};
    int at_hand = 0;
    for (const token& row : rows)
        for (const token& probe : probes)
            for (const auto limit : {0s, std::chrono::seconds(1h)})
                for (const bool serves_clients : {false, true}) {
                    const tokenkeep::keeper_options options{.session_lifetime = limit, .session_idle = limit};
                    const done shown = call<memory_store>(row, probe, options, serves_clients);
                    const done copied = call<counted_store>(row, probe, options, serves_clients);
                    INFO(&row - rows.data() << ' ' << &probe - probes.data() << ' ' << limit.count());
                    CHECK(shown == copied);
                    at_hand += shown.events == std::vector{event_kind::cache_hit};
                }
    CHECK(at_hand > 50);
}

TEST_CASE("at_hand: a class that derives from a store is asked by its own functions", "[at_hand]") {
    using tokenkeep::detail::shows_rows;
    STATIC_REQUIRE(shows_rows<memory_store> && shows_rows<tokenkeep::file_store> && !shows_rows<counted_store>);
    world<counted_store> w;
    w.store.save_token({.user_name = "ada", .access_token = "at"});
    auto keep = w.keeper();
    CHECK(keep.access_token(ada) == secret("at"));
    CHECK(w.store.finds > 0);
}

TEST_CASE("at_hand: a store that never blocks is asked for a fresh token, and nothing is sent", "[at_hand]") {
    world<memory_store> w;
    auto keep = w.keeper();
    CHECK(!keep.fresh_token(ada));
    w.store.save_token({.user_name = "ada", .client_id = "app", .refresh_token = "r", .access_token = "at"});
    CHECK(keep.fresh_token(ada) == secret("at"));
    CHECK(keep.fresh_token({.access_token = "at"}) == secret("at"));
    CHECK(!keep.fresh_token({.user_name = "ada", .refresh_token = "r"}));
    w.store.save_token({.user_name = "ada", .client_id = "app", .access_token = "at2", .expires_at = w.clock.now()});
    CHECK(!keep.fresh_token(ada));
    CHECK(w.server.log().refreshes == 0);
}

TEST_CASE("at_hand: over other stores a fresh token is one that the keeper has seen", "[at_hand]") {
    world<> w; // its store counts as one that may block
    w.login();
    auto keep = w.keeper();
    int calls = 0;
    w.store.before = [&](std::string_view) { ++calls; };
    CHECK(!keep.fresh_token(ada));
    CHECK(calls == 0);
    const secret first = keep.access_token(ada);
    calls = 0;
    CHECK(keep.fresh_token(ada) == first);
    CHECK(!keep.fresh_token({.user_name = "bob"}));
    CHECK(!keep.fresh_token({.user_name = "ada", .label = "other"}));
    CHECK(!keep.fresh_token({.access_token = first}));
    CHECK(calls == 0);

    const secret second = keep.refresh(ada, first); // a change by this keeper is seen at once
    CHECK(second != first);
    CHECK(!keep.fresh_token(ada));
    CHECK(keep.access_token(ada) == second);
    CHECK(keep.fresh_token(ada) == second);
    w.clock.advance(2h);
    CHECK(!keep.fresh_token(ada));
}

TEST_CASE("at_hand: what a session fetches is known for its probe", "[at_hand]") {
    world<> w;
    w.login();
    auto keep = w.keeper();
    CHECK(!keep.fresh_token(ada));
    tokenkeep::session session = keep.session(ada);
    const secret access = session.access_token();
    CHECK(keep.fresh_token(ada) == access);
    keep.revoke(ada);
    CHECK(!keep.fresh_token(ada));
}

TEST_CASE("at_hand: probes are told apart by every text, and not kept if they hold a secret", "[at_hand]") {
    using tokenkeep::detail::name_of_probe;
    std::vector<std::string> names{*name_of_probe({})};
    for (const tokenkeep::field& each : tokenkeep::fields) {
        token probe;
        if (each.time != nullptr)
            probe.*each.time = tokenkeep::timestamp(1ms);
        else if (each.secret_text != nullptr)
            probe.*each.secret_text = "s";
        else
            probe.*each.text = "1:";
        const auto name = name_of_probe(probe);
        CHECK(name.has_value() == (each.text != nullptr));
        if (!name) continue;
        CHECK(std::find(names.begin(), names.end(), *name) == names.end());
        names.push_back(*name);
    }
}

TEST_CASE("at_hand: what is known has an end", "[at_hand]") {
    tokenkeep::detail::known_tokens known;
    const tokenkeep::deadline now{};
    const auto until = [](tokenkeep::deadline due) {
        return std::make_shared<const tokenkeep::detail::pinned_token>(tokenkeep::detail::pinned_token{
            "at", "1", due, std::make_shared<const tokenkeep::detail::published_version>(), 0});
    };
    const token first{.user_name = "first"};
    CHECK(!known.last(first).has_value());
    known.note(first, until(now + 1h), now);
    CHECK(!known.find(first, now)); // nothing is kept before the first call of find
    CHECK(known.last(first) == nullptr);
    CHECK(!known.last({.access_token = "at"}).has_value());
    known.note(first, until(now + 1h), now);
    CHECK(known.find(first, now) == secret("at"));
    for (int user = 0; user < 65'536; ++user) known.note({.user_name = std::to_string(user)}, until(now), now);
    CHECK(known.find(first, now) == secret("at")); // it is current, the others are not
    CHECK(known.last({.user_name = "6"}) == nullptr);
    for (int user = 0; user < 65'536; ++user) known.note({.user_name = std::to_string(user)}, until(now + 1h), now);
    CHECK(known.last(first) == nullptr); // too many are current
    known.note(first, until(now + 1h), now);
    CHECK(!known.find(first, now + 1h));
    CHECK(known.last(first) == nullptr); // a secret that has ended is not kept
}

TEST_CASE("at_hand: a token that was rejected is not given again", "[at_hand]") {
    world<> w;
    w.login();
    auto here = w.keeper(), there = w.keeper();
    CHECK(!here.fresh_token(ada));
    const secret first = here.access_token(ada);
    CHECK(here.fresh_token(ada) == first);
    const secret second = there.refresh(ada, first); // as another process
    CHECK(here.fresh_token(ada) == first);           // it is not due, and nothing is known of the other
    CHECK(here.refresh(ada, first) == second);       // without a request
    CHECK(here.fresh_token(ada) != first);
    CHECK(here.access_token(ada) == second);
    CHECK(here.fresh_token(ada) == second);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("at_hand: a swept row is not known any more", "[at_hand]") {
    world<> w;
    w.login();
    auto keep = w.keeper();
    CHECK(!keep.fresh_token(ada));
    keep.access_token(ada);
    token dead = w.row();
    dead.status = tokenkeep::to_status({.kind = tokenkeep::status_kind::refused,
                                        .fingerprint = tokenkeep::token_status::fingerprint_of(dead.refresh_token),
                                        .since = w.clock.now()});
    w.store.inner.replace_token(w.row(), dead);
    w.clock.advance(10min);
    CHECK(keep.fresh_token(ada));
    CHECK(keep.sweep({.dead_for = 1min}).dead == 1);
    CHECK(!keep.fresh_token(ada));
}

TEST_CASE("at_hand: a call that has its token does not fail at the second look", "[at_hand]") {
    world<> w;
    w.login();
    auto keep = w.keeper();
    CHECK(!keep.fresh_token(ada));
    w.store.before = [](std::string_view operation) {
        if (operation == "find_by_id") throw tokenkeep::error(errc::storage_failure, "the disk is full");
    };
    const secret access = keep.access_token(ada);
    CHECK(w.is_stored(access));
    CHECK(!keep.fresh_token(ada)); // it is given, and not known
    w.store.before = [](std::string_view) {};
    CHECK(keep.access_token(ada) == access);
    CHECK(keep.fresh_token(ada) == access);
}

TEST_CASE("at_hand: a store in memory shows rows without a client, and the client's own", "[at_hand]") {
    world<memory_store> w;
    tokenkeep::oauth2_provider provider = w.server.provider();
    provider.client_credentials = true;
    auto keep = w.keeper_with(provider);
    w.store.save_token({.user_name = "ada", .access_token = "at"});
    CHECK(keep.fresh_token(ada) == secret("at"));
    CHECK(!keep.fresh_token({}));
    const secret own = keep.access_token({});
    CHECK(keep.fresh_token({}) == own);
    w.store.save_token({.user_name = "bob", .client_id = "other", .access_token = "theirs"});
    CHECK(!keep.fresh_token({.user_name = "bob"}));
}

TEST_CASE("at_hand: a class that derives from a store in memory may wait", "[at_hand]") {
    world<counted_store> w;
    w.store.save_token({.user_name = "ada", .access_token = "at"});
    auto keep = w.keeper();
    CHECK(!keep.fresh_token(ada));
    CHECK(w.store.finds == 0);
}

TEST_CASE("at_hand: a store that any_store holds shows its rows and says whether it waits", "[at_hand]") {
    tokenkeep::testing::virtual_clock clock;
    tokenkeep::testing::fake_server server({}, clock);
    tokenkeep::any_store in_memory{memory_store()}, counted{counted_store()};
    for (auto* store : {&in_memory, &counted}) store->save_token({.user_name = "ada", .access_token = "at"});
    tokenkeep::keeper keep{in_memory, server, server.provider(), {}, tokenkeep::ignore_events{}, clock};
    CHECK(keep.fresh_token(ada) == secret("at"));
    tokenkeep::keeper other{counted, server, server.provider(), {}, tokenkeep::ignore_events{}, clock};
    CHECK(!other.fresh_token(ada));
    CHECK(other.access_token(ada) == secret("at"));
    CHECK(other.fresh_token(ada) == secret("at"));
}
