// SPDX-License-Identifier: MIT
#include <tokenkeep/http.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

using namespace tokenkeep;

namespace {

constexpr auto lambda = [](const http_request& request) { return http_response{.status = 200, .body = request.body}; };

static_assert(http_transport<decltype(lambda)> && http_transport<http_response (*)(const http_request&)>);
static_assert(http_transport<archetypes::transport<0>>);
static_assert(!http_transport<archetypes::transport<1>> && !http_transport<archetypes::transport<2>> &&
              !http_transport<archetypes::transport<3>>);
static_assert(std::is_aggregate_v<http_request> && std::is_aggregate_v<http_response> &&
              std::is_aggregate_v<http_header>);

} // namespace

TEST_CASE("http: requests and responses can be written with the members one needs", "[http]") {
    const http_request request{.method = "POST", .url = "https://example/", .headers = {{"A", "b"}}, .body = "x"};
    CHECK(request.timeout == std::chrono::seconds(30));
    CHECK(request.headers[0].value == "b");
    CHECK(http_response{}.status == 0);
    CHECK(lambda(request).body == "x");
}

TEST_CASE("find_header: names are compared without case, and the first counts", "[http]") {
    const std::vector<http_header> headers{{"Retry-After", "5"}, {"RETRY-AFTER", "6"}, {"Empty", ""}, {"X", "y"}};
    for (const char* name : {"Retry-After", "retry-after", "RETRY-AFTER"}) CHECK(find_header(headers, name) == "5");
    for (const char* name : {"Retry-Afte", "Retry-After ", "etry-After", "", "Retry_After", "Retry\rAfter"})
        CHECK(find_header(headers, name).empty());
    CHECK(find_header(headers, "empty").empty());
    CHECK(find_header(headers, "x") == "y");
    CHECK(find_header({}, "X").empty());
    CHECK(find_header({{"a@b", "1"}}, "a`b").empty()); // the letters' case, not any bit of it
}

TEST_CASE("http: erase_header removes every header of a name, whatever its case, and no other", "[http]") {
    std::vector<tokenkeep::http_header> headers{{"Authorization", "a"}, {"Accept", "b"}, {"authorization", "c"}};
    tokenkeep::erase_header(headers, "AUTHORIZATION");
    CHECK(headers.size() == 1);
    CHECK(headers.front().name == "Accept");
    CHECK(headers.front().value == "b");
}
