// SPDX-License-Identifier: MIT
// Sessions at a server with Zoho's wire shapes and limits, over libcurl, in a file. Hours pass at once, on both sides.
#include <tokenkeep/tokenkeep.hpp>

#include "real_server.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds, std::chrono::seconds, std::chrono::steady_clock;
using tokenkeep::client_authentication, tokenkeep::errc, tokenkeep::http_request, tokenkeep::http_response;
using tokenkeep::secret, tokenkeep::token;

namespace {

const token ada{.user_name = "ada"};

/// The machine's clocks, and what a test lets pass at once. Waits last as long as they do, for other processes work.
class moved_clock {
  public:
    void pass(milliseconds time) { ahead_ = ahead_.load() + time; }

    tokenkeep::timestamp now() const { return machine_.now() + ahead_.load(); }
    steady_clock::time_point steady_now() const { return machine_.steady_now() + ahead_.load(); }
    void sleep_until(steady_clock::time_point t) const { machine_.sleep_until(t - ahead_.load()); }
    template <class Predicate>
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, steady_clock::time_point t,
                    Predicate predicate) const {
        return machine_.wait_until(changed, lock, t - ahead_.load(), predicate);
    }

  private:
    tokenkeep::system_clock machine_{};
    std::atomic<milliseconds> ahead_{0ms};
};

/// The server of zoho_server.mjs, a file for sessions, and the time.
struct zoho_world : asked_server {
    explicit zoho_world(std::vector<std::string> arguments = {},
                        client_authentication authentication = client_authentication::post)
        : asked_server("zoho_server.mjs", std::move(arguments)),
          provider{
              .center = {.accounts = url, .api = url, .sandbox = url, .developer = url, .allow_loopback_http = true},
              .authentication = authentication,
              .client_id = "1000.TOKENKEEP",
              .client_secret = "zoho-app-secret"} {}

    const std::string url = process.url();
    const http_request users{.method = "GET", .url = url + "/crm/v8/users?type=CurrentUser"};
    tokenkeep::zoho::provider provider;
    moved_clock clock{};
    const temporary_directory where{};

    tokenkeep::file_store open() const { return tokenkeep::file_store{where / "tokens.tkj"}; }
    template <class Store>
    auto keep_over(Store& store, tokenkeep::keeper_options options = {}) {
        return tokenkeep::keeper{store, transport, provider, options, tokenkeep::ignore_events{}, clock};
    }

    void pass(seconds time) {
        ask("POST", "/test/pass?seconds=" + std::to_string(time.count()));
        clock.pass(time);
    }
    int refreshes() const { return log()["by_grant_type"].value("refresh_token", 0); }

    http_response get_users_as(std::string authorization) const {
        http_request request = users;
        request.headers = {{"Authorization", std::move(authorization)}};
        return transport(request);
    }
    http_response post(const std::string& path, std::string type = "", std::string body = "") const {
        return transport({.method = "POST",
                          .url = url + path,
                          .headers = {{"Content-Type", std::move(type)}},
                          .body = std::move(body)});
    }
    /// A program of somebody else's has the same refresh token and asks for an access token.
    http_response refresh_elsewhere(const token& row) const { return transport(provider.refresh_request(row)); }
    void refresh_elsewhere(const token& row, int times) const {
        for (; times > 0; --times)
            CHECK(!provider.read_token_response(refresh_elsewhere(row), row).access_token.empty());
    }
};

/// What `act` gives to so many threads that call it at one moment.
template <class Act, class Result = std::invoke_result_t<Act>>
std::vector<Result> at_once(int callers, Act act) {
    const auto start = steady_clock::now() + 20ms;
    std::vector<std::future<Result>> threads;
    for (int n = 0; n < callers; ++n)
        threads.push_back(std::async(std::launch::async, [&] {
            std::this_thread::sleep_until(start);
            return act();
        }));
    std::vector<Result> results;
    for (auto& each : threads) results.push_back(each.get());
    return results;
}

/// How many of so many callers at one moment get an answer of the API with the user in it.
template <class Keeper>
int successes(int callers, Keeper& keep, const http_request& request) {
    const auto bodies = at_once(callers, [&] { return keep.send(request, ada).body; });
    return static_cast<int>(std::count_if(bodies.begin(), bodies.end(), [](const std::string& body) {
        return body.find("\"email\":\"ada@example.com\"") != std::string::npos;
    }));
}

/// Whether a token has Zoho's form: 1000.<32 hex>.<32 hex>.
bool is_zoho_token(const secret& token) {
    const std::string_view text = token.reveal();
    if (text.size() != 70 || !text.starts_with("1000.") || text[37] != '.') return false;
    return text.substr(5).find_first_not_of("0123456789abcdef.") == std::string_view::npos;
}

} // namespace

