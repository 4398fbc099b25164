// SPDX-License-Identifier: MIT
// The stores that are compiled once keep the contract of stores, and a keeper logs in over one.
// needs: SQLite
#include <tokenkeep/file_store.hpp>

#include "support/laws.hpp"

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/sqlite.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <string>
#include <vector>

using namespace tokenkeep;

template class tokenkeep::sql_store<tokenkeep::sqlite_connection>;

TEST_CASE("compiled once: memory_store keeps every law", "[separate]") {
    const law_findings found = findings_about([] { return memory_store(); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing);
}

TEST_CASE("compiled once: file_store keeps every law", "[separate]") {
    const temporary_directory here;
    int made = 0;
    const law_findings found = findings_about([&] { return file_store(here / std::to_string(made++)); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("compiled once: sqlite_store keeps every law", "[separate]") {
    const temporary_directory here;
    int made = 0;
    const law_findings found = findings_about([&] { return sqlite_store(here / std::to_string(made++)); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("compiled once: a store with a policy of the program is compiled where it is used", "[separate]") {
    struct single : defaults {
        using mutex = null_mutex;
    };
    basic_store<indexed, single> store;
    store.save_token({.user_name = "ada", .access_token = "at-1"});
    CHECK(store.find_token({.user_name = "ada"}));
}

TEST_CASE("compiled once: a keeper logs in, and the next program finds the token", "[separate]") {
    const temporary_directory here;
    int requests = 0;
    const auto transport = [&](const http_request&) {
        ++requests;
        return http_response{.status = 200,
                             .body = R"({"access_token":"at-1","refresh_token":"rt-1","expires_in":3600})"};
    };
    const oauth2_provider provider{.token_endpoint = "https://auth.example/token", .client_id = "app"};
    for (int program = 0; program < 2; ++program) {
        keeper keep{file_store(here / "tokens.tkj"), transport, provider};
        const secret access = keep.access_token({.user_name = "ada", .grant_token = "code"});
        CHECK(access == secret("at-1"));
    }
    CHECK(requests == 1);
}
