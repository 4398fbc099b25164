// SPDX-License-Identifier: MIT
#include <tokenkeep/zoho/data_center.hpp>

#include "support/catch.hpp"

#include <optional>
#include <string>
#include <type_traits>

using namespace tokenkeep;

// Constants: nothing is built before main, and nothing is torn down after it.
static_assert(zoho::eu.accounts == "https://accounts.zoho.eu" && !zoho::eu.allow_loopback_http);
static_assert(zoho::uk.api_of(zoho::environment::sandbox) == "https://sandbox.zohoapis.uk");
static_assert(std::is_trivially_destructible_v<decltype(zoho::us)> && std::is_trivially_copyable_v<decltype(zoho::us)>);
static_assert(std::is_aggregate_v<zoho::data_center>);

TEST_CASE("data_center: a constant is a data_center, and its URLs are text, wherever one is wanted", "[zoho]") {
    const zoho::data_center whole = zoho::jp;
    CHECK(whole == zoho::jp);
    CHECK_FALSE(whole == zoho::eu);
    const std::string accounts = zoho::jp.accounts;
    CHECK(accounts == whole.accounts);
    CHECK(accounts == zoho::jp.accounts);
    CHECK(zoho::jp.accounts + "/oauth/v2/auth" == "https://accounts.zoho.jp/oauth/v2/auth");
    CHECK(std::string(zoho::jp.api_of(zoho::environment::developer)) == whole.developer);
}

TEST_CASE("data_center: the table of Zoho's regions", "[zoho]") {
    struct row {
        zoho::data_center center;
        std::string accounts, domain, other;
    };
    for (const row& r : {row{zoho::us, "zoho.com", "zohoapis.com", "content.zohoapis.com"},
                         row{zoho::eu, "zoho.eu", "zohoapis.eu", "content.zohoapis.eu"},
                         row{zoho::in, "zoho.in", "zohoapis.in", "content.zohoapis.in"},
                         row{zoho::au, "zoho.com.au", "zohoapis.com.au", "content.zohoapis.com.au"},
                         row{zoho::cn, "zoho.com.cn", "zohoapis.com.cn", "content.zohoapis.com.cn"},
                         row{zoho::jp, "zoho.jp", "zohoapis.jp", "content.zohoapis.jp"},
                         row{zoho::ca, "zohocloud.ca", "zohoapis.ca", "upload.zohocloud.ca"},
                         row{zoho::sa, "zoho.sa", "zohoapis.sa", "files.zoho.sa"},
                         row{zoho::uk, "zoho.uk", "zohoapis.uk", "api.zoho.uk"}}) {
        CAPTURE(r.domain);
        CHECK(r.center.accounts == "https://accounts." + r.accounts);
        CHECK(r.center.api == "https://www." + r.domain);
        CHECK(r.center.sandbox == "https://sandbox." + r.domain);
        CHECK(r.center.developer == "https://developer." + r.domain);
        CHECK(r.center.api_of(zoho::environment::production) == r.center.api);
        CHECK(r.center.api_of(zoho::environment::sandbox) == r.center.sandbox);
        CHECK(r.center.api_of(zoho::environment::developer) == r.center.developer);
        const zoho::data_center none;
        for (const std::string& domain :
             {r.center.accounts, r.center.api, r.center.sandbox, r.center.developer, "https://" + r.other,
              "https://api." + r.accounts, "https://a.b." + r.domain, "https://" + r.domain, "www." + r.domain,
              r.center.api + "/", r.center.api + ":443/crm/v8", "HTTPS://WWW." + r.domain}) {
            CAPTURE(domain);
            CHECK(zoho::find_data_center(domain, none) == r.center);
        }
    }
}

TEST_CASE("data_center: what only looks like Zoho is nobody's", "[zoho]") {
    for (const char* domain : {"",
                               "https://",
                               "com",
                               "eu",
                               "https://evilzohoapis.eu",
                               "https://www.evilzohoapis.eu",
                               "https://zohoapis.eu.evil.com",
                               "https://www.zohoapis.eu.evil.com",
                               "https://evil.com/www.zohoapis.eu",
                               "https://evil.com?www.zohoapis.eu",
                               "https://evil.com#.zohoapis.eu",
                               "https://www.zohoapis.eu@evil.com",
                               "https://evil.com\\.zohoapis.eu",
                               "http://www.zohoapis.eu",
                               "ftp://www.zohoapis.eu",
                               "https://www.zohoapis.eu.",
                               "https://www.zohoapis.xx",
                               "https://www.zohoapis.com.xx",
                               "https://zohoapis.co",
                               "https://www.zoho",
                               "https://www-zohoapis.eu",
                               "https://.zohoapis.eu",
                               "https://com.au",
                               "https://www.com.au",
                               "https://zoho.evil.com",
                               "https://accounts.zoho.evil.com",
                               "https://www.zohoapis.eu evil",
                               "https://www.zohoapis.eu\n",
                               "https://www.zohoap\xc4\xb1s.eu",
                               "javascript:www.zohoapis.eu",
                               "//www.zohoapis.eu",
                               "https://www.zohoapis.eu:0"}) {
        CAPTURE(domain);
        CHECK(zoho::find_data_center(domain, zoho::eu) == std::nullopt);
    }
}

TEST_CASE("data_center: regions whose names begin alike are kept apart", "[zoho]") {
    const zoho::data_center none;
    CHECK(zoho::find_data_center("https://www.zohoapis.com", none) == zoho::us);
    CHECK(zoho::find_data_center("https://www.zohoapis.com.au", none) == zoho::au);
    CHECK(zoho::find_data_center("https://www.zohoapis.com.cn", none) == zoho::cn);
    CHECK_FALSE(zoho::belongs_to("https://www.zohoapis.com.au", zoho::us));
    CHECK_FALSE(zoho::belongs_to("https://www.zohoapis.com", zoho::au));
}

TEST_CASE("data_center: a centre of the program's own is known by its exact URLs", "[zoho]") {
    const zoho::data_center own{.accounts = "https://auth.example.com", .api = "https://example.com"};
    CHECK(zoho::find_data_center("https://example.com", own) == own);
    CHECK(zoho::find_data_center("https://auth.example.com/x", own) == own);
    for (const char* domain :
         {"https://api.example.com", "https://other.com", "http://example.com", "https://example.com:8443"}) {
        CAPTURE(domain);
        CHECK(zoho::find_data_center(domain, own) == std::nullopt);
    }
    CHECK(zoho::find_data_center("https://www.zohoapis.eu", own) == zoho::eu);
}

TEST_CASE("data_center: a new region of Zoho's can be given, subdomains included", "[zoho]") {
    const zoho::data_center ae{.accounts = "https://accounts.zoho.ae", .api = "https://www.zohoapis.ae"};
    CHECK(zoho::find_data_center("https://content.zohoapis.ae", ae) == ae);
    CHECK(zoho::find_data_center("https://content.zohoapis.ae", zoho::eu) == std::nullopt);
}

TEST_CASE("data_center: a loopback server is known by address and port, if plain http is allowed", "[zoho]") {
    zoho::data_center local{
        .accounts = "http://127.0.0.1:8080", .api = "http://127.0.0.1:8080", .allow_loopback_http = true};
    CHECK(zoho::find_data_center("http://127.0.0.1:8080", local) == local);
    CHECK(zoho::find_data_center("http://127.0.0.1:8081", local) == std::nullopt);
    CHECK(zoho::find_data_center("http://x.0.0.1:8080", local) == std::nullopt);
    local.allow_loopback_http = false;
    CHECK(zoho::find_data_center("http://127.0.0.1:8080", local) == std::nullopt);
}
