// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/format.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>

using namespace tokenkeep::detail;

namespace {

const journal::generation_id generation{'g', 'e', 'n', 'e', 'r', 'a', 't', 'i', 'o', 'n'};

journal::generation_id another_generation() {
    journal::generation_id other = generation;
    other[15] = 1;
    return other;
}

std::string record_of(std::string_view id, std::string_view payload) {
    wiping_string bytes;
    journal::append_record(
        bytes, generation,
        {.type = journal::record_type::put, .sealed = true, .seq = 7, .previous = 64, .durable = 5, .id = id}, payload);
    return std::string(bytes);
}

} // namespace

TEST_CASE("journal_format: a header has the bytes that its table names, and is read again", "[journal_format]") {
    wiping_string out;
    journal::append_header(out, {.generation = generation, .number = 0x0102030405060708, .first_seq = 9, .count = 3});
    const std::string bytes(out);
    REQUIRE(bytes.size() == journal::header_size);
    CHECK(bytes.substr(0, 8) == "\x89TKJ\r\n\x1a\n");
    CHECK(bytes.substr(8, 8) == std::string("\2\0\0\0\x40\0\0\0", 8));
    CHECK(bytes.substr(16, 16) == std::string(generation.data(), 16));
    CHECK(bytes.substr(32, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
    CHECK(journal::header_is_whole(bytes));
    const journal::file_header header = journal::header_of(bytes);
    CHECK(header.generation == generation);
    CHECK(header.number == 0x0102030405060708);
    CHECK(header.first_seq == 9);
    CHECK(header.count == 3);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CHECK(!journal::header_is_whole(flipped));
    }
    CHECK(!journal::header_is_whole(bytes.substr(0, 63)));
}

TEST_CASE("journal_format: a record is read again, and takes a multiple of eight bytes", "[journal_format]") {
    for (const std::size_t id_size : {0u, 1u, 8u, 32u})
        for (const std::size_t payload_size : {0u, 1u, 7u, 8u, 1'000u}) {
            const std::string id(id_size, 'i'), payload(payload_size, 'p');
            const std::string bytes = record_of(id, payload);
            CHECK(bytes.size() % 8 == 0);
            CHECK(journal::header_extent(bytes) == journal::id_at + id_size + journal::check_size);
            const auto header = journal::record_header_of(bytes, generation);
            REQUIRE(header);
            CHECK(header->type == journal::record_type::put);
            CHECK(header->sealed);
            CHECK(header->seq == 7);
            CHECK(header->previous == 64);
            CHECK(header->durable == 5);
            CHECK(header->id == id);
            CHECK(header->size() == bytes.size());
            CHECK(journal::payload_of(bytes, *header, generation) == payload);
        }
}

TEST_CASE("journal_format: a record of another generation is none", "[journal_format]") {
    const std::string bytes = record_of("7", "payload");
    CHECK(!journal::record_header_of(bytes, another_generation()));
    const auto header = journal::record_header_of(bytes, generation);
    CHECK(!journal::payload_of(bytes, *header, another_generation()));
}

TEST_CASE("journal_format: a payload belongs to its header", "[journal_format]") {
    const std::string one = record_of("1", "payload"), two = record_of("2", "payload");
    const std::size_t at = journal::id_at + 1 + journal::check_size;
    const std::string mixed = one.substr(0, at) + two.substr(at);
    const auto header = journal::record_header_of(mixed, generation);
    REQUIRE(header);
    CHECK(!journal::payload_of(mixed, *header, generation));
}

TEST_CASE("journal_format: no flipped bit goes unseen but in the padding", "[journal_format]") {
    const std::string bytes = record_of("row", "payload");
    const std::size_t end = journal::id_at + 3 + journal::check_size + 7, check = bytes.size() - journal::check_size;
    REQUIRE(end < check);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const auto header = journal::record_header_of(flipped, generation);
        const bool is_good = header && journal::payload_of(flipped, *header, generation);
        CHECK(is_good == (bit / 8 >= end && bit / 8 < check));
    }
}

TEST_CASE("journal_format: what is too short for a header, or has no clear size, is none", "[journal_format]") {
    const std::string bytes = record_of("row", "payload");
    for (std::size_t size = 0; size < journal::id_at; ++size)
        CHECK(journal::header_extent(std::string_view(bytes).substr(0, size)) == 0);
    for (std::size_t size = journal::id_at; size < journal::id_at + 3 + journal::check_size; ++size)
        CHECK(!journal::record_header_of(std::string_view(bytes).substr(0, size), generation));
    for (const std::size_t at : {6u, 7u, 12u, 13u, 14u, 15u}) {
        std::string other = bytes;
        other[at] = static_cast<char>(other[at] ^ 4); // an id of another size, or a complement of another
        CHECK(journal::header_extent(other) == 0);
    }
}
