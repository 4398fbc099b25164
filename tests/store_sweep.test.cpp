// SPDX-License-Identifier: MIT
#include <tokenkeep/store_sweep.hpp>

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

struct swept {
    testing::virtual_clock clock{};
    tests::hooked_store store{};

    token add(token row) {
        row.client_id = "app";
        store.inner.save_token(row);
        return store.inner.find_token({.user_name = row.user_name}).value();
    }
    /// A session that was made and used now.
    token session(const std::string& user) {
        return add({.user_name = user,
                    .refresh_token = "rt-" + user,
                    .access_token = "at-" + user,
                    .expires_at = clock.now() + 1h,
                    .issued_at = clock.now(),
                    .logged_in_at = clock.now(),
                    .used_at = clock.now()});
    }
    void mark(const token& row, token_status status) {
        status.fingerprint =
            token_status::fingerprint_of(row.refresh_token.empty() ? row.grant_token : row.refresh_token);
        token marked = row;
        marked.status = to_status(status);
        REQUIRE(store.inner.replace_token(row, marked));
    }
    sweep_report sweep(const sweep_policy& policy) {
        return tokenkeep::sweep(store, policy, detail::ignore_sweeping{}, clock);
    }
    bool has(const std::string& user) { return store.inner.find_token({.user_name = user}).has_value(); }
};

} // namespace

TEST_CASE("sweep: without limits nothing is deleted, however old", "[sweep]") {
    swept s;
    s.mark(s.session("ada"), {.kind = status_kind::refused, .since = s.clock.now()});
    s.add({.user_name = "eve", .grant_token = "code"});
    s.clock.advance(24h * 3650);
    const sweep_report report = s.sweep({});
    CHECK(report.total == 2);
    CHECK(report.kept == 2);
    CHECK(report.deleted() == 0);
}

TEST_CASE("sweep: each limit deletes what is past it, and says so", "[sweep]") {
    swept s;
    const token old = s.session("old");
    s.clock.advance(59min);
    s.session("young");
    s.clock.advance(1min);
    SECTION("lifetime") { CHECK(s.sweep({.lifetime = 1h}).lifetime == 1); }
    SECTION("idle") { CHECK(s.sweep({.idle = 1h}).idle == 1); }
    CHECK(!s.has("old"));
    CHECK(s.has("young"));
    CHECK(s.sweep({.lifetime = 1h, .idle = 1h}).deleted() == 0);
}

TEST_CASE("sweep: the largest limits delete nothing", "[sweep]") {
    swept s;
    s.session("ada");
    s.clock.advance(24h * 3650);
    constexpr auto longest = (std::chrono::seconds::max)();
    CHECK(s.sweep({.lifetime = longest, .idle = longest, .dead_for = longest, .unexchanged_for = longest}).kept == 1);
}

TEST_CASE("sweep: a dead session goes after its time; if it does not say since when, that counts from now on",
          "[sweep]") {
    swept s;
    s.mark(s.session("refused"), {.kind = status_kind::refused, .since = s.clock.now()});
    s.mark(s.session("revoking"), {.kind = status_kind::revoking, .since = s.clock.now()});
    s.mark(s.session("older"), {.kind = status_kind::refused});
    token other = s.session("other");
    other.status = to_status({.kind = status_kind::refused,
                              .fingerprint = token_status::fingerprint_of("another token"),
                              .since = s.clock.now()});
    REQUIRE(s.store.inner.replace_token(s.session("other"), other));
    s.clock.advance(1h);
    CHECK(s.sweep({.dead_for = 1h}).dead == 2);
    CHECK(s.has("older"));
    CHECK(read_status(s.store.inner.find_token({.user_name = "older"})->status).since == s.clock.now());
    s.clock.advance(59min);
    CHECK(s.sweep({.dead_for = 1h}).dead == 0);
    s.clock.advance(1min);
    CHECK(s.sweep({.dead_for = 1h}).dead == 1);
    CHECK(s.has("other")); // its status is about another token
}

TEST_CASE("sweep: a login that was never finished goes after its time", "[sweep]") {
    swept s;
    s.add({.user_name = "stored", .grant_token = "code-1"}); // it says no time
    s.mark(s.add({.user_name = "sent", .grant_token = "code-2"}),
           {.kind = status_kind::spend, .first_sent = s.clock.now(), .last_sent = s.clock.now(), .nonce = "0"});
    s.session("finished");
    s.clock.advance(1h);
    CHECK(s.sweep({.unexchanged_for = 1h}).unexchanged == 1);
    CHECK(!s.has("sent"));
    s.clock.advance(1h);
    CHECK(s.sweep({.idle = 1h}).idle == 1); // the row that was never used is none of these
    CHECK(s.has("stored"));
    CHECK(s.sweep({.unexchanged_for = 1h}).unexchanged == 1);
    CHECK(!s.has("stored"));
}

