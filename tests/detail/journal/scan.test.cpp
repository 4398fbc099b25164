// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/scan.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenkeep::detail;

namespace {

const journal::generation_id generation{'g'};

/// A file in memory that counts what is read of it.
struct text_in_memory {
    std::string bytes{};
    mutable std::size_t read_bytes = 0;

    std::size_t read(std::uint64_t offset, char* out, std::size_t size) const {
        const std::size_t count = bytes.copy(out, size, static_cast<std::size_t>(offset));
        read_bytes += count;
        return count;
    }
};

/// What a scan saw, as words: "put 7", "removed 7", "damaged 7".
struct witness {
    std::vector<std::string> seen{};

    void record(const journal::record_header& header, std::string_view, std::uint64_t) {
        seen.push_back((header.type == journal::record_type::put ? "put " : "removed ") + std::string(header.id));
    }
    void damaged(const std::string& id, bool) { seen.push_back("damaged " + id); }
};

/// A file of records as a store would append them, of which each knows the ones before `unflushed` to be durable.
class writer {
  public:
    /// Where the record begins.
    std::size_t put(std::string_view id, std::string_view payload, std::uint64_t unflushed = 1) {
        return append({.type = journal::record_type::put, .id = id}, payload, unflushed);
    }
    std::size_t remove(std::string_view id, std::uint64_t unflushed = 1) {
        return append({.type = journal::record_type::removed, .id = id}, {}, unflushed);
    }
    std::string bytes() const { return std::string(bytes_); }
    std::size_t size() const { return bytes_.size(); }

  private:
    std::size_t append(journal::record_header header, std::string_view payload, std::uint64_t unflushed) {
        const std::size_t begin = bytes_.size();
        header.seq = seq_++;
        header.durable = std::max(header.seq, unflushed) - unflushed;
        journal::append_record(bytes_, generation, header, payload);
        return begin;
    }

    wiping_string bytes_{wiping_string(journal::header_size, 'h')};
    std::uint64_t seq_ = 1;
};

struct scanned {
    std::vector<std::string> seen{};
    journal::scan_position position{.next_seq = 1};
};

scanned scan(const std::string& bytes, std::uint64_t flushed = 0) {
    const text_in_memory file{bytes};
    journal::file_window window(file, bytes.size());
    witness seeing;
    scanned found;
    journal::scanner(window, generation, flushed, seeing).run(found.position);
    found.seen = seeing.seen;
    return found;
}

std::string with_zeros(std::string bytes, std::size_t at) { return bytes.replace(at, 512, 512, '\0'); }

using words = std::vector<std::string>;
const std::string long_payload(1'500, 'p');

} // namespace

TEST_CASE("journal_scan: whole records are seen in order, and the end is where they end", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    file.put("2", long_payload);
    file.remove("1");
    const scanned found = scan(file.bytes());
    CHECK(found.seen == words{"put 1", "put 2", "removed 1"});
    CHECK(found.position.at == file.size());
    CHECK(found.position.next_seq == 4);
    CHECK(found.position.records == 3);
    CHECK((!found.position.torn && !found.position.has_holes));
}

TEST_CASE("journal_scan: it goes on where it ended", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    scanned found = scan(file.bytes());
    const std::size_t end_of_first = file.put("2", "b");
    const text_in_memory longer{file.bytes()};
    journal::file_window window(longer, longer.bytes.size());
    witness seeing;
    journal::scanner(window, generation, 0, seeing).run(found.position);
    CHECK(seeing.seen == words{"put 2"});
    CHECK(found.position.next_seq == 3);
    CHECK(longer.read_bytes == file.size() - end_of_first);
}

TEST_CASE("journal_scan: a record that was cut off anywhere is torn, and those before it stand", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t whole = file.put("2", long_payload);
    for (std::size_t size = whole + 1; size < file.size(); ++size) {
        CAPTURE(size);
        const scanned found = scan(file.bytes().substr(0, size));
        CHECK(found.seen == words{"put 1"});
        CHECK(found.position.torn);
        CHECK(!found.position.has_holes);
        CHECK(found.position.at == whole);
    }
}

TEST_CASE("journal_scan: a damaged payload damages its id, and what follows is read", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t at = file.put("2", "b");
    file.put("3", "c");
    std::string bytes = file.bytes();
    bytes[at + journal::id_at + 1 + journal::check_size] ^= 1;
    const scanned found = scan(bytes);
    CHECK(found.seen == words{"put 1", "damaged 2", "put 3"});
    CHECK((!found.position.torn && !found.position.has_holes));
}

TEST_CASE("journal_scan: a damaged header is a hole, and what follows is read", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t at = file.put("2", "b");
    file.put("3", "c");
    std::string bytes = file.bytes();
    bytes[at + 16] ^= 1;
    const scanned found = scan(bytes);
    CHECK(found.seen == words{"put 1", "put 3"});
    CHECK(found.position.has_holes);
}

TEST_CASE("journal_scan: a record that is missing, or stands twice, is a hole", "[journal_scan]") {
    writer file;
    const std::size_t one = file.put("1", "a"), two = file.put("2", "b"), three = file.put("3", "c");
    const std::string bytes = file.bytes();
    CHECK(scan(bytes.substr(0, two) + bytes.substr(three)).position.has_holes);
    CHECK(scan(bytes.substr(0, two) + bytes.substr(one)).position.has_holes);
    CHECK(!scan(bytes).position.has_holes);
}

TEST_CASE("journal_scan: garbage at the end is a hole, unless a sector of zeros says that it was never written",
          "[journal_scan]") {
    writer file;
    file.put("1", "a");
    CHECK(scan(file.bytes() + std::string(200, 'x')).position.has_holes);
    const scanned zeros = scan(file.bytes() + std::string(2'000, '\0'));
    CHECK(zeros.position.torn);
    CHECK(!zeros.position.has_holes);
    CHECK(zeros.seen == words{"put 1"});
}

TEST_CASE("journal_scan: an unwritten sector is torn only while no later record knows it to have been durable",
          "[journal_scan]") {
    const auto scan_with_hole = [](std::uint64_t unflushed) {
        writer file;
        file.put("1", "a");
        const std::size_t at = file.put("2", long_payload);
        file.put("3", "c", unflushed);
        std::string bytes = file.bytes();
        const std::size_t sector = (at / 512 + 1) * 512;
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sector), 512, '\0');
        return scan(bytes);
    };
    const scanned unflushed = scan_with_hole(2);
    CHECK(unflushed.seen == words{"put 1"});
    CHECK(unflushed.position.torn);
    const scanned flushed = scan_with_hole(1);
    CHECK(flushed.seen == words{"put 1", "damaged 2", "put 3"});
    CHECK(!flushed.position.torn);
}

TEST_CASE("journal_scan: what was flushed with the file is never torn", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t at = file.put("2", long_payload);
    std::string bytes = file.bytes();
    const std::size_t sector = (at / 512 + 1) * 512;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sector), 512, '\0');
    CHECK(scan(bytes, 1).position.torn);
    const scanned flushed = scan(bytes, 2);
    CHECK(flushed.seen == words{"put 1", "damaged 2"});
    CHECK((!flushed.position.torn && !flushed.position.has_holes));
    CHECK(scan(bytes.substr(0, bytes.size() - 8), 2).position.has_holes);
}

