// SPDX-License-Identifier: MIT
#include <tokenkeep/keeper.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

/// Runs `work` on so many threads at once.
template <class Work>
void on_threads(int count, Work work) {
    std::vector<std::thread> threads;
    std::atomic<bool> go{false};
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            while (!go) std::this_thread::yield();
            work(i);
        });
    go = true;
    for (std::thread& one : threads) one.join();
}

/// The system's clocks, and how often a keeper has slept by them.
struct sleep_counter : tokenkeep::system_clock {
    std::atomic<int> sleeps{0};
    void sleep_until(std::chrono::steady_clock::time_point t) {
        ++sleeps;
        system_clock::sleep_until(t);
    }
};

tokenkeep::http_response echo(const tokenkeep::http_request& request) {
    return {.status = 200, .body = std::string(tokenkeep::find_header(request.headers, "Authorization"))};
}

} // namespace

TEST_CASE("keeper: it refers to what has a name and owns what is moved in", "[keeper]") {
    tokenkeep::memory_store store;
    tokenkeep::oauth2_provider provider{.token_endpoint = "https://auth.example/token"};
    const auto lambda = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
    using provider_type = tokenkeep::oauth2_provider;
    tokenkeep::keeper refers{store, lambda, provider};
    STATIC_REQUIRE(std::is_same_v<decltype(refers),
                                  tokenkeep::keeper<tokenkeep::memory_store&, decltype(lambda)&, provider_type>>);
    tokenkeep::keeper owns{tokenkeep::memory_store{}, echo, tokenkeep::oauth2_provider{}, {.refresh_margin = 30s}};
    STATIC_REQUIRE(
        std::is_same_v<decltype(owns), tokenkeep::keeper<tokenkeep::memory_store, decltype(echo)&, provider_type>>);
    tokenkeep::keeper<tokenkeep::memory_store&, decltype(lambda)&, provider_type> spelled{store, lambda, provider};
    STATIC_REQUIRE(!std::is_copy_constructible_v<decltype(spelled)> &&
                   !std::is_move_constructible_v<decltype(spelled)>);
    store.save_token({.user_name = "ada", .access_token = "at"});
    CHECK(refers.access_token(ada) == secret("at"));
    CHECK(spelled.record(ada).access_token == secret("at"));
    CHECK(error_of([&] { owns.access_token(ada); }) == errc::token_not_found);
}

TEST_CASE("keeper: a probe that says nothing, or that nobody matches, finds no session", "[keeper]") {
    world w;
    w.login();
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token({}); }) == errc::token_not_found);
    CHECK(error_of([&] { keep.access_token({.user_name = "bob"}); }) == errc::token_not_found);
    CHECK(error_of([&] { keep.access_token({.user_name = "ada", .client_id = "other"}); }) == errc::token_not_found);
    CHECK(error_of([&] { keep.access_token({.access_token = "at-none"}); }) == errc::token_not_found);
    CHECK(error_of([&] { keep.access_token({.id = "none"}); }) == errc::token_not_found);
}

TEST_CASE("keeper: a row is found by id, by access token, and where it names no client", "[keeper]") {
    world w;
    const token row = w.login();
    auto keep = w.keeper();
    CHECK(keep.access_token({.id = row.id}) == row.access_token);
    CHECK(keep.access_token({.access_token = row.access_token}) == row.access_token);
    w.store.inner.save_token({.user_name = "bob", .access_token = "at-bob"});
    CHECK(keep.access_token({.user_name = "bob"}) == secret("at-bob"));
    w.store.inner.save_token({.user_name = "eve", .client_id = "another", .access_token = "at-eve"});
    CHECK(error_of([&] { keep.access_token({.user_name = "eve"}); }) == errc::token_not_found);
}

TEST_CASE("keeper: a row found by its access token is refreshed although that token goes", "[keeper]") {
    world w;
    const token row = w.login();
    w.clock.advance(2h);
    const token fresh = w.keeper().record({.access_token = row.access_token});
    CHECK(fresh.id == row.id);
    CHECK(fresh.access_token != row.access_token);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("keeper: send carries the token, and refreshes it once after a 401", "[keeper]") {
    world w;
    w.login();
    auto keep = w.keeper();
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, ada).body == "{\"user\":\"ada\"}");
    w.server.expire_access_tokens(); // the server knows better than the clock
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, ada).status == 200);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.server.log().calls_refused == 1);
}

