// SPDX-License-Identifier: MIT
// What the contract for stores does not see of a connection: that it ends, and how long it waits for others.
#include "odbc_connection.hpp"

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using tokenkeep::errc;

namespace {

struct hasty : tokenkeep::defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{300};
};
using odbc_store = tokenkeep::sql_store<odbc_connection, hasty>;

/// A file of SQLite, by its driver.
std::string at(const std::string& path) { return "Driver=SQLite3;Database=" + path; }

/// How often this process has the file open.
int times_open(const std::string& path) {
    int times = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code of_the_iterator; // its own descriptor is gone by then
        times += std::filesystem::read_symlink(each, of_the_iterator) == path ? 1 : 0;
    }
    return times;
}

} // namespace

TEST_CASE("odbc_connection: ends with its store, and when it is made anew", "[odbc]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    {
        odbc_connection connection(at(path));
        connection.connect(1s);
        connection.execute("CREATE TABLE t (a TEXT)"); // so that the file is opened
        REQUIRE(times_open(path) == 1);
        connection.connect(1s);
        connection.execute("DROP TABLE t");
        CHECK(times_open(path) == 1);
    }
    CHECK(times_open(path) == 0);
}

TEST_CASE("odbc_connection: a store over it can be assigned, and gives up its own connection", "[odbc]") {
    const temporary_directory folder;
    odbc_store store(at(folder / "one.db"));
    store.save_token({.user_name = "ada", .access_token = "of one", .id = "1"});
    {
        odbc_store other(at(folder / "other.db"));
        other.save_token({.user_name = "ada", .access_token = "of other", .id = "1"});
        store = std::move(other);
    }
    CHECK(store.find_token_by_id("1").value().access_token == "of other");
    CHECK(times_open(folder / "one.db") == 0);
    CHECK(times_open(folder / "other.db") == 1);
}

TEST_CASE("odbc_connection: waits for a writer as long as the policy says, and then says so", "[odbc]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    odbc_store store(at(path));
    store.save_token({.user_name = "ada", .access_token = "before", .id = "1"});

    std::optional<odbc_connection> writer(at(path));
    writer->connect(1s);
    writer->execute("BEGIN IMMEDIATE");
    const auto start = std::chrono::steady_clock::now();
    CHECK(code_of([&] { store.save_token({.user_name = "ada", .access_token = "after", .id = "1"}); }) ==
          errc::lock_timeout);
    const auto waited = std::chrono::steady_clock::now() - start;
    CHECK(waited >= hasty::store_lock_timeout);
    CHECK(waited < 20s); // the driver's own is 100 s

    writer.reset();
    store.save_token({.user_name = "ada", .access_token = "after", .id = "1"});
    CHECK(store.find_token_by_id("1").value().access_token == "after");
}
