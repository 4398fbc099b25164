// SPDX-License-Identifier: MIT
#include <tokenkeep/identity_key.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>

using namespace tokenkeep;

TEST_CASE("identity_key: the id comes first, then client and user, then the token's digest", "[identity_key]") {
    const token whole{.user_name = "ada", .client_id = "app", .refresh_token = "r", .grant_token = "g", .id = "7"};
    token record = whole;
    CHECK(identity_key(record) == identity_key({.id = "7"}));
    record.id.clear();
    CHECK(identity_key(record) == identity_key({.user_name = "ada", .client_id = "app"}));
    record.user_name.clear();
    CHECK(identity_key(record) == identity_key({.client_id = "app", .grant_token = "g"}));
    record.grant_token.clear();
    CHECK(identity_key(record) == identity_key({.client_id = "app", .refresh_token = "r"}));
    record.refresh_token.clear();
    CHECK(identity_key(record).empty());
    CHECK(identity_key({.access_token = "a"}).empty());
    const std::string seed = text::sha256_hex("r");
    CHECK(identity_key({.client_id = "app", .seed = seed}) == identity_key({.client_id = "app", .refresh_token = "r"}));
    CHECK(identity_key({}).empty());
}

TEST_CASE("identity_key: no two identities share a name, whatever is in them", "[identity_key]") {
    const token different[] = {{.id = "ada"},
                               {.user_name = "ada"},
                               {.refresh_token = "ada"},
                               {.user_name = "ada", .client_id = "app"},
                               {.user_name = "adaapp"},
                               {.user_name = "a", .client_id = "dapp"},
                               {.user_name = "pp", .client_id = "ada"},
                               {.user_name = "3:app", .client_id = "3:ada"},
                               {.user_name = ":3:app", .client_id = "ada"},
                               {.user_name = "c", .client_id = "a:b"},
                               {.user_name = "b:c", .client_id = "a"},
                               {.user_name = "3:a:3:b", .client_id = ""},
                               {.user_name = "b", .client_id = "3:a:3"},
                               {.user_name = "ada", .label = "eu"},
                               {.user_name = "ada", .label = "us"},
                               {.user_name = "ada:2:eu"},
                               {.user_name = "ada", .client_id = "app", .label = "eu"},
                               {.client_id = "app", .refresh_token = "r", .label = "eu"},
                               {.client_id = "app", .refresh_token = "r"},
                               {.client_id = "other", .refresh_token = "r"},
                               {.client_id = "app", .refresh_token = "s"},
                               {.id = std::string("a\0b", 3)},
                               {.id = std::string("a\0c", 3)},
                               {.id = "a"}};
    std::set<std::string> keys;
    for (const token& record : different) keys.insert(identity_key(record));
    CHECK(keys.size() == std::size(different));
}

TEST_CASE("identity_key: a label is part of it, but not beside an id, and none changes nothing", "[identity_key]") {
    CHECK(identity_key({.user_name = "ada", .client_id = "app"}) == "user:3:app:3:ada");
    CHECK(identity_key({.user_name = "ada", .client_id = "app", .label = "eu"}) == "user:3:app:3:ada:2:eu");
    CHECK(identity_key({.label = "eu", .id = "7"}) == identity_key({.id = "7"}));
    CHECK(identity_key({.label = "eu"}).empty());
}

TEST_CASE("identity_key: it carries the whole digest of a token and nothing of its text", "[identity_key]") {
    const std::string key = identity_key({.client_id = "app", .refresh_token = "abc"});
    CHECK_THAT(key, ContainsSubstring("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(identity_key({.refresh_token = "S3NT1NEL"}).find("S3NT1NEL") == std::string::npos);
    CHECK(identity_key({.user_name = "ada", .refresh_token = "one"}) ==
          identity_key({.user_name = "ada", .refresh_token = "two"}));
}