TEST_CASE("keeper: a provider that only appends its header is given a request without one", "[keeper]") {
    struct appending : tokenkeep::oauth2_provider {
        void authorize(tokenkeep::http_request& request, const token& record) const {
            request.headers.push_back({"Authorization", "Bearer " + std::string(record.access_token.reveal())});
        }
    };
    world w;
    w.login();
    tokenkeep::keeper keep{w.store, w.server, appending{w.server.provider()}, {}, w.seen, w.clock};
    w.server.expire_access_tokens();
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, ada).status == 200);
}

TEST_CASE("keeper: a second 401 is the answer", "[keeper]") {
    world w;
    w.login();
    int calls = 0;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        if (request.method == "POST") return w.server(request);
        ++calls;
        return {.status = 401};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, ada).status == 401);
    CHECK(calls == 2);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("keeper: refresh adopts a token that is another already, without a request", "[keeper]") {
    world w;
    const token row = w.login();
    auto keep = w.keeper();
    CHECK(keep.refresh(ada, "at-old") == row.access_token);
    CHECK(w.server.log().refreshes == 0);
    const secret fresh = keep.refresh(ada, row.access_token);
    CHECK(fresh != row.access_token);
    CHECK(keep.refresh(ada, row.access_token) == fresh);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("keeper: send keeps the token from plain http, from strangers, and from schemes that need a proof",
          "[keeper]") {
    tokenkeep::memory_store store;
    store.save_token({.user_name = "ada", .access_token = "at", .api_domain = "https://api.example"});
    store.save_token({.user_name = "bob", .access_token = "at-bob", .token_type = "DPoP"});
    store.save_token({.user_name = "cid", .access_token = "at-cid", .token_type = "example"});
    tests::recorder seen;
    tokenkeep::oauth2_provider provider{};
    tokenkeep::keeper keep{store, echo, provider, {}, seen};
    CHECK(keep.send({.method = "GET", .url = "https://api.example/x"}, ada).body == "Bearer at");
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "http://api.example/x"}, ada); }) ==
          errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "https://evil.example/x"}, ada); }) ==
          errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "https://api.example.evil/x"}, ada); }) ==
          errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "http://127.0.0.1/x"}, ada); }) == errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "https://any.example"}, {.user_name = "bob"}); }) ==
          errc::request_rejected);
    CHECK(seen.count(event_kind::warning) == 1); // for bob's, before it was refused
    CHECK(keep.send({.method = "GET", .url = "https://any.example"}, {.user_name = "cid"}).body == "Bearer at-cid");
    CHECK(seen.count(event_kind::warning) == 2);

    tokenkeep::keeper anywhere{store, echo, provider, {.allow_other_hosts = true}};
    CHECK(anywhere.send({.method = "GET", .url = "https://other.example/x"}, ada).body == "Bearer at");
    provider.allow_loopback_http = true;
    tokenkeep::keeper local{store, echo, provider, {.allow_other_hosts = true}};
    CHECK(local.send({.method = "GET", .url = "http://127.0.0.1:8080/x"}, ada).body == "Bearer at");
    CHECK(local.send({.method = "GET", .url = "http://localhost:8080/x"}, ada).body == "Bearer at");
    CHECK(error_of([&] { local.send({.method = "GET", .url = "http://10.0.0.1/x"}, ada); }) == errc::request_rejected);
}

