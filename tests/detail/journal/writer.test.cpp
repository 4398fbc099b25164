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

using table = detail::packed_rows<default_rules>;

struct process {
    explicit process(const simulated_files& disk) : file("t", {}, disk) {}

    using journal = detail::journal_file<table, no_seal, simulated_files>;
    journal::ticket put(const std::string& id) {
        file.catch_up(rows);
        return file.ticket_for(file.put(rows, {.access_token = "of " + id, .id = id}));
    }
    void put_durably(const std::string& id) { REQUIRE(file.wait_until_durable(put(id))); }

    table rows{};
    journal file;
};

/// The next flush fails, and so does making a new file.
void break_flush(simulated_files& disk) {
    disk.plan(disk.calls(), disk_fault::flush_keeps_content);
    disk.plan(disk.calls() + 1, disk_fault::fails);
}

} // namespace

TEST_CASE("journal_file: a record that was taken back is not acknowledged when its number is given again",
          "[journal_file]") {
    simulated_files disk;
    process one(disk), other(disk);
    one.put_durably("k0");
    const auto first = one.put("k1"), second = one.put("k2");
    break_flush(disk);
    CHECK(!one.file.wait_until_durable(first));
    CHECK(code_of([&] { one.file.leave_failed_file(one.rows, first); }) == errc::not_saved);
    other.put_durably("m1");
    other.put_durably("m2");
    one.file.catch_up(one.rows); // another of its threads reads
    CHECK(code_of([&] { (void)one.file.wait_until_durable(second); }) == errc::indeterminate);
    CHECK(disk.content("t").find("of k2") == std::string::npos);
}

TEST_CASE("journal_file: what could not be flushed is not acknowledged by flushing it through another descriptor",
          "[journal_file]") {
    simulated_files disk;
    process one(disk), other(disk);
    one.put_durably("k0");
    other.put_durably("m0");
    one.file.catch_up(one.rows);
    other.put("m1"); // not flushed, so that nothing can be taken back
    const auto first = one.put("k1"), second = one.put("k2");
    break_flush(disk);
    CHECK(!one.file.wait_until_durable(first));
    CHECK(code_of([&] { one.file.leave_failed_file(one.rows, first); }) == errc::not_saved);
    one.file.catch_up(one.rows);
    CHECK(!one.file.wait_until_durable(second));
    one.file.leave_failed_file(one.rows, second);
    CHECK(one.file.wait_until_durable(second));
    disk.for_each_power_failure(
        "t", 512, [](const simulated_files& after) { CHECK(after.content("t").find("of k2") != std::string::npos); });
}

TEST_CASE("journal_file: nobody appends to a file whose flush has failed, so that it cannot grow to the same size",
          "[journal_file]") {
    simulated_files disk;
    process one(disk), reader(disk), other(disk);
    one.put_durably("k1");
    const auto lost = one.put("k2");
    reader.file.catch_up(reader.rows);
    break_flush(disk);
    CHECK(!one.file.wait_until_durable(lost));
    CHECK(code_of([&] { one.file.leave_failed_file(one.rows, lost); }) == errc::not_saved);
    other.put_durably("k3");
    CHECK(!reader.file.is_current());
    reader.put_durably("k4");
    reader.file.rewrite(reader.rows);
    process fresh(disk);
    fresh.file.catch_up(fresh.rows);
    for (const char* id : {"k1", "k3", "k4"}) CHECK(fresh.rows.find(id) != nullptr);
    CHECK(fresh.rows.find("k2") == nullptr);
}
