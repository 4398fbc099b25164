// SPDX-License-Identifier: MIT
//
// A service account of Google: the program signs a JSON Web Token with the account's key, and gets an access token for
// it, which all processes share. Google and the account's file are stand-ins here; yours are a transport of transports/
// and jwt::read_secret_file("service-account.json").
#include "jwt.hpp"

#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <string>

namespace {

std::string new_account();
tokenkeep::http_response google(const tokenkeep::http_request& request);

} // namespace

int main() {
    const tokenkeep::secret file = new_account();
    tokenkeep::file_store store{"tokens.tkj"};
    tokenkeep::keeper keep{store, google, jwt::google_service_account(file)};

    const tokenkeep::token drive{.scope = "https://www.googleapis.com/auth/drive.readonly"};
    const tokenkeep::http_request files{.method = "GET", .url = "https://www.googleapis.com/drive/v3/files"};
    std::printf("status %d\n", keep.send(files, drive).status);
    std::printf("status %d\n", keep.send(files, drive).status); // with the same token

    // For a user of your domain. Such a token is another one.
    const tokenkeep::token drive_of_ada{.scope = drive.scope, .label = "ada@example.com"};
    std::printf("status %d\n", keep.send(files, drive_of_ada).status);
}

namespace {

// What Google's console lets you download, with a key that is made now.
std::string new_account() {
    EVP_PKEY* const key = EVP_RSA_gen(2048);
    BIO* const pem = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(pem, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(pem, &text);
    std::string json = R"({"type":"service_account","client_email":"app@my-project.iam.gserviceaccount.com",)"
                       R"("private_key_id":"k1","token_uri":"https://oauth2.googleapis.com/token","private_key":)";
    tokenkeep::text::append_json_string(json, std::string(text, static_cast<std::size_t>(size)));
    BIO_free(pem);
    EVP_PKEY_free(key);
    return json + '}';
}

tokenkeep::http_response google(const tokenkeep::http_request& request) {
    std::printf("%s %s\n", request.method.c_str(), request.url.c_str());
    if (request.method == "GET") return {.status = 200};
    const std::size_t first = request.body.find("&assertion="), dot = request.body.find('.', first) + 1;
    std::printf("  %s\n", request.body.substr(0, first).c_str());
    const std::string claims = request.body.substr(dot, request.body.find('.', dot) - dot);
    std::printf("  %s\n", tokenkeep::text::from_base64url(claims)->c_str());
    return {.status = 200, .body = R"({"access_token":"at-1","expires_in":3599,"token_type":"Bearer"})"};
}

} // namespace
// prints:
// POST https://oauth2.googleapis.com/token
//   grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer
//   {"iss":"app@my-project.iam.gserviceaccount.com","aud":"https://oauth2.googleapis.com/token",...}
// GET https://www.googleapis.com/drive/v3/files
// status 200
// GET https://www.googleapis.com/drive/v3/files
// status 200
// POST https://oauth2.googleapis.com/token
//   grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer
//   {"iss":"app@my-project.iam.gserviceaccount.com","sub":"ada@example.com",...}
// GET https://www.googleapis.com/drive/v3/files
// status 200
