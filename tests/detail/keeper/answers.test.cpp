// SPDX-License-Identifier: MIT
// What the keeper does with answers that are neither tokens nor a clear refusal.
#include <tokenkeep/describe.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

/// The server answers the next token request with this, and does nothing.
void answer(world<>& w, int status, std::string body) {
    w.server.next({fault::kind::answer, {.status = status, .body = std::move(body)}});
}

/// A server whose every answer to a token request is this.
auto always(world<>& w, int& requests, int status, const char* body) {
    return [&w, &requests, status, body](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        if (request.method != "POST") return w.server(request);
        ++requests;
        return {.status = status, .body = body};
    };
}

/// The response_error that is nested in what a call throws, or is it.
template <class Call>
std::optional<tokenkeep::response_error> reason_of(Call call) {
    std::optional<tokenkeep::response_error> reason;
    try {
        call();
    } catch (const std::exception& failure) {
        tokenkeep::detail::for_each_nested(failure, [&](const std::exception& each) {
            if (const auto* known = dynamic_cast<const tokenkeep::response_error*>(&each)) reason = *known;
        });
    }
    return reason;
}

} // namespace

TEST_CASE("answers: a refresh token without an access token is saved in one write, and spent next", "[refresh]") {
    world w;
    const token before = w.login();
    const bool is_due_only = GENERATE(true, false);
    w.clock.advance(is_due_only ? 1h - 30s : 2h);
    answer(w, 200, R"({"id_token":"x","refresh_token":"rt-new"})");
    int writes = 0;
    bool is_sent = false;
    w.store.before = [&](std::string_view operation) {
        is_sent = w.server.log().token_requests == 2;
        if (is_sent && operation == "replace") ++writes;
    };
    auto keep = w.keeper();
    if (is_due_only) {
        CHECK(keep.access_token(ada) == before.access_token);
    } else {
        const auto reason = reason_of([&] { keep.access_token(ada); });
        REQUIRE(reason);
        CHECK(reason->code() == errc::malformed_response);
        CHECK(reason->reason() == tokenkeep::response_reason::missing_access_token);
    }
    CHECK(writes == 1);
    token expected = before;
    expected.refresh_token = "rt-new";
    expected.extra = R"({"id_token":"x"})";
    expected.seed = w.row().seed; // of the one that was rotated away
    CHECK(w.row() == expected);
    // The pause is a minute, and then the new one is spent, once.
    std::vector<std::string> bodies;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        bodies.push_back(request.body);
        return {.status = 200, .body = R"({"access_token":"at-new","token_type":"Bearer"})"};
    };
    w.clock.advance(2h);
    tokenkeep::keeper next{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(next.access_token(ada) == secret("at-new"));
    REQUIRE(bodies.size() == 1);
    CHECK_THAT(bodies[0], ContainsSubstring("refresh_token=rt-new"));
}

TEST_CASE("answers: a login that brings only a refresh token is kept", "[login]") {
    world w;
    answer(w, 200, R"({"access_token":"error: no","refresh_token":"rt-new"})");
    auto keep = w.keeper();
    const token login{.user_name = "ada", .grant_token = w.server.grant("ada")};
    const auto reason = reason_of([&] { keep.access_token(login); });
    REQUIRE(reason);
    CHECK(reason->code() == errc::malformed_response);
    CHECK(reason->reason() == tokenkeep::response_reason::charset);
    CHECK(w.row().refresh_token == secret("rt-new"));
    CHECK(w.row().access_token.empty());
    CHECK(w.row().status.empty());
    answer(w, 200, R"({"access_token":"at-new","token_type":"Bearer","expires_in":60})");
    CHECK(keep.access_token(login) == secret("at-new")); // by refreshing: the grant token is spent
    CHECK(w.server.log().token_requests == 2);
}

