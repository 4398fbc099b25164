// SPDX-License-Identifier: MIT
// Another key for a file, a document and a table: the same checks for each, and those of a file and a document alone.
// needs: SQLite
#include <tokenkeep/reseal.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/sqlite.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/shared_memory.hpp"
#include "support/temporary.hpp"
#include "support/toy_table_sealer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;
using testing::disk_fault;
using testing::simulated_files;
using tests::toy_table_sealer;

namespace {

// ---- The keys: key-0, key-1 and so on ----

std::string name_of(int key) { return "key-" + std::to_string(key); }

/// Seals with `first` and opens with the others too.
toy_table_sealer ring(int first, std::vector<int> others = {}) {
    toy_table_sealer::keys keys;
    for (const int key : others) keys[name_of(key)] = "secret of " + name_of(key);
    keys[name_of(first)] = "secret of " + name_of(first);
    return {name_of(first), std::move(keys)};
}

// ---- The stores ----

struct sealed : defaults {
    using sealer = toy_table_sealer;
};

struct in_file {
    using store = basic_file_store<sealed>;
    static constexpr bool seals_all_at_once = true;
};
struct in_document {
    using store = basic_document_store<text_file, json_codec, sealed>;
    static constexpr bool seals_all_at_once = true;
};
struct in_table {
    using store = basic_sqlite_store<sealed>;
    static constexpr bool seals_all_at_once = false;
};
using every_place = std::tuple<in_file, in_document, in_table>;

static_assert(resealing_store<in_file::store> && resealing_store<in_document::store>);
static_assert(resealing_store<in_table::store> && resealing_store<any_store>);
static_assert(!resealing_store<file_store> && !resealing_store<json_file_store> && !resealing_store<sqlite_store>);

// ---- The rows ----

token login(std::size_t n, const std::string& version = "first") {
    const std::string name = std::to_string(n);
    return {.user_name = "user " + name,
            .client_id = "client",
            .refresh_token = "refresh " + name + " " + version,
            .access_token = "access " + name + " " + version,
            .id = "row " + name};
}

std::vector<token> sorted(std::vector<token> rows) {
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.id < b.id; });
    return rows;
}

constexpr std::size_t most_rows = 5;

/// The rows as fill leaves them.
std::vector<token> logins() {
    std::vector<token> rows;
    for (std::size_t n = 0; n < most_rows; ++n) rows.push_back(login(n, "second"));
    return rows;
}

/// Saves each row twice: a journal then has earlier versions.
template <class Store>
void fill(Store& store) {
    for (const char* const version : {"first", "second"})
        for (std::size_t n = 0; n < most_rows; ++n) store.save_token(login(n, version));
}

} // namespace

// ---- Every store ----

TEMPLATE_LIST_TEST_CASE("reseal: every row gets the new key, and the old one opens nothing any more", "[reseal]",
                        every_place) {
    using store = typename TestType::store;
    const temporary_directory here;
    const std::string place = here / "tokens";
    store old(place, ring(1));
    fill(old);
    store both(place, ring(2, {1}));
    if constexpr (!TestType::seals_all_at_once) CHECK(!both.reseal_token("row of nobody"));
    CHECK(old.get_tokens().size() == most_rows);
    std::size_t calls = 0;
    const reseal_report report = reseal(both, [&](const reseal_report&) { ++calls; });
    CHECK(calls == (TestType::seals_all_at_once ? 1 : most_rows));
    CHECK(report.total == most_rows);
    CHECK(report.resealed == most_rows);
    CHECK(report.done() == most_rows);
    CHECK(sorted(both.get_tokens()) == logins());
    CHECK(reseal(both).resealed == 0);
    CHECK(sorted(store(place, ring(2)).get_tokens()) == logins());
    std::string after = place;
    if constexpr (TestType::seals_all_at_once) {
        after = here / "copy"; // alone, without the marks of the file
        write_file(after, bytes_of(place));
        CHECK(bytes_of(after).find(name_of(1)) == std::string::npos);
    }
    store with_old_key(after, ring(1));
    CHECK(code_of([&] { (void)with_old_key.get_tokens(); }) == errc::permissions);
    for (const token& row : logins())
        CHECK(code_of([&] { (void)with_old_key.find_token_by_id(row.id); }) == errc::permissions);
}

