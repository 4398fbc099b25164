// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/authorization.hpp>

#include <tokenkeep/oauth/provider.hpp>

#include "support/catch.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace tokenkeep;

namespace {

static_assert(std::is_aggregate_v<authorization> && std::is_aggregate_v<authorization_wish>);
static_assert(login_provider<oauth2_provider> && !login_provider<token>);

const oauth2_provider server{.client_id = "s6BhdRkqt3",
                             .client_secret = "7Fjfp0ZBr1KtDRbnfVdmIw",
                             .authorization_endpoint = "https://server.example.com/authorize",
                             .issuer = "https://server.example.com"};
const authorization_wish wish{.probe = {.user_name = "ada"}, .redirect_url = "https://client.example.com/cb"};

/// The parameters of the login's URL, of which none comes twice.
std::map<std::string, std::string> parameters_of(const authorization& login) {
    std::map<std::string, std::string> found;
    const auto pairs = text::from_form(login.url.substr(login.url.find('?') + 1));
    for (const auto& [name, value] : pairs.value()) CHECK(found.emplace(name, value).second);
    return found;
}

/// The error of a call.
template <class Call>
std::optional<response_error> thrown(Call call) {
    try {
        call();
    } catch (const response_error& failure) {
        return failure;
    } catch (const error& failure) {
        return response_error(static_cast<errc>(failure.code().value()), failure.what(), {});
    }
    return std::nullopt;
}

std::error_code refused(const oauth2_provider& provider, const authorization_wish& wished) {
    const auto failure = thrown([&] { (void)authorization_request(provider, wished); });
    return failure ? failure->code() : std::error_code();
}

/// A login whose secrets are known.
authorization login_with_state(std::string_view state = "xyz") {
    authorization login = authorization_request(server, wish);
    login.state = state;
    return login;
}

/// What reading this redirect throws, with the login as it is afterwards.
std::optional<response_error> refusal_of(std::string_view redirected, authorization& login) {
    return thrown([&] { (void)read_authorization_response(redirected, login); });
}
std::optional<response_error> refusal_of(std::string_view redirected) {
    authorization login = login_with_state();
    return refusal_of(redirected, login);
}

} // namespace

TEST_CASE("authorization: the challenge of RFC 7636 appendix B", "[oauth]") {
    CHECK(detail::code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") ==
          "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST_CASE("authorization: the request of RFC 6749 4.1.1, with PKCE", "[oauth]") {
    const authorization login = authorization_request(server, wish);
    CHECK(login.url.starts_with("https://server.example.com/authorize?response_type=code&client_id=s6BhdRkqt3"
                                "&redirect_uri=https%3A%2F%2Fclient.example.com%2Fcb&state="));
    CHECK(parameters_of(login) ==
          std::map<std::string, std::string>{{"response_type", "code"},
                                             {"client_id", "s6BhdRkqt3"},
                                             {"redirect_uri", "https://client.example.com/cb"},
                                             {"state", std::string(login.state.reveal())},
                                             {"code_challenge", detail::code_challenge(login.code_verifier)},
                                             {"code_challenge_method", "S256"}});
    CHECK(login.state.size() == 43);
    CHECK(login.code_verifier.size() == 43);
    CHECK(login.nonce.empty());
    CHECK(login.redirect_url == "https://client.example.com/cb");
    CHECK(login.issuer == "https://server.example.com");
    CHECK(login.probe ==
          token{.user_name = "ada", .client_id = "s6BhdRkqt3", .redirect_url = "https://client.example.com/cb"});
}

TEST_CASE("authorization: the code verifier and the client's secret are not in the URL", "[oauth]") {
    authorization_wish with_secrets = wish;
    with_secrets.probe.client_secret = "its-own";
    with_secrets.probe.refresh_token = "old-refresh";
    const authorization login = authorization_request(server, with_secrets);
    for (const secret& hidden : {login.code_verifier, server.client_secret, secret("its-own"), secret("old-refresh")})
        CHECK(login.url.find(hidden.reveal()) == std::string::npos);
    CHECK(login.probe.client_secret == "its-own");
    CHECK(login.probe.refresh_token.empty()); // that of another login
}

TEST_CASE("authorization: no two of a thousand requests share a state, a verifier or a nonce", "[oauth]") {
    authorization_wish with_openid = wish;
    with_openid.scope = "profile openid";
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const authorization login = authorization_request(server, with_openid);
        for (const secret& random : {login.state, login.code_verifier, login.nonce}) {
            seen.emplace(random.reveal());
            if (random.size() != 43 ||
                random.reveal().find_first_not_of(detail::base64url_alphabet) != std::string_view::npos)
                FAIL("it is not 32 bytes in base64url");
        }
    }
    CHECK(seen.size() == 3000);
}

