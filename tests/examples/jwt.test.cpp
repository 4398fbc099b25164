// SPDX-License-Identifier: MIT
#include "jwt.hpp"

#include "support/catch.hpp"
#include "support/jws_keys.hpp"
#include "support/processes.hpp"
#include "support/shared_memory.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <openssl/x509.h>

using namespace std::chrono_literals;
using tests::p256_key, tests::rsa_key;
using tokenkeep::errc, tokenkeep::http_request, tokenkeep::secret, tokenkeep::token;
using tokenkeep::text::from_base64url, tokenkeep::text::to_base64url;

namespace {

using key_pointer = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

/// What a server has of a pair of keys.
key_pointer public_key(const char* pem) {
    BIO* const text = BIO_new_mem_buf(pem, -1);
    const key_pointer both{PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr)};
    BIO_free(text);
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(both.get(), &der);
    const unsigned char* at = der;
    key_pointer made{d2i_PUBKEY(nullptr, &at, size)};
    OPENSSL_free(der);
    return made;
}

/// The DER of the two numbers of an ES256 signature.
std::string with_der(std::string_view numbers) {
    const auto number = [&](std::size_t at) {
        return BN_bin2bn(jwt::detail::bytes_of(numbers.substr(at, 32)), 32, nullptr);
    };
    ECDSA_SIG* const signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, number(0), number(32));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(signature, &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);
    return text;
}

/// Whether the public key verifies a signed token.
bool verifies(const char* pem, std::string_view jwt) {
    const ::jwt::detail::openssl_errors errors;
    const key_pointer key = public_key(pem);
    const std::size_t dot = jwt.rfind('.');
    std::string signature = from_base64url(jwt.substr(dot + 1)).value();
    if (EVP_PKEY_is_a(key.get(), "EC") == 1) {
        if (signature.size() != 64) return false;
        signature = with_der(signature);
    }
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    const bool is_right = EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                          EVP_DigestVerify(context, jwt::detail::bytes_of(signature), signature.size(),
                                           jwt::detail::bytes_of(jwt), dot) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

std::string header_of(std::string_view jwt) { return from_base64url(jwt.substr(0, jwt.find('.'))).value(); }
std::string payload_of(std::string_view jwt) {
    const std::size_t dot = jwt.find('.') + 1;
    return from_base64url(jwt.substr(dot, jwt.rfind('.') - dot)).value();
}
long long number_in(std::string_view jwt, const char* name) {
    const std::string payload = payload_of(jwt);
    return tokenkeep::text::parse_json(payload).value.find(name).value().integer().value();
}
std::string text_in(std::string_view jwt, const char* name) {
    const std::string payload = payload_of(jwt);
    const auto value = tokenkeep::text::parse_json(payload).value.find(name);
    return value ? value->text() : "none";
}

/// The form of a request; a name that it repeats counts as damage.
std::map<std::string, std::string> form_of(const http_request& request) {
    std::map<std::string, std::string> form;
    const auto pairs = tokenkeep::text::from_form(request.body).value();
    for (const auto& [name, value] : pairs) REQUIRE(form.emplace(name, value).second);
    return form;
}

std::string new_pem(EVP_PKEY* key, const char* passphrase = nullptr) {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, passphrase == nullptr ? nullptr : EVP_aes_256_cbc(), nullptr, 0, nullptr,
                             const_cast<char*>(passphrase));
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    EVP_PKEY_free(key);
    return pem;
}

/// What `act` throws; it must be a refusal, and its message must hold no line of a key.
std::string refusal_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const tokenkeep::error& failure) {
        CHECK(failure.code() == errc::request_rejected);
        const std::string_view what = failure.what();
        for (const std::string_view pem : {rsa_key.pem, p256_key.pem})
            for (std::size_t at = pem.find('\n'); at + 20 < pem.size(); at += 16)
                CHECK(what.find(pem.substr(at + 1, 16)) == what.npos);
        CHECK(ERR_peek_error() == 0);
        return failure.what();
    }
    FAIL("nothing was thrown");
    return {};
}