TEST_CASE("journal_scan: a record that was cut off within its id is torn as well", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t whole = file.put(std::string(300, 'i'), "b");
    for (std::size_t size = whole + 1; size < file.size(); ++size) {
        const scanned found = scan(file.bytes().substr(0, size));
        CHECK((found.position.torn && !found.position.has_holes && found.position.at == whole));
    }
}

TEST_CASE("journal_scan: a payload that was overwritten after its row's removal is not torn", "[journal_scan]") {
    writer file;
    const std::size_t at = file.put("1", long_payload);
    file.put("2", "b", 2);
    file.remove("1", 3);
    std::string bytes = file.bytes();
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + journal::id_at + 1 + journal::check_size),
                long_payload.size(), '\0');
    const scanned found = scan(bytes);
    CHECK(found.seen == words{"damaged 1", "put 2", "removed 1"});
    CHECK((!found.position.torn && !found.position.has_holes));
}

TEST_CASE("journal_scan: a size that reaches beyond the end is torn, however large it says it is", "[journal_scan]") {
    wiping_string record;
    journal::append_record(record, generation, {.type = journal::record_type::put, .seq = 1, .id = "1"},
                           std::string(1'000'000, 'p'));
    const scanned found = scan(std::string(journal::header_size, 'h') + std::string(record.substr(0, 5'000)));
    CHECK(found.position.torn);
    CHECK(found.position.at == journal::header_size);
}

TEST_CASE("journal_scan: a header with another number is a hole, never the end", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t two = file.put("2", long_payload), three = file.put("3", "c"), four = file.put("4", long_payload);
    std::string bytes = file.bytes();
    bytes.replace(two, 512, bytes, four, 512); // the beginning of the last record, with zeros within its reach
    std::fill_n(bytes.begin() + 1'024, 512, '\0');
    const scanned found = scan(bytes);
    CHECK(!found.position.torn);
    CHECK(found.position.has_holes);
    CHECK(found.seen == words{"put 1", "put 3", "put 4"});
    for (const std::size_t end : {three, two + 50}) {
        const scanned cut = scan(bytes.substr(0, end));
        CHECK(!cut.position.torn);
        CHECK(cut.position.has_holes);
    }
}

TEST_CASE("journal_scan: what lies behind a torn record is of the same batch, in order; otherwise there is a hole",
          "[journal_scan]") {
    writer file;
    const std::size_t one = file.put("1", "a"), two = file.put("2", long_payload, 9), three = file.put("3", "c", 9);
    file.put("4", "d", 9);
    const std::string bytes = with_zeros(file.bytes(), (two / 512 + 1) * 512);
    const scanned torn = scan(bytes);
    CHECK((torn.position.torn && torn.position.has_records_behind && !torn.position.has_holes));
    CHECK(torn.seen == words{"put 1"});
    const scanned last = scan(bytes.substr(0, three));
    CHECK((last.position.torn && !last.position.has_records_behind));
    const std::string earlier = bytes.substr(one, two - one), third = bytes.substr(three);
    for (const std::string& behind : {earlier, third}) {
        const scanned found = scan(bytes + behind); // once more
        CHECK(!found.position.torn);
        CHECK(found.seen == words{"put 1", "damaged 2", "put 3", "put 4"});
    }
}

TEST_CASE("journal_scan: if bytes of a record are missing, the next one is found inside its extent", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t two = file.put("2", long_payload);
    const std::size_t three = file.put("3", "c");
    file.put("4", std::string(600, 'd'));
    for (const std::size_t missing : std::vector<std::size_t>{1, 8, 512, 1'000}) {
        CAPTURE(missing);
        const scanned found = scan(file.bytes().erase(two + 100, missing));
        CHECK(found.seen == words{"put 1", "damaged 2", "put 3", "put 4"});
        CHECK((!found.position.torn && !found.position.has_holes));
    }
    const scanned found = scan(file.bytes().erase(two + 100, three + 20 - two - 100));
    CHECK(found.seen == words{"put 1", "damaged 2", "put 4"});
    CHECK(found.position.has_holes);
}

TEST_CASE("journal_scan: other bytes inside a damaged record do not hide the next one", "[journal_scan]") {
    writer file;
    const std::size_t one = file.put("1", "a"), two = file.put("2", long_payload);
    file.put("3", "c");
    std::string bytes = file.bytes();
    bytes.replace(two + 200, two - one, bytes, one, two - one);
    const scanned found = scan(bytes);
    CHECK(found.seen == words{"put 1", "damaged 2", "put 3"});
    CHECK((!found.position.torn && !found.position.has_holes));
}

TEST_CASE("journal_scan: a rest that is shorter than a record is a hole if the record was durable", "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t two = file.put("2", "b");
    for (const std::size_t rest : std::vector<std::size_t>{1, 8, 39, 40, 55}) {
        CAPTURE(rest);
        const std::string bytes = file.bytes().substr(0, two + rest);
        CHECK(scan(bytes, 1).position.torn);
        const scanned found = scan(bytes, 2);
        CHECK(!found.position.torn);
        CHECK(found.position.has_holes);
    }
}

TEST_CASE("journal_scan: behind a hole records are taken by their numbers, whole ones first, and none twice",
          "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t two = file.put("2", "b"), three = file.put("3", "c"), four = file.put("4", "d");
    const std::string all = file.bytes();
    const std::string first = all.substr(0, two), second = all.substr(two, three - two),
                      third = all.substr(three, four - three), fourth = all.substr(four);
    std::string bad = third;
    bad[bad.size() - 15] ^= 1;
    const scanned found = scan(first + fourth + bad + first.substr(journal::header_size) + "12345" + third + second);
    CHECK(found.position.has_holes);
    CHECK(found.seen == words{"put 1", "put 2", "put 3", "put 4"});
    CHECK(found.position.next_seq == 5);
    CHECK(scan(first + fourth + bad).seen == words{"put 1", "damaged 3", "put 4"});
}

TEST_CASE("journal_scan: a later record inside a damaged one shows that the end of the file is missing",
          "[journal_scan]") {
    writer file;
    file.put("1", "a");
    const std::size_t two = file.put("2", long_payload), three = file.put("3", "c"), four = file.put("4", "d");
    std::string bytes = file.bytes();
    bytes.replace(two + 200, bytes.size() - four, bytes.substr(four));
    for (const std::size_t end : {four, four - 1, three + 4, three}) {
        CAPTURE(end);
        const scanned found = scan(bytes.substr(0, end));
        CHECK(!found.position.torn);
        CHECK(found.position.has_holes);
    }
    CHECK(!scan(bytes).position.has_holes);
}
