// SPDX-License-Identifier: MIT
//
// Any place that keeps one text under a name can keep all tokens: a keychain, a secret in the cloud, a cell of a table.
// Two members are enough. If the place has versions, programs on several machines can share it.
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Takes the place of the system's keychain.
std::map<std::string, std::string> keychain;

struct keychain_entry {
    std::optional<std::string> load() {
        const auto entry = keychain.find(name);
        return entry == keychain.end() ? std::nullopt : std::optional(entry->second);
    }
    void save(std::string_view bytes) { keychain[name] = bytes; }

    std::string name;
};

/// Takes the place of a service that numbers the versions of a secret and accepts a save only over the newest one.
struct cloud_secret {
    struct server {
        std::optional<std::string> value{};
        int version = 0;
    };

    std::pair<std::optional<std::string>, int> load_versioned() { return {shared->value, shared->version}; }
    bool save(std::string_view bytes, int expected) {
        if (expected != shared->version) return false; // the store reads again and repeats its change
        shared->value = bytes;
        ++shared->version;
        return true;
    }

    std::shared_ptr<server> shared = std::make_shared<server>();
};

int main() {
    tokenkeep::basic_document_store local{keychain_entry{"my-app"}};
    local.save_token({.user_name = "ada", .access_token = "a"});
    std::printf("ada is in the keychain: %s\n", keychain.at("my-app").find("ada") != std::string::npos ? "yes" : "no");
    std::printf("it compares: %s\n", tokenkeep::comparing_store<decltype(local)> ? "yes" : "no");

    const cloud_secret secret;
    tokenkeep::basic_document_store here{secret}, there{secret};
    here.save_token({.user_name = "ada", .access_token = "a"});
    there.save_token({.user_name = "bob", .access_token = "b"});
    std::printf("both machines see %zu rows\n", here.get_tokens().size());

    const tokenkeep::token read = *here.find_token({.user_name = "ada"});
    there.save_token({.user_name = "ada", .access_token = "newer"});
    std::printf("replacing what has changed since: %s\n", here.replace_token(read, read) ? "done" : "refused");
    std::printf("the secret has had %d versions\n", secret.shared->version);
}
// prints:
// ada is in the keychain: yes
// it compares: no
// both machines see 2 rows
// replacing what has changed since: refused
// the secret has had 3 versions
