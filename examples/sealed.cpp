// SPDX-License-Identifier: MIT
// Tokens that are encrypted at rest: from a plain store to a sealed one, and then to another key.
//   g++ -std=c++20 -I ../single_include sealed.cpp -lcrypto
// Here both keys are made now, and are gone with the program. Yours come from a file, the environment, a keyring, a
// passphrase or a key management service: see key_source.hpp.
#include <tokenkeep/openssl_sealer.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

// The policy of a store whose tokens OpenSSL encrypts: AES-256-GCM.
struct sealed : tokenkeep::defaults {
    using sealer = tokenkeep::openssl_sealer;
};

bool file_holds(const std::string& path, const std::string& text) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {}).find(text) != std::string::npos;
}

} // namespace

int main() {
    std::filesystem::remove("sealed.tkj"); // of an earlier run, whose keys are gone
    tokenkeep::file_store plain{"plain.tkj"};
    plain.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});

    // From plain to sealed.
    const tokenkeep::secret key = tokenkeep::make_key();
    tokenkeep::basic_file_store<sealed> store{"sealed.tkj", tokenkeep::openssl_sealer{tokenkeep::key_ring{key}}};
    tokenkeep::migrate(plain, store);
    std::cout << "The plain file shows the refresh token: " << (file_holds("plain.tkj", "rt-1") ? "yes" : "no") << "\n"
              << "The sealed file shows it: " << (file_holds("sealed.tkj", "rt-1") ? "yes" : "no") << "\n"
              << "The sealed store finds it: " << store.find_token({.user_name = "ada"})->refresh_token.reveal()
              << "\n";

    // Another key: the new one seals, and the old one still opens, until compact() has sealed every row again.
    const tokenkeep::secret new_key = tokenkeep::make_key();
    tokenkeep::basic_file_store<sealed>{"sealed.tkj", tokenkeep::openssl_sealer{tokenkeep::key_ring{new_key, {key}}}}
        .compact();

    try {
        tokenkeep::basic_file_store<sealed> with_old_key{"sealed.tkj",
                                                         tokenkeep::openssl_sealer{tokenkeep::key_ring{key}}};
        with_old_key.find_token({.user_name = "ada"});
    } catch (const tokenkeep::error& failure) {
        std::cout << "With the old key: " << failure.what() << "\n";
    }
}

// prints:
// The plain file shows the refresh token: yes
// The sealed file shows it: no
// The sealed store finds it: rt-1
// With the old key: tokenkeep: this sealer cannot open the row ...
