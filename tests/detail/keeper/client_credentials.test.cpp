// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/client_credentials.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

template <class Store = tests::hooked_store>
struct service_world : world<Store> {
    using world<Store>::world;

    auto service(tokenkeep::keeper_options options = {}) {
        tokenkeep::oauth2_provider provider = this->server.provider();
        provider.client_credentials = true;
        return this->keeper_with(provider, options);
    }
};

} // namespace

TEST_CASE("client credentials: a probe without user and token gets a token of the client, which is cached",
          "[client_credentials]") {
    service_world<> w;
    auto keep = w.service();
    const secret first = keep.access_token({});
    CHECK(keep.access_token({}) == first);
    CHECK(w.service().access_token({}) == first); // another process
    CHECK(w.server.log().client_tokens == 1);
    const std::vector<token> rows = w.store.get_tokens();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].client_id == "app");
    CHECK(rows[0].refresh_token.empty());
    CHECK(rows[0].status.empty());
    CHECK(rows[0].seed.size() == 64);
    CHECK(w.server(tokenkeep::http_request{.method = "GET",
                                           .url = w.server.resource(),
                                           .headers = {{"Authorization", "Bearer " + std::string(first.reveal())}}})
              .status == 200);
}

TEST_CASE("client credentials: each scope and each label has a token of its own", "[client_credentials]") {
    service_world<> w;
    auto keep = w.service();
    const secret plain = keep.access_token({});
    const secret mail = keep.access_token({.scope = "mail"});
    const secret shop = keep.access_token({.label = "shop"});
    CHECK(plain != mail);
    CHECK(plain != shop);
    CHECK(mail != shop);
    CHECK(keep.access_token({.scope = "mail"}) == mail);
    CHECK(keep.access_token({.label = "shop"}) == shop);
    CHECK(w.server.log().client_tokens == 3);
    CHECK(w.store.get_tokens().size() == 3);
}