TEST_CASE("authorization: what the wish leaves empty comes from its probe, then from the provider", "[oauth]") {
    const token probe{.user_name = "ada",
                      .client_id = "other",
                      .redirect_url = "https://client.example.com/probe",
                      .scope = "mail calendar",
                      .label = "eu"};
    authorization login = authorization_request(server, {.probe = probe});
    CHECK(login.probe == probe);
    CHECK(login.redirect_url == "https://client.example.com/probe");
    CHECK(login.url.find("&scope=mail+calendar&") != std::string::npos);
    CHECK(parameters_of(login)["client_id"] == "other");
    login =
        authorization_request(server, {.probe = probe, .redirect_url = "https://client.example.com/", .scope = "mail"});
    CHECK(parameters_of(login)["scope"] == "mail");
    CHECK(parameters_of(login)["redirect_uri"] == "https://client.example.com/");
    CHECK(login.probe.scope == "mail");
    CHECK(login.probe.redirect_url == "https://client.example.com/");
}

TEST_CASE("authorization: a nonce is sent if the scope has openid (OpenID Connect Core 3.1.2.1)", "[oauth]") {
    for (const char* scope : {"openid", "mail openid", "openid mail", "a openid b"}) {
        CAPTURE(scope);
        const authorization login = authorization_request(server, {.redirect_url = wish.redirect_url, .scope = scope});
        CHECK(login.nonce.size() == 43);
        CHECK(parameters_of(login)["nonce"] == login.nonce.reveal());
        CHECK(login.nonce != login.state);
    }
    for (const char* scope : {"", "openidx", "mail", "open id", "xopenid"})
        CHECK(authorization_request(server, {.redirect_url = wish.redirect_url, .scope = scope}).nonce.empty());
}

TEST_CASE("authorization: parameters of the wish replace the library's own, and empty ones remove them", "[oauth]") {
    authorization_wish more = wish;
    more.scope = "mail";
    more.parameters = {{"prompt", "none"}, {"prompt", "consent"}, {"login_hint", "ada&b=c"},
                       {"scope", ""},      {"client_id", ""},     {"audience", ""}};
    auto sent = parameters_of(authorization_request(server, more));
    CHECK(sent["prompt"] == "consent");
    CHECK(sent["login_hint"] == "ada&b=c");
    CHECK(sent.count("scope") == 0);
    CHECK(sent.count("client_id") == 0);
    CHECK(sent.count("audience") == 0);
}

