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
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

/// A disk as processes see it after the program that used `disk` was killed.
simulated_files after_kill(const simulated_files& disk) {
    simulated_files after;
    for (const std::string& name : {path, path + ".lock"})
        if (disk.find(name)) after.put(name, disk.content(name));
    return after;
}

/// Deletes row x, which has had two versions, and is killed before the call of that number, from 0.
simulated_files killed_while_deleting(std::size_t call) {
    simulated_files disk;
    store on{path, {}, disk};
    for (const char* access : {"first", "second"}) on.save_token(row("x", access));
    on.save_token(row("y", "first"));
    disk.plan(disk.calls() + call, disk_fault::power_failure);
    try {
        on.delete_token("x");
    } catch (const testing::simulated_power_failure&) {
    }
    return after_kill(disk);
}
/// The calls of delete_token: the removal is written, flushed and acknowledged; then it is erased.
constexpr std::size_t first_call_of_erasing = 3;

bool holds_secrets_of(const simulated_files& disk, const std::string& id) {
    return disk.content(path).find(" of " + id) != std::string::npos;
}

/// Whether neither the file nor what a power failure could leave of it holds secrets of x.
bool is_erased(const simulated_files& disk) {
    bool is_gone = !holds_secrets_of(disk, "x");
    disk.for_each_power_failure(
        path, 64, [&](const simulated_files& after) { is_gone = is_gone && !holds_secrets_of(after, "x"); });
    return is_gone;
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

// ---- Erasing what a killed program has removed ----

TEST_CASE("file_store: if a program is killed before it has erased a row, the next change erases it",
          "[file_store_faults]") {
    const std::function<void(store&)> changes[] = {
        [](store& next) { next.save_token(row("z", "first")); },
        [](store& next) { next.save_token(row("y", "second")); },
        [](store& next) { next.delete_token("x"); },
        [](store& next) { next.delete_token("was never there"); },
        [](store& next) { next.delete_token("y"); },
        [](store& next) { next.delete_tokens(); },
        [](store& next) { next.compact(); },
        [](store& next) { CHECK(next.remove_token(row("y", "first"))); },
        [](store& next) { CHECK(next.replace_token(row("y", "first"), row("y", "second"))); }};
    std::size_t unerased = 0;
    for (std::size_t call = 1; call < 7; ++call)
        for (const auto& change : changes) {
            CAPTURE(call);
            simulated_files disk = killed_while_deleting(call);
            unerased += holds_secrets_of(disk, "x") ? 1u : 0u;
            store next{path, {}, disk};
            CHECK(!next.find_token_by_id("x"));
            CHECK(next.find_token_by_id("y") == row("y", "first"));
            const std::string before = disk.content(path);
            CHECK(next.get_tokens().size() == 1);
            CHECK(disk.content(path) == before); // look-ups change nothing
            change(next);
            CHECK(is_erased(disk));
            const auto rows = next.get_tokens();
            CHECK(store(path, {}, disk).get_tokens().size() == rows.size());
        }
    CHECK(unerased >= std::size(changes) * (first_call_of_erasing + 1)); // until the second version is overwritten
}

TEST_CASE("file_store: the row is erased, too, by a store that had the file open when the other program was killed",
          "[file_store_faults]") {
    for (const bool deletes : {false, true})
        for (const std::size_t call : {std::size_t{1}, first_call_of_erasing}) {
            simulated_files disk;
            store{path, {}, disk}.save_token(row("x", "first"));
            store on{path, {}, disk};
            on.save_token(row("y", "first"));
            {
                const simulated_files dying = after_kill(disk); // to learn what it writes
                simulated_files copy = dying;
                store other{path, {}, copy};
                copy.plan(copy.calls() + 2 + call, disk_fault::power_failure); // two calls flush what was found
                try {
                    other.delete_token("x");
                } catch (const testing::simulated_power_failure&) {
                }
                const std::string more = copy.content(path).substr(disk.content(path).size());
                REQUIRE(more.size() > 0);
                disk.open(path)->write(disk.content(path).size(), more);
            }
            CHECK(!on.find_token_by_id("x"));
            REQUIRE(holds_secrets_of(disk, "x"));
            if (deletes)
                on.delete_token("x");
            else
                on.save_token(row("z", "first"));
            CHECK(is_erased(disk));
            CHECK(on.get_tokens().size() == (deletes ? 1u : 2u));
        }
}

TEST_CASE("file_store: what a power failure has left of a row that was being erased is erased by the next change",
          "[file_store_faults]") {
    namespace journal = detail::journal;
    const std::string bytes = killed_while_deleting(first_call_of_erasing).content(path);
    const auto with_zeros = [&](std::string content, const std::string& version, std::size_t part) {
        const std::size_t record = bytes.rfind("TKr1", bytes.find(version + " of x"));
        const auto header = journal::record_header_of(std::string_view(bytes).substr(record, 200),
                                                      journal::header_of(bytes).generation);
        REQUIRE(header);
        const auto payload = static_cast<std::ptrdiff_t>(record + header->payload_at());
        std::fill_n(content.begin() + payload, header->payload_size / part, '\0');
        return content;
    };
    for (const std::string& torn :
         {with_zeros(bytes, "second", 1), with_zeros(bytes, "second", 2), with_zeros(bytes, "first", 1),
          with_zeros(with_zeros(bytes, "first", 1), "second", 4)}) {
        simulated_files disk;
        disk.put(path, torn);
        REQUIRE(holds_secrets_of(disk, "x"));
        store{path, {}, disk}.save_token(row("z", "first"));
        CHECK(is_erased(disk));
        CHECK(store(path, {}, disk).get_tokens().size() == 2);
    }
}

TEST_CASE("file_store: a file in which all removed rows are erased costs a save nothing", "[file_store_faults]") {
    simulated_files disk;
    {
        store on{path, {}, disk};
        for (const char* id : {"x", "y", "x"}) on.save_token(row(id, "first"));
        on.delete_token("x");
        on.save_token(row("x", "second"));
        on.delete_token("x");
    }
    store next{path, {}, disk};
    const std::size_t before = disk.calls();
    next.save_token(row("z", "first"));
    const std::vector<std::string> calls(disk.log().begin() + static_cast<std::ptrdiff_t>(before), disk.log().end());
    CHECK(calls == std::vector<std::string>{"flush", "flush the directory of", "write", "flush", "write"});

    store other{path, {}, disk};
    other.save_token(row("x", "third"));
    (void)next.find_token_by_id("x");
    other.delete_token("x");
    const std::size_t then = disk.calls();
    next.save_token(row("z", "second")); // finds a removal, and nothing to erase
    CHECK(std::vector<std::string>(disk.log().begin() + static_cast<std::ptrdiff_t>(then), disk.log().end()) ==
          std::vector<std::string>{"write", "flush", "write"});
}

TEST_CASE("file_store: a save that cannot erase what another removed is saved, and the next one erases it",
          "[file_store_faults]") {
    simulated_files disk = killed_while_deleting(first_call_of_erasing);
    store next{path, {}, disk};
    const std::size_t erasing = disk.calls() + 5; // after the calls of the save, as above
    disk.plan(erasing, disk_fault::fails);
    disk.plan(erasing + 1, disk_fault::fails); // the new file
    next.save_token(row("z", "first"));
    CHECK(holds_secrets_of(disk, "x"));
    CHECK(next.find_token_by_id("z") == row("z", "first"));
    next.save_token(row("z", "second"));
    CHECK(is_erased(disk));

    disk = killed_while_deleting(first_call_of_erasing);
    store deleting{path, {}, disk};
    (void)deleting.find_token_by_id("x");
    disk.plan(disk.calls() + 2, disk_fault::fails);
    disk.plan(disk.calls() + 3, disk_fault::fails);
    CHECK(code_of([&] { deleting.delete_token("x"); }) == errc::storage_failure);
    deleting.compact();
    CHECK(is_erased(disk));
}