TEST_CASE("zoho server: a login, its record, and its end on both sides", "[oidc]") {
    const auto authentication = GENERATE(client_authentication::post, client_authentication::basic);
    zoho_world world({}, authentication);
    auto store = world.open();
    auto keep = world.keep_over(store);
    keep.access_token(world.grant("ada"));
    const token login = store.find_token(ada).value();
    CHECK(is_zoho_token(login.access_token));
    CHECK(is_zoho_token(login.refresh_token));
    CHECK(login.api_domain == world.url);
    CHECK(login.scope == "ZohoCRM.modules.ALL ZohoCRM.users.READ");
    CHECK(login.token_type == "Bearer");
    CHECK(login.expires_at.value() - login.issued_at.value() == 1h);
    CHECK(successes(1, keep, world.users) == 1);

    world.pass(1h);
    CHECK(world.get_users_as("Zoho-oauthtoken " + std::string(login.access_token.reveal())).status == 401);
    CHECK(successes(1, keep, world.users) == 1);
    const token refreshed = store.find_token(ada).value();
    CHECK(refreshed.access_token != login.access_token);
    CHECK(refreshed.refresh_token == login.refresh_token);
    CHECK(refreshed.api_domain == world.url);
    CHECK(refreshed.scope == login.scope);
    CHECK(world.log()["by_grant_type"] == json{{"authorization_code", 1}, {"refresh_token", 1}});
    const bool by_post = authentication == client_authentication::post;
    CHECK(world.log()["by_authentication"] == json{{by_post ? "post" : "basic", 2}});

    SECTION("revoked by us") {
        keep.revoke(ada);
        CHECK(world.log()["revocations"] == 1);
    }
    SECTION("revoked by the user before") {
        CHECK(world.post("/oauth/v2/token/revoke?token=" + std::string(refreshed.refresh_token.reveal())).status ==
              200);
        keep.revoke(ada);
        CHECK(world.log()["revocations"] == 1);
    }
    CHECK(store.get_tokens().empty());
    CHECK(!world.is_alive(refreshed.refresh_token));
    CHECK(world.get_users_as("Zoho-oauthtoken " + std::string(refreshed.access_token.reveal())).status == 401);
    CHECK(code_of([&] { keep.send(world.users, ada); }) == errc::token_not_found);
}

TEST_CASE("zoho server: sixteen callers at one expiry ask once, and the next process not at all", "[oidc]") {
    zoho_world world({"--token-delay-ms", "100"});
    {
        auto store = world.open();
        auto keep = world.keep_over(store);
        keep.access_token(world.grant("ada"));
        world.pass(1h);
        CHECK(successes(16, keep, world.users) == 16);
    }
    const json log = world.log();
    CHECK(log["by_grant_type"] == json{{"authorization_code", 1}, {"refresh_token", 1}});
    CHECK(log["answered"] == 2);
    CHECK(log["throttled"] == 0);
    CHECK(log["most_in_flight"] == 1);
    CHECK(log["calls_ok"] == 16);
    CHECK(log["calls_refused"] == 0);

    CHECK(in_process([&] {
        auto store = world.open();
        auto keep = world.keep_over(store);
        expect(successes(1, keep, world.users) == 1, "the next process's call is refused");
    }));
    CHECK(world.log()["calls_ok"] == 17);
    CHECK(world.log()["token_requests"] == log["token_requests"]);
}

TEST_CASE("zoho server: four processes of four callers at one expiry ask once", "[oidc]") {
    zoho_world world({"--token-delay-ms", "300"});
    {
        auto store = world.open();
        world.keep_over(store).access_token(world.grant("ada"));
    }
    world.pass(1h);
    std::vector<pid_t> processes;
    for (int n = 0; n < 4; ++n)
        processes.push_back(start_process([&] {
            auto store = world.open();
            auto keep = world.keep_over(store);
            expect(successes(4, keep, world.users) == 4, "a call is refused");
        }));
    for (const pid_t each : processes) CHECK(ended_well(each));
    const json log = world.log();
    CHECK(log["by_grant_type"] == json{{"authorization_code", 1}, {"refresh_token", 1}});
    CHECK(log["throttled"] == 0);
    CHECK(log["most_in_flight"] == 1);
    CHECK(log["calls_ok"] == 16);
    CHECK(log["calls_refused"] == 0);
}

