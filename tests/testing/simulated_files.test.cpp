// SPDX-License-Identifier: MIT
#include <tokenkeep/testing/simulated_files.hpp>

#include <tokenkeep/file_store.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace tokenkeep;
using testing::disk_fault;
using testing::simulated_files;

namespace {

struct simulated : defaults {
    using files = simulated_files;
};

/// What a power failure can leave of the file "a"; "-" if it is not there.
std::set<std::string> after_power_failure(const simulated_files& disk, std::size_t step = 1) {
    std::set<std::string> found;
    disk.for_each_power_failure(
        "a", step, [&](const simulated_files& after) { found.insert(after.find("a") ? after.content("a") : "-"); });
    return found;
}

std::string content_of(const simulated_files::file& file) {
    std::string bytes(1'000, '?');
    bytes.resize(file.read(0, bytes.data(), bytes.size()));
    return bytes;
}

using texts = std::set<std::string>;

} // namespace

TEST_CASE("simulated_files: what is not flushed may be there after a power failure, in part, or not",
          "[simulated_files]") {
    simulated_files disk;
    const auto file = disk.create("a");
    CHECK(after_power_failure(disk) == texts{"-", ""});
    disk.flush_directory("a");
    CHECK(after_power_failure(disk) == texts{""});
    file.write(0, "xyz");
    CHECK(after_power_failure(disk) == texts{"", "x", "xy", "xyz", std::string(3, '\0')});
    file.flush();
    CHECK(after_power_failure(disk) == texts{"xyz"});
    file.write(1, "!!");
    CHECK(after_power_failure(disk) == texts{"xyz", "x!z", "x!!"});
    file.truncate(1);
    CHECK(after_power_failure(disk).contains("x"));
    CHECK(after_power_failure(disk).contains("xyz"));
}

TEST_CASE("simulated_files: a name is durable when its directory was flushed", "[simulated_files]") {
    simulated_files disk;
    disk.put("a", "old");
    const auto file = disk.create("b");
    file.write(0, "new");
    file.flush();
    disk.rename("b", "a");
    CHECK(disk.content("a") == "new");
    CHECK(after_power_failure(disk) == texts{"old", "new"});
    disk.flush_directory("a");
    CHECK(after_power_failure(disk) == texts{"new"});
    disk.remove("a");
    CHECK(after_power_failure(disk) == texts{"new", "-"});
}

TEST_CASE("simulated_files: a rename without a flush of the content leaves an empty file", "[simulated_files]") {
    simulated_files disk;
    disk.put("a", "old");
    disk.create("b").write(0, "new");
    disk.rename("b", "a");
    disk.flush_directory("a");
    CHECK(after_power_failure(disk).contains(""));
}

TEST_CASE("simulated_files: calls fail as they are told to", "[simulated_files]") {
    simulated_files disk;
    const auto file = disk.create("a");
    disk.flush_directory("a");
    CHECK(disk.calls() == 2);
    disk.plan(2, disk_fault::fails);
    disk.plan(3, disk_fault::writes_half);
    CHECK_THROWS_AS(file.write(0, "ab"), file_error);
    CHECK(content_of(file) == "");
    CHECK_THROWS_AS(file.write(0, "ab"), file_error);
    CHECK(content_of(file) == "a");
    file.write(0, "ab");
    CHECK(disk.log() == std::vector<std::string>{"create", "flush the directory of", "write", "write", "write"});

    disk.plan(5, disk_fault::flush_keeps_content);
    CHECK_THROWS_AS(file.flush(), file_error);
    CHECK(content_of(file) == "ab");
    file.flush(); // which is as if it were durable
    CHECK(after_power_failure(disk) == texts{""});

    file.write(0, "cd");
    disk.plan(8, disk_fault::flush_reverts_content);
    CHECK_THROWS_AS(file.flush(), file_error);
    CHECK(content_of(file) == "");

    disk.plan(9, disk_fault::power_failure);
    CHECK_THROWS_AS(file.write(0, "e"), testing::simulated_power_failure);
    CHECK_THROWS_AS(disk.create("b"), testing::simulated_power_failure);
    CHECK(content_of(file) == "");
}

TEST_CASE("simulated_files: every open file hears once that a flush has lost content", "[simulated_files]") {
    simulated_files disk;
    const auto one = disk.create("a");
    const auto two = *disk.open("a");
    disk.plan(1, disk_fault::flush_keeps_content);
    CHECK_THROWS_AS(one.flush(), file_error);
    CHECK_THROWS_AS(two.flush(), file_error);
    one.flush();
    two.flush();
    disk.open("a")->flush();
}

TEST_CASE("file_store: no save is flushed under the store lock", "[simulated_files]") {
    simulated_files disk;
    basic_file_store<simulated> store{"tokens.tkj", {}, disk};
    store.save_token({.user_name = "ada", .access_token = "a"}); // writes a new file
    int flushes = 0, locked = 0;
    disk.before_flush([&] {
        ++flushes;
        locked += disk.is_locked("tokens.tkj.lock") ? 1 : 0;
    });
    store.save_token({.user_name = "ada", .access_token = "b"});
    store.save_token({.user_name = "bob", .access_token = "c"});
    store.delete_token(store.find_token({.user_name = "ada"}).value().id);
    CHECK(flushes == 4);
    CHECK(locked == 0);
}

TEST_CASE("file_store: who saves while another flushes shares the next flush with all who do", "[simulated_files]") {
    const auto record = [](std::size_t n) {
        return token{.user_name = "user " + std::to_string(100 + n), .access_token = "of " + std::to_string(100 + n)};
    };
    simulated_files disk;
    basic_file_store<simulated> store{"tokens.tkj", {}, disk};
    const auto size = [&] { return disk.content("tokens.tkj").size(); };
    store.save_token(record(0));
    const std::size_t before = size();
    store.save_token(record(1));
    const std::size_t record_size = size() - before;
    constexpr std::size_t savers = 12;
    int flushes = 0;
    disk.before_flush([&] {
        if (++flushes > 1) return;
        while (size() < before + (1 + savers) * record_size) std::this_thread::yield();
    });
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < savers; ++n) threads.emplace_back([&, n] { store.save_token(record(2 + n)); });
    for (std::thread& thread : threads) thread.join();
    CHECK(flushes == 2);
    CHECK(store.get_tokens().size() == 2 + savers);
}