TEST_CASE("sweep: a refresh token that has ended takes its row along only if asked, a day later, with its access token",
          "[sweep]") {
    swept s;
    token row = s.session("ada");
    token ending = row;
    ending.refresh_expires_at = s.clock.now() + 1h;
    REQUIRE(s.store.inner.replace_token(row, ending));
    s.clock.advance(24h);
    CHECK(s.sweep({.refresh_expired = true}).deleted() == 0);
    s.clock.advance(1h);
    token alive = ending;
    alive.expires_at = s.clock.now() + 1h;
    REQUIRE(s.store.inner.replace_token(ending, alive));
    CHECK(s.sweep({.refresh_expired = true}).deleted() == 0);
    s.clock.advance(1h);
    CHECK(s.sweep({.lifetime = 24h * 365}).deleted() == 0);
    CHECK(s.sweep({.refresh_expired = true}).refresh_expired == 1);
}

TEST_CASE("sweep: a row that is refreshed or used between the look and the deletion stays", "[sweep]") {
    swept s;
    const token row = s.session("ada");
    s.clock.advance(2h);
    s.store.before = [&](std::string_view operation) {
        if (operation != "remove") return;
        token refreshed = row;
        refreshed.refresh_token = "rt-2";
        s.store.inner.replace_token(row, refreshed);
    };
    const sweep_report report = s.sweep({.idle = 1h});
    CHECK(report.kept == 1);
    CHECK(report.deleted() == 0);
    CHECK(s.has("ada"));
}

TEST_CASE("sweep: over a store that cannot compare, the row is read once more", "[sweep]") {
    struct changing_store : tests::plain_store {
        std::function<void()> before_reading = [] {};
        std::optional<token> find_token_by_id(const std::string& id) {
            before_reading();
            return inner.find_token_by_id(id);
        }
    };
    changing_store store;
    testing::virtual_clock clock;
    store.save_token({.user_name = "ada", .refresh_token = "rt", .logged_in_at = clock.now()});
    store.save_token({.user_name = "eve", .refresh_token = "rt-e", .logged_in_at = clock.now()});
    clock.advance(2h);
    const token ada = store.find_token({.user_name = "ada"}).value();
    store.before_reading = [&] {
        token changed = ada;
        changed.scope = "more";
        store.inner.replace_token(ada, changed);
    };
    const sweep_report report = sweep(store, {.lifetime = 1h}, detail::ignore_sweeping{}, clock);
    CHECK(report.kept == 1);
    CHECK(report.lifetime == 1);
    CHECK(store.find_token({.user_name = "ada"}).has_value());
}

TEST_CASE("sweep: rows that are gone but not erased are counted, and the failure comes at the end", "[sweep]") {
    struct unerasing_store : memory_store {
        bool removes = true;
        bool remove_token(const token& expected) {
            if (removes) memory_store::remove_token(expected);
            throw error(errc::storage_failure, "the row is gone, and its bytes are not erased");
        }
    } store;
    testing::virtual_clock clock;
    for (const char* user : {"ada", "bob", "eve"})
        store.save_token({.user_name = user, .client_id = "app", .access_token = user, .logged_in_at = clock.now()});
    clock.advance(2h);
    sweep_report last;
    const auto note = [&](const sweep_report& report) { last = report; };
    store.removes = false; // a store that fails and removes nothing ends it at once
    CHECK(tests::error_of([&] { sweep(store, {.lifetime = 1h}, note, clock); }) == errc::storage_failure);
    CHECK(last.done() == 0);
    CHECK(store.get_tokens().size() == 3);
    store.removes = true;
    CHECK(tests::error_of([&] { sweep(store, {.lifetime = 1h}, note, clock); }) == errc::storage_failure);
    CHECK(last.lifetime == 3);
    CHECK(store.get_tokens().empty());
}

TEST_CASE("sweep: it may be stopped by its progress, and goes on where it was", "[sweep]") {
    swept s;
    for (int n = 0; n < 100; ++n) s.session("user-" + std::to_string(n));
    s.clock.advance(2h);
    std::size_t last = 0;
    CHECK_THROWS_AS(tokenkeep::sweep(
                        s.store, {.lifetime = 1h},
                        [&](const sweep_report& so_far) {
                            CHECK(so_far.done() == ++last);
                            CHECK(so_far.total == 100);
                            if (last == 40) throw std::runtime_error("enough");
                        },
                        s.clock),
                    std::runtime_error);
    CHECK(s.store.inner.get_tokens().size() == 60);
    CHECK(s.sweep({.lifetime = 1h}).lifetime == 60);
}

TEST_CASE("sweep: 100,000 rows", "[sweep]") {
    memory_store store;
    testing::virtual_clock clock;
    for (int n = 0; n < 100'000; ++n)
        store.save_token({.user_name = "user-" + std::to_string(n),
                          .refresh_token = "rt-" + std::to_string(n),
                          .logged_in_at = clock.now() - (n % 2 == 0 ? 2h : 0h)});
    CHECK(sweep(store, {.lifetime = 1h}, detail::ignore_sweeping{}, clock).lifetime == 50'000);
    CHECK(store.get_tokens().size() == 50'000);
}