TEST_CASE("zoho server: throttled while the token lives, calls go on with it and nobody asks for ten minutes",
          "[oidc]") {
    const std::string shape = GENERATE("400", "200", "access_denied");
    CAPTURE(shape);
    zoho_world world({"--throttle", shape, "--token-delay-ms", "50"});
    auto store = world.open();
    auto keep = world.keep_over(store, {.refresh_margin = 12min}); // so that the token outlives the pause
    keep.access_token(world.grant("ada"));
    const token login = store.find_token(ada).value();
    world.pass(49min);
    world.refresh_elsewhere(login, 10);

    CHECK(successes(16, keep, world.users) == 16);
    CHECK(world.log()["throttled"] == 1);
    for (int minute = 1; minute <= 9; ++minute) {
        world.pass(1min);
        CHECK(successes(1, keep, world.users) == 1);
    }
    CHECK(world.refreshes() == 11);
    CHECK(store.find_token(ada) == login);

    world.pass(61s);
    CHECK(successes(16, keep, world.users) == 16);
    CHECK(world.refreshes() == 12);
    CHECK(world.log()["throttled"] == 1);
    CHECK(world.log()["calls_ok"] == 16 + 9 + 16);
    CHECK(world.log()["calls_refused"] == 0);
    CHECK(store.find_token(ada)->access_token != login.access_token);
    CHECK(store.find_token(ada)->refresh_token == login.refresh_token);
}

TEST_CASE("zoho server: throttled without a living token, callers are told at once and the session stays", "[oidc]") {
    const std::string shape = GENERATE("400", "200", "access_denied");
    CAPTURE(shape);
    zoho_world world({"--throttle", shape, "--token-delay-ms", "50"});
    auto store = world.open();
    auto keep = world.keep_over(store);
    keep.access_token(world.grant("ada"));
    const token login = store.find_token(ada).value();
    world.pass(1h);
    world.refresh_elsewhere(login, 10);
    const http_response eleventh = world.refresh_elsewhere(login);
    CHECK(eleventh.status == (shape == "200" ? 200 : 400));
    CHECK(json::parse(eleventh.body)["error"] == (shape == "access_denied" ? shape : "Access Denied"));

    const auto told = [&](seconds at_least, seconds at_most) {
        const auto each = at_once(16, [&] {
            try {
                keep.send(world.users, ada);
            } catch (const tokenkeep::error& failure) {
                return failure.code() == errc::throttled && failure.retry_after() >= at_least &&
                       failure.retry_after() <= at_most;
            }
            return false;
        });
        return std::count(each.begin(), each.end(), true);
    };
    const auto start = steady_clock::now();
    CHECK(told(9min, 10min) == 16);
    world.pass(9min);
    CHECK(told(30s, 1min) == 16);
    CHECK(steady_clock::now() - start < 30s);
    CHECK(world.refreshes() == 12);
    CHECK(world.log()["calls_refused"] == 0);
    CHECK(store.find_token(ada) == login);
    CHECK(world.is_alive(login.refresh_token));

    world.pass(61s);
    CHECK(successes(16, keep, world.users) == 16);
    CHECK(world.refreshes() == 13);
    CHECK(world.log()["throttled"] == 2);
    CHECK(store.find_token(ada)->refresh_token == login.refresh_token);
}

TEST_CASE("zoho server: an access token that fifteen younger ones have pushed out is refreshed once", "[oidc]") {
    zoho_world world;
    auto store = world.open();
    auto keep = world.keep_over(store);
    keep.access_token(world.grant("ada"));
    const token login = store.find_token(ada).value();
    world.refresh_elsewhere(login, 10);
    world.pass(10min);
    world.refresh_elsewhere(login, 4);
    CHECK(successes(1, keep, world.users) == 1);
    CHECK(world.log()["calls_refused"] == 0);
    world.refresh_elsewhere(login, 1);
    CHECK(successes(1, keep, world.users) == 1);
    CHECK(world.log()["calls_refused"] == 1);
    CHECK(world.refreshes() == 16);
}

