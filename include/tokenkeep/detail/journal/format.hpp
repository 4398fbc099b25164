// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_FORMAT_HPP
#define TOKENKEEP_DETAIL_JOURNAL_FORMAT_HPP

#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// A journal is the file of a file_store: a header, and then one record for each change. First the words, then the
// bytes.
//
//   record           One change: the row of an id is now this one, or is gone.
//   sequence number  The number of a record: one more than that of the record before. It goes on over all generations;
//                    a rewrite leaves one number out. So a record that is missing, or is there twice, shows.
//   generation       One file, from its creation until a rewrite puts a new file in its place. The generation id is
//                    random. The generation number is one more than that of the file before.
//   snapshot         The records that were written together with the header: one for each row at that time, and one
//                    for each id whose row was damaged. They were flushed before the file got its name. Later records
//                    are appended.
//   durable          A record is durable if it will be there after a power failure. Each record says up to which
//                    sequence number the store knew records to be durable when it wrote this one. So a record vouches
//                    for those before it: if one of those is unreadable now, that is damage, and not a write that a
//                    power failure has cut off.
//   check            8 bytes that show whether other bytes are as they were written: the beginning of their SHA-256.
//   torn             A file is torn if a crash or a full disk has cut off a record at its end that was never durable.
//   hole             A file has a hole if records are missing or unreadable, and it is unknown whose they were.
//
// The bytes. Each part is named with its offset and its size. Numbers are little-endian.
//
//   header    0 magic, 8     8 major version, 2     10 minor version, 2     12 size of the header, 4 (it is 64)
//            16 generation id, 16     32 generation number, 8     40 sequence number of the first record, 8
//            48 number of records in the snapshot, 8     56 check, 8
//   record    0 magic, 4     4 type, 1     5 flags, 1 (bit 0: the payload is sealed)
//             6 complement of the lower half of the id's size, 2     8 size of the payload, 4     12 size of the id, 4
//            16 sequence number, 8     24 offset of the record before this one of the same id, 8 (0: none in this file)
//            32 sequence number up to which records were durable, 8
//            40 id     then a check, 8: up to here is the record's header
//               payload     then zeros up to a multiple of 8     then a check, 8
//
// What the checks are of: the file header's, of the 56 bytes before it; a record header's, of the generation id and all
// that precedes it in the record; a payload's, of the generation id, the record header's check and the payload. So a
// record of another file or generation is never taken for one of this. And if only its payload is damaged, a record
// still says whose it is. The complement shows that the id's size is right even if the file ends before the header's
// check.
//
// The major version is that of the newest field of the record (see token.hpp). A file of an older major version is read
// as it is, and the first change rewrites it. Versions 1 and 2 differ in nothing else.
//
// Decision: the header has the id, where an earlier design had a hash of it; one hash less for each record that is
// read. Lost: nothing, an id is not a secret.

namespace tokenkeep { inline namespace v1 { namespace detail::journal {

inline constexpr std::string_view file_magic{"\x89TKJ\r\n\x1a\n", 8}; ///< Text modes would change it.
inline constexpr std::string_view record_magic{"TKr1", 4};
inline constexpr auto major_version = static_cast<std::uint16_t>(version_of_fields());
inline constexpr std::size_t header_size = 64;
inline constexpr std::size_t check_size = 8;
inline constexpr std::size_t id_at = 40;                            ///< Where a record's id begins.
inline constexpr std::size_t least_record = id_at + 2 * check_size; ///< With neither id nor payload.
inline constexpr std::size_t max_id = 1 << 16;
inline constexpr std::size_t max_payload = 1 << 26;

enum class record_type : unsigned char {
    put = 1,     ///< The row of that id is now the payload.
    removed = 2, ///< The row of that id is gone. The payloads of its earlier records may be zeros now.
    damaged = 3, ///< The row of that id was damaged in an earlier generation.
};

using generation_id = std::array<char, 16>;
using check = std::array<char, check_size>;

struct file_header {
    std::uint16_t major = major_version;
    generation_id generation{};
    std::uint64_t number = 0;    ///< The generation number.
    std::uint64_t first_seq = 0; ///< The sequence number of the first record.
    std::uint64_t count = 0;     ///< How many records the snapshot has.

    std::uint64_t last_of_snapshot() const noexcept { return first_seq + count - 1; }
};

struct record_header {
    record_type type{};
    bool sealed = false;
    std::uint32_t payload_size = 0;
    std::uint64_t seq = 0;      ///< The sequence number.
    std::uint64_t previous = 0; ///< Where the record before this one of the same id begins; 0: none in this file.
    std::uint64_t durable = 0;  ///< Records up to this number were known to be durable when this one was written.
    std::string_view id{};

