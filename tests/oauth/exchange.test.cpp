// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/exchange.hpp>

#include "support/catch.hpp"

#include <string>

using namespace tokenkeep;

namespace {

const client_endpoint endpoint{.url = "https://auth.example/token"};

template <class Make>
std::error_code refused(Make make) {
    try {
        (void)make();
    } catch (const error& refusal) {
        return refusal.code();
    }
    return {};
}

} // namespace

TEST_CASE("exchange: the request of RFC 6749 4.1.3", "[oauth]") {
    const http_request request = exchange_request(endpoint, {.client_id = "s6BhdRkqt3",
                                                             .client_secret = "7Fjfp0ZBr1KtDRbnfVdmIw",
                                                             .grant_token = "SplxlOBeZQQYbYS6WxSbIA",
                                                             .redirect_url = "https://client.example.com/cb"});
    CHECK(request.method == "POST");
    CHECK(request.url == "https://auth.example/token");
    CHECK(request.body ==
          "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA&redirect_uri=https%3A%2F%2Fclient.example.com%2Fcb"
          "&client_id=s6BhdRkqt3&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw");
    REQUIRE(request.headers.size() == 2);
    CHECK(find_header(request.headers, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(find_header(request.headers, "Accept") == "application/json");
}

TEST_CASE("exchange: without a redirect URL none is sent", "[oauth]") {
    CHECK(exchange_request(endpoint, {.client_id = "app", .grant_token = "a+b&c"}).body ==
          "grant_type=authorization_code&code=a%2Bb%26c&client_id=app");
}

TEST_CASE("exchange: the code verifier goes with the grant token, if it was not used (RFC 7636 appendix B)",
          "[oauth]") {
    const secret verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const std::string without = "grant_type=authorization_code&code=g&redirect_uri=https%3A%2F%2Fr&client_id=app";
    token login{.client_id = "app", .grant_token = "g", .redirect_url = "https://r"};
    CHECK(exchange_request(endpoint, login).body == without);
    login.code_verifier = "-";
    CHECK(exchange_request(endpoint, login).body == without);
    login.code_verifier = verifier;
    CHECK(exchange_request(endpoint, login).body ==
          "grant_type=authorization_code&code=g&redirect_uri=https%3A%2F%2Fr&code_verifier=" +
              std::string(verifier.reveal()) + "&client_id=app");
}

TEST_CASE("exchange: a record without a grant token cannot be exchanged", "[oauth]") {
    CHECK(refused([] { return exchange_request(endpoint, {.client_id = "app", .refresh_token = "r"}); }) ==
          errc::invalid_record);
}

TEST_CASE("exchange: the client is the record's, else the endpoint's", "[oauth]") {
    const auto body = [](const client_endpoint& to, const token& record) {
        token login = record;
        login.grant_token = "g";
        return exchange_request(to, login).body.substr(std::string("grant_type=authorization_code&code=g").size());
    };
    const client_endpoint ours{.url = endpoint.url, .client_id = "ours", .client_secret = "our secret"};
    CHECK(body(ours, {}) == "&client_id=ours&client_secret=our+secret");
    CHECK(body(ours, {.client_id = "ours"}) == "&client_id=ours&client_secret=our+secret");
    CHECK(body(ours, {.client_id = "ours", .client_secret = "new"}) == "&client_id=ours&client_secret=new");
    CHECK(body(ours, {.client_secret = "new"}) == "&client_id=ours&client_secret=new");
    CHECK(body(ours, {.client_id = "other", .client_secret = "its"}) == "&client_id=other&client_secret=its");
    CHECK(body(ours, {.client_id = "other"}) == "&client_id=other"); // our secret is not the other client's
    CHECK(body({.url = endpoint.url, .client_secret = "any"}, {.client_id = "other"}) ==
          "&client_id=other&client_secret=any");
    CHECK(body(endpoint, {}).empty());
}

TEST_CASE("exchange: a client says who it is in one way", "[oauth]") {
    const token record{.client_id = "a:b c", .client_secret = "s&\xc3\xa9", .grant_token = "g"};
    const auto with = [&record](client_authentication way) {
        return exchange_request({.url = endpoint.url, .authentication = way}, record);
    };
    SECTION("by post") {
        CHECK(with(client_authentication::post).body ==
              "grant_type=authorization_code&code=g&client_id=a%3Ab+c&client_secret=s%26%C3%A9");
        CHECK(find_header(with(client_authentication::post).headers, "Authorization").empty());
    }
    SECTION("by Basic, both parts form-encoded first (RFC 6749 2.3.1)") {
        CHECK(with(client_authentication::basic).body == "grant_type=authorization_code&code=g");
        // base64 of a%3Ab+c:s%26%C3%A9
        CHECK(find_header(with(client_authentication::basic).headers, "Authorization") ==
              "Basic YSUzQWIrYzpzJTI2JUMzJUE5");
    }
    SECTION("not at all") {
        CHECK(with(client_authentication::none).body == "grant_type=authorization_code&code=g&client_id=a%3Ab+c");
        CHECK(with(client_authentication::none).headers.size() == 2);
    }
    SECTION("by Basic without a secret, which is a public client") {
        const http_request request =
            exchange_request({.url = endpoint.url, .authentication = client_authentication::basic},
                             {.client_id = "app", .grant_token = "g"});
        CHECK(request.body == "grant_type=authorization_code&code=g&client_id=app");
        CHECK(request.headers.size() == 2);
    }
    SECTION("a secret without a client says nothing") {
        for (const auto way : {client_authentication::post, client_authentication::basic})
            CHECK(refused([way] {
                      return exchange_request({.url = endpoint.url, .authentication = way},
                                              {.client_secret = "s", .grant_token = "g"});
                  }) == errc::invalid_record);
    }
}

TEST_CASE("exchange: nothing is made for an endpoint that is not secure", "[oauth]") {
    for (const char* url :
         {"", "http://auth.example/token", "https://auth.example/token#x", "https://u:p@auth.example/token", "/token",
          "http://localhost/token", "http://127.0.0.1/token", "ftp://auth.example", "https://auth.example/to ken"}) {
        CAPTURE(url);
        CHECK(refused([url] { return exchange_request({.url = url}, {.client_id = "app", .grant_token = "g"}); }) ==
              errc::request_rejected);
    }
    const client_endpoint loopback{.url = "http://127.0.0.1:8080/token", .allow_loopback_http = true};
    CHECK(exchange_request(loopback, {.grant_token = "g"}).url == "http://127.0.0.1:8080/token");
    const client_endpoint plain{.url = "http://auth.example/token", .allow_loopback_http = true};
    CHECK(refused([&plain] { return exchange_request(plain, {.grant_token = "g"}); }) == errc::request_rejected);
}

TEST_CASE("exchange: the body has its memory from the start", "[oauth]") {
    const std::string grant(5'000, '&');
    const http_request request =
        exchange_request(endpoint, {.client_id = "app", .client_secret = grant, .grant_token = grant});
    CHECK(request.body.size() > 30'000);
    CHECK(request.body.capacity() <= request.body.size() + 8);
}
