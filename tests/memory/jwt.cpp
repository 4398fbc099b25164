// SPDX-License-Identifier: MIT
// No block of memory that the providers of examples/jwt.hpp free still holds a piece of a private key, or a token.
// OpenSSL's own blocks are not searched.
// needs: OpenSSL
#include "jwt.hpp"

#include "support/jws_keys.hpp"
#include "support/searched_memory.hpp"
#include "support/temporary.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace tokenkeep;

/// Some lines of the keys, as they are in PEM and in JSON; of a signed token, its three parts; of other tokens, letters
/// that repeat.
bool holds_secret(std::string_view block) {
    for (const std::string_view pem : {tests::rsa_key.pem, tests::p256_key.pem})
        for (std::size_t at = pem.find('\n') + 1; at + 40 < pem.size(); at += 65)
            if (block.find(pem.substr(at, 32)) != block.npos) return true;
    if (block.find("S3NS3N") != block.npos) return true;
    const std::size_t signed_part = block.find("eyJhbGciOi");
    if (signed_part == block.npos) return false;
    const std::size_t payload = block.find('.', signed_part);
    return payload != block.npos && block.find('.', payload + 1) != block.npos;
}

int passed = 0, failed = 0;

template <class Act>
void check(const char* what, Act act) {
    tests::leaks = tests::freed = 0;
    tests::searching = true;
    act();
    tests::searching = false;
    const bool holds = tests::leaks == 0 && tests::freed > 0;
    ++(holds ? passed : failed);
    if (!holds) std::printf("%s: %d of %d freed blocks hold a secret\n", what, tests::leaks, tests::freed);
}

/// As a keeper does with each request that it has sent.
void send(http_request request) { const detail::wiped_request sent(std::move(request)); }

std::string account_json() {
    std::string json = R"({"type":"service_account","client_email":"app@x.example","private_key_id":"k1",)"
                       R"("token_uri":"https://x.example/token","private_key":)";
    text::append_json_string(json, tests::rsa_key.pem);
    return json + '}';
}

} // namespace

int main() {
    tests::holds_secret = holds_secret;
    if (!holds_secret("x" + std::string(tests::p256_key.pem)) || !holds_secret("a=eyJhbGciOi.x.y")) std::abort();

    const secret account = account_json();
    const token record{
        .client_id = "app", .refresh_token = "S3NS3NS3NS3NS3NS3N", .grant_token = "S3NS3NS3NS3NS3N", .scope = "mail"};
    check("a service account", [&] {
        const auto provider = jwt::google_service_account(account);
        const auto copy = provider;
        send(copy.client_credentials_request(record));
    });
    check("private_key_jwt", [&] {
        const secret pem = tests::p256_key.pem;
        const jwt::private_key_provider provider{{.token_endpoint = "https://x.example/token",
                                                  .revocation_endpoint = "https://x.example/revoke",
                                                  .client_id = "app"},
                                                 jwt::signing_key{pem}};
        send(provider.exchange_request(record));
        send(provider.refresh_request(record));
        send(provider.client_credentials_request(record));
        send(provider.revoke_request(record).value());
    });
    check("a key that is refused", [&] {
        const secret half = std::string_view(tests::rsa_key.pem).substr(0, 900);
        try {
            jwt::signing_key key{half};
            std::abort();
        } catch (const error&) {
        }
    });
    const temporary_directory folder;
    const std::string path = folder / "key.pem";
    if (std::FILE* const file = std::fopen(path.c_str(), "wb")) {
        std::fputs(tests::rsa_key.pem, file);
        std::fclose(file);
    }
    check("a file with a key", [&] {
        if (jwt::read_secret_file(path).reveal() != tests::rsa_key.pem) std::abort();
    });
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
