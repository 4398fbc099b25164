// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/seeding.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <string>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using namespace std::chrono_literals;

namespace {

/// A refresh token that the server knows and no store has: what a program is configured with.
template <class World>
secret configured_refresh_token(World& w) {
    const secret refresh = w.login("elsewhere").refresh_token;
    w.store.inner.delete_tokens();
    return refresh;
}

} // namespace

TEST_CASE("seeding: a program configured with a refresh token runs three times against a rotating server",
          "[seeding]") {
    world w;
    const token probe{.refresh_token = configured_refresh_token(w)};
    for (unsigned run = 1; run <= 3; ++run) {
        auto keep = w.keeper();
        CHECK(!keep.access_token(probe).empty());
        CHECK(!keep.access_token(probe).empty());
        CHECK(w.server.log().refreshes == run);
        CHECK(w.server.log().reused == 0);
        CHECK(w.store.get_tokens().size() == 1);
        w.clock.advance(2h);
    }
    const token row = w.store.get_tokens().front();
    CHECK(row.seed == tokenkeep::text::sha256_hex(probe.refresh_token.reveal()));
    CHECK(row.refresh_token != probe.refresh_token);
    CHECK(w.server.is_live(row.refresh_token));
}

TEST_CASE("seeding: with a user in the probe, the row's own refresh token wins over its seed", "[seeding]") {
    world w;
    const token probe{.user_name = "ada", .refresh_token = configured_refresh_token(w)};
    auto keep = w.keeper();
    for (int run = 0; run < 3; ++run) {
        keep.access_token(probe);
        w.clock.advance(2h);
    }
    CHECK(w.server.log().refreshes == 3);
    CHECK(w.server.log().reused == 0);
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("seeding: a refresh token that is neither the row's nor its seed is a new login", "[seeding]") {
    world w;
    const secret given = configured_refresh_token(w);
    const token before = w.login();
    auto keep = w.keeper();
    const secret access = keep.access_token({.user_name = "ada", .refresh_token = given});
    const token after = w.row();
    CHECK(after.id == before.id);
    CHECK(access == after.access_token);
    CHECK(access != before.access_token);
    CHECK(after.seed == tokenkeep::text::sha256_hex(given.reveal()));
    CHECK(w.server.is_live(after.refresh_token));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("seeding: what a program gave earlier is among the former tokens, newest first, sixteen at most",
          "[seeding]") {
    world w;
    auto keep = w.keeper();
    std::vector<secret> all;
    for (int n = 0; n < 20; ++n) all.push_back(configured_refresh_token(w));
    std::vector<std::string> given;
    for (const secret& configured : all) {
        given.insert(given.begin(), tokenkeep::text::sha256_hex(configured.reveal()).substr(0, 16));
        keep.access_token({.user_name = "ada", .refresh_token = configured});
        std::string former;
        for (std::size_t each = 1; each < given.size() && each <= 16; ++each)
            former += (each == 1 ? "" : " ") + given[each];
        CHECK(w.row().former == former);
        w.clock.advance(2h);
        keep.access_token({.user_name = "ada"}); // a rotation is no program's
        CHECK(w.row().former == former);
    }
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("seeding: two releases with two refresh tokens for one user send each once, and share one session",
          "[seeding]") {
    world w;
    const secret old_one = configured_refresh_token(w), new_one = configured_refresh_token(w);
    auto old_release = w.keeper(), new_release = w.keeper();
    for (int day = 0; day < 5; ++day) {
        const secret first = old_release.access_token({.user_name = "ada", .refresh_token = old_one});
        const secret second = new_release.access_token({.user_name = "ada", .refresh_token = new_one});
        CHECK((day == 0 || first == second));
        CHECK(old_release.access_token({.user_name = "ada", .refresh_token = old_one}) == second);
        w.clock.advance(2h);
    }
    CHECK(w.server.log().reused == 0);
    CHECK(w.server.log().refreshes == 6); // one for the old token, and then one session
    CHECK(w.store.get_tokens().size() == 1);
    SECTION("if the session is over, both have to log in again, and nothing is sent") {
        w.server.revoke(w.row().refresh_token);
        w.clock.advance(2h);
        CHECK(error_of([&] { new_release.access_token({.user_name = "ada", .refresh_token = new_one}); }) ==
              errc::reauthorization_required);
        const unsigned asked = w.server.log().token_requests;
        for (const secret& configured : {old_one, new_one})
            CHECK(error_of([&] { old_release.access_token({.user_name = "ada", .refresh_token = configured}); }) ==
                  errc::reauthorization_required);
        CHECK(w.server.log().token_requests == asked);
    }
}

TEST_CASE("seeding: a store whose rules look for seeds is never read whole", "[seeding]") {
    world w;
    const secret given = configured_refresh_token(w);
    w.store.inner.save_token({.user_name = "bob", .client_id = "app", .refresh_token = "of bob"});
    auto keep = w.keeper();
    keep.access_token({.refresh_token = given});
    w.clock.advance(2h);
    keep.access_token({.refresh_token = given});
    CHECK(w.store.reads_of_all == 0);
}

TEST_CASE("seeding: a refresh token that a program had saved is a former one once another is brought", "[seeding]") {
    world w;
    const secret configured = configured_refresh_token(w);
    w.store.save_token({.user_name = "ada", .client_id = "app", .refresh_token = "saved by hand"});
    w.keeper().access_token({.user_name = "ada", .refresh_token = configured});
    CHECK(w.row().former == tokenkeep::text::sha256_hex("saved by hand").substr(0, 16));
}

TEST_CASE("seeding: a new login has its own time, and no end of another's refresh token", "[seeding]") {
    world w;
    const secret configured = configured_refresh_token(w);
    w.login();
    token row = w.row();
    row.refresh_expires_at = w.clock.now() + 1h;
    row.label = "eu";
    CHECK(w.store.replace_token(w.row(), row));
    w.clock.advance(30min);
    const token after = w.keeper().record({.user_name = "ada", .refresh_token = configured});
    CHECK(after.id == row.id);
    CHECK_FALSE(after.refresh_expires_at);
    CHECK(after.logged_in_at == w.clock.now());
    CHECK(after.used_at == w.clock.now());
    CHECK(after.label == "eu");
}

TEST_CASE("seeding: one user at two labels is two rows, each with its own seed", "[seeding]") {
    world w;
    auto keep = w.keeper();
    const secret eu = configured_refresh_token(w), us = configured_refresh_token(w);
    for (int run = 0; run < 3; ++run) {
        const secret of_eu = keep.access_token({.refresh_token = eu, .label = "eu"});
        CHECK(keep.access_token({.refresh_token = us, .label = "us"}) != of_eu);
        w.clock.advance(2h);
    }
    CHECK(w.server.log().reused == 0);
    CHECK(w.store.get_tokens().size() == 2);
}

TEST_CASE("seeding: a refresh token and a live access token of the program's are stored without a request",
          "[seeding]") {
    world w;
    auto keep = w.keeper();
    CHECK(keep.access_token(
              {.user_name = "ada", .refresh_token = "rt", .access_token = "at", .expires_at = w.clock.now() + 1h}) ==
          secret("at"));
    CHECK(w.server.log().token_requests == 0);
    CHECK(w.row().refresh_token == secret("rt"));
}

TEST_CASE("seeding: a seed that the server refuses is not sent a second time", "[seeding]") {
    world w;
    auto keep = w.keeper();
    const token probe{.refresh_token = "rt-wrong"};
    CHECK(error_of([&] { keep.access_token(probe); }) == errc::reauthorization_required);
    CHECK(error_of([&] { w.keeper().access_token(probe); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("seeding: rules that would not find the record again are an error, not a row at each run", "[seeding]") {
    world w;
    tokenkeep::oauth2_provider nameless = w.server.provider();
    nameless.client_id.clear();
    auto keep = w.keeper_with(nameless);
    for (int run = 0; run < 2; ++run)
        CHECK(error_of([&] { keep.access_token({.refresh_token = "rt"}); }) == errc::invalid_record);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().token_requests == 0);
}

TEST_CASE("seeding: a new login over a plain store is used although the old access token cannot be emptied",
          "[seeding]") {
    world<tests::plain_store> w;
    const secret given = configured_refresh_token(w);
    const token before = w.login();
    auto keep = w.keeper();
    CHECK(keep.access_token({.user_name = "ada", .refresh_token = given}) != before.access_token);
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("seeding: a row is found by its seed although the rules do not look for seeds", "[seeding]") {
    struct seedless : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::same_client<tokenkeep::by_user>,
                                                  tokenkeep::same_client<tokenkeep::by_refresh_token>> {};
    struct policy : tokenkeep::defaults {
        using rules = seedless;
    };
    struct store : tokenkeep::basic_store<tokenkeep::indexed, policy> {
        store& inner = *this;
    };
    world<store> w;
    const token probe{.refresh_token = configured_refresh_token(w)};
    for (unsigned run = 1; run <= 3; ++run) {
        w.keeper().access_token(probe);
        CHECK(w.store.get_tokens().size() == 1);
        CHECK(w.server.log().refreshes == run);
        w.clock.advance(2h);
    }
    CHECK(w.server.log().reused == 0);
    w.keeper().revoke(probe);
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("seeding: a record read earlier is a probe for its row, not a new login", "[seeding]") {
    world w;
    auto keep = w.keeper();
    const token mine = keep.record({.user_name = "ada", .refresh_token = configured_refresh_token(w)});
    w.clock.advance(2h);
    keep.access_token({.user_name = "ada"});
    w.clock.advance(2h);
    CHECK(w.is_stored(keep.access_token(mine)));
    CHECK(w.server.log().reused == 0);
    CHECK(w.server.log().refreshes == 3);
}

TEST_CASE("seeding: a login that came between the look and the save is not mixed with the program's", "[seeding]") {
    world w;
    const secret given = configured_refresh_token(w);
    auto keep = w.keeper();
    bool once = false;
    w.store.before = [&](std::string_view operation) {
        if (operation == "save" && !std::exchange(once, true))
            w.store.inner.save_token(
                {.user_name = "ada", .client_id = "app", .refresh_token = "rt-2", .access_token = "at-2"});
    };
    CHECK(keep.access_token({.user_name = "ada", .refresh_token = given}) != secret("at-2"));
    CHECK(w.server.is_live(w.row().refresh_token));
}