TEST_CASE("authorization: what the answer is compared with cannot be replaced", "[oauth]") {
    for (const char* name :
         {"state", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type"}) {
        CAPTURE(name);
        for (const char* value : {"x", ""}) {
            authorization_wish own = wish;
            own.parameters = {{name, value}};
            CHECK(refused(server, own) == errc::invalid_record);
        }
    }
    for (const char* name : {"client_id", "scope"}) { // the login would say another than the URL
        authorization_wish own = wish;
        own.parameters = {{name, "x"}};
        CHECK(refused(server, own) == errc::invalid_record);
    }
}

TEST_CASE("authorization: the query of the endpoint is kept (RFC 6749 3.1)", "[oauth]") {
    const auto url_at = [](std::string endpoint) {
        oauth2_provider provider = server;
        provider.authorization_endpoint = std::move(endpoint);
        return authorization_request(provider, wish).url;
    };
    CHECK(url_at("https://a.example/login?p=b2c_1").starts_with("https://a.example/login?p=b2c_1&response_type=code&"));
    CHECK(url_at("https://a.example/login?p=1&").starts_with("https://a.example/login?p=1&response_type=code&"));
    CHECK(url_at("https://a.example/login?").starts_with("https://a.example/login?response_type=code&"));
    CHECK(url_at("https://a.example").starts_with("https://a.example?response_type=code&"));
    for (const char* twice : {"https://a.example/login?state=1", "https://a.example/login?p=1&client%5Fid=2"}) {
        oauth2_provider provider = server;
        provider.authorization_endpoint = twice;
        CHECK(refused(provider, wish) == errc::request_rejected);
    }
}

TEST_CASE("authorization: the endpoint is https, or http to this machine if that is allowed", "[oauth]") {
    oauth2_provider provider = server;
    for (const char* endpoint : {"", "http://server.example.com/authorize", "https://server.example.com/authorize#x",
                                 "https://u:p@server.example.com/", "/authorize", "javascript:alert(1)//x",
                                 "http://127.0.0.1:8080/authorize"}) {
        CAPTURE(endpoint);
        provider.authorization_endpoint = endpoint;
        CHECK(refused(provider, wish) == errc::request_rejected);
    }
    provider.authorization_endpoint.clear();
    CHECK_THROWS_WITH(authorization_request(provider, wish), ContainsSubstring("no authorization_endpoint"));
    provider.authorization_endpoint = "http://127.0.0.1:8080/authorize";
    provider.allow_loopback_http = true;
    CHECK(authorization_request(provider, wish).url.starts_with("http://127.0.0.1:8080/authorize?"));
    provider.authorization_endpoint = "http://keycloak/authorize";
    CHECK(refused(provider, wish) == errc::request_rejected);
    provider.allow_plain_http = true;
    CHECK(authorization_request(provider, wish).url.starts_with("http://keycloak/authorize?"));
}

TEST_CASE("authorization: a code is only sent to a redirect URL that can be the program's (RFC 8252 7)", "[oauth]") {
    for (const char* good : {"https://client.example.com/cb", "https://client.example.com/cb?tenant=7",
                             "http://127.0.0.1:51004/cb", "http://[::1]:61023/cb", "http://localhost/",
                             "com.example.app:/oauth2redirect/example-provider", "com.example.app://login"}) {
        CAPTURE(good);
        CHECK(authorization_request(server, {.redirect_url = good}).redirect_url == good);
    }
    for (const char* bad : {"", "http://client.example.com/cb", "https://client.example.com/cb#f", "/cb", "client",
                            "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "myapp:/cb",
                            "urn:ietf:wg:oauth:2.0:oob", "https://u@client.example.com/", "com.example.app:/a b",
                            "com.example.app", "7.example:/cb", "com.exa/mple:/cb", "https:client.example.com"}) {
        CAPTURE(bad);
        CHECK(refused(server, {.redirect_url = bad}) == errc::invalid_record);
    }
}

TEST_CASE("authorization: a login needs a client, and an issuer if the server promises to name it", "[oauth]") {
    oauth2_provider provider = server;
    provider.client_id.clear();
    CHECK(refused(provider, wish) == errc::invalid_record);
    provider = server;
    provider.sends_iss = true;
    CHECK(authorization_request(provider, wish).sends_iss);
    provider.issuer.clear();
    CHECK(refused(provider, wish) == errc::request_rejected);
}

TEST_CASE("authorization: the response of RFC 6749 4.1.2 becomes a token for the keeper", "[oauth]") {
    for (const char* redirected :
         {"https://client.example.com/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz",
          "https://client.example.com/cb?state=xyz&code=SplxlOBeZQQYbYS6WxSbIA#_=_",
          "HTTPS://Client.example.com:443/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz&session_state=a%3Db&x",
          "/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz", "?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz",
          "code=SplxlOBeZQQYbYS6WxSbIA&state=xyz", "code=SplxlOBeZQQYbYS6WxSbIA&state=xyz&at=https://x/?y=1",
          "c%6Fde=SplxlOBeZQQYbYS6WxSbI%41&state=%78yz&error=&iss="}) {
        CAPTURE(redirected);
        authorization login = login_with_state();
        const token ada = read_authorization_response(redirected, login);
        CHECK(ada == token{.user_name = "ada",
                           .client_id = "s6BhdRkqt3",
                           .grant_token = "SplxlOBeZQQYbYS6WxSbIA",
                           .redirect_url = "https://client.example.com/cb",
                           .code_verifier = login.code_verifier});
        CHECK_FALSE(ada.code_verifier.empty());
        CHECK(login.state.empty());
    }
}

TEST_CASE("authorization: a redirect is read once", "[oauth]") {
    constexpr auto redirected = "https://client.example.com/cb?code=c&state=xyz";
    authorization login = login_with_state();
    CHECK(read_authorization_response(redirected, login).grant_token == "c");
    CHECK(refusal_of(redirected, login)->code() == errc::request_rejected);
    CHECK(refusal_of("https://client.example.com/cb?code=c&state=", login)->code() == errc::request_rejected);
    CHECK(refusal_of("https://client.example.com/cb?code=c", login)->code() == errc::request_rejected);
    login = login_with_state();
    CHECK(refusal_of("/cb?error=access_denied&state=xyz", login)->code() == errc::reauthorization_required);
    CHECK(login.state.empty());
    CHECK(refusal_of("/cb?code=c&state=xyz", login)->code() == errc::request_rejected);
}

TEST_CASE("authorization: what a stranger sends does not end the login", "[oauth]") {
    authorization login = login_with_state();
    for (const char* foreign : {"",
                                "?",
                                "/",
                                "/favicon.ico",
                                "/cb",
                                "/cb?code=c",
                                "/cb?code=c&state=",
                                "/cb?code=c&state=xyZ",
                                "/cb?code=c&state=xyz0",
                                "/cb?code=c&state=xy",
                                "/cb?code=c&state=xyz&state=xyz",
                                "/cb?error=access_denied",
                                "/cb?error=access_denied&state=no",
                                "/cb/?code=c&state=xyz",
                                "/CB?code=c&state=xyz",
                                "//cb?code=c&state=xyz",
                                "/?code=c&state=xyz",
                                "cb?code=c&state=xyz",
                                "cb/x?code=c&state=xyz",
                                "https://client.example.com/cb",
                                "https://client.example.com/cb#code=c&state=xyz",
                                "https://client.example.com/other?code=c&state=xyz",
                                "https://client.example.com?code=c&state=xyz",
                                "https://evil.example/cb?code=c&state=xyz",
                                "https://client.example.com.evil.example/cb?code=c&state=xyz",
                                "https://client.example.com@evil.example/cb?code=c&state=xyz",
                                "https://client.example.com:8443/cb?code=c&state=xyz",
                                "http://client.example.com/cb?code=c&state=xyz",
                                "com.example.app:/cb?code=c&state=xyz",
                                "https:?code=c&state=xyz"}) {
        CAPTURE(foreign);
        const auto failure = refusal_of(foreign, login);
        REQUIRE(failure.has_value());
        CHECK(failure->code() == errc::request_rejected);
        CHECK(login.state == "xyz");
    }
    CHECK(read_authorization_response("/cb?code=c&state=xyz", login).grant_token == "c");
}

TEST_CASE("authorization: redirects to this machine and to an app are compared whole", "[oauth]") {
    const auto takes = [](const char* redirect_url, const std::string& address) {
        authorization login = authorization_request(server, {.redirect_url = redirect_url});
        login.state = "xyz";
        return !refusal_of(address + "?code=c&state=xyz", login);
    };
    CHECK(takes("http://127.0.0.1:51004/", "http://127.0.0.1:51004/"));
    CHECK(takes("http://127.0.0.1:51004/", "http://127.0.0.1:51004"));
    CHECK(takes("http://127.0.0.1:51004", "/"));
    CHECK(takes("http://[::1]:51004/cb?a=b", "http://[::1]:51004/cb"));
    CHECK_FALSE(takes("http://127.0.0.1:51004/", "http://127.0.0.1:51005/"));
    CHECK_FALSE(takes("http://127.0.0.1:51004/", "http://localhost:51004/"));
    CHECK_FALSE(takes("http://127.0.0.1:51004/", "https://127.0.0.1:51004/"));
    CHECK(takes("com.example.app:/cb", "com.example.app:/cb"));
    CHECK(takes("com.example.app:/cb", "COM.example.app:/cb"));
    CHECK(takes("com.example.app:/cb?a=b", "com.example.app:/cb"));
    CHECK_FALSE(takes("com.example.app:/cb", "com.example.app:/CB"));
    CHECK_FALSE(takes("com.example.app:/cb", "com.example.app:/cb/"));
    CHECK_FALSE(takes("com.example.app:/cb", "com.example.app:"));
    CHECK_FALSE(takes("com.example.app:/cb", "com.example.ap:/cb"));
    CHECK_FALSE(takes("com.example.app:/cb", "/cb"));
}

TEST_CASE("authorization: the issuer is compared (RFC 9207 2.4)", "[oauth]") {
    // RFC 9207 2.1
    constexpr auto example =
        "/cb?code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUx"
        "ZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fhonest.as.example";
    const auto begin = [](std::string issuer, bool sends_iss) {
        authorization login = login_with_state("ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI");
        login.issuer = std::move(issuer);
        login.sends_iss = sends_iss;
        return login;
    };
    for (const bool sends_iss : {true, false}) {
        authorization login = begin("https://honest.as.example", sends_iss);
        CHECK(read_authorization_response(example, login).grant_token ==
              "x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58");
        for (const char* other :
             {"https://honest.as.example/", "https://attacker.example", "https://Honest.as.example"}) {
            CAPTURE(other);
            login = begin(other, sends_iss);
            CHECK(refusal_of(example, login)->code() == errc::request_rejected);
            CHECK(login.state.empty());
        }
    }
    authorization login = begin("", false); // nothing is known
    CHECK_FALSE(refusal_of(example, login));
    login = begin("https://honest.as.example", true);
    login.state = "xyz";
    CHECK(refusal_of("/cb?code=c&state=xyz", login)->code() == errc::request_rejected);
    login = begin("https://honest.as.example", true);
    login.state = "xyz"; // an error names the issuer too
    CHECK(refusal_of("/cb?error=access_denied&state=xyz", login)->code() == errc::request_rejected);
    login = begin("https://honest.as.example", false);
    login.state = "xyz";
    CHECK_FALSE(refusal_of("/cb?code=c&state=xyz", login));
}

TEST_CASE("authorization: each error of a redirect says what to do", "[oauth]") {
    struct row {
        const char* code;
        errc meaning;
    };
    for (const row& r :
         {row{"access_denied", errc::reauthorization_required}, row{"Access_Denied", errc::reauthorization_required},
          row{"login_required", errc::reauthorization_required},
          row{"consent_required", errc::reauthorization_required},
          row{"interaction_required", errc::reauthorization_required},
          row{"account_selection_required", errc::reauthorization_required},
          row{"user_cancelled_authorize", errc::reauthorization_required},
          row{"server_error", errc::server_unavailable}, row{"temporarily_unavailable", errc::server_unavailable},
          row{"invalid_request", errc::request_rejected}, row{"unauthorized_client", errc::request_rejected},
          row{"unsupported_response_type", errc::request_rejected}, row{"invalid_scope", errc::request_rejected},
          row{"something_else", errc::request_rejected}, row{"invalid_grant", errc::request_rejected}}) {
        CAPTURE(r.code);
        const auto failure = refusal_of("https://client.example.com/cb?state=xyz&code=c&error=" + std::string(r.code) +
                                        "&error_description=no+way&error_uri=https%3A%2F%2Fx");
        REQUIRE(failure.has_value());
        CHECK(failure->code() == r.meaning);
        CHECK(failure->server_code() == r.code);
        CHECK(failure->certainly_refused());
        CHECK_THAT(failure->what(), !ContainsSubstring("no way"));
    }
    CHECK_THAT(refusal_of("?state=xyz&error=access_denied")->what(), ContainsSubstring("access_denied"));
    CHECK_THAT(refusal_of("?state=xyz&error=something_else")->what(), !ContainsSubstring("something_else"));
}

TEST_CASE("authorization: an error code is passed on only if it is clean and not a secret", "[oauth]") {
    for (const char* odd : {"no%20way", "%3Cscript%3E", "a%0Ab", "\xc3\xa9", "xyz", "before-xyz-after"}) {
        CAPTURE(odd);
        const auto failure = refusal_of("?state=xyz&error=" + std::string(odd));
        CHECK(failure->code() == errc::request_rejected);
        CHECK(failure->server_code().empty());
    }
    CHECK(refusal_of("?state=xyz&error=" + std::string(65, 'a'))->server_code().empty());
    authorization login = login_with_state();
    const std::string verifier(login.code_verifier.reveal());
    CHECK(refusal_of("?state=xyz&error=" + verifier, login)->server_code().empty());
}

TEST_CASE("authorization: a response without a code that can be sent is not understood", "[oauth]") {
    for (const char* odd : {"?state=xyz", "?state=xyz&code=", "?state=xyz&code", "?state=xyz&code=a%00b",
                            "?state=xyz&code=a%0Ab", "?state=xyz&code=%C3%A9", "?state=xyz&error="}) {
        CAPTURE(odd);
        CHECK(refusal_of(odd)->code() == errc::malformed_response);
    }
}

TEST_CASE("authorization: a parameter that comes twice is refused (RFC 6749 3.1)", "[oauth]") {
    for (const char* twice :
         {"?state=xyz&code=a&code=a", "?state=xyz&code=a&code=b", "?state=xyz&code=a&state=xyz",
          "?code=a&state=xyz&state=", "?state=xyz&error=access_denied&error=server_error", "?state=xyz&code=a&c%6fde=a",
          "?state=xyz&code=a&iss=https%3A%2F%2Fserver.example.com&iss=https%3A%2F%2Fserver.example.com"}) {
        CAPTURE(twice);
        CHECK(refusal_of(twice)->code() == errc::request_rejected);
    }
    CHECK_FALSE(refusal_of("?state=xyz&code=a&hint=1&hint=2")); // what is not read may
}

TEST_CASE("authorization: no message contains a state, a code, a verifier or another text of the redirect", "[oauth]") {
    const std::string state = "the-state-that-was-sent", code = "the-code-that-came", other = "the-other-text";
    for (const std::string& redirected :
         {"?code=" + code + "&state=" + other, "?code=" + code + "&code=" + other + "&state=" + state,
          "?code=" + code + "&state=" + state + "&state=" + state, "/" + other + "?code=" + code + "&state=" + state,
          "https://" + other + ".example/cb?code=" + code + "&state=" + state, "?error=" + other + "&state=" + state,
          "?error=" + code + "%20&state=" + state, "?code=" + code + "%01&state=" + state,
          "?code=" + code + "&state=" + state + "&iss=" + other}) {
        CAPTURE(redirected);
        authorization login = login_with_state(state);
        const std::string verifier(login.code_verifier.reveal());
        const std::string what = refusal_of(redirected, login).value().what();
        for (const std::string& hidden : {state, code, other, verifier}) CHECK(what.find(hidden) == std::string::npos);
    }
}

namespace {

/// A provider that makes and reads logins in its own way.
struct own_provider : oauth2_provider {
    authorization authorization_request(const authorization_wish& wished) const {
        authorization_wish more = wished;
        more.parameters.push_back({"audience", "https://api.example"});
        return tokenkeep::authorization_request(static_cast<const oauth2_provider&>(*this), more);
    }
    token read_authorization_response(std::string_view redirected, authorization& pending) const {
        token login = tokenkeep::read_authorization_response(redirected, pending);
        login.label = "own";
        return login;
    }
};

} // namespace

TEST_CASE("authorization: a provider may have functions of its own for both steps", "[oauth]") {
    const own_provider own{server};
    authorization login = authorization_request(own, wish);
    CHECK(parameters_of(login)["audience"] == "https://api.example");
    const std::string redirected = "?code=c&state=" + std::string(login.state.reveal());
    authorization same = login;
    CHECK(read_authorization_response(own, redirected, login).label == "own");
    CHECK(read_authorization_response(server, redirected, same).label.empty());
    CHECK(login.state.empty());
    CHECK(same.state.empty());
}