constexpr const char* token_uri = "https://oauth2.googleapis.com/token";

/// The file of a service account, without one member, or with another value of it.
secret account_file(std::string_view changed = "", std::optional<std::string> value = std::nullopt) {
    std::string json = "{";
    const auto add = [&](std::string_view name, std::string_view text) {
        if (name == changed && !value) return;
        json += json.size() == 1 ? "" : ",";
        tokenkeep::text::append_json_string(json, name);
        json += ':';
        tokenkeep::text::append_json_string(json, name == changed ? *value : text);
    };
    add("type", "service_account");
    add("project_id", "my-project");
    add("private_key_id", "k1");
    add("private_key", rsa_key.pem);
    add("client_email", "app@my-project.iam.gserviceaccount.com");
    add("token_uri", token_uri);
    return json + "}";
}

const token drive{.scope = "https://www.googleapis.com/auth/drive.readonly openid"};

} // namespace

TEST_CASE("jwt: the signatures are those of RFC 7515", "[jwt]") {
    const std::string payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    SECTION("RS256, which has one signature for each text (appendix A.2)") {
        const jwt::signing_key key{rsa_key.pem};
        CHECK(key.algorithm() == "RS256");
        CHECK(
            key.signature_of("eyJhbGciOiJSUzI1NiJ9." + payload).reveal() ==
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9"
            "CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOL"
            "n6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtV"
            "rBp0igcN_IoypGlUPQGe77Rw");
    }
    SECTION("ES256, where the RFC's and ours both verify (appendix A.3)") {
        const jwt::signing_key key{p256_key.pem};
        CHECK(key.algorithm() == "ES256");
        const std::string text = "eyJhbGciOiJFUzI1NiJ9." + payload;
        CHECK(verifies(p256_key.pem, text + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK"
                                            "TUJqPP3-Kg6NU1Q"));
        for (int n = 0; n < 600; ++n) { // some numbers begin with a zero byte
            const secret signature = key.signature_of(text);
            REQUIRE(signature.size() == 86);
            if (n < 20) CHECK(verifies(p256_key.pem, text + "." + std::string(signature.reveal())));
        }
    }
}

TEST_CASE("jwt: a signed token says what it was told, and a changed one does not verify", "[jwt]") {
    const auto& pair = GENERATE_REF(rsa_key, p256_key);
    const jwt::signing_key key{pair.pem, "the \"key\""};
    const secret made = jwt::sign(key, {.iss = "a\\b",
                                        .aud = "https://x.example",
                                        .iat = tokenkeep::timestamp(1'500ms),
                                        .exp = tokenkeep::timestamp(60s)});
    const std::string jwt(made.reveal());
    CHECK(header_of(jwt) == R"({"alg":")" + std::string(key.algorithm()) + R"(","typ":"JWT","kid":"the \"key\""})");
    CHECK(payload_of(jwt) == R"({"iss":"a\\b","aud":"https://x.example","iat":1,"exp":60})");
    CHECK(verifies(pair.pem, jwt));
    std::string changed = jwt;
    changed[jwt.find('.') + 5] ^= 1;
    CHECK(!verifies(pair.pem, changed));
    CHECK(header_of(jwt::sign(jwt::signing_key{pair.pem}, {}).reveal()).find("kid") == std::string::npos);
    CHECK(payload_of(jwt::sign(key, {}).reveal()) == R"({"iat":0,"exp":0})");
}

TEST_CASE("jwt: copies of a key sign at once, after the first has gone", "[jwt]") {
    std::optional<jwt::signing_key> first(std::in_place, rsa_key.pem);
    const jwt::signing_key copy = *first;
    first.reset();
    const std::string expected(copy.signature_of("text").reveal());
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) right += copy.signature_of("text").reveal() == expected;
        });
    for (std::thread& each : threads) each.join();
    CHECK(right == 80);
}

