// SPDX-License-Identifier: MIT
// What a file_store says when something fails, and what it may not do then. The sweep in torture/ tries all faults;
// here each has a name.
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace tokenkeep;
using testing::disk_fault;
using testing::simulated_files;

namespace {

struct simulated : defaults {
    using files = simulated_files;
    static constexpr std::chrono::milliseconds store_lock_timeout{50};
};
using store = basic_file_store<simulated>;

const std::string path = "tokens.tkj";

token row(const std::string& id, const std::string& access) {
    return {.user_name = "user " + id, .access_token = access + " of " + id, .id = id};
}

/// With one bit of that text flipped.
void damage(simulated_files& disk, const std::string& text) {
    std::string bytes = disk.content(path);
    const std::size_t at = bytes.find(text);
    REQUIRE(at != bytes.npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    disk.put(path, bytes);
}

/// Files that rename, say that they could not, and cannot be looked at afterwards.
class blind_files : public simulated_files {
  public:
    std::optional<file_identity> find(const std::string& at) const {
        if (state_->is_blind) throw file_error(errc::storage_failure, "inspect", at, EIO);
        return simulated_files::find(at);
    }
    void rename(const std::string& from, const std::string& to) const {
        simulated_files::rename(from, to);
        if (!state_->goes_blind) return;
        state_->is_blind = true;
        throw file_error(errc::storage_failure, "rename", to, EIO);
    }
    file create(const std::string& at) const {
        state_->created.push_back(at);
        return simulated_files::create(at);
    }

    void goes_blind_at_rename(bool goes_blind) { state_->goes_blind = goes_blind, state_->is_blind = false; }
    /// The path of the last new file that has this in its name.
    std::string created(const std::string& part) const {
        const auto is_it = [&](const std::string& each) { return each.find(part) != std::string::npos; };
        const auto at = std::find_if(state_->created.rbegin(), state_->created.rend(), is_it);
        return at == state_->created.rend() ? std::string() : *at;
    }

  private:
    struct state {
        bool goes_blind = false, is_blind = false;
        std::vector<std::string> created{};
    };
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

std::size_t power_failures_without(const simulated_files& disk, const std::string& id) {
    std::size_t without = 0;
    disk.for_each_power_failure(path, 16, [&](const simulated_files& after) {
        without += store{path, {}, after}.find_token_by_id(id) ? 0u : 1u;
    });
    return without;
}

} // namespace

TEST_CASE("file_store: after salvage a save is durable, although numbers begin anew", "[file_store_faults]") {
    simulated_files disk;
    store on{path, {}, disk};
    for (int n = 0; n < 20; ++n) on.save_token(row(std::to_string(n), "first"));
    disk.put(path, "garbage");
    CHECK(code_of([&] { (void)on.find_token_by_id("1"); }) == errc::storage_corrupt);
    CHECK(on.salvage().rows == 0);
    on.save_token(row("later", "first"));
    CHECK(power_failures_without(disk, "later") == 0);
}

TEST_CASE("file_store: the same where another process has salvaged the file", "[file_store_faults]") {
    simulated_files disk;
    store on{path, {}, disk}, other{path, {}, disk};
    for (int n = 0; n < 20; ++n) on.save_token(row(std::to_string(n), "first"));
    disk.put(path, "garbage");
    CHECK(other.salvage().rows == 0);
    other.compact();
    on.save_token(row("later", "first"));
    CHECK(power_failures_without(disk, "later") == 0);
}

TEST_CASE("file_store: deleting a damaged row erases no row of that id that was saved meanwhile",
          "[file_store_faults]") {
    simulated_files disk;
    store{path, {}, disk}.save_token(row("x", "old"));
    store{path, {}, disk}.save_token(row("y", "first"));
    damage(disk, "old of x");
    store one{path, {}, disk}, other{path, {}, disk};
    (void)other.find_token_by_id("y");
    int flushes = 0;
    disk.before_flush([&] {
        if (!disk.is_locked(path + ".lock") && ++flushes == 1) other.save_token(row("x", "new"));
    });
    one.delete_token("x");
    disk.before_flush(nullptr);
    CHECK(store(path, {}, disk).find_token_by_id("x") == row("x", "new"));
    CHECK(disk.content(path).find("ld of x") == std::string::npos);
}

TEST_CASE("file_store: a save that was appended is never said to be undone for want of a lock", "[file_store_faults]") {
    simulated_files disk;
    store on{path, {}, disk};
    on.save_token(row("x", "first"));
    auto other = disk.open_lock(path + ".lock");
    const auto while_another_holds_the_lock = [&](auto act) {
        disk.before_flush([&] { (void)other.try_lock(0); });
        const std::error_code code = code_of(act);
        disk.before_flush(nullptr);
        other.unlock(0);
        return code;
    };
    disk.plan(disk.calls() + 1, disk_fault::fails);
    CHECK(while_another_holds_the_lock([&] { on.save_token(row("x", "second")); }) == errc::indeterminate);
    CHECK(on.find_token_by_id("x") == row("x", "second"));
    CHECK(while_another_holds_the_lock([&] { on.delete_token("x"); }) == errc::storage_failure);
    CHECK(!on.find_token_by_id("x"));
}

TEST_CASE("file_store: a save before which nothing could be flushed is not_saved", "[file_store_faults]") {
    simulated_files disk;
    store{path, {}, disk}.save_token(row("x", "first"));
    store{path, {}, disk}.save_token(row("y", "first"));
    store on{path, {}, disk};
    (void)on.find_token_by_id("x");
    const std::string before = disk.content(path);
    disk.plan(disk.calls() + 1, disk_fault::fails); // the flush of the name of what was found
    CHECK(code_of([&] { on.save_token(row("z", "first")); }) == errc::not_saved);
    CHECK(disk.content(path) == before);
    on.save_token(row("z", "first"));
    CHECK(power_failures_without(disk, "z") == 0);
}

TEST_CASE("file_store: an unwritten sector in what was written together refuses one row", "[file_store_faults]") {
    simulated_files disk;
    store on{path, {}, disk};
    for (int n = 0; n < 20; ++n) on.save_token(row(std::to_string(n), std::string(2'000, 'x')));
    on.compact();
    std::string bytes = disk.content(path);
    std::fill_n(bytes.begin() + 512, 512, '\0');
    disk.put(path, bytes);
    store fresh{path, {}, disk};
    int refused = 0;
    for (int n = 0; n < 20; ++n)
        refused += code_of([&] { (void)fresh.find_token_by_id(std::to_string(n)).value(); }) ? 1 : 0;
    CHECK(refused == 1);
    const salvage_report report = fresh.salvage();
    CHECK(report.rows == 19);
    CHECK(report.lost.size() == 1);
    CHECK(!report.may_have_lost_others);
}

TEST_CASE("file_store: damage that cannot be written anew leaves no copies behind", "[file_store_faults]") {
    simulated_files disk;
    store{path, {}, disk}.save_token(row("x", "old"));
    store{path, {}, disk}.save_token(row("y", "first"));
    damage(disk, "old of x");
    store on{path, {}, disk};
    (void)on.find_token_by_id("y");
    for (const bool salvages : {false, true}) {
        const std::size_t calls = disk.calls();
        simulated_files trial; // to learn which call the rename is
        trial.put(path, disk.content(path));
        if (salvages)
            (void)store(path, {}, trial).salvage();
        else
            store(path, {}, trial).compact();
        const auto& log = trial.log();
        const auto rename = static_cast<std::size_t>(std::find(log.begin(), log.end(), "rename") - log.begin());
        REQUIRE(rename < log.size());
        disk.plan(calls + rename, disk_fault::fails);
        CHECK(code_of([&] { salvages ? (void)on.salvage() : on.compact(); }) == errc::not_saved);
        const auto& done = disk.log();
        CHECK(std::count(done.begin() + static_cast<std::ptrdiff_t>(calls), done.end(), "remove") == 2);
    }
    CHECK(on.find_token_by_id("y") == row("y", "first"));
}

TEST_CASE("file_store: a copy of a damaged file is kept if nobody can tell whether the file was replaced",
          "[file_store_faults]") {
    struct with_blind_files : simulated {
        using files = blind_files;
    };
    using blind_store = basic_file_store<with_blind_files>;
    for (const bool salvages : {false, true}) {
        blind_files disk;
        blind_store{path, {}, disk}.save_token(row("x", "old"));
        blind_store{path, {}, disk}.save_token(row("y", "first"));
        damage(disk, "old of x");
        const std::string damaged = disk.content(path);
        blind_store on{path, {}, disk};
        (void)on.find_token_by_id("y");
        disk.goes_blind_at_rename(true);
        CHECK(code_of([&] { salvages ? (void)on.salvage() : on.compact(); }) == errc::indeterminate);
        disk.goes_blind_at_rename(false);
        CHECK(disk.content(path) != damaged);
        CHECK(disk.content(disk.created(".damaged-")) == damaged);
        CHECK(on.find_token_by_id("y") == row("y", "first"));
    }
}

TEST_CASE("file_store: another reads only what is new, also where the row it read last was erased",
          "[file_store_faults]") {
    const temporary_directory here;
    file_store one(here / "tokens"), other(here / "tokens");
    one.save_token(row("x", "first"));
    one.save_token(row("y", std::string(100'000, 'y')));
    (void)other.find_token_by_id("y");
    one.delete_token("y");
    CHECK(!other.find_token_by_id("y"));
    CHECK(other.find_token_by_id("x") == row("x", "first"));
    other.save_token(row("z", "first"));
    CHECK(one.get_tokens().size() == 2);
}
