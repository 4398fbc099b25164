// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/refresh.hpp>

#include "support/catch.hpp"

using namespace tokenkeep;

TEST_CASE("refresh: the request of RFC 6749 6", "[oauth]") {
    const token record{.client_id = "app-post",
                       .client_secret = "app-post-secret",
                       .refresh_token = "RT1",
                       .access_token = "AT1",
                       .scope = "a b"};
    const http_request request = refresh_request(client_endpoint{.url = "https://auth.example/token"}, record);
    CHECK(request.method == "POST");
    CHECK(request.url == "https://auth.example/token");
    CHECK(request.body ==
          "grant_type=refresh_token&refresh_token=RT1&client_id=app-post&client_secret=app-post-secret");
    CHECK(find_header(request.headers, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(find_header(request.headers, "Accept") == "application/json");
}

TEST_CASE("refresh: a record without a refresh token cannot be refreshed", "[oauth]") {
    try {
        (void)refresh_request(client_endpoint{.url = "https://auth.example/token"},
                              {.client_id = "app", .access_token = "a"});
        FAIL("it was made");
    } catch (const error& refusal) {
        CHECK(refusal.code() == errc::invalid_record);
    }
}

TEST_CASE("refresh: any provider is asked by the same name", "[oauth]") {
    struct provider {
        http_request refresh_request(const token& record) { return {.url = record.user_name}; }
    };
    provider named;
    CHECK(refresh_request(named, {.user_name = "asked"}).url == "asked");
    CHECK(refresh_request(provider{}, {.user_name = "asked"}).url == "asked");
}
