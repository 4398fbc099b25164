// SPDX-License-Identifier: MIT
// Tokens in a database: moved there from another store, and shared with Zoho's SDKs by their own table.
#include <tokenkeep/sqlite.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>

using namespace tokenkeep;

int main() {
    memory_store before;
    before.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    before.save_token({.user_name = "bob", .refresh_token = "rt-2", .access_token = "at-2"});

    std::remove("example-tokens.db");
    sqlite_store store{"example-tokens.db"};
    const auto report = migrate(before, store, [](const migration_report& so_far) {
        std::printf("moved %zu of %zu\n", so_far.done(), so_far.total);
    });
    std::printf("copied %zu, in the database %zu\n", report.copied, store.get_tokens().size());
    std::printf("again: copied %zu\n", migrate(before, store).copied);

    std::remove("zohooauth.db");
    sql_store<sqlite_connection, zoho::policy> shared{"zohooauth.db"};
    shared.save_token({.user_name = "ada", .client_id = "1000.app", .client_secret = "s", .refresh_token = "rt-3"});
    std::printf("id for Zoho's SDKs: %zu digits\n", shared.find_token({.user_name = "ada"})->id.size());

    store.delete_tokens();
    shared.delete_tokens();
}
// prints:
// moved 1 of 2
// moved 2 of 2
// copied 2, in the database 2
// again: copied 0
// id for Zoho's SDKs: 9 digits
