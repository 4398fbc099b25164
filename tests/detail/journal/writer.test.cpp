// SPDX-License-Identifier: MIT
// What threads of one process and another process do to each other when flushing fails; each step by hand.
#include <tokenkeep/detail/journal/writer.hpp>

#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace tokenkeep;
using testing::disk_fault;
using testing::simulated_files;

namespace {

struct process {
    explicit process(const simulated_files& disk) : rows("t", {}, disk) {}

    using journal = detail::row_journal<detail::packed_rows<default_rules>, no_seal, simulated_files>;
    journal::ticket put(const std::string& id) {
        rows.catch_up();
        return rows.ticket_for(rows.put({.access_token = "of " + id, .id = id}));
    }
    void put_durably(const std::string& id) { REQUIRE(rows.wait_until_durable(put(id))); }

    journal rows;
};

/// The next flush fails, and so does making a new file.
void break_flush(simulated_files& disk) {
    disk.plan(disk.calls(), disk_fault::flush_keeps_content);
    disk.plan(disk.calls() + 1, disk_fault::fails);
}

} // namespace

TEST_CASE("row_journal: a record that was taken back is not acknowledged when its number is given again",
          "[row_journal]") {
    simulated_files disk;
    process one(disk), other(disk);
    one.put_durably("k0");
    const auto first = one.put("k1"), second = one.put("k2");
    break_flush(disk);
    CHECK(!one.rows.wait_until_durable(first));
    CHECK(code_of([&] { one.rows.leave_failed_file(first); }) == errc::not_saved);
    other.put_durably("m1");
    other.put_durably("m2");
    one.rows.catch_up(); // another of its threads reads
    CHECK(code_of([&] { (void)one.rows.wait_until_durable(second); }) == errc::indeterminate);
    CHECK(disk.content("t").find("of k2") == std::string::npos);
}

TEST_CASE("row_journal: what could not be flushed is not acknowledged by flushing it through another descriptor",
          "[row_journal]") {
    simulated_files disk;
    process one(disk), other(disk);
    one.put_durably("k0");
    other.put_durably("m0");
    one.rows.catch_up();
    other.put("m1"); // not flushed, so that nothing can be taken back
    const auto first = one.put("k1"), second = one.put("k2");
    break_flush(disk);
    CHECK(!one.rows.wait_until_durable(first));
    CHECK(code_of([&] { one.rows.leave_failed_file(first); }) == errc::not_saved);
    one.rows.catch_up();
    CHECK(!one.rows.wait_until_durable(second));
    one.rows.leave_failed_file(second);
    CHECK(one.rows.wait_until_durable(second));
    disk.for_each_power_failure(
        "t", 512, [](const simulated_files& after) { CHECK(after.content("t").find("of k2") != std::string::npos); });
}

TEST_CASE("row_journal: nobody appends to a file whose flush has failed, so that it cannot grow to the same size",
          "[row_journal]") {
    simulated_files disk;
    process one(disk), reader(disk), other(disk);
    one.put_durably("k1");
    const auto lost = one.put("k2");
    reader.rows.catch_up();
    break_flush(disk);
    CHECK(!one.rows.wait_until_durable(lost));
    CHECK(code_of([&] { one.rows.leave_failed_file(lost); }) == errc::not_saved);
    other.put_durably("k3");
    CHECK(!reader.rows.is_current());
    reader.put_durably("k4");
    reader.rows.rewrite();
    process fresh(disk);
    fresh.rows.catch_up();
    for (const char* id : {"k1", "k3", "k4"}) CHECK(fresh.rows.find(id) != nullptr);
    CHECK(fresh.rows.find("k2") == nullptr);
}

TEST_CASE("row_journal: the removal of another process is not erased before it is durable", "[row_journal]") {
    simulated_files disk;
    process one(disk), other(disk);
    one.put_durably("k1");
    one.put_durably("k2");
    other.rows.catch_up();
    other.rows.remove("k1"); // not flushed
    one.rows.catch_up();
    REQUIRE(one.rows.has_leftovers());
    CHECK(!one.rows.overwrite_leftovers(false));
    CHECK(disk.content("t").find("of k1") != std::string::npos);
    CHECK(one.rows.overwrite_leftovers(true)); // flushes it first
    disk.for_each_power_failure("t", 16, [](const simulated_files& after) {
        process fresh(after);
        fresh.rows.catch_up();
        fresh.rows.require_all_readable();
        CHECK(fresh.rows.find("k1") == nullptr);
        CHECK(fresh.rows.find("k2") != nullptr);
    });
    CHECK(one.rows.flush_overwritten());
    CHECK(disk.content("t").find("of k1") == std::string::npos);
    CHECK(!one.rows.has_leftovers());
}