TEST_CASE("jwt: a key that cannot sign is refused, with what to do", "[jwt]") {
    const auto refusal = [](const std::string& pem) { return refusal_of([&] { jwt::signing_key key{pem}; }); };
    std::string one_line = rsa_key.pem;
    for (std::size_t at; (at = one_line.find('\n')) != one_line.npos;) one_line.replace(at, 1, "\\n");
    for (const std::string& text :
         {std::string(), std::string("no key"), one_line, std::string(rsa_key.pem).substr(0, 900),
          std::string("-----BEGIN PRIVATE KEY-----")})
        CHECK(refusal(text).find("not a private key in PEM") != std::string::npos);
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, public_key(rsa_key.pem).get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    CHECK(refusal({text, static_cast<std::size_t>(size)}).find("not a private key in PEM") != std::string::npos);
    BIO_free(out);
    CHECK(refusal(new_pem(EVP_EC_gen("P-256"), "hush")).find("has a passphrase") != std::string::npos);
    CHECK(refusal(new_pem(EVP_EC_gen("P-384"))).find("neither RS256 nor ES256") != std::string::npos);
    CHECK(refusal(new_pem(EVP_EC_gen("secp256k1"))).find("neither RS256 nor ES256") != std::string::npos);
    CHECK(refusal(new_pem(EVP_RSA_gen(1024))).find("neither RS256 nor ES256") != std::string::npos);
    CHECK(refusal(new_pem(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))).find("neither") != std::string::npos);
}

TEST_CASE("jwt: a signature leaves alone what the program has in OpenSSL's queue of errors", "[jwt]") {
    const jwt::signing_key key{p256_key.pem};
    ERR_raise(ERR_LIB_USER, 7);
    (void)key.signature_of("text");
    try {
        jwt::signing_key none{"no key"};
    } catch (const tokenkeep::error&) {
    }
    CHECK(ERR_GET_REASON(ERR_get_error()) == 7);
    CHECK(ERR_get_error() == 0);
}

