// SPDX-License-Identifier: MIT
#include <tokenkeep/zoho/provider.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

static_assert(authorization_provider<zoho::provider>);
static_assert(explain_authorization_provider<zoho::provider>());

const zoho::provider at_eu{zoho::eu, zoho::environment::production};

template <class Call>
std::optional<error> thrown(Call call) {
    try {
        call();
    } catch (const error& failure) {
        return failure;
    }
    return std::nullopt;
}

http_response json(int status, std::string body) {
    return {.status = status, .headers = {{"Content-Type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
}

response_error refused(const http_response& response) {
    try {
        (void)read_token_response(at_eu, response, {});
    } catch (const response_error& refusal) {
        return refusal;
    }
    FAIL("it was accepted");
    throw; // not reached
}

token_response answer_for(const token& record, const std::string& members, const zoho::provider& provider = at_eu) {
    return read_token_response(
        provider, json(200, R"({"access_token":"1000.a.b","token_type":"Bearer")" + members + "}"), record);
}

constexpr auto throttle =
    R"({"error_description":"You have made too many requests continuously. Please try again after some time.",)"
    R"("error":"Access Denied","status":"failure"})";

} // namespace

TEST_CASE("zoho: the requests of its own servers", "[zoho]") {
    const token record{.client_id = "1000.APP",
                       .client_secret = "s",
                       .refresh_token = "1000.r.t",
                       .access_token = "1000.a.t",
                       .grant_token = "1000.g.t",
                       .redirect_url = "https://app.example/cb?x=1&y=2"};
    const http_request exchange = exchange_request(at_eu, record);
    CHECK(exchange.url == "https://accounts.zoho.eu/oauth/v2/token");
    CHECK(exchange.body ==
          "grant_type=authorization_code&code=1000.g.t&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1%26y%3D2"
          "&client_id=1000.APP&client_secret=s");
    const http_request refresh = refresh_request(at_eu, record);
    CHECK(refresh.method == "POST");
    CHECK(refresh.url == "https://accounts.zoho.eu/oauth/v2/token");
    CHECK(refresh.body == "grant_type=refresh_token&refresh_token=1000.r.t&client_id=1000.APP&client_secret=s");
    CHECK(find_header(refresh.headers, "Content-Type") == "application/x-www-form-urlencoded");
    const std::optional<http_request> revoke = revoke_request(at_eu, record);
    REQUIRE(revoke.has_value());
    CHECK(revoke->method == "POST");
    CHECK(revoke->url == "https://accounts.zoho.eu/oauth/v2/token/revoke");
    CHECK(revoke->body == "token=1000.r.t");
    CHECK(revoke_request(at_eu, {.access_token = "1000.a.t"})->body == "token=1000.a.t");
    CHECK(thrown([] { (void)revoke_request(at_eu, {}); })->code() == errc::invalid_record);
}

TEST_CASE("zoho: client credentials of the provider serve records that have none", "[zoho]") {
    const zoho::provider provider{.center = zoho::us, .client_id = "app", .client_secret = "hush"};
    CHECK(refresh_request(provider, {.refresh_token = "r"}).body ==
          "grant_type=refresh_token&refresh_token=r&client_id=app&client_secret=hush");
    CHECK(revoke_request(provider, {.refresh_token = "r"})->body == "token=r");
}

TEST_CASE("zoho: the record's api_domain decides which accounts server is asked", "[zoho]") {
    const auto host = [](const char* domain) {
        const token record{.refresh_token = "r", .grant_token = "g", .api_domain = domain};
        const std::string url = refresh_request(at_eu, record).url;
        CHECK(exchange_request(at_eu, record).url == url);
        CHECK(revoke_request(at_eu, record)->url == url + "/revoke");
        return url.substr(0, url.find("/oauth"));
    };
    CHECK(host("") == "https://accounts.zoho.eu");
    CHECK(host("https://www.zohoapis.eu") == "https://accounts.zoho.eu");
    CHECK(host("https://www.zohoapis.com") == "https://accounts.zoho.com");
    CHECK(host("https://sandbox.zohoapis.in") == "https://accounts.zoho.in");
    CHECK(host("https://www.zohoapis.uk") == "https://accounts.zoho.uk");
    CHECK(host("https://www.zohoapis.ca") == "https://accounts.zohocloud.ca");
    CHECK(host("https://api.zoho.com.au") == "https://accounts.zoho.com.au");
}

TEST_CASE("zoho: no request is made for an API domain that nobody knows", "[zoho]") {
    for (const char* domain :
         {"https://evilzohoapis.eu", "https://zohoapis.eu.evil.com", "http://www.zohoapis.eu", "nonsense"}) {
        CAPTURE(domain);
        const token record{.refresh_token = "r", .grant_token = "g", .api_domain = domain};
        CHECK(thrown([&] { (void)exchange_request(at_eu, record); })->code() == errc::unknown_data_center);
        CHECK(thrown([&] { (void)refresh_request(at_eu, record); })->code() == errc::unknown_data_center);
        CHECK(thrown([&] { (void)revoke_request(at_eu, record); })->code() == errc::unknown_data_center);
    }
}

TEST_CASE("zoho: a provider without a data centre sends nothing to a default one", "[zoho]") {
    CHECK(thrown([] { (void)refresh_request(zoho::provider{}, {.refresh_token = "r"}); })->code() ==
          errc::request_rejected);
}

TEST_CASE("zoho: a server under test is a data centre of its own", "[zoho]") {
    const zoho::provider local{zoho::data_center{
        .accounts = "http://127.0.0.1:8080", .api = "http://127.0.0.1:8080", .allow_loopback_http = true}};
    CHECK(refresh_request(local, {.refresh_token = "r", .api_domain = "http://127.0.0.1:8080"}).url ==
          "http://127.0.0.1:8080/oauth/v2/token");
    CHECK(answer_for({}, R"(,"api_domain":"http://127.0.0.1:8080")", local).api_domain == "http://127.0.0.1:8080");
    const zoho::provider strict{zoho::data_center{.accounts = "http://127.0.0.1:8080", .api = "http://127.0.0.1:8080"}};
    CHECK(thrown([&] { (void)refresh_request(strict, {.refresh_token = "r"}); })->code() == errc::request_rejected);
}

TEST_CASE("zoho: its codes mean what others say otherwise", "[zoho]") {
    const std::pair<const char*, errc> rows[] = {{"invalid_code", errc::reauthorization_required},
                                                 {"invalid_grant", errc::reauthorization_required},
                                                 {"invalid_client", errc::client_rejected},
                                                 {"invalid_client_secret", errc::client_rejected},
                                                 {"invalid_redirect_uri", errc::request_rejected},
                                                 {"general_error", errc::request_rejected},
                                                 {"Access Denied", errc::throttled},
                                                 {"access_denied", errc::throttled}};
    for (const auto& [name, code] : rows) {
        for (const int status : {200, 400, 401}) {
            CAPTURE(name, status);
            const response_error refusal = refused(json(status, std::string("{\"error\":\"") + name + "\"}"));
            CHECK(refusal.code() == code);
            CHECK(refusal.server_code() == (name == std::string("Access Denied") ? "" : name)); // codes have no spaces
            CHECK(refusal.certainly_refused());
            CHECK_THAT(refusal.what(), ContainsSubstring(name));
        }
    }
}

TEST_CASE("zoho: its throttle lasts ten minutes unless it says how long", "[zoho]") {
    for (const int status : {200, 400}) {
        http_response response = json(status, throttle);
        CHECK(refused(response).code() == errc::throttled);
        CHECK(refused(response).retry_after() == 10min);
        response.headers.push_back({"Retry-After", "5"});
        CHECK(refused(response).retry_after() == 5s);
    }
    CHECK(refused(json(429, "")).retry_after() == 10min);
    CHECK(refused(json(503, "")).retry_after() == 0s);
    CHECK(refused(json(200, R"({"error":"invalid_code"})")).retry_after() == 0s);
}

TEST_CASE("zoho: where expires_in_sec comes, expires_in is in milliseconds", "[zoho]") {
    CHECK(answer_for({}, R"(,"expires_in":3600)").expires_in == 3600s);
    CHECK(answer_for({}, R"(,"expires_in":3600)").warnings.empty());
    const token_response both = answer_for({}, R"(,"expires_in_sec":3600,"expires_in":3600000)");
    CHECK(both.expires_in == 3600s);
    CHECK(both.warnings.size() == 1);
    CHECK(both.extra.empty());
    CHECK(answer_for({}, R"(,"expires_in_sec":"60","expires_in":1)").expires_in == 60s);
    CHECK(answer_for({}, R"(,"expires_in_sec":60)").expires_in == 60s);
    CHECK(answer_for({}, R"(,"expires_in_sec":"odd","expires_in":1500)").expires_in == 1500ms);
    CHECK(answer_for({}, R"(,"expires_in_sec":null,"expires_in":60)").expires_in == 60s);
    CHECK_FALSE(answer_for({}, R"(,"expires_in_sec":"odd")").expires_in.has_value());
}

TEST_CASE("zoho: an answer's api_domain is taken only where it belongs", "[zoho]") {
    const auto taken = [](const char* record, const char* come) {
        const token_response answer =
            answer_for({.api_domain = record}, std::string(R"(,"api_domain":")") + come + "\"");
        const std::string after = apply_response({.api_domain = record}, answer, {}).api_domain;
        return after + (answer.warnings.empty() ? "" : " with a warning");
    };
    CHECK(taken("", "https://www.zohoapis.eu") == "https://www.zohoapis.eu");
    CHECK(taken("", "https://www.zohoapis.com") == "https://www.zohoapis.com");
    CHECK(taken("", "https://api.zoho.eu") == "https://api.zoho.eu");
    CHECK(taken("https://www.zohoapis.eu", "https://api.zoho.eu") == "https://api.zoho.eu");
    CHECK(taken("https://www.zohoapis.eu", "https://www.zohoapis.com") == "https://www.zohoapis.eu with a warning");
    CHECK(taken("https://www.zohoapis.com.au", "https://www.zohoapis.com") ==
          "https://www.zohoapis.com.au with a warning");
    CHECK(taken("https://www.zohoapis.eu", "https://zohoapis.eu.evil.com") == "https://www.zohoapis.eu with a warning");
    CHECK(taken("", "https://evilzohoapis.eu") == "https://www.zohoapis.eu with a warning");
    CHECK(taken("https://www.zohoapis.in", "") == "https://www.zohoapis.in");
}

TEST_CASE("zoho: where nobody names an API domain it is the environment's", "[zoho]") {
    CHECK(answer_for({}, "").api_domain == "https://www.zohoapis.eu");
    CHECK(answer_for({}, "", zoho::provider{zoho::jp, zoho::environment::sandbox}).api_domain ==
          "https://sandbox.zohoapis.jp");
    CHECK(answer_for({}, "", zoho::provider{zoho::jp, zoho::environment::developer}).api_domain ==
          "https://developer.zohoapis.jp");
    CHECK(answer_for({.api_domain = "https://sandbox.zohoapis.jp"}, "").api_domain.empty());
}

TEST_CASE("zoho: a revocation is done if Zoho says success, or does not know the token", "[zoho]") {
    const auto done = [](const http_response& response) {
        return !thrown([&] { read_revoke_response(at_eu, response); }).has_value();
    };
    CHECK(done(json(200, R"({"status":"success"})")));
    CHECK(done(json(400, R"({"status":"failure"})")));
    CHECK(done(json(400, "")));
    CHECK(done(json(200, R"({"error":"invalid_code"})")));
    CHECK(done(json(400, R"({"error":"invalid_token"})")));
    for (const http_response& other :
         {json(200, ""), json(200, "{}"), json(200, R"({"status":"failure"})"), json(200, R"({"status":["success"]})"),
          json(200, "success"), json(200, "<html>"), json(200, throttle), json(400, throttle),
          json(400, R"({"error":"invalid_client"})"), json(400, R"({"error":{}})"), json(401, ""),
          json(404, R"({"status":"success"})"), json(302, R"({"status":"success"})"), json(429, ""),
          json(500, R"({"status":"success"})"), json(500, R"({"error":"invalid_code"})"),
          json(200, R"({"status":"success","error":"general_error"})")}) {
        CAPTURE(other.status, other.body);
        CHECK_FALSE(done(other));
    }
    CHECK(thrown([] { read_revoke_response(at_eu, json(400, throttle)); })->code() == errc::throttled);
    CHECK(thrown([] { read_revoke_response(at_eu, json(400, throttle)); })->retry_after() == 10min);
    CHECK(thrown([] { read_revoke_response(at_eu, json(503, "")); })->code() == errc::server_unavailable);
}

TEST_CASE("zoho: tokens are sent in a header of its own", "[zoho]") {
    http_request request{.headers = {{"authorization", "old"}}};
    at_eu.authorize(request, {.access_token = "1000.a.b", .token_type = "Bearer"});
    REQUIRE(request.headers.size() == 1);
    CHECK(find_header(request.headers, "Authorization") == "Zoho-oauthtoken 1000.a.b");
}

TEST_CASE("zoho: a function that a derived provider hides is the one that is called", "[zoho]") {
    struct mine : zoho::provider {
        void read_revoke_response(const http_response&) const {}
    };
    const mine provider{{zoho::eu}};
    read_revoke_response(provider, json(500, ""));
    CHECK(refresh_request(provider, {.refresh_token = "r"}).url == "https://accounts.zoho.eu/oauth/v2/token");
}

namespace {

const zoho::provider with_client{.center = zoho::us, .client_id = "1000.APP", .client_secret = "hush"};
const authorization_wish zoho_wish{.probe = {.user_name = "ada"},
                                   .redirect_url = "https://app.example/cb",
                                   .scope = "ZohoCRM.modules.ALL,ZohoCRM.org.READ"};

/// The token of a login of this provider whose redirect has these parameters too.
token read_login(const zoho::provider& provider, const std::string& more, const authorization_wish& wish = zoho_wish) {
    authorization login = authorization_request(provider, wish);
    return read_authorization_response(
        provider, "https://app.example/cb?code=1000.g.t" + more + "&state=" + std::string(login.state.reveal()), login);
}

} // namespace

static_assert(login_provider<zoho::provider>);

TEST_CASE("zoho: a login asks for a refresh token, unless the wish says otherwise", "[zoho]") {
    const authorization login = authorization_request(with_client, zoho_wish);
    CHECK(login.url.starts_with("https://accounts.zoho.com/oauth/v2/auth?response_type=code&client_id=1000.APP"
                                "&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"
                                "&scope=ZohoCRM.modules.ALL%2CZohoCRM.org.READ&state="));
    CHECK(login.url.ends_with("&code_challenge_method=S256&access_type=offline&prompt=consent"));
    CHECK(login.url.find("hush") == std::string::npos);
    authorization_wish other = zoho_wish;
    other.parameters = {{"prompt", ""}, {"access_type", "online"}};
    CHECK(authorization_request(with_client, other).url.ends_with("&code_challenge_method=S256&access_type=online"));
    other.probe.api_domain = "https://www.zohoapis.eu";
    CHECK(authorization_request(with_client, other).url.starts_with("https://accounts.zoho.eu/oauth/v2/auth?"));
    other.probe.api_domain = "https://evil.example";
    CHECK(thrown([&] { (void)authorization_request(with_client, other); })->code() == errc::unknown_data_center);
}

TEST_CASE("zoho: the code of a login is exchanged in the data centre that the redirect names", "[zoho]") {
    struct row {
        const char *more, *accounts;
    };
    for (const row& r :
         {row{"", "https://accounts.zoho.com"},
          row{"&location=us&accounts-server=https%3A%2F%2Faccounts.zoho.com", "https://accounts.zoho.com"},
          row{"&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu", "https://accounts.zoho.eu"},
          row{"&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu%2F", "https://accounts.zoho.eu"},
          row{"&location=ca&accounts-server=https%3A%2F%2Faccounts.zohocloud.ca", "https://accounts.zohocloud.ca"},
          row{"&accounts-server=https%3A%2F%2Faccounts.zoho.com.au", "https://accounts.zoho.com.au"},
          row{"&location=in", "https://accounts.zoho.in"}, row{"&location=JP", "https://accounts.zoho.jp"},
          row{"&location=new&accounts-server=https%3A%2F%2Faccounts.zoho.uk", "https://accounts.zoho.uk"}}) {
        CAPTURE(r.more);
        const token ada = read_login(with_client, r.more);
        CHECK(ada.user_name == "ada");
        CHECK(ada.grant_token == "1000.g.t");
        CHECK(exchange_request(with_client, ada).url == std::string(r.accounts) + "/oauth/v2/token");
        CHECK(exchange_request(with_client, ada).body.find("&code_verifier=") != std::string::npos);
    }
    CHECK(read_login(with_client, "&location=eu").api_domain == "https://www.zohoapis.eu");
    CHECK(read_login(with_client, "&location=us").api_domain.empty()); // the answer to the exchange says it
    zoho::provider sandbox = with_client;
    sandbox.stage = zoho::environment::sandbox;
    CHECK(read_login(sandbox, "&location=eu").api_domain == "https://sandbox.zohoapis.eu");
}

TEST_CASE("zoho: a code is never sent to an accounts server that is not Zoho's", "[zoho]") {
    for (const char* server :
         {"https%3A%2F%2Faccounts.zoho.evil.com", "https%3A%2F%2Fevil.com", "http%3A%2F%2Faccounts.zoho.eu",
          "https%3A%2F%2Faccounts.zoho.eu.evil.com", "https%3A%2F%2Faccounts.zoho.eu%40evil.com", "accounts.zoho.eu",
          "https%3A%2F%2Faccounts.zoho.eu%3A8443", "https%3A%2F%2Faccounts.zoho.eu%2Fevil",
          "https%3A%2F%2Fwww.zohoapis.eu", "https%3A%2F%2Fother.zoho.eu", "%2F%2Faccounts.zoho.eu", "x"}) {
        CAPTURE(server);
        const auto failure =
            thrown([&] { (void)read_login(with_client, std::string("&location=eu&accounts-server=") + server); });
        REQUIRE(failure.has_value());
        CHECK(failure->code() == errc::unknown_data_center);
        CHECK_THAT(failure->what(), !ContainsSubstring("evil"));
    }
    CHECK(thrown([] { (void)read_login(with_client, "&location=xx"); })->code() == errc::unknown_data_center);
    for (const char* twice : {"&location=eu&location=us", "&location=eu&location=eu",
                              "&accounts-server=https%3A%2F%2Faccounts.zoho.eu&accounts-server=https%3A%2F%2Fevil.com"})
        CHECK(thrown([&] { (void)read_login(with_client, twice); })->code() == errc::request_rejected);
}

TEST_CASE("zoho: a probe with an API domain is for users of its data centre", "[zoho]") {
    authorization_wish at_home = zoho_wish;
    at_home.probe.api_domain = "https://sandbox.zohoapis.eu";
    CHECK(read_login(with_client, "&location=eu", at_home).api_domain == "https://sandbox.zohoapis.eu");
    CHECK(thrown([&] { (void)read_login(with_client, "&location=us", at_home); })->code() == errc::request_rejected);
}

TEST_CASE("zoho: a data centre of the program's own takes part in logins", "[zoho]") {
    const zoho::data_center local{
        .accounts = "http://127.0.0.1:8080", .api = "http://127.0.0.1:8080", .allow_loopback_http = true};
    zoho::provider provider{.center = local, .client_id = "app"};
    CHECK(authorization_request(provider, zoho_wish).url.starts_with("http://127.0.0.1:8080/oauth/v2/auth?"));
    CHECK(exchange_request(provider, read_login(provider, "&accounts-server=http%3A%2F%2F127.0.0.1%3A8080")).url ==
          "http://127.0.0.1:8080/oauth/v2/token");
    CHECK(zoho::data_center_of_response("?location=eu", local) == zoho::eu);
    CHECK(zoho::data_center_of_response("?code=c", local) == std::nullopt);
    CHECK(zoho::data_center_of_response("/cb?accounts-server=https://accounts.zoho.sa#x") == zoho::sa);
    CHECK_THROWS_AS(zoho::data_center_of_response("?accounts-server=http%3A%2F%2F127.0.0.1%3A8080"), error);
}

TEST_CASE("zoho: a user who says no has to log in again, although the token endpoint throttles by that word",
          "[zoho]") {
    authorization login = authorization_request(with_client, zoho_wish);
    const std::string denied = "?error=access_denied&state=" + std::string(login.state.reveal());
    CHECK(thrown([&] { (void)read_authorization_response(with_client, denied, login); })->code() ==
          errc::reauthorization_required);
}