namespace {

/// The places of a journal's rows are those that another process finds in the file.
void check_places(const process& writer, const simulated_files& disk) {
    process fresh(disk);
    fresh.rows.catch_up();
    REQUIRE(fresh.rows.size() == writer.rows.size());
    writer.rows.for_each([&](const detail::packed_row& row) {
        CAPTURE(std::string(row.id()));
        const detail::packed_row* const found = fresh.rows.find(row.id());
        REQUIRE(found != nullptr);
        CHECK(found->payload() == row.payload());
        CHECK(found->place().seq == row.place().seq);
        CHECK(found->place().offset == row.place().offset);
        CHECK(found->place().size == row.place().size);
    });
}

std::string name_of(int row) { return "row" + std::string(static_cast<std::size_t>(row), 'x'); }

} // namespace

TEST_CASE("row_journal: a rewrite of a file without old records keeps the rows in memory and knows their new places",
          "[row_journal]") {
    simulated_files disk;
    process one(disk);
    for (int row = 0; row < 50; ++row) one.put_durably(name_of(row));
    const detail::packed_row* const before = one.rows.find(name_of(7));
    const std::uint64_t seq = before->place().seq;
    for (int times = 0; times < 3; ++times) {
        one.rows.rewrite();
        CHECK(one.rows.find(name_of(7)) == before);
        CHECK(before->place().seq != seq);
        CHECK(one.rows.size() == 50);
        check_places(one, disk);
    }
    one.put_durably(name_of(7));
    one.put_durably("new");
    check_places(one, disk);
}

TEST_CASE("row_journal: a rewrite that fails leaves the rows in memory where the old file has them", "[row_journal]") {
    simulated_files disk;
    process one(disk);
    for (int row = 0; row < 5; ++row) one.put_durably(name_of(row));
    std::size_t call = 0;
    const auto rewrite_with_fault = [&] {
        disk.plan(disk.calls() + call, disk_fault::fails);
        one.rows.rewrite();
    };
    for (; code_of(rewrite_with_fault) == errc::not_saved; ++call) {
        CAPTURE(call);
        check_places(one, disk);
    }
    CHECK(call >= 4); // create, write, flush, rename
    check_places(one, disk);
}

TEST_CASE("row_journal: a rewrite gives back the memory of old rows if they have a fifth or more of it",
          "[row_journal]") {
    simulated_files disk;
    process one(disk);
    for (int row = 0; row < 20; ++row) one.put_durably(name_of(row));
    const auto save_again = [&](int times) {
        while (times-- > 0) one.put_durably(name_of(7));
    };
    const auto address = [&] { return reinterpret_cast<std::uintptr_t>(one.rows.find(name_of(0))); };
    const std::uintptr_t first = address();
    save_again(1);
    one.rows.rewrite();
    CHECK(address() == first);
    save_again(3); // with that before, a fifth
    one.rows.rewrite();
    const std::uintptr_t second = address();
    CHECK(second != first);
    check_places(one, disk);
    save_again(3); // one rewrite later that is not enough
    one.rows.rewrite();
    CHECK(address() == second);
    check_places(one, disk);
}

TEST_CASE("row_journal: a rewrite gives back the memory of rows that were removed", "[row_journal]") {
    simulated_files disk;
    process one(disk);
    for (int row = 0; row < 20; ++row) one.put_durably(name_of(row));
    const auto address = [&] { return reinterpret_cast<std::uintptr_t>(one.rows.find(name_of(0))); };
    const std::uintptr_t first = address();
    for (int row = 15; row < 20; ++row) one.rows.remove(name_of(row));
    one.rows.rewrite();
    CHECK(address() != first);
    check_places(one, disk);
}
