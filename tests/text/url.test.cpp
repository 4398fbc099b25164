// SPDX-License-Identifier: MIT
#include <tokenkeep/text/url.hpp>

#include "support/catch.hpp"

#include <string>

using namespace tokenkeep;

TEST_CASE("url: an absolute URL is taken apart", "[text]") {
    struct row {
        const char *url, *scheme, *host, *port, *target;
    };
    for (const row& r :
         {row{"https://accounts.zoho.eu/oauth/v2/token", "https", "accounts.zoho.eu", "", "/oauth/v2/token"},
          row{"https://a.example", "https", "a.example", "", ""},
          row{"https://a.example?x=1", "https", "a.example", "", "?x=1"},
          row{"HTTP://A.Example:8080/", "HTTP", "A.Example", "8080", "/"},
          row{"http://127.0.0.1:1/a@b:c//d?e=/?f", "http", "127.0.0.1", "1", "/a@b:c//d?e=/?f"},
          row{"https://[::1]:65535/x", "https", "[::1]", "65535", "/x"},
          row{"https://[2001:db8::1.2.3.4]", "https", "[2001:db8::1.2.3.4]", "", ""},
          row{"https://my_host-1./", "https", "my_host-1.", "", "/"}}) {
        CAPTURE(r.url);
        const auto parts = text::parse_url(r.url);
        REQUIRE(parts.has_value());
        CHECK(parts->scheme == r.scheme);
        CHECK(parts->host == r.host);
        CHECK(parts->port == r.port);
        CHECK(parts->target == r.target);
    }
}

TEST_CASE("url: what has no place in an endpoint is refused", "[text]") {
    for (const char* url : {"",
                            "/relative",
                            "//a.example/",
                            "a.example",
                            "https:",
                            "https:/a.example",
                            "https:a.example",
                            "https://",
                            "https:///path",
                            "https://?x",
                            "ftp://a.example/",
                            "file:///etc/passwd",
                            "httpss://a.example/",
                            "https ://a.example",
                            "javascript://a.example/",
                            "https://user@a.example/",
                            "https://user:word@a.example/",
                            "https://a.example@b.example/",
                            "https://a.example:443@b.example/",
                            "https://@a.example/",
                            "https://a.example/#",
                            "https://a.example/x#y",
                            "https://a.example#@b.example/",
                            "https://a.example\\@b.example/",
                            "https:\\\\a.example/",
                            "https://a.example/\\",
                            "https://a.example/a b",
                            "https://a example/",
                            " https://a.example/",
                            "https://a.example/ ",
                            "https://a.example/\n",
                            "https://a.example\r\nHost: b",
                            "https://a.example/\t",
                            "https://a.example/\x7f",
                            "https://\xc3\xa4.example/",
                            "https://a.example/\xc3\xa4",
                            "https://a.example:/",
                            "https://a.example:0/",
                            "https://a.example:65536/",
                            "https://a.example:99999999999/",
                            "https://a.example:0443/",
                            "https://a.example:+1/",
                            "https://a.example:4x/",
                            "https://a.example:443:1/",
                            "https://:443/",
                            "https://[::1",
                            "https://::1/",
                            "https://[]/",
                            "https://[::1]x/",
                            "https://[::1]:/",
                            "https://[fe80::1%25eth0]/",
                            "https://[1]/",
                            "https://[/]/",
                            "https://%61.example/",
                            "https://a..example/",
                            "https://.example/",
                            "https://a,example/",
                            "https://a;example/",
                            "https://a*example/"}) {
        CAPTURE(url);
        CHECK_FALSE(text::parse_url(url).has_value());
        CHECK_FALSE(text::is_secure_url(url, true));
    }
    CHECK_FALSE(text::parse_url(std::string("https://a.example/\0", 19)).has_value());
}

TEST_CASE("url: this machine is an address in full, or localhost", "[text]") {
    for (const char* host :
         {"127.0.0.1", "127.0.0.0", "127.255.255.255", "127.1.2.3", "[::1]", "localhost", "LocalHost"}) {
        CAPTURE(host);
        CHECK(text::is_loopback(host));
    }
    for (const char* host : {"",
                             "localhost.",
                             "localhost.evil.example",
                             "xlocalhost",
                             "127",
                             "127.",
                             "127.1",
                             "127.0.1",
                             "127.0.0.1.",
                             "127.0.0.1.2",
                             "127.0.0.256",
                             "127.0.0.01",
                             "127.0.0.",
                             "127.0.0.1.evil.example",
                             "127.0.0.1x",
                             "127..0.1",
                             "0127.0.0.1",
                             "128.0.0.1",
                             "0x7f.0.0.1",
                             "2130706433",
                             "::1",
                             "[::2]",
                             "[::11]",
                             "[::1].evil.example",
                             "[::ffff:127.0.0.1]",
                             "1127.0.0.1"}) {
        CAPTURE(host);
        CHECK_FALSE(text::is_loopback(host));
    }
}

namespace {

bool same_origin(std::string_view a, std::string_view b) {
    return text::same_origin(text::parse_url(a).value(), text::parse_url(b).value());
}

} // namespace

TEST_CASE("url: an origin is scheme, host and port, the default port included", "[text]") {
    CHECK(same_origin("https://a.example/x", "https://a.example/y?z"));
    CHECK(same_origin("https://a.example", "HTTPS://A.EXAMPLE:443/"));
    CHECK(same_origin("http://a.example:80", "http://a.example/"));
    CHECK_FALSE(same_origin("https://a.example", "http://a.example"));
    CHECK_FALSE(same_origin("https://a.example:80", "http://a.example"));
    CHECK_FALSE(same_origin("https://a.example", "https://a.example:444"));
    CHECK_FALSE(same_origin("http://a.example:443", "http://a.example"));
    CHECK_FALSE(same_origin("https://a.example", "https://b.a.example"));
    CHECK_FALSE(same_origin("https://a.example", "https://a.example.evil.example"));
}

TEST_CASE("url: a secret goes over https, and over http only to this machine for who opts in", "[text]") {
    CHECK(text::is_secure_url("https://a.example/", false));
    CHECK(text::is_secure_url("hTTps://a.example/", false));
    CHECK_FALSE(text::is_secure_url("http://a.example/", true));
    CHECK_FALSE(text::is_secure_url("http://127.0.0.1:8080/", false));
    CHECK(text::is_secure_url("http://127.0.0.1:8080/", true));
    CHECK(text::is_secure_url("http://[::1]:8080/", true));
    CHECK(text::is_secure_url("http://localhost:8080/", true));
    CHECK_FALSE(text::is_secure_url("http://localhost:8080/", false));
    CHECK_FALSE(text::is_secure_url("http://localhost.evil.example/", true));
    CHECK_FALSE(text::is_secure_url("http://127.0.0.1@evil.example/", true));
    CHECK_FALSE(text::is_secure_url("http://127.0.0.1.evil.example/", true));
}

static_assert(text::parse_url("https://a.example/")->host == "a.example");