TEST_CASE("service account: the request is the one of Google's page", "[jwt]") {
    const auto provider = jwt::google_service_account(account_file());
    CHECK(provider.client_credentials);
    const auto before = std::chrono::system_clock::now();
    const http_request request = provider.client_credentials_request(drive);
    const auto after = std::chrono::system_clock::now();
    CHECK(request.method == "POST");
    CHECK(request.url == token_uri);
    CHECK(tokenkeep::find_header(request.headers, "content-type") == "application/x-www-form-urlencoded");
    CHECK(tokenkeep::find_header(request.headers, "authorization").empty());
    CHECK(request.body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
    const auto form = form_of(request);
    CHECK(form.size() == 2);
    const std::string& jwt = form.at("assertion");
    CHECK(verifies(rsa_key.pem, jwt));
    CHECK(header_of(jwt) == R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
    CHECK(text_in(jwt, "iss") == "app@my-project.iam.gserviceaccount.com");
    CHECK(text_in(jwt, "scope") == drive.scope);
    CHECK(text_in(jwt, "aud") == token_uri);
    CHECK(text_in(jwt, "sub") == "none");
    const auto seconds = [](auto at) {
        return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    };
    CHECK(number_in(jwt, "iat") >= seconds(before) - 10);
    CHECK(number_in(jwt, "iat") <= seconds(after) - 10);
    CHECK(number_in(jwt, "exp") == number_in(jwt, "iat") + 3600);

    const token for_ada{.client_id = "other@my-project.iam.gserviceaccount.com", .label = "ada@example.com"};
    const std::string second = form_of(provider.client_credentials_request(for_ada)).at("assertion");
    CHECK(text_in(second, "sub") == "ada@example.com");
    CHECK(text_in(second, "iss") == for_ada.client_id);
    CHECK(text_in(second, "scope") == "none");
}

TEST_CASE("service account: another file is refused, with what to do", "[jwt]") {
    const auto refusal = [](const secret& file) { return refusal_of([&] { jwt::google_service_account(file); }); };
    for (const char* name : {"type", "private_key_id", "private_key", "client_email", "token_uri"}) {
        CAPTURE(name);
        CHECK(refusal(account_file(name)).find(std::string("has no text ") + name) != std::string::npos);
        CHECK(refusal(account_file(name, "")).find(std::string("has no text ") + name) != std::string::npos);
    }
    CHECK(refusal(account_file("type", "authorized_user")).find("not service_account") != std::string::npos);
    CHECK(refusal(account_file("private_key", "no key")).find("not a private key") != std::string::npos);
    for (const char* text : {"", "[]", "{}", "{\"type\":1}", rsa_key.pem})
        CHECK(refusal(text).find("type") != std::string::npos);
    const auto plain = jwt::google_service_account(account_file("token_uri", "http://oauth2.example/token"));
    refusal_of([&] { plain.client_credentials_request(drive); });
}

TEST_CASE("bearer_provider: a server can want another audience and more parameters", "[jwt]") {
    jwt::bearer_provider provider{{.token_endpoint = "https://account.example/oauth/token",
                                   .client_id = "app",
                                   .client_secret = "hush",
                                   .parameters = {{"client_id", "app"}},
                                   .headers = {{"User-Agent", "test/1"}}},
                                  jwt::signing_key{p256_key.pem},
                                  "account.example"};
    const http_request request = provider.client_credentials_request({});
    const auto form = form_of(request);
    CHECK(form.size() == 3);
    CHECK(form.at("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer");
    CHECK(form.at("client_id") == "app");
    CHECK(text_in(form.at("assertion"), "aud") == "account.example");
    CHECK(verifies(p256_key.pem, form.at("assertion")));
    CHECK(tokenkeep::find_header(request.headers, "user-agent") == "test/1");
    provider.token_endpoint = "http://127.0.0.1:1/token";
    refusal_of([&] { provider.client_credentials_request({}); });
    provider.allow_loopback_http = true;
    CHECK(provider.client_credentials_request({}).url == "http://127.0.0.1:1/token");
    provider.token_endpoint = "http://account.internal/token";
    refusal_of([&] { provider.client_credentials_request({}); });
    provider.allow_plain_http = true;
    CHECK(provider.client_credentials_request({}).url == "http://account.internal/token");
}

TEST_CASE("service account: two processes make one request, at the first use and at an expiry", "[jwt]") {
    const temporary_directory folder;
    const shared_memory<std::atomic<int>> requests;
    const auto google = [&](const http_request& request) {
        const auto form = tokenkeep::text::from_form(request.body).value();
        expect(form.size() == 2 && form[1].first == "assertion" && verifies(rsa_key.pem, form[1].second),
               "the signature is wrong");
        const int number = ++*requests;
        std::this_thread::sleep_for(100ms);
        return tokenkeep::http_response{.status = 200,
                                        .body = R"({"access_token":"at-)" + std::to_string(number) +
                                                R"(","expires_in":3599,"token_type":"Bearer"})"};
    };
    const auto call = [&](const std::string& expected) {
        tokenkeep::file_store store{folder / "tokens.tkj"};
        tokenkeep::keeper keep{store, google, jwt::google_service_account(account_file())};
        expect(keep.access_token(drive) == secret(expected), "this is not " + expected);
    };
    const auto call_twice = [&](const std::string& expected) {
        const pid_t one = start_process([&] { call(expected); }), two = start_process([&] { call(expected); });
        CHECK(ended_well(one));
        CHECK(ended_well(two));
    };
    call_twice("at-1");
    CHECK(*requests == 1);
    {
        tokenkeep::file_store store{folder / "tokens.tkj"};
        const token row = store.get_tokens().at(0);
        CHECK(row.refresh_token.empty());
        token ended = row;
        ended.issued_at = tokenkeep::timestamp(1s);
        ended.expires_at = tokenkeep::timestamp(2s);
        REQUIRE(store.replace_token(row, ended));
    }
    call_twice("at-2");
    CHECK(*requests == 2);
}

TEST_CASE("private_key_jwt: each request has an assertion of its own, and no secret", "[jwt]") {
    jwt::private_key_provider provider{{.token_endpoint = "https://login.example/token",
                                        .revocation_endpoint = "https://login.example/revoke",
                                        .authentication = tokenkeep::client_authentication::basic,
                                        .client_id = "app",
                                        .client_secret = "hush",
                                        .parameters = {{"audience", "api"}},
                                        .device_authorization_endpoint = "https://login.example/device"},
                                       jwt::signing_key{p256_key.pem, "key-1"}};
    const token record{.client_secret = "hush",
                       .refresh_token = "rt-1",
                       .grant_token = "the-code",
                       .redirect_url = "https://app.example/back",
                       .scope = "mail"};
    std::set<std::string> ids;
    const auto check = [&](const http_request& request, std::map<std::string, std::string> expected) {
        auto form = form_of(request);
        const std::string jwt = form.at("client_assertion");
        form.erase("client_assertion");
        expected.insert({{"client_id", "app"},
                         {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}});
        CHECK(form == expected);
        CHECK(tokenkeep::find_header(request.headers, "authorization").empty());
        CHECK(verifies(p256_key.pem, jwt));
        CHECK(header_of(jwt) == R"({"alg":"ES256","typ":"JWT","kid":"key-1"})");
        CHECK(text_in(jwt, "iss") == "app");
        CHECK(text_in(jwt, "sub") == "app");
        CHECK(text_in(jwt, "aud") == "https://login.example/token");
        CHECK(number_in(jwt, "exp") == number_in(jwt, "iat") + 120);
        CHECK(text_in(jwt, "jti").size() == 22);
        ids.insert(text_in(jwt, "jti"));
    };
    check(provider.exchange_request(record), {{"grant_type", "authorization_code"},
                                              {"code", "the-code"},
                                              {"redirect_uri", "https://app.example/back"},
                                              {"audience", "api"}});
    check(provider.refresh_request(record),
          {{"grant_type", "refresh_token"}, {"refresh_token", "rt-1"}, {"audience", "api"}});
    check(provider.client_credentials_request(record),
          {{"grant_type", "client_credentials"}, {"scope", "mail"}, {"audience", "api"}});
    check(provider.device_authorization_request(record), {{"scope", "mail"}, {"audience", "api"}});
    check(provider.device_token_request(record), {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                                                  {"device_code", "the-code"},
                                                  {"audience", "api"}});
    check(provider.revoke_request(record).value(), {{"token", "rt-1"}, {"token_type_hint", "refresh_token"}});
    check(provider.refresh_request(record),
          {{"grant_type", "refresh_token"}, {"refresh_token", "rt-1"}, {"audience", "api"}});
    CHECK(ids.size() == 7);
    provider.revocation_endpoint.clear();
    CHECK(!provider.revoke_request(record));

    const jwt::private_key_provider by_issuer{provider, jwt::signing_key{rsa_key.pem}, "https://login.example"};
    token of_another = record;
    of_another.client_id = "another";
    const std::string jwt = form_of(by_issuer.refresh_request(of_another)).at("client_assertion");
    CHECK(text_in(jwt, "aud") == "https://login.example");
    CHECK(text_in(jwt, "iss") == "another");
    CHECK(verifies(rsa_key.pem, jwt));
}

TEST_CASE("read_secret_file: the content of a file, through links", "[jwt]") {
    const temporary_directory folder;
    const std::string content = std::string("a\0b\r\n", 5) + rsa_key.pem;
    std::ofstream(folder / "key", std::ios::binary) << content;
    std::filesystem::create_symlink(folder / "key", folder / "link");
    CHECK(jwt::read_secret_file(folder / "link").reveal() == content);
    CHECK(code_of([&] { jwt::read_secret_file(folder / "none"); }) == errc::storage_failure);
}
