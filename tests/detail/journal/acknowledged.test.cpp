// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/acknowledged.hpp>

#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <vector>

using namespace tokenkeep;
using testing::simulated_files;

namespace {

using marks = detail::acknowledged_marks<simulated_files>;
using ids = std::vector<detail::journal::generation_id>;

constexpr detail::journal::generation_id first{'1'}, second{'2'}, third{'3'};

/// Changes one byte of the mark of that record.
void damage_mark(simulated_files& disk, std::size_t seq, std::size_t byte) {
    std::string bytes = disk.content("t.lock");
    char& changed = bytes.at(seq % 16 * 64 + byte);
    changed = static_cast<char>(changed ^ 1);
    disk.put("t.lock", bytes);
}

} // namespace

TEST_CASE("acknowledged_marks: without a lock file there are none", "[acknowledged_marks]") {
    simulated_files disk;
    marks of_file("t", disk);
    CHECK(of_file.last_of(first) == 0);
    CHECK(of_file.generations().empty());
}

TEST_CASE("acknowledged_marks: the last mark of a generation counts, and generations come latest first",
          "[acknowledged_marks]") {
    simulated_files disk;
    marks writer("t", disk), reader("t", disk);
    writer.write(first, 14);
    writer.write(second, 20);
    writer.write(second, 17);
    writer.write(first, 18);
    CHECK(reader.last_of(first) == 18);
    CHECK(reader.last_of(second) == 20);
    CHECK(reader.last_of(third) == 0);
    CHECK(reader.generations() == ids{second, first});
}

TEST_CASE("acknowledged_marks: a damaged mark does not count, whatever is damaged in it", "[acknowledged_marks]") {
    for (std::size_t byte = 0; byte < 40; ++byte) {
        CAPTURE(byte);
        simulated_files disk;
        marks writer("t", disk), reader("t", disk);
        writer.write(first, 30);
        writer.write(first, 31); // at the end of the file
        writer.write(second, 32);
        damage_mark(disk, 31, byte);
        CHECK(reader.last_of(first) == 30);
        damage_mark(disk, 30, byte);
        CHECK(reader.last_of(first) == 0);
        CHECK(reader.generations() == ids{second});
    }
}

TEST_CASE("acknowledged_marks: those of the file that has the name now count", "[acknowledged_marks]") {
    simulated_files disk;
    marks one("t", disk), reader("t", disk);
    one.write(first, 5);
    CHECK(reader.last_of(first) == 5);
    disk.remove("t.lock");
    CHECK(reader.last_of(first) == 0);
    marks another("t", disk);
    another.write(first, 6);
    CHECK(reader.last_of(first) == 6);
    another.write(first, 7);
    CHECK(reader.last_of(first) == 7);
    reader.write(first, 8);
    CHECK(another.last_of(first) == 8);
}