TEMPLATE_LIST_TEST_CASE("reseal: stopped after any row, it goes on when it is called again", "[reseal]", every_place) {
    using store = typename TestType::store;
    for (const std::size_t last : {std::size_t(1), most_rows - 1, most_rows}) {
        CAPTURE(last);
        if (TestType::seals_all_at_once && last != most_rows) continue;
        const temporary_directory here;
        const std::string place = here / "tokens";
        store old(place, ring(1));
        fill(old);
        store both(place, ring(2, {1}));
        CHECK_THROWS_AS(reseal(both,
                               [&](const reseal_report& so_far) {
                                   if (so_far.done() == last) throw std::runtime_error("stopped");
                               }),
                        std::runtime_error);
        CHECK(sorted(both.get_tokens()) == logins());
        const reseal_report rest = reseal(both);
        CHECK(rest.unchanged == last);
        CHECK(rest.done() == most_rows);
        CHECK(sorted(store(place, ring(2)).get_tokens()) == logins());
    }
}

TEMPLATE_LIST_TEST_CASE("reseal: what has no rows loses the old key, too", "[reseal]", every_place) {
    using store = typename TestType::store;
    const temporary_directory here;
    const std::string place = here / "tokens";
    store old(place, ring(1));
    fill(old);
    old.delete_tokens();
    store both(place, ring(2, {1}));
    CHECK(reseal(both).total == 0);
    store fresh(place, ring(2));
    CHECK(fresh.get_tokens().empty());
    fill(fresh);
    CHECK(sorted(fresh.get_tokens()) == logins());
}

TEMPLATE_LIST_TEST_CASE("reseal: an any_store does what the store in it does", "[reseal]", every_place) {
    const temporary_directory here;
    any_store store(std::in_place_type<typename TestType::store>, here / "tokens", ring(1));
    fill(store);
    store = any_store(std::in_place_type<typename TestType::store>, here / "tokens", ring(2, {1}));
    CHECK(store.reseals());
    CHECK(reseal(store).resealed == most_rows);
    CHECK(reseal(store).resealed == 0);
}

TEMPLATE_LIST_TEST_CASE("reseal: threads that save at the same time lose nothing", "[reseal]", every_place) {
    using store = typename TestType::store;
    const temporary_directory here;
    const std::string place = here / "tokens";
    fill(*std::make_unique<store>(place, ring(1)));
    store both(place, ring(2, {1})), old_first(place, ring(1, {2}));
    constexpr int saves = 8;
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (std::size_t n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            store& mine = n % 2 == 0 ? both : old_first;
            try {
                for (int version = 1; version <= saves; ++version) mine.save_token(login(n, std::to_string(version)));
            } catch (const std::exception&) {
                ++failures;
            }
        });
    for (int n = 0; n < 3; ++n) CHECK_NOTHROW(reseal(both));
    for (std::thread& each : threads) each.join();
    CHECK(failures == 0);
    (void)reseal(both);
    const std::vector<token> found = sorted(store(place, ring(2)).get_tokens());
    REQUIRE(found.size() == most_rows);
    for (std::size_t n = 0; n < 4; ++n) CHECK(found[n] == login(n, std::to_string(saves)));
    CHECK(found[4] == login(4, "second"));
}

