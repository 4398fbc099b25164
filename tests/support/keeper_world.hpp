// SPDX-License-Identifier: MIT
// What the tests of the keeper share: a server, a clock and a store that a test can interfere with.
#ifndef TOKENKEEP_TESTS_SUPPORT_KEEPER_WORLD_HPP
#define TOKENKEEP_TESTS_SUPPORT_KEEPER_WORLD_HPP

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/fake_server.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

using namespace std::chrono_literals;

/// A store that calls `before(operation)` first, which may throw, count or change the store itself. After a replacement
/// it calls `after_replacing`, and after a save `after_saving`, which may throw.
struct hooked_store {
    using policy_type = tokenkeep::memory_store::policy_type;

    std::function<void(std::string_view operation)> before = [](std::string_view) {};
    std::function<void()> after_replacing = [] {}, after_saving = [] {};
    tokenkeep::memory_store inner{};
    int reads_of_all = 0;

    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe) {
        before("find");
        return inner.find_token(probe);
    }
    void save_token(const tokenkeep::token& record) {
        before("save");
        inner.save_token(record);
        after_saving();
    }
    void delete_token(const std::string& id) {
        before("delete");
        inner.delete_token(id);
    }
    std::vector<tokenkeep::token> get_tokens() {
        ++reads_of_all;
        return inner.get_tokens();
    }
    void delete_tokens() { inner.delete_tokens(); }
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id) {
        before("find_by_id");
        return inner.find_token_by_id(id);
    }
    auto lock_token(const std::string& key, std::chrono::steady_clock::time_point deadline) {
        before("lock");
        return inner.lock_token(key, deadline);
    }
    bool replace_token(const tokenkeep::token& expected, const tokenkeep::token& record) {
        before("replace");
        const bool is_done = inner.replace_token(expected, record);
        after_replacing();
        return is_done;
    }
    bool remove_token(const tokenkeep::token& expected) {
        before("remove");
        return inner.remove_token(expected);
    }
};

/// A store with the six operations and nothing else, as a user would write one.
struct plain_store {
    tokenkeep::memory_store inner{};

    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe) { return inner.find_token(probe); }
    void save_token(const tokenkeep::token& record) { inner.save_token(record); }
    void delete_token(const std::string& id) { inner.delete_token(id); }
    std::vector<tokenkeep::token> get_tokens() { return inner.get_tokens(); }
    void delete_tokens() { inner.delete_tokens(); }
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id) { return inner.find_token_by_id(id); }
};
static_assert(tokenkeep::token_store<plain_store> && !tokenkeep::locking_store<plain_store> &&
              !tokenkeep::comparing_store<plain_store>);

/// Remembers what it is told, in order.
struct recorder {
    std::mutex mutex{};
    std::vector<tokenkeep::event_kind> kinds{};
    std::vector<std::string> texts{};

    void operator()(const tokenkeep::event& e) {
        const std::lock_guard lock(mutex);
        kinds.push_back(e.kind);
        texts.push_back(std::string(e.id) + " " + std::string(e.fingerprint) + " " + std::string(e.detail));
    }
    long count(tokenkeep::event_kind kind) {
        const std::lock_guard lock(mutex);
        return std::count(kinds.begin(), kinds.end(), kind);
    }
};

/// One server, one clock, one store, and keepers over them.
template <class Store = hooked_store>
struct world {
    explicit world(tokenkeep::testing::fake_server_options options = {}) : server(std::move(options), clock) {}

    tokenkeep::testing::virtual_clock clock{};
    tokenkeep::testing::fake_server server;
    Store store{};
    recorder seen{};

    auto keeper(tokenkeep::keeper_options options = {}) {
        return tokenkeep::keeper{store, server, server.provider(), options, seen, clock};
    }
    auto keeper_with(tokenkeep::oauth2_provider provider, tokenkeep::keeper_options options = {}) {
        return tokenkeep::keeper{store, server, provider, options, seen, clock};
    }
    /// Ada logs in; her row.
    tokenkeep::token login(const std::string& user = "ada") {
        auto keep = keeper();
        return keep.record({.user_name = user, .grant_token = server.grant(user)});
    }
    /// Whether the token just given is the one that is stored.
    bool is_stored(const tokenkeep::secret& given) { return given == row().access_token; }
    /// Somebody else puts other tokens into Ada's row, past the keepers: "rt-theirs" and "at-theirs".
    void take_over(const tokenkeep::secret& grant) {
        tokenkeep::token theirs = row();
        theirs.status.clear();
        theirs.grant_token = grant;
        theirs.refresh_token = "rt-theirs";
        theirs.access_token = "at-theirs";
        theirs.issued_at = clock.now();
        theirs.expires_at = clock.now() + 1h;
        store.inner.replace_token(row(), theirs);
    }
    /// A status that says that this token is being sent now.
    std::string marker_for(const tokenkeep::secret& spent) const {
        return tokenkeep::to_status({.kind = tokenkeep::status_kind::spend,
                                     .fingerprint = tokenkeep::token_status::fingerprint_of(spent),
                                     .first_sent = clock.now(),
                                     .last_sent = clock.now(),
                                     .nonce = "0123456789abcdef"});
    }
    /// Ada's row as it is stored; the test fails if there is none.
    tokenkeep::token row(const std::string& user = "ada") {
        return store.inner.find_token({.user_name = user}).value();
    }
};

/// The errc that a call throws; nullopt if it throws nothing.
template <class Call>
std::optional<tokenkeep::errc> error_of(Call call) {
    try {
        call();
    } catch (const tokenkeep::error& failure) {
        return static_cast<tokenkeep::errc>(failure.code().value());
    }
    return std::nullopt;
}

/// A keeper logs in, refreshes, refreshes and revokes over the store, beside others that begin anew each time.
template <class Store>
void live_a_session() {
    world<Store> w;
    tokenkeep::secret last = w.login().access_token;
    auto keep = w.keeper();
    CHECK(keep.access_token({.user_name = "ada"}) == last);
    for (int i = 0; i < 3; ++i) {
        w.clock.advance(std::chrono::hours(2));
        const tokenkeep::secret next = i == 1 ? keep.access_token({.user_name = "ada"})
                                              : w.keeper().access_token({.user_name = "ada"}); // as another process
        CHECK(next != last);
        CHECK(w.store.find_token({.user_name = "ada"})->access_token == next);
        last = next;
    }
    CHECK(keep.refresh({.user_name = "ada"}, last) != last);
    CHECK(w.store.get_tokens().size() == 1);
    CHECK(w.server.log().refreshes == 4);
    keep.revoke({.user_name = "ada"});
    CHECK(w.store.get_tokens().empty());
    CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == tokenkeep::errc::token_not_found);
}

/// What observers are told while keepers live over the store and the server's answers get lost.
template <class Store>
std::vector<tokenkeep::event_kind> told_over() {
    using tokenkeep::testing::fault;
    world<Store> w({.grace = 60s});
    w.login();
    for (const auto kind : {fault::kind::lost_answer, fault::kind::truncated, fault::kind::lost_request}) {
        w.clock.advance(2h);
        w.server.next(kind);
        for (int i = 0; i < 2; ++i)
            (void)error_of(
                [&] { w.keeper({.first_backoff = 0ms, .longest_backoff = 0ms}).access_token({.user_name = "ada"}); });
    }
    w.keeper().revoke({.user_name = "ada"});
    CHECK(w.store.get_tokens().empty());
    return w.seen.kinds;
}

} // namespace tests

#endif