    std::uint64_t payload_at() const noexcept { return id_at + id.size() + check_size; }
    /// The whole record in the file.
    std::uint64_t size() const noexcept { return (payload_at() + payload_size + 7) / 8 * 8 + check_size; }
};

template <class Number, class Bytes>
void put_number(Bytes& out, Number value) {
    char bytes[sizeof value];
    for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    out.append(bytes, sizeof bytes);
}

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return static_cast<Number>(value);
}

inline std::string_view view(const generation_id& id) noexcept { return {id.data(), id.size()}; }

/// The check of up to three pieces, one after another.
inline check check_of(std::string_view a, std::string_view b = {}, std::string_view c = {}) {
    const auto digest = text::sha256_hash{}.update(a).update(b).update(c).finish();
    check result{};
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<char>(digest[i]);
    return result;
}

inline bool has_check(std::string_view bytes, std::size_t at, const check& expected) noexcept {
    return bytes.substr(at, check_size) == std::string_view(expected.data(), expected.size());
}

inline void append_header(wiping_string& out, const file_header& header) {
    const std::size_t begin = out.size();
    out += file_magic;
    put_number(out, header.major);
    put_number(out, std::uint16_t{0});
    put_number(out, static_cast<std::uint32_t>(header_size));
    out += view(header.generation);
    put_number(out, header.number);
    put_number(out, header.first_seq);
    put_number(out, header.count);
    const check ours = check_of(std::string_view(out).substr(begin));
    out.append(ours.data(), ours.size());
}

/// The major version in a file's first bytes; nullopt if it is not a journal.
inline std::optional<std::uint16_t> version_of(std::string_view bytes) noexcept {
    if (bytes.size() < header_size || bytes.substr(0, file_magic.size()) != file_magic) return std::nullopt;
    return number_at<std::uint16_t>(bytes, 8);
}

/// What the file header says, whether or not its check holds. There must be header_size bytes.
inline file_header header_of(std::string_view bytes) noexcept {
    file_header header{.major = number_at<std::uint16_t>(bytes, 8)};
    bytes.copy(header.generation.data(), header.generation.size(), 16);
    header.number = number_at<std::uint64_t>(bytes, 32);
    header.first_seq = number_at<std::uint64_t>(bytes, 40);
    header.count = number_at<std::uint64_t>(bytes, 48);
    return header;
}

/// Whether the bytes begin with a file header whose check holds.
inline bool header_is_whole(std::string_view bytes) {
    return version_of(bytes) && has_check(bytes, header_size - check_size, check_of(bytes.substr(0, 56)));
}

/// Appends a whole record. The size of the payload goes into its header.
inline void append_record(wiping_string& out, const generation_id& generation, record_header header,
                          std::string_view payload) {
    header.payload_size = static_cast<std::uint32_t>(payload.size());
    const std::size_t begin = out.size();
    out += record_magic;
    out += static_cast<char>(header.type);
    out += static_cast<char>(header.sealed ? 1 : 0);
    put_number(out, static_cast<std::uint16_t>(~header.id.size()));
    put_number(out, header.payload_size);
    put_number(out, static_cast<std::uint32_t>(header.id.size()));
    put_number(out, header.seq);
    put_number(out, header.previous);
    put_number(out, header.durable);
    out += header.id;
    const check header_check = check_of(view(generation), std::string_view(out).substr(begin));
    out.append(header_check.data(), header_check.size());
    out += payload;
    const check of_payload = check_of(view(generation), {header_check.data(), header_check.size()}, payload);
    out.resize(begin + number_cast<std::size_t>(header.size()) - check_size, '\0');
    out.append(of_payload.data(), of_payload.size());
}

/// The size of a record's header including its check, as its first id_at bytes say; 0 if these do not begin a record.
inline std::size_t header_extent(std::string_view bytes) noexcept {
    if (bytes.size() < id_at || bytes.substr(0, record_magic.size()) != record_magic) return 0;
    const auto id_size = number_at<std::uint32_t>(bytes, 12);
    if (id_size > max_id || number_at<std::uint16_t>(bytes, 6) != static_cast<std::uint16_t>(~id_size)) return 0;
    return id_at + id_size + check_size;
}

/// The header of the record with which `bytes` begins; nullopt if its check fails. There must be as many bytes as
/// header_extent says. The id refers to `bytes`.
inline std::optional<record_header> record_header_of(std::string_view bytes, const generation_id& generation) {
    const std::size_t extent = header_extent(bytes);
    if (extent == 0 || bytes.size() < extent) return std::nullopt;
    const std::size_t check_at = extent - check_size;
    if (!has_check(bytes, check_at, check_of(view(generation), bytes.substr(0, check_at)))) return std::nullopt;
    record_header header;
    header.type = static_cast<record_type>(bytes[4]);
    header.sealed = (bytes[5] & 1) != 0;
    header.payload_size = number_at<std::uint32_t>(bytes, 8);
    header.seq = number_at<std::uint64_t>(bytes, 16);
    header.previous = number_at<std::uint64_t>(bytes, 24);
    header.durable = number_at<std::uint64_t>(bytes, 32);
    header.id = bytes.substr(id_at, check_at - id_at);
    return header;
}

/// The payload of a whole record; nullopt if its check fails. It refers to `record`.
inline std::optional<std::string_view> payload_of(std::string_view record, const record_header& header,
                                                  const generation_id& generation) {
    const std::size_t at = number_cast<std::size_t>(header.payload_at());
    const std::string_view payload = record.substr(at, header.payload_size);
    const check expected = check_of(view(generation), record.substr(at - check_size, check_size), payload);
    if (!has_check(record, number_cast<std::size_t>(header.size()) - check_size, expected)) return std::nullopt;
    return payload;
}

}}} // namespace tokenkeep::v1::detail::journal

#endif