namespace {

/// What the processes of the next test tell each other.
struct versions {
    struct of_row {
        std::atomic<int> begun{0}; ///< The version that the writer of the row began to save last.
        std::atomic<int> done{0};  ///< The version that was saved last.
        std::atomic<int> saves{0}; ///< How many were saved in this round.
        std::atomic<bool> has_failed{false};
    };
    std::array<of_row, most_rows> rows{};
};

/// Saves new versions of its row for ever, in the ways of a program and of a keeper.
template <class Store>
void save_for_ever(Store& store, versions& told, std::size_t n) {
    for (;;) {
        const int version = ++told.rows[n].begun;
        const token changed = login(n, std::to_string(version));
        if constexpr (locking_store<Store> && comparing_store<Store>) {
            if (version % 2 == 0) {
                const auto held = store.lock_token("user " + std::to_string(n), std::chrono::steady_clock::now() + 10s);
                const token before = store.find_token_by_id(changed.id).value();
                expect(store.replace_token(before, changed), "a row was changed by others");
            } else {
                store.save_token(changed);
            }
        } else {
            store.save_token(changed);
        }
        told.rows[n].done = version;
        ++told.rows[n].saves;
    }
}

} // namespace

// In each round the key changes. One process reseals, and three save: one of them still seals with the old key. All are
// killed, each time a little later. What must hold does not depend on when that is.
TEMPLATE_LIST_TEST_CASE("reseal: processes that reseal and save are killed, and no row is lost", "[reseal]",
                        every_place) {
    using store = typename TestType::store;
    const temporary_directory here;
    const std::string place = here / "tokens";
    fill(*std::make_unique<store>(place, ring(0)));
    const shared_memory<versions> told;
    constexpr std::size_t writers = 3;
    for (int round = 1; round <= 6; ++round) {
        CAPTURE(round);
        const toy_table_sealer new_first = ring(round, {round - 1}), old_first = ring(round - 1, {round});
        std::vector<std::unique_ptr<holding_process>> processes;
        for (std::size_t n = 0; n < writers; ++n)
            processes.push_back(std::make_unique<holding_process>([&] {
                return std::thread([&, n] {
                    try {
                        store mine(place, n == 0 ? old_first : new_first);
                        save_for_ever(mine, *told, n);
                    } catch (const std::exception& fault) {
                        std::fprintf(stderr, "a writer: %s\n", fault.what());
                        told->rows[n].has_failed = true;
                    }
                });
            }));
        processes.push_back(std::make_unique<holding_process>([&] {
            return std::thread([&] {
                store mine(place, new_first);
                for (;; std::this_thread::sleep_for(1ms)) (void)reseal(mine);
            });
        }));
        const auto began = std::chrono::steady_clock::now();
        const auto may_be_killed = [&] {
            const auto lived = std::chrono::steady_clock::now() - began;
            bool have_saved = round % 2 == 1;
            if (!have_saved)
                have_saved = std::all_of(told->rows.begin(), told->rows.begin() + writers,
                                         [](const auto& row) { return row.saves > 0; });
            return lived > 30s || (have_saved && lived > round * 3ms);
        };
        do { // at any time, every row opens with both keys
            std::this_thread::sleep_for(1ms);
            CHECK(store(place, new_first).get_tokens().size() == most_rows);
        } while (!may_be_killed());
        processes.clear();
        store mine(place, new_first);
        (void)reseal(mine);
        const std::vector<token> found = sorted(store(place, ring(round)).get_tokens());
        REQUIRE(found.size() == most_rows);
        for (std::size_t n = 0; n < writers; ++n) {
            versions::of_row& row = told->rows[n];
            CAPTURE(n, row.begun.load(), row.done.load(), row.saves.load());
            CHECK(!row.has_failed);
            if (round % 2 == 0) CHECK(row.saves > 0);
            if (row.begun != row.done && found[n] == login(n, std::to_string(row.begun))) row.done = row.begun.load();
            CHECK(found[n] == login(n, row.done == 0 ? "second" : std::to_string(row.done)));
            row.saves = 0;
        }
        for (std::size_t n = writers; n < most_rows; ++n) CHECK(found[n] == login(n, "second"));
    }
}

