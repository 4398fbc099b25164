// SPDX-License-Identifier: MIT
// Tokens in a database that the library has no header for: a connection of your own. store_laws tests that the store
// over it keeps the contract.
#include "odbc_connection.hpp"

#include <tokenkeep/testing/store_laws.hpp>

#include <cstdio>

using odbc_store = tokenkeep::sql_store<odbc_connection>;

int main() {
    odbc_store store{"Driver=SQLite3;Database=:memory:"};
    store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    store.save_token({.user_name = "ada", .access_token = "at-2"});
    const tokenkeep::token ada = store.find_token({.user_name = "ada"}).value();
    std::printf("both tokens: %s\n", ada.refresh_token == "rt-1" && ada.access_token == "at-2" ? "kept" : "lost");

    int broken = 0;
    const auto report = [&](std::string_view law, bool holds, const std::string& sentence) {
        if (!holds && ++broken > 0)
            std::printf("%.*s: %s\n", static_cast<int>(law.size()), law.data(), sentence.c_str());
    };
    tokenkeep::testing::store_laws([] { return odbc_store{"Driver=SQLite3;Database=:memory:"}; }, report,
                                   {.no_nul = true});
    std::printf("laws broken: %d\n", broken);
}
// prints:
// both tokens: kept
// laws broken: 0
