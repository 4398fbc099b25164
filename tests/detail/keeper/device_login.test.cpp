// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/device_login.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using tests::error_of, tests::world;
using tokenkeep::device_prompt, tokenkeep::errc, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

/// A keeper whose transport first calls before_poll(n) for the nth request with a device code.
struct device_world : world<> {
    using world<>::world;

    std::function<void(int nth)> before_poll = [](int) {};
    int polls = 0;

    std::function<tokenkeep::http_response(const tokenkeep::http_request&)> transport =
        [this](const tokenkeep::http_request& request) {
            if (request.body.find("device_code=") != std::string::npos) before_poll(++polls);
            return server(request);
        };

    token log_in(const token& probe, std::optional<tokenkeep::deadline> until = {}) {
        tokenkeep::keeper keep{store, transport, server.provider(), {}, seen, clock};
        return keep.log_in_with_device(
            probe, [this](const device_prompt& prompt) { shown = prompt; }, until);
    }
    device_prompt shown{};
};

const token ada{.user_name = "ada"};

} // namespace

TEST_CASE("device login: the user consents, and the session is kept", "[device]") {
    device_world w;
    const auto start = w.clock.now();
    w.before_poll = [&](int nth) {
        CHECK(w.store.inner.get_tokens().empty());
        if (nth == 3) w.server.approve(w.shown.user_code, "ada");
    };
    const token made = w.log_in({.user_name = "ada", .scope = "files"});
    CHECK(w.shown.user_code == "CODE-1");
    CHECK(w.shown.verification_url == "https://auth.example.test/activate");
    CHECK(w.shown.expires_at == start + 600s);
    CHECK(w.clock.now() == start + 15s); // three times the interval
    CHECK(w.server.log().device_polls == 3);
    CHECK(made == w.row());
    CHECK(made.client_id == "app");
    CHECK(made.status.empty());
    CHECK(made.logged_in_at == w.clock.now());
    CHECK(made.scope == "files");
    auto keep = w.keeper();
    CHECK(keep.access_token(ada) == made.access_token);
    w.clock.advance(2h);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("device login: a user who has a session goes on with it, and then gets the new one in the same row",
          "[device]") {
    device_world w;
    const token before = w.login();
    auto other = w.keeper();
    w.before_poll = [&](int) {
        CHECK(other.access_token(ada) == before.access_token); // no lock is held
        w.server.approve(w.shown.user_code, "ada");
    };
    const token after = w.log_in(ada);
    CHECK(after.id == before.id);
    CHECK(after.refresh_token != before.refresh_token);
    CHECK(w.server.is_live(after.refresh_token));
    CHECK(w.store.inner.get_tokens().size() == 1);
    CHECK(other.access_token(ada) == after.access_token);
}

TEST_CASE("device login: slow_down makes the pause five seconds longer for good (RFC 8628 3.5)", "[device]") {
    device_world w;
    const auto start = w.clock.now();
    w.before_poll = [&](int nth) {
        if (nth == 1) w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"slow_down"})"}});
        if (nth == 3) w.server.approve(w.shown.user_code, "ada");
    };
    w.log_in(ada);
    CHECK(w.clock.now() == start + 5s + 10s + 10s);
}

TEST_CASE("device login: a network or a server that fails meanwhile makes it slower, not end (RFC 8628 3.5)",
          "[device]") {
    device_world w;
    const auto start = w.clock.now();
    w.before_poll = [&](int nth) {
        if (nth == 1) w.server.next(fault::kind::unreachable);
        if (nth == 2) w.server.next(fault::http(503));
        if (nth == 3) w.server.next(fault::kind::lost_request);
        if (nth == 4) w.server.approve(w.shown.user_code, "ada");
    };
    w.log_in(ada);
    CHECK(w.clock.now() == start + 5s + 10s + 20s + 40s);
}