// ---- A file ----

namespace {

struct simulated : defaults {
    using files = simulated_files;
    using sealer = toy_table_sealer;
};
using simulated_store = basic_file_store<simulated>;

const std::string path = "tokens.tkj";

bool names_key(const simulated_files& disk, int key) {
    return disk.content(path).find(name_of(key)) != std::string::npos;
}

/// The rows, if the sealer opens them all.
std::vector<token> rows_of(const simulated_files& disk, toy_table_sealer sealer) {
    return sorted(simulated_store(path, std::move(sealer), disk).get_tokens());
}

} // namespace

TEST_CASE("reseal: earlier versions in a file lose the old key, too", "[reseal]") {
    simulated_files disk;
    simulated_store old(path, ring(1), disk);
    fill(old);
    simulated_store both(path, ring(2, {1}), disk);
    fill(both); // now every row has the new key
    CHECK(names_key(disk, 1));
    const bool reads_before = GENERATE(true, false);
    if (!reads_before) both = simulated_store(path, ring(2, {1}), disk);
    CHECK(both.reseal_tokens());
    CHECK(!names_key(disk, 1));
    CHECK(!both.reseal_tokens());
    CHECK(rows_of(disk, ring(2)) == logins());
    old.delete_tokens(); // this store still seals with the old key
    old.save_token(login(7));
    CHECK(reseal(both).resealed == 1);
    CHECK(!names_key(disk, 1));
}

TEST_CASE("reseal: a file with one key is not touched", "[reseal]") {
    simulated_files disk;
    simulated_store both(path, ring(2, {1}), disk);
    fill(both);
    const std::string before = disk.content(path);
    const std::size_t calls = disk.calls();
    CHECK(reseal(both).resealed == 0);
    CHECK(disk.content(path) == before);
    CHECK(disk.calls() == calls);
}

TEST_CASE("reseal: compact alone gives every row of a file the new key", "[reseal]") {
    simulated_files disk;
    simulated_store old(path, ring(1), disk);
    fill(old);
    simulated_store both(path, ring(2, {1}), disk);
    both.compact();
    CHECK(!names_key(disk, 1));
    CHECK(rows_of(disk, ring(2)) == logins());
    CHECK(reseal(both).resealed == 0);
}

TEST_CASE("reseal: if a row of a file cannot be opened or is damaged, nothing changes", "[reseal]") {
    simulated_files disk;
    simulated_store old(path, ring(1), disk), both(path, ring(2, {1}), disk);
    fill(old);
    std::error_code why = errc::permissions;
    SECTION("another key has sealed it") { simulated_store(path, ring(3, {1}), disk).save_token(login(7)); }
    SECTION("it is damaged") {
        std::string bytes = disk.content(path);
        bytes[bytes.size() - 20] = static_cast<char>(bytes[bytes.size() - 20] ^ 1);
        disk.put(path, bytes);
        why = errc::storage_corrupt;
    }
    const std::string before = disk.content(path);
    CHECK(code_of([&] { (void)reseal(both); }) == why);
    CHECK(code_of([&] { (void)both.reseal_tokens(); }) == why);
    if (why == errc::permissions) CHECK(code_of([&] { both.compact(); }) == why);
    CHECK(disk.content(path) == before);
    CHECK(!disk.find(path + ".tmp"));
}

