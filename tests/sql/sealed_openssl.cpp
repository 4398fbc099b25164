// SPDX-License-Identifier: MIT
// Tables that openssl_sealer seals.
// databases: SQLite, MariaDB, Postgres
// needs: OpenSSL
#include <tokenkeep/openssl_sealer.hpp>
#include <tokenkeep/reseal.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace tests;
using tokenkeep::errc;
using tokenkeep::key_ring;
using tokenkeep::openssl_sealer;
using tokenkeep::secret;
using tokenkeep::token;

namespace {

struct sealed : tokenkeep::defaults {
    using sealer = openssl_sealer;
};

const secret old_key(std::string(32, 'o')), new_key(std::string(32, 'n'));
const token ada{.user_name = "ada",
                .client_id = "app",
                .refresh_token = "the refresh token",
                .access_token = "the access token",
                .id = "1"};

template <class Backend>
auto store_with(const std::string& table, key_ring ring) {
    return store_over<Backend, sealed>(Backend::connection(table), openssl_sealer(std::move(ring)));
}

} // namespace

TEMPLATE_LIST_TEST_CASE("openssl_sealer: seals a table, and changes its key", "[sql]", every_backend) {
    const std::string table = new_table();
    auto old = store_with<TestType>(table, key_ring(old_key));
    old.save_token(ada);
    CHECK(old.find_token({.client_id = "app", .refresh_token = ada.refresh_token}) == ada);

    const key_ring both(new_key, {old_key});
    auto store = store_with<TestType>(table, both);
    CHECK(store.find_token({.client_id = "app", .refresh_token = ada.refresh_token}) == ada);
    CHECK(tokenkeep::reseal(store).resealed == 1);
    CHECK(store.get_tokens() == std::vector<token>{ada});
    CHECK(code_of([&] { (void)old.find_token_by_id("1"); }) == errc::permissions);
    auto only_new = store_with<TestType>(table, key_ring(new_key));
    CHECK(only_new.find_token({.access_token = ada.access_token}) == ada);

    visitor<TestType> reader;
    const std::string columns = "refresh_token, access_token, row_mac, refresh_token_index, access_token_index";
    const std::string dump = reader.ask("SELECT " + columns + " FROM " + table, 5).at(0);
    CHECK(dump.find("token") == std::string::npos);
    CHECK(dump.find(' ' + openssl_sealer(both).key_id() + '|') != std::string::npos);
    reader.execute("UPDATE " + table + " SET refresh_token = access_token");
    CHECK(code_of([&] { (void)only_new.get_tokens(); }) == errc::permissions);
}