TEST_CASE("answers: an unexplained refusal is asked again after a minute, and ever later, up to an hour", "[refresh]") {
    const auto [status, body] = GENERATE(table<int, const char*>({
        {400, R"({"status":400,"message":"Invalid refresh token"})"},
        {401, R"({"message":"Unauthorized","error":401})"},
        {403, "<html>"},
        {200, R"({"error":"home_made"})"},
        {200, R"({"refresh_token":"rt-again"})"},
    }));
    CAPTURE(status, body);
    world w;
    w.login();
    w.clock.advance(2h);
    int requests = 0;
    const auto transport = always(w, requests, status, body);
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    std::vector<std::chrono::milliseconds> at;
    const auto begin = w.clock.steady_now();
    for (const auto end = begin + 24h; w.clock.steady_now() < end; w.clock.advance(10s)) {
        const int before = requests;
        const auto code = error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); });
        CHECK(code.has_value());
        CHECK(code != errc::outcome_unknown);
        if (requests != before)
            at.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(w.clock.steady_now() - begin));
    }
    REQUIRE(at.size() >= 8);
    for (std::size_t nth = 1; nth < 7; ++nth) CHECK(at[nth] - at[nth - 1] >= 1min * (1 << (nth - 1)));
    CHECK(at[1] - at[0] <= 1min + 10s);
    CHECK(at[7] - at[6] <= 1h + 10s);
    CHECK(requests <= 31); // not 3,830
    CHECK(w.row().status.empty());
}

TEST_CASE("answers: the pause after such a refusal is forgotten twice its length after its end", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    int requests = 0;
    const auto transport = always(w, requests, 400, "no");
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    const auto asks = [&] {
        const int before = requests;
        error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); });
        return requests != before;
    };
    CHECK(asks());
    w.clock.advance(59s);
    CHECK_FALSE(asks());
    w.clock.advance(1s);
    CHECK(asks()); // the second pause: two minutes
    w.clock.advance(2min - 1s);
    CHECK_FALSE(asks());
    w.clock.advance(1s + 4min);
    CHECK(asks()); // forgotten: one minute again
    w.clock.advance(1min);
    CHECK(asks());
}

TEST_CASE("answers: a refusal keeps its reason, and the observer learns the server's code", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto keep = w.keeper();
    SECTION("of a dead token") {
        answer(w, 400, R"({"error":{"message":"Refresh_Token_Revoked"}})");
        const auto reason = reason_of([&] { keep.access_token(ada); });
        REQUIRE(reason);
        CHECK(reason->server_code() == "Refresh_Token_Revoked");
        CHECK(reason->status() == 400);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
        CHECK(w.server.log().token_requests == 2);
        CHECK(w.seen.count(event_kind::refused) == 1);
        CHECK_THAT(w.seen.texts,
                   Catch::Matchers::VectorContains(w.row().id + " " + w.row().refresh_token.fingerprint() +
                                                   " Refresh_Token_Revoked"));
    }
    SECTION("of the configuration") {
        answer(w, 403, R"({"error":"Home.Made"})");
        const auto reason = reason_of([&] { keep.access_token(ada); });
        REQUIRE(reason);
        CHECK(reason->code() == errc::request_rejected);
        CHECK(reason->server_code() == "Home.Made");
        CHECK(reason->status() == 403);
        CHECK_THAT(w.seen.texts, Catch::Matchers::VectorContains(w.row().id + " " +
                                                                 w.row().refresh_token.fingerprint() + " Home.Made"));
    }
}

TEST_CASE("answers: a token that is known dead is sent again only if the program asks by name, once a minute",
          "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto keep = w.keeper();
    answer(w, 400, R"({"error":"invalid_grant"})"); // by mistake: the session lives
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    const auto sent = [&] { return w.server.log().token_requests; };
    const auto before = sent();
    for (const char* rejected : {"at-other", "at-1"}) {
        CHECK(error_of([&] { keep.refresh(ada, rejected); }) == errc::reauthorization_required);
        CHECK(error_of([&] { keep.refresh(ada, w.row().access_token); }) == errc::reauthorization_required);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .refresh_token = w.row().refresh_token}); }) ==
              errc::reauthorization_required);
        CHECK(error_of([&] { keep.send({.method = "GET", .url = w.server.resource()}, ada); }) ==
              errc::reauthorization_required);
    }
    CHECK(sent() == before);
    SECTION("and it lives again") {
        const secret fresh = keep.refresh(ada, {});
        CHECK(w.is_stored(fresh));
        CHECK(sent() == before + 1);
        CHECK(w.row().status.empty());
    }
    SECTION("and is dead, which is asked at most once a minute") {
        int requests = 0;
        const auto transport = always(w, requests, 400, R"({"error":"invalid_grant"})");
        tokenkeep::keeper next{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
        const auto asks = [&] {
            const int asked = requests;
            CHECK(error_of([&] { next.refresh(ada, {}); }) == errc::reauthorization_required);
            CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::refused);
            return requests != asked;
        };
        CHECK(asks());
        CHECK_FALSE(asks());
        w.clock.advance(59s);
        CHECK_FALSE(asks());
        w.clock.advance(1s);
        CHECK(asks());
    }
    SECTION("but never while it is being revoked") {
        token revoking = w.row();
        revoking.status =
            tokenkeep::to_status({.kind = tokenkeep::status_kind::revoking,
                                  .fingerprint = tokenkeep::token_status::fingerprint_of(revoking.refresh_token)});
        REQUIRE(w.store.inner.replace_token(w.row(), revoking));
        CHECK(error_of([&] { keep.refresh(ada, {}); }) == errc::reauthorization_required);
        CHECK(sent() == before);
    }
}