// Each changing call goes wrong, in each way. Then the program is killed, or the power fails.
TEST_CASE("reseal: whatever goes wrong at any step, the rows of a file are there, and it can go on", "[reseal]") {
    const disk_fault what = GENERATE(disk_fault::power_failure, disk_fault::fails, disk_fault::writes_half,
                                     disk_fault::flush_keeps_content, disk_fault::flush_reverts_content);
    CAPTURE(static_cast<int>(what));
    std::size_t faults = 0;
    for (std::size_t call = 0;; ++call) {
        CAPTURE(call);
        simulated_files disk;
        simulated_store old(path, ring(1), disk);
        fill(old);
        simulated_store both(path, ring(2, {1}), disk);
        const std::size_t before = disk.calls();
        disk.plan(before + call, what);
        try {
            (void)reseal(both);
        } catch (const testing::simulated_power_failure&) {
        } catch (const error& failure) {
            CHECK((failure.code() == errc::not_saved || failure.code() == errc::indeterminate));
        }
        const bool has_gone_wrong = disk.calls() > before + call;
        faults += has_gone_wrong ? 1 : 0;
        std::size_t wrong = 0;
        disk.for_each_power_failure(path, 64, [&](const simulated_files& after) {
            wrong += rows_of(after, ring(2, {1})) == logins() ? 0u : 1u;
        });
        CHECK(wrong == 0);
        simulated_files killed;
        for (const std::string& name : {path, path + ".lock"}) killed.put(name, disk.content(name));
        CHECK(rows_of(killed, ring(2, {1})) == logins());
        simulated_store next(path, ring(2, {1}), killed);
        (void)reseal(next);
        CHECK(!names_key(killed, 1));
        CHECK(rows_of(killed, ring(2)) == logins());
        if (!has_gone_wrong) break;
    }
    CHECK(faults >= 5);
}

// ---- A document ----

namespace {

/// Text in memory with versions. It calls `before_save` once.
class versioned_text {
  public:
    struct shared {
        std::string text{};
        int version = 0;
        int saves = 0;
        int loads = 0;
        std::function<void()> before_save{};
    };
    explicit versioned_text(std::shared_ptr<shared> of) : of_(std::move(of)) {}

    std::pair<std::optional<std::string>, int> load_versioned() const {
        ++of_->loads;
        return {of_->version == 0 ? std::nullopt : std::optional(of_->text), of_->version};
    }
    bool save(std::string_view bytes, int version) {
        if (const auto act = std::exchange(of_->before_save, nullptr)) act();
        if (version != of_->version) return false;
        of_->text = bytes;
        ++of_->version;
        ++of_->saves;
        return true;
    }

  private:
    std::shared_ptr<shared> of_;
};

} // namespace

TEST_CASE("reseal: a document is saved once, and not again", "[reseal]") {
    using store = basic_document_store<versioned_text, json_codec, sealed>;
    const auto text = std::make_shared<versioned_text::shared>();
    store old(versioned_text(text), ring(1)), both(versioned_text(text), ring(2, {1}));
    CHECK(!both.reseal_tokens()); // no document yet
    fill(old);
    const int saves = text->saves, loads = text->loads;
    SECTION("with all rows") {
        CHECK(reseal(both).resealed == most_rows);
        CHECK(text->saves == saves + 1);
        CHECK(text->loads == loads + 2); // once for the number of rows
        CHECK(reseal(both).resealed == 0);
        CHECK(text->saves == saves + 1);
        CHECK(sorted(store(versioned_text(text), ring(2)).get_tokens()) == logins());
    }
    SECTION("with what another has saved meanwhile") {
        text->before_save = [&] { old.save_token(login(7)); };
        CHECK(both.reseal_tokens());
        CHECK(text->saves == saves + 2);
        CHECK(store(versioned_text(text), ring(2)).find_token_by_id("row 7") == login(7));
    }
    SECTION("with what another has saved meanwhile under the new key") {
        store third(versioned_text(text), ring(2, {1}));
        text->before_save = [&] { third.save_token(login(7)); };
        CHECK(!both.reseal_tokens());
        CHECK(text->saves == saves + 1);
    }
    SECTION("if it cannot be opened, it stays as it is") {
        store other(versioned_text(text), ring(3));
        CHECK(code_of([&] { (void)other.reseal_tokens(); }) == errc::permissions);
        CHECK(text->saves == saves);
    }
}