TEST_CASE("device login: what ends it leaves nothing behind", "[device]") {
    device_world w;
    SECTION("the user refuses") {
        w.before_poll = [&](int) { w.server.deny(w.shown.user_code); };
        CHECK(error_of([&] { w.log_in(ada); }) == errc::reauthorization_required);
        CHECK(w.polls == 1);
    }
    SECTION("the code ends") {
        const auto start = w.clock.now();
        CHECK(error_of([&] { w.log_in(ada); }) == errc::lock_timeout);
        CHECK(w.clock.now() < start + 600s);
        CHECK(w.polls == 119);
    }
    SECTION("the server says that the code has ended") {
        w.before_poll = [&](int nth) {
            if (nth == 2) w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"expired_token"})"}});
        };
        CHECK(error_of([&] { w.log_in(ada); }) == errc::lock_timeout);
        CHECK(w.polls == 2);
    }
    SECTION("the caller's deadline passes") {
        CHECK(error_of([&] { w.log_in(ada, w.clock.steady_now() + 12s); }) == errc::lock_timeout);
        CHECK(w.polls == 2);
    }
    SECTION("the server gives no code") {
        auto provider = w.server.provider();
        provider.client_secret = "wrong";
        tokenkeep::keeper keep{w.store, w.transport, provider, {}, w.seen, w.clock};
        CHECK(error_of([&] { keep.log_in_with_device(ada, [](const device_prompt&) { FAIL("nothing to show"); }); }) ==
              errc::client_rejected);
    }
    SECTION("show throws") {
        tokenkeep::keeper keep{w.store, w.transport, w.server.provider(), {}, w.seen, w.clock};
        CHECK_THROWS_AS(
            keep.log_in_with_device(ada, [](const device_prompt&) { throw std::runtime_error("no screen"); }),
            std::runtime_error);
        CHECK(w.polls == 0);
    }
    SECTION("the probe names nobody, and there is no client") {
        auto provider = w.server.provider();
        provider.client_id.clear();
        tokenkeep::keeper keep{w.store, w.transport, provider, {}, w.seen, w.clock};
        CHECK(error_of([&] { keep.log_in_with_device({}, [](const device_prompt&) {}); }) == errc::invalid_record);
    }
    SECTION("the store cannot be read: the user is not even asked") {
        w.store.before = [](std::string_view) { throw tokenkeep::error(errc::storage_failure, "no disk"); };
        CHECK(error_of([&] { w.log_in(ada); }) == errc::storage_failure);
        CHECK(w.shown.user_code.empty());
        w.store.before = [](std::string_view) {};
    }
    CHECK(w.store.inner.get_tokens().empty());
}

TEST_CASE("device login: when time is over, the failure that came last is nested", "[device]") {
    device_world w;
    w.before_poll = [&](int) { w.server.next(fault::kind::unreachable); };
    try {
        w.log_in(ada);
        FAIL("it did not end");
    } catch (const tokenkeep::error& late) {
        CHECK(late.code() == errc::lock_timeout);
        CHECK(tokenkeep::describe(late).find("no connection") != std::string::npos);
    }
}

TEST_CASE("device login: a user without a name does not get the row of the client itself", "[device]") {
    device_world w;
    auto provider = w.server.provider();
    provider.client_credentials = true;
    w.before_poll = [&](int) { w.server.approve(w.shown.user_code, "ada"); };
    tokenkeep::keeper keep{w.store, w.transport, provider, {}, w.seen, w.clock};
    const auto show = [&](const device_prompt& prompt) { w.shown = prompt; };
    std::optional<secret> own;
    SECTION("the client has a row") { own = keep.access_token({.scope = "files"}); }
    SECTION("it has none yet") {}
    const token user = keep.log_in_with_device({.scope = "files"}, show);
    CHECK(keep.access_token({.scope = "files"}) != user.access_token);
    if (own) CHECK(keep.access_token({.scope = "files"}) == *own);
    CHECK(keep.access_token({.id = user.id}) == user.access_token);
    CHECK(w.store.inner.get_tokens().size() == 2);
}

TEST_CASE("device login: a limit that the store cannot keep is a warning", "[device]") {
    device_world w;
    w.before_poll = [&](int) { w.server.approve(w.shown.user_code, "ada"); };
    w.store.after_replacing = [&] { // as a store without a place for it
        for (token row : w.store.inner.get_tokens()) {
            const token stored = row;
            row.logged_in_at.reset();
            w.store.inner.replace_token(stored, row);
        }
    };
    tokenkeep::keeper keep{w.store, w.transport, w.server.provider(), {.session_lifetime = 1h}, w.seen, w.clock};
    keep.log_in_with_device(ada, [&](const device_prompt& prompt) { w.shown = prompt; });
    CHECK(w.seen.count(tokenkeep::event_kind::warning) == 1);
}

