// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/client_credentials.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include "support/catch.hpp"

using namespace tokenkeep;

TEST_CASE("client_credentials: the request of RFC 6749 4.4.2", "[client_credentials]") {
    const client_endpoint endpoint{.url = "https://server.example.com/token",
                                   .authentication = client_authentication::basic,
                                   .client_id = "s6BhdRkqt3",
                                   .client_secret = "gX1fBat3bV"};
    const http_request request = client_credentials_request(endpoint, {});
    CHECK(request.body == "grant_type=client_credentials");
    CHECK(find_header(request.headers, "Authorization") == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
    CHECK(client_credentials_request(endpoint, {.scope = "a b"}).body == "grant_type=client_credentials&scope=a+b");
}

TEST_CASE("client_credentials: a provider's parameters and client go with it", "[client_credentials]") {
    const oauth2_provider provider{.token_endpoint = "https://server.example.com/token",
                                   .client_id = "service",
                                   .client_secret = "s",
                                   .parameters = {{"audience", "https://api.example"}}};
    CHECK(client_credentials_request(provider, {}).body ==
          "grant_type=client_credentials&client_id=service&client_secret=s&audience=https%3A%2F%2Fapi.example");
}