TEST_CASE("keeper: plain http goes to the named host of the program's own api_domain, with a warning each time",
          "[keeper]") {
    tokenkeep::memory_store store;
    store.save_token({.user_name = "ada", .access_token = "at", .api_domain = "http://api:8080"});
    store.save_token({.user_name = "bob", .access_token = "at-bob"});
    tests::recorder seen;
    tokenkeep::oauth2_provider provider{};
    tokenkeep::keeper strict{store, echo, provider, {.allow_other_hosts = true}};
    CHECK(error_of([&] { strict.send({.method = "GET", .url = "http://api:8080/x"}, ada); }) == errc::request_rejected);
    provider.allow_plain_http = true;
    tokenkeep::keeper keep{store, echo, provider, {.allow_other_hosts = true}, seen};
    for (int call = 1; call <= 2; ++call) {
        CHECK(keep.send({.method = "GET", .url = "http://api:8080/x"}, ada).body == "Bearer at");
        CHECK(seen.count(event_kind::warning) == call);
    }
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "http://other:8080/x"}, ada); }) == errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "http://api/x"}, ada); }) == errc::request_rejected);
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "http://api:8080/x"}, {.user_name = "bob"}); }) ==
          errc::request_rejected);
}

TEST_CASE("keeper: a token endpoint on plain http warns at each request, and an answer cannot choose such an API",
          "[keeper]") {
    tokenkeep::memory_store store;
    store.save_token({.user_name = "ada", .refresh_token = "rt"});
    const auto transport = [](const tokenkeep::http_request&) -> tokenkeep::http_response {
        return {.status = 200,
                .body = R"({"access_token":"at","token_type":"bearer","expires_in":9,"api_domain":"http://evil"})"};
    };
    tests::recorder seen;
    const tokenkeep::oauth2_provider provider{.token_endpoint = "http://auth:9/token", .allow_plain_http = true};
    tokenkeep::keeper keep{store, transport, provider, {}, seen};
    CHECK(keep.record(ada).api_domain.empty());
    CHECK(seen.count(event_kind::warning) == 2); // one of them for the api_domain
}

TEST_CASE("keeper: a provider says which answers of the API mean that the token has ended", "[keeper]") {
    struct slack_like : tokenkeep::oauth2_provider {
        bool is_token_rejected(const tokenkeep::http_response& response) const {
            return response.body.find("token_expired") != std::string::npos;
        }
    };
    world w;
    const token before = w.login();
    int calls = 0;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        if (request.method == "POST") return w.server(request);
        return ++calls == 1 ? tokenkeep::http_response{.status = 200, .body = R"({"ok":false,"error":"token_expired"})"}
                            : tokenkeep::http_response{.status = 401};
    };
    tokenkeep::keeper keep{w.store, transport, slack_like{w.server.provider()}, {}, w.seen, w.clock};
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, ada).status == 401); // which means nothing here
    CHECK(calls == 2);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.row().access_token != before.access_token);
}

TEST_CASE("keeper: over Zoho's shapes a session is made, used, refreshed and revoked", "[keeper]") {
    world w({.zoho = true});
    const tokenkeep::zoho::provider provider{w.server.data_center(), tokenkeep::zoho::environment::production};
    const token client{.user_name = "ada", .client_id = "app", .client_secret = "app-secret"};
    tokenkeep::keeper keep{w.store, w.server, provider, {}, w.seen, w.clock};
    token login = client;
    login.grant_token = w.server.grant("ada");
    keep.access_token(login);
    CHECK(w.row().api_domain == "https://auth.example.test");
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, client).status == 200);
    w.clock.advance(2h);
    CHECK(keep.send({.method = "GET", .url = w.server.resource()}, client).status == 200);
    CHECK(w.server.log().refreshes == 1);
    const token before = w.row();
    w.server.next(
        {fault::kind::answer,
         {.status = 200,
          .body = "{\"error_description\":\"too many requests\",\"error\":\"Access Denied\",\"status\":\"failure\"}"}});
    w.clock.advance(2h);
    CHECK(error_of([&] { keep.access_token(client); }) == errc::throttled);
    CHECK(error_of([&] { keep.access_token(client); }) == errc::throttled);
    CHECK(w.server.log().token_requests == 3);
    CHECK(w.row() == before);
    w.clock.advance(10min);
    CHECK(!keep.access_token(client).empty());
    keep.revoke(client);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 1);
}