TEST_CASE("zoho server: a session that twenty younger ones have pushed out asks for a login, and then no more",
          "[oidc]") {
    zoho_world world;
    auto store = world.open();
    auto keep = world.keep_over(store);
    keep.access_token(world.grant("ada"));
    const token login = store.find_token(ada).value();
    const auto log_in_elsewhere = [&] {
        tokenkeep::memory_store other;
        world.keep_over(other).access_token(world.grant("ada"));
    };
    for (int n = 0; n < 19; ++n) log_in_elsewhere();
    CHECK(world.is_alive(login.refresh_token));
    CHECK(successes(1, keep, world.users) == 1);
    log_in_elsewhere();
    CHECK(!world.is_alive(login.refresh_token));
    CHECK(code_of([&] { keep.send(world.users, ada); }) == errc::reauthorization_required);
    CHECK(world.log()["refused"] == json{{"invalid_code", 1}});
    world.pass(1h);
    CHECK(code_of([&] { keep.send(world.users, ada); }) == errc::reauthorization_required);
    CHECK(world.refreshes() == 1);

    keep.access_token(world.grant("ada"));
    CHECK(successes(1, keep, world.users) == 1);
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("zoho server: what it refuses under status 200 comes as the error that says what to do", "[oidc]") {
    zoho_world world;
    auto store = world.open();
    auto keep = world.keep_over(store);
    token unknown = world.grant("ada"), elsewhere = unknown;
    const token late = world.grant("ada");
    elsewhere.redirect_url = "https://elsewhere.example/callback";
    unknown.grant_token = "1000.0.0";
    CHECK(code_of([&] { keep.access_token(unknown); }) == errc::reauthorization_required);
    CHECK(code_of([&] { keep.access_token(elsewhere); }) == errc::request_rejected);
    world.pass(3min);
    CHECK(code_of([&] { keep.access_token(late); }) == errc::reauthorization_required);
    CHECK(store.get_tokens().empty());
    CHECK(world.log()["refused"] == json{{"invalid_code", 2}, {"invalid_redirect_uri", 1}});

    const token used = world.grant("ada");
    keep.access_token(used);
    tokenkeep::memory_store other;
    CHECK(code_of([&] { world.keep_over(other).access_token(used); }) == errc::reauthorization_required);

    const token row = store.find_token(ada).value();
    world.provider.client_secret = "another secret";
    CHECK(code_of([&] { world.keep_over(store).refresh(ada, row.access_token); }) == errc::client_rejected);
    world.provider.client_id = "1000.ANOTHER";
    other.save_token({.user_name = "ada", .client_id = "1000.ANOTHER", .refresh_token = row.refresh_token});
    CHECK(code_of([&] { world.keep_over(other).access_token(ada); }) == errc::client_rejected);
    CHECK(world.log()["refused"].value("invalid_client_secret", 0) == 1);
    CHECK(world.log()["refused"].value("invalid_client", 0) == 1);
    CHECK(store.find_token(ada) == row);
    CHECK(!keep.refresh(ada, row.access_token).empty());
}

TEST_CASE("zoho server: it takes parameters from where Zoho does, and only its own scheme", "[oidc]") {
    zoho_world world;
    const auto exchanged = [&](const http_response& response) {
        return world.provider.read_token_response(response, ada).refresh_token;
    };
    const auto code = [&] { return std::string(world.grant("ada").grant_token.reveal()); };
    const std::string login = "client_id=1000.TOKENKEEP&client_secret=zoho-app-secret&grant_type=authorization_code&"
                              "redirect_uri=https%3A%2F%2Fzoho-app.example%2Fcallback&code=";
    const secret by_query = exchanged(world.post("/oauth/v2/token?" + login + code()));
    const secret by_form =
        exchanged(world.post("/oauth/v2/token", "application/x-www-form-urlencoded", login + code()));
    const auto pairs = tokenkeep::text::from_form(login + code());
    std::string parts;
    for (const auto& [name, value] : pairs.value())
        parts += "--part\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
    const secret by_parts =
        exchanged(world.post("/oauth/v2/token", "multipart/form-data; boundary=part", parts + "--part--\r\n"));
    for (const secret& refresh : {by_query, by_form, by_parts}) CHECK(world.is_alive(refresh));

    const std::string revocation = "token=" + std::string(by_form.reveal());
    const std::string path = "/oauth/v2/token/revoke";
    CHECK(json::parse(world.post(path, "application/x-www-form-urlencoded", revocation).body)["status"] == "success");
    CHECK(world.post(path + "?" + revocation).status == 400);

    const token row{.refresh_token = by_query};
    const tokenkeep::token_response tokens = world.provider.read_token_response(world.refresh_elsewhere(row), row);
    const std::string access(tokens.access_token.reveal());
    CHECK(json::parse(world.transport(world.users).body)["code"] == "AUTHENTICATION_FAILURE");
    CHECK(world.get_users_as("Bearer " + access).status == 401);
    CHECK(json::parse(world.get_users_as("Bearer " + access).body)["code"] == "INVALID_TOKEN");
    CHECK(json::parse(world.get_users_as("Zoho-oauthtoken " + access).body)["users"][0]["email"] == "ada@example.com");
}
