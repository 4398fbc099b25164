// SPDX-License-Identifier: MIT
// PgBouncer between the store and the server.
// databases: Postgres
// needs: pgbouncer
#include "sql/backends.hpp"
#include "sql/guarded_child.hpp"
#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace tests;
using tokenkeep::errc;

namespace {

/// PgBouncer, on a socket in a temporary folder, before the server of these tests.
class pooler {
  public:
    explicit pooler(const std::string& mode) {
        const account runs_as = account_unless_root("postgres");
        const std::string folder = folder_ / "";
        write_file(folder_ / "pgbouncer.ini",
                   "[databases]\ntokenkeep = host=127.0.0.1 port=" + std::to_string(postgres_backend::server().port()) +
                       " user=postgres dbname=tokenkeep\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n"
                       "unix_socket_dir = " +
                       folder + "\nauth_type = any\npool_mode = " + mode + "\n",
                   0644);
        if (::chown(folder.c_str(), runs_as.user, runs_as.group) != 0) throw std::runtime_error("chown");
        child_.emplace(
            guarded_command{{TOKENKEEP_TEST_PGBOUNCER, folder_ / "pgbouncer.ini"}, runs_as, folder, folder_ / "log"});
        if (!holds_within(30s, [&] { return ::PQping(connection().c_str()) == PQPING_OK || child_->ended(); }) ||
            child_->ended())
            throw std::runtime_error("PgBouncer does not start: " + bytes_of(folder_ / "log"));
    }

    tokenkeep::postgres_store store(const std::string& table) const {
        return tokenkeep::postgres_store(tokenkeep::postgres_connection(connection(), table));
    }

  private:
    std::string connection() const { return "host=" + folder_ / "" + " port=6432 user=postgres dbname=tokenkeep"; }

    const temporary_directory folder_{};
    std::optional<guarded_child> child_{};
};

} // namespace

TEST_CASE("postgres_store: a pooler that gives sessions to transactions is refused by name", "[sql]") {
    const std::string mode = GENERATE("transaction", "statement");
    const pooler between(mode);
    auto store = between.store(new_table());
    for (int times = 0; times < 2; ++times) {
        CHECK_THROWS_WITH(store.find_token({.user_name = "ada"}), ContainsSubstring("PgBouncer"));
        CHECK(error_of([&] { store.save_token({.user_name = "ada", .access_token = "a"}); }) == errc::request_rejected);
        CHECK(error_of([&] { (void)store.lock_token("key", std::chrono::steady_clock::now() + 10s); }) ==
              errc::request_rejected);
    }
}

TEST_CASE("postgres_store: a pooler that gives sessions to connections is as good as none", "[sql]") {
    const pooler between("session");
    const std::string table = new_table();
    auto store = between.store(table), other = between.store(table);
    store.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(other.find_token({.user_name = "ada"}));
    CHECK(store_on<postgres_backend>(table).find_token({.user_name = "ada"}));
    const auto held = store.lock_token("key", std::chrono::steady_clock::now() + 10s);
    CHECK(error_of([&] { (void)other.lock_token("key", std::chrono::steady_clock::now() + 100ms); }) ==
          errc::lock_timeout);
}