TEST_CASE("keeper: 64 threads at one expiry make one request, and wait for nothing else", "[keeper]") {
    tokenkeep::testing::fake_server server({.latency = 500ms});
    sleep_counter clock;
    const auto herd = [&](auto& store) {
        tokenkeep::keeper keep{store, server, server.provider(), {.read_back_pause = 30ms}, tokenkeep::ignore_events{},
                               clock};
        keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
        const token row = *store.find_token(ada);
        store.save_token({.expires_at = tokenkeep::timestamp{}, .id = row.id});
        const unsigned before = server.log().refreshes;
        std::mutex mutex;
        std::vector<secret> given;
        on_threads(64, [&](int) {
            secret mine = keep.access_token(ada);
            const std::lock_guard lock(mutex);
            given.push_back(std::move(mine));
        });
        CHECK(server.log().refreshes - before == 1);
        for (const secret& one : given) CHECK(one == given.front());
        CHECK(given.front() != row.access_token);
    };
    SECTION("over a store that locks and compares, where no caller sleeps") {
        tokenkeep::memory_store store;
        herd(store);
        CHECK(clock.sleeps == 0); // who waits is woken by the answer
    }
    SECTION("over a plain store") {
        tests::plain_store store;
        herd(store);
    }
}

TEST_CASE("keeper: 16 identities are refreshed side by side", "[keeper]") {
    tokenkeep::testing::fake_server server;
    std::mutex mutex;
    std::condition_variable arrived;
    int waiting = 0, met = 0; // a request waits until all 16 are under way
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (request.body.find("refresh_token") != std::string::npos) {
            std::unique_lock lock(mutex);
            ++waiting;
            arrived.notify_all();
            met += arrived.wait_for(lock, 60s, [&] { return waiting == 16; });
        }
        return server(request);
    };
    tests::plain_store store;
    tokenkeep::keeper keep{store, transport, server.provider(), {.request_timeout = 120s, .read_back_pause = 30ms}};
    for (int i = 0; i < 16; ++i) {
        const std::string user = "user" + std::to_string(i);
        keep.access_token({.user_name = user, .grant_token = server.grant(user)});
    }
    for (const token& row : store.get_tokens()) store.save_token({.expires_at = tokenkeep::timestamp{}, .id = row.id});
    on_threads(16, [&](int i) { keep.access_token({.user_name = "user" + std::to_string(i)}); });
    CHECK(server.log().refreshes == 16);
    CHECK(met == 16);
}

TEST_CASE("keeper: two keepers over one store make one spend", "[keeper]") {
    tokenkeep::testing::fake_server server({.latency = 100ms});
    const auto race = [&](auto& store) {
        tokenkeep::keeper first{store, server, server.provider()};
        tokenkeep::keeper second{store, server, server.provider()};
        first.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
        for (int round = 0; round < 3; ++round) {
            store.save_token({.expires_at = tokenkeep::timestamp{}, .id = store.find_token(ada)->id});
            const unsigned before = server.log().token_requests;
            on_threads(4, [&](int i) { CHECK_NOTHROW((i % 2 == 0 ? first : second).access_token(ada)); });
            CHECK(server.log().token_requests - before == 1);
            CHECK(server.is_live(store.find_token(ada)->refresh_token));
        }
        CHECK(server.log().reused == 0);
    };
    SECTION("that locks and compares") {
        tokenkeep::memory_store store;
        race(store);
    }
    SECTION("that is plain") {
        tests::plain_store store;
        race(store);
    }
}

TEST_CASE("keeper: those who waited for a refresh that failed share its failure", "[keeper]") {
    tokenkeep::testing::fake_server server({.latency = 100ms});
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server, server.provider()};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    store.save_token({.expires_at = tokenkeep::timestamp{}, .id = store.find_token(ada)->id});
    const unsigned before = server.log().token_requests;
    for (int i = 0; i < 16; ++i)
        server.next({fault::kind::answer, {.status = 429, .headers = {{"Retry-After", "3600"}}}});
    std::atomic<int> throttled{0};
    on_threads(16, [&](int) { throttled += error_of([&] { keep.access_token(ada); }) == errc::throttled; });
    CHECK(throttled == 16);
    CHECK(server.log().token_requests - before == 1);
}
