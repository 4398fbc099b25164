// SPDX-License-Identifier: MIT
//
// A client that has no secret: it proves who it is by a JSON Web Token that it signs for each request
// (private_key_jwt). The server and the key are stand-ins here; yours are a transport of transports/ and
// jwt::read_secret_file("key.pem").
#include "jwt.hpp"

#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <string>

namespace {

std::string new_key();
tokenkeep::http_response server(const tokenkeep::http_request& request);

} // namespace

int main() {
    const jwt::signing_key key{new_key(), "key-1"};
    const tokenkeep::oauth2_provider login{.token_endpoint = "https://login.example/token", .client_id = "my-app"};
    tokenkeep::file_store store{"tokens.tkj"};
    tokenkeep::keeper keep{store, server, jwt::private_key_provider{login, key}};
    keep.access_token({.user_name = "ada", .grant_token = "the-code", .redirect_url = "https://app.example/back"});
    keep.refresh({.user_name = "ada"}, "at-1");
}

namespace {

// One for ES256. The server has its public half, with the same id.
std::string new_key() {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    BIO* const pem = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(pem, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(pem, &text);
    std::string copy(text, static_cast<std::size_t>(size));
    BIO_free(pem);
    EVP_PKEY_free(key);
    return copy;
}

tokenkeep::http_response server(const tokenkeep::http_request& request) {
    const auto form = tokenkeep::text::from_form(request.body);
    for (const auto& [name, value] : *form) {
        std::printf("%s: %s\n", name.c_str(), name == "client_assertion" ? "a signed JWT" : value.c_str());
        if (name != "client_assertion") continue;
        const std::size_t dot = value.find('.') + 1;
        const std::string header = value.substr(0, dot - 1), claims = value.substr(dot, value.rfind('.') - dot);
        std::printf("  %s\n", tokenkeep::text::from_base64url(header)->c_str());
        std::printf("  %s\n", tokenkeep::text::from_base64url(claims)->c_str());
    }
    return {.status = 200, .body = R"({"access_token":"at-1","refresh_token":"rt-1","expires_in":3599})"};
}

} // namespace
// prints:
// grant_type: authorization_code
// code: the-code
// redirect_uri: https://app.example/back
// client_id: my-app
// client_assertion_type: urn:ietf:params:oauth:client-assertion-type:jwt-bearer
// client_assertion: a signed JWT
//   {"alg":"ES256","typ":"JWT","kid":"key-1"}
//   {"iss":"my-app","sub":"my-app","aud":"https://login.example/token","jti":"...","iat":...,"exp":...}
// grant_type: refresh_token
// refresh_token: rt-1
// client_id: my-app
// client_assertion_type: urn:ietf:params:oauth:client-assertion-type:jwt-bearer
// client_assertion: a signed JWT
//   {"alg":"ES256","typ":"JWT","kid":"key-1"}
//   {"iss":"my-app","sub":"my-app","aud":"https://login.example/token","jti":"...","iat":...,"exp":...}