TEST_CASE("device login: if the answer with the tokens is lost, the caller learns that the login is lost", "[device]") {
    device_world w;
    w.before_poll = [&](int nth) {
        if (nth != 1) return;
        w.server.approve(w.shown.user_code, "ada");
        w.server.next(fault::kind::lost_answer);
    };
    CHECK(error_of([&] { w.log_in(ada); }) == errc::outcome_unknown);
    CHECK(w.polls == 2);
    CHECK(w.store.inner.get_tokens().empty());
}

TEST_CASE("device login: tokens that the store does not take go to the caller, or stay in the keeper", "[device]") {
    device_world w;
    w.before_poll = [&](int) { w.server.approve(w.shown.user_code, "ada"); };
    std::string failing;
    w.store.before = [&](std::string_view operation) {
        if (operation == failing) throw tokenkeep::error(errc::storage_failure, "no disk");
    };
    tokenkeep::keeper keep{w.store, w.transport, w.server.provider(), {}, w.seen, w.clock};
    const auto show = [&](const device_prompt& prompt) { w.shown = prompt; };
    SECTION("not even the marker can be written: the error has the record") {
        failing = "save";
        try {
            keep.log_in_with_device(ada, show);
            FAIL("it was saved");
        } catch (const tokenkeep::rotation_not_saved_error& failure) {
            CHECK(failure.record().user_name == "ada");
            CHECK(failure.record().grant_token.empty()); // the device code is spent
            CHECK(w.server.is_live(failure.record().refresh_token));
            CHECK(w.store.inner.get_tokens().empty());
            failing.clear();
            w.store.save_token(failure.record()); // as log_in_with_device says
        }
        CHECK(w.is_stored(keep.access_token(ada)));
        w.clock.advance(2h);
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.server.log().token_requests == 2);
    }
    SECTION("the marker cannot be written at first: the keeper tries again") {
        int tries = 0;
        w.store.before = [&](std::string_view operation) {
            if (operation == "save" && ++tries < 5) throw tokenkeep::error(errc::storage_failure, "no disk");
        };
        const token made = keep.log_in_with_device(ada, show);
        CHECK(made == w.row());
        CHECK(tries == 5);
    }
    SECTION("another process does not let go of the identity: the error has the record, in time") {
        const auto held = w.store.inner.lock_token(tokenkeep::identity_key({.user_name = "ada", .client_id = "app"}),
                                                   std::chrono::steady_clock::now() + 5s);
        const auto start = w.clock.now();
        tokenkeep::keeper hasty{
            w.store, w.transport, w.server.provider(), {.lock_timeout = 200ms, .save_timeout = 500ms}, w.seen, w.clock};
        try {
            hasty.log_in_with_device(ada, show);
            FAIL("it was saved");
        } catch (const tokenkeep::rotation_not_saved_error& failure) {
            CHECK(w.server.is_live(failure.record().refresh_token));
        }
        CHECK(w.clock.now() - start < 10s);
    }
    SECTION("the tokens cannot be written: the keeper saves them at the next call") {
        failing = "replace";
        try {
            keep.log_in_with_device(ada, show);
            FAIL("it was saved");
        } catch (const tokenkeep::rotation_not_saved_error& failure) {
            CHECK(w.server.is_live(failure.record().refresh_token));
        }
        failing.clear();
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.server.is_live(w.row().refresh_token));
    }
}

TEST_CASE("device login: a provider that can exchange no grant tokens can log in all the same", "[device]") {
    struct only_devices : tokenkeep::oauth2_provider {
        tokenkeep::http_request exchange_request(const token&) const { throw std::logic_error("not asked for"); }
    };
    world w;
    tokenkeep::keeper keep{w.store, w.server, only_devices{w.server.provider()}, {}, w.seen, w.clock};
    keep.log_in_with_device(ada, [&](const device_prompt& prompt) { w.server.approve(prompt.user_code, "ada"); });
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("device login: over a store without locks and compares it is kept too", "[device]") {
    world<tests::plain_store> w;
    auto keep = w.keeper();
    const token made =
        keep.log_in_with_device(ada, [&](const device_prompt& prompt) { w.server.approve(prompt.user_code, "ada"); });
    CHECK(w.row().access_token == made.access_token);
    CHECK(keep.access_token(ada) == made.access_token);
}
