// SPDX-License-Identifier: MIT
// What threads of one process and another process do to each other when flushing fails; each step by hand.
#include <tokenkeep/detail/journal/writer.hpp>

#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

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