TEST_CASE("answers: Retry-After may be a date, which counts from the keeper's clock if the answer has none",
          "[refresh]") {
    world w;
    w.login();
    const std::chrono::sys_seconds until{784'111'777s}; // Sun, 06 Nov 1994 08:49:37 GMT
    w.clock.jump(until - 3min - w.clock.now());
    w.store.before = [](std::string_view) {};
    token row = w.row();
    row.expires_at = w.clock.now();
    row.issued_at = w.clock.now() - 1h;
    REQUIRE(w.store.inner.replace_token(w.row(), row));
    w.server.next({fault::kind::answer,
                   {.status = 429, .headers = {{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}}, .body = ""}});
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); }) == errc::throttled);
    const auto requests = w.server.log().token_requests;
    w.clock.advance(3min - 2s);
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); }) == errc::throttled);
    CHECK(w.server.log().token_requests == requests);
    w.clock.advance(2s);
    CHECK(w.is_stored(keep.access_token(ada)));
}

TEST_CASE("answers: a login whose outcome is lost says to log in again, not to try later", "[login]") {
    world w;
    const token login{.user_name = "ada", .grant_token = w.server.grant("ada")};
    answer(w, 502, "<html>");
    auto keep = w.keeper();
    for (int call = 0; call < 2; ++call) {
        try {
            keep.access_token(login);
            FAIL("it was accepted");
        } catch (const tokenkeep::error& failure) {
            CHECK(failure.code() == errc::outcome_unknown);
            CHECK_FALSE(is_passing(failure));
            CHECK_THAT(failure.what(), ContainsSubstring("log in again"));
        }
    }
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("answers: none moves a session to another host, at a refresh or a login, and the observer learns of it",
          "[refresh]") {
    world w({.members = {{"api_domain", R"("https://api.example")"}}});
    w.login();
    CHECK(w.row().api_domain == "https://api.example"); // the row had none
    w.clock.advance(2h);
    std::vector<std::string> sent_to;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        if (request.method == "POST") return w.server(request);
        sent_to.push_back(request.url);
        return {.status = 200};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    bool is_judged = true; // the provider sees both hosts
    const auto moves = [&] { w.server.next({.members = {{"api_domain", R"("https://evil.example")"}}}); };
    SECTION("at a refresh") {
        moves();
        keep.access_token(ada);
    }
    SECTION("at a login") {
        moves();
        keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")});
    }
    SECTION("after the program has named one while the request was under way") {
        token row = w.row();
        row.api_domain.clear();
        is_judged = false;
        REQUIRE(w.store.inner.replace_token(w.row(), row));
        moves();
        w.store.before = [&](std::string_view operation) {
            if (operation != "replace" || w.server.log().token_requests != 2) return;
            token named = w.row();
            if (!named.api_domain.empty()) return;
            named.api_domain = "https://api.example";
            REQUIRE(w.store.inner.replace_token(w.row(), named));
        };
        keep.access_token(ada);
    }
    CHECK(w.server.log().token_requests == 2);
    CHECK(w.row().api_domain == "https://api.example");
    CHECK(w.seen.count(event_kind::warning) == (is_judged ? 1 : 0));
    CHECK(error_of([&] { keep.send({.method = "GET", .url = "https://evil.example/x"}, ada); }) ==
          errc::request_rejected);
    CHECK(keep.send({.method = "GET", .url = "https://api.example/x"}, ada).status == 200);
    CHECK(sent_to == std::vector<std::string>{"https://api.example/x"});
}