TEST_CASE("client credentials: a token that has ended is fetched again, once for all callers", "[client_credentials]") {
    service_world<> w({.latency = 50ms});
    const secret first = w.service().access_token({});
    w.clock.advance(2h);
    std::vector<std::thread> threads;
    std::vector<std::optional<secret>> got(8);
    auto one = w.service(), two = w.service();
    for (std::size_t n = 0; n < got.size(); ++n)
        threads.emplace_back([&, n] { got[n] = (n % 2 == 0 ? one : two).access_token({}); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& each : got) CHECK(each == got[0]);
    CHECK(got[0] != first);
    CHECK(w.server.log().client_tokens == 2);
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("client credentials: what another process fetched just before the lock is adopted", "[client_credentials]") {
    service_world<> w;
    auto keep = w.service(), other = w.service();
    std::optional<secret> theirs;
    const auto meanwhile = [&] {
        w.store.before = [&, has_run = false](std::string_view operation) mutable {
            if (operation == "lock" && !std::exchange(has_run, true)) theirs = other.access_token({});
        };
    };
    SECTION("there is no row yet") {
        meanwhile();
        CHECK(keep.access_token({}) == theirs);
        CHECK(w.server.log().client_tokens == 1);
    }
    SECTION("the token has ended") {
        keep.access_token({});
        w.clock.advance(2h);
        meanwhile();
        CHECK(keep.access_token({}) == theirs);
        CHECK(w.server.log().client_tokens == 2);
        CHECK(w.seen.count(event_kind::adopted) == 1);
    }
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("client credentials: the lock is held while the server is asked", "[client_credentials]") {
    service_world<> w;
    auto other = w.service();
    bool has_asked = false;
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (!std::exchange(has_asked, true))
            CHECK(error_of([&] { other.access_token({}, w.clock.steady_now() + 1s); }) == errc::lock_timeout);
        return w.server(request);
    };
    auto provider = w.server.provider();
    provider.client_credentials = true;
    tokenkeep::keeper keep{w.store, transport, provider, {}, w.seen, w.clock};
    SECTION("there is no row yet") {}
    SECTION("the token has ended") {
        other.access_token({});
        w.clock.advance(2h);
    }
    keep.access_token({});
    CHECK(has_asked);
}

TEST_CASE("client credentials: what is asked for counts, not what the row holds", "[client_credentials]") {
    service_world<> w;
    std::vector<std::string> bodies;
    const auto transport = [&](const tokenkeep::http_request& request) {
        bodies.push_back(request.body);
        return w.server(request);
    };
    auto provider = w.server.provider();
    provider.client_credentials = true;
    tokenkeep::keeper keep{w.store, transport, provider, {}, w.seen, w.clock};
    SECTION("a scope that the server narrows is asked for again") {
        w.server.set_options({.members = {{"scope", "\"mail\""}}});
        const token row = keep.record({.scope = "mail files"});
        CHECK(row.scope == "mail files");
        w.clock.advance(2h);
        keep.access_token({.scope = "mail files"});
        CHECK(bodies.back().find("scope=mail+files") != std::string::npos);
        w.clock.advance(2h);
        keep.access_token({.id = row.id});
        CHECK(bodies.back().find("scope=mail+files") != std::string::npos);
    }
    SECTION("a client secret that was replaced") {
        keep.access_token({.client_secret = "app-secret"});
        w.server.set_options({.client_secret = "new-secret"});
        w.clock.advance(2h);
        CHECK(!keep.access_token({.client_secret = "new-secret"}).empty());
        CHECK(w.store.get_tokens()[0].client_secret == secret("new-secret"));
    }
    SECTION("an API domain does not make a second row") {
        const secret first = keep.access_token({.api_domain = "https://eu.example"});
        CHECK(keep.access_token({}) == first);
        CHECK(keep.access_token({.api_domain = "https://us.example"}) == first);
    }
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("client credentials: any failure begins a pause, so that callers do not ask again and again",
          "[client_credentials]") {
    service_world<> w;
    int requests = 0;
    bool throws = false;
    const auto transport = [&](const tokenkeep::http_request& request) {
        ++requests;
        if (throws) throw std::runtime_error("the cable is out");
        return w.server(request);
    };
    auto provider = w.server.provider();
    provider.client_credentials = true;
    tokenkeep::keeper keep{w.store, transport, provider, {.first_backoff = 10s}, w.seen, w.clock};
    const auto soon = [&] { return w.clock.steady_now() + 1s; };
    SECTION("the transport throws what is not an error of the library") {
        throws = true;
        CHECK(error_of([&] { keep.access_token({}, soon()); }) == errc::transport_failure);
        CHECK(error_of([&] { keep.access_token({}, soon()); }) == errc::transport_failure);
    }
    SECTION("the store takes nothing") {
        w.store.before = [](std::string_view operation) {
            if (operation == "save") throw tokenkeep::error(errc::storage_failure, "no disk");
        };
        CHECK(error_of([&] { keep.access_token({}, soon()); }) == errc::storage_failure);
        CHECK(error_of([&] { keep.access_token({}, soon()); }) == errc::storage_failure);
    }
    CHECK(requests == 1);
}

TEST_CASE("client credentials: a token that is revoked while a caller waits is not handed out from its copy",
          "[client_credentials]") {
    service_world<> w;
    auto provider = w.server.provider();
    provider.client_credentials = true;
    const auto failing = [&](const tokenkeep::http_request&) { return tokenkeep::http_response{.status = 503}; };
    tokenkeep::keeper other{w.store, failing, provider, {}, w.seen, w.clock};
    auto keep = w.service();
    keep.access_token({});
    w.clock.advance(59min + 30s); // due, and usable
    w.store.before = [&, has_run = false](std::string_view operation) mutable {
        if (operation == "lock" && !std::exchange(has_run, true))
            CHECK(error_of([&] { other.revoke({}); }) == errc::server_unavailable);
    };
    CHECK(error_of([&] { keep.access_token({}); }) == errc::reauthorization_required);
}

TEST_CASE("client credentials: a token that is being revoked is not handed out, and not fetched again",
          "[client_credentials]") {
    service_world<> w;
    bool fails = false;
    const auto transport = [&](const tokenkeep::http_request& request) {
        return fails ? tokenkeep::http_response{.status = 503} : w.server(request);
    };
    auto provider = w.server.provider();
    provider.client_credentials = true;
    tokenkeep::keeper keep{w.store, transport, provider, {}, w.seen, w.clock};
    keep.access_token({});
    fails = true;
    CHECK(error_of([&] { keep.revoke({}); }) == errc::server_unavailable);
    fails = false;
    CHECK(error_of([&] { keep.access_token({}); }) == errc::reauthorization_required);
    CHECK(w.server.log().client_tokens == 1);
    keep.revoke({});
    CHECK(!keep.access_token({}).empty());
}

TEST_CASE("client credentials: send, session, refresh, record and revoke work as for users", "[client_credentials]") {
    service_world<> w;
    auto keep = w.service();
    const auto call = [&] { return keep.send({.method = "GET", .url = w.server.resource()}, {}).status; };
    CHECK(call() == 200);
    w.server.expire_access_tokens();
    CHECK(call() == 200); // after a 401
    CHECK(w.server.log().client_tokens == 2);
    auto session = keep.session({});
    const secret before = session.access_token();
    CHECK(before == keep.access_token({}));
    CHECK(session.refresh() != before);
    CHECK(keep.access_token({}) == session.access_token());
    const token row = keep.record({});
    CHECK(keep.access_token({.id = row.id}) == row.access_token);
    w.clock.advance(2h);
    CHECK(keep.access_token({.id = row.id}) != row.access_token);
    keep.revoke({});
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 1);
    CHECK(call() == 200); // a new one
}

TEST_CASE("client credentials: whatever fails, nothing is spent, and the old token is used as long as it lives",
          "[client_credentials]") {
    service_world<> w;
    auto keep = w.service({.first_backoff = 0ms, .longest_backoff = 0ms});
    const auto kind =
        GENERATE(fault::kind::lost_answer, fault::kind::lost_request, fault::kind::unreachable, fault::kind::truncated);
    SECTION("at the first call: the failure, and no row") {
        w.server.next(kind);
        const std::optional<errc> failure = error_of([&] { keep.access_token({}); });
        CHECK((failure == errc::transport_failure || failure == errc::malformed_response));
        CHECK(w.store.get_tokens().empty());
        CHECK(!keep.access_token({}).empty()); // simply asked again
        CHECK(w.store.get_tokens().size() == 1);
    }
    SECTION("near the end: the old token, without a marker in the row") {
        const secret first = keep.access_token({});
        w.clock.advance(59min + 30s);
        w.server.next(kind);
        CHECK(keep.access_token({}) == first);
        CHECK(w.seen.count(event_kind::served_old) == 1);
        CHECK(w.store.get_tokens()[0].status.empty());
        CHECK(keep.access_token({}) != first);
    }
}

TEST_CASE("client credentials: a server that refuses is not asked again before the pause is over",
          "[client_credentials]") {
    service_world<> w;
    auto keep = w.service();
    w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
    CHECK(error_of([&] { keep.access_token({}); }) == errc::client_rejected); // never "log in again"
    w.server.next(fault::http(429, 30s));
    const auto start = w.clock.now();
    CHECK(error_of([&] { keep.access_token({}); }) == errc::throttled);
    CHECK(error_of([&] { keep.access_token({}, w.clock.steady_now() + 5s); }) == errc::throttled);
    CHECK(w.server.log().token_requests == 2);
    CHECK(!keep.access_token({}).empty());
    CHECK(w.clock.now() - start >= 30s);
}

TEST_CASE("client credentials: a refresh token that comes all the same is not kept (RFC 6749 4.4.3)",
          "[client_credentials]") {
    service_world<> w;
    w.server.next({.members = {{"refresh_token", "\"rt\""}}});
    w.service().access_token({});
    CHECK(w.store.get_tokens()[0].refresh_token.empty());
}

TEST_CASE("client credentials: a probe with a user, and a provider without the flag, mean users",
          "[client_credentials]") {
    service_world<> w;
    CHECK(error_of([&] { w.service().access_token({.user_name = "ada"}); }) == errc::token_not_found);
    CHECK(error_of([&] { w.keeper().access_token({}); }) == errc::token_not_found);
    CHECK(error_of([&] { w.service().access_token({.seed = std::string(64, '0')}); }) == errc::token_not_found);
    CHECK(w.server.log().token_requests == 0);
}

TEST_CASE("client credentials: beside sessions of users of the same client", "[client_credentials]") {
    service_world<> w;
    const token ada = w.login();
    auto keep = w.service();
    const secret own = keep.access_token({});
    CHECK(own != ada.access_token);
    CHECK(keep.access_token({.user_name = "ada"}) == ada.access_token);
    const token by_program = keep.record({.refresh_token = ada.refresh_token}); // a session without a user
    CHECK(by_program.access_token != own);
    CHECK(keep.access_token({}) == own);
}

TEST_CASE("client credentials: over a store without locks and compares", "[client_credentials]") {
    service_world<tests::plain_store> w;
    auto keep = w.service();
    const secret first = keep.access_token({});
    w.clock.advance(2h);
    CHECK(keep.access_token({}) != first);
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("client credentials: a save that fails comes through, and the next call asks again", "[client_credentials]") {
    service_world<> w;
    auto keep = w.service();
    w.store.before = [](std::string_view operation) {
        if (operation == "save") throw tokenkeep::error(errc::storage_failure, "no disk");
    };
    CHECK(error_of([&] { keep.access_token({}); }) == errc::storage_failure);
    w.store.before = [](std::string_view) {};
    w.clock.advance(1s);
    CHECK(!keep.access_token({}).empty());
    CHECK(w.store.get_tokens().size() == 1);
}

namespace {

/// Keeps Zoho's ten fields only.
struct ten_fields {
    tokenkeep::memory_store inner{};

    static token cut(token record) {
        for (std::size_t n = 10; n < std::size(tokenkeep::fields); ++n)
            tokenkeep::fields[n].visit([&](auto member) { record.*member = {}; });
        return record;
    }
    std::optional<token> find_token(const token& probe) { return inner.find_token(probe); }
    void save_token(const token& record) { inner.save_token(cut(record)); }
    void delete_token(const std::string& id) { inner.delete_token(id); }
    std::vector<token> get_tokens() { return inner.get_tokens(); }
    void delete_tokens() { inner.delete_tokens(); }
    std::optional<token> find_token_by_id(const std::string& id) { return inner.find_token_by_id(id); }
};

} // namespace

TEST_CASE("client credentials: a store that does not keep the seed is refused, and gets no row",
          "[client_credentials]") {
    service_world<ten_fields> w;
    auto keep = w.service();
    CHECK(error_of([&] { keep.access_token({}); }) == errc::invalid_record);
    CHECK(w.store.get_tokens().empty());
}
