// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_READER_HPP
#define TOKENKEEP_DETAIL_JOURNAL_READER_HPP

#include <tokenkeep/detail/journal/acknowledged.hpp>
#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/generation.hpp>
#include <tokenkeep/detail/journal/records.hpp>
#include <tokenkeep/detail/journal/scan.hpp>
#include <tokenkeep/file_system.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Where a journal is, and what reads and writes it: the file system, and the sealer.
template <class Sealer, class Files>
struct journal_medium {
    std::string path;
    Files files;
    row_records<Sealer> records;

    error gone() const { return error(errc::store_gone, "tokenkeep: " + path + " is gone"); }
};

/// What is known of a journal's file since it was last opened, read or written; and its rows.
template <class Rows, class File>
struct opened_file {
    std::shared_ptr<const File> file{};   ///< Null until there is a file.
    file_identity identity{};             ///< The file as it was last read or written.
    journal_state state{};                ///< What the file holds besides the rows.
    Rows rows{};                          ///< The rows of the file.
    journal::check last_check{};          ///< The check of the last record that was read or written.
    std::uint64_t found = 0;              ///< The last record that was in the file when it was opened.
    std::uint64_t read_until = 0;         ///< The last record that another process, or an earlier one, has written.
    std::uint64_t wasted_memory = 0;      ///< How much of the table's memory belonged to no row when the file began.
    bool is_loaded = false;               ///< State and rows are those of the file with this identity.
    bool has_failed = false;              ///< Nothing may be appended to the file any more.
    std::uint64_t process = process_id(); ///< The process that opened the file.

    std::uint64_t last_seq() const noexcept { return state.position.next_seq - 1; }

    /// About how much memory the table has for rows: each record of the file has taken some.
    std::uint64_t memory_of_rows() const noexcept { return wasted_memory + state.position.at; }
    /// Whether a fifth of that or more belongs to no row any more. A new table gives that memory back.
    bool wastes_memory() const noexcept { return memory_of_rows() / 5 * 4 >= state.live_bytes; }
};

/// What to do with a file that has no good header.
enum class bad_header {
    refuse, ///< Throw.
    ignore, ///< Read all records that can be read.
};

/// Reads a journal's file into an opened_file.
template <class Rows, class Sealer, class Files>
class journal_reader {
    using file = typename Files::file;
    using window = journal::file_window<file>;

  public:
    using opened = opened_file<Rows, file>;

    journal_reader(const journal_medium<Sealer, Files>& medium, acknowledged_marks<Files>& marks)
        : medium_(medium), marks_(marks) {}

    /// Opens the file and reads all of it. Throws errc::store_gone if there is no file.
    opened open(bad_header header) const {
        std::optional<file> there = medium_.files.open(medium_.path);
        if (!there) throw medium_.gone();
        refuse_mount(medium_.files, medium_.path);
        opened fresh;
        fresh.file = std::make_shared<const file>(*std::move(there));
        fresh.identity = fresh.file->identity();
        window bytes(*fresh.file, fresh.identity.size);
        read_header(bytes, fresh.state, header);
        const std::uint64_t most = fresh.identity.size / journal::least_record;
        fresh.rows.expect(static_cast<std::size_t>((std::min)(fresh.state.header.count, most)));
        scan(bytes, fresh);
        if (fresh.state.position.records < fresh.state.header.count) fresh.state.position.has_holes = true;
        fresh.last_check = journal::check_before(bytes, fresh.state.position.at);
        fresh.found = fresh.read_until = fresh.last_seq();
        fresh.is_loaded = true;
        return fresh;
    }

    /// Reads the records that were appended to `known` since it was last read. False if the file must be opened again:
    /// it is another file now, or has lost what was read, or had holes, which may have been repaired.
    bool read_new(opened& known, const file_identity& there) const {
        if (known.state.position.has_holes) return false;
        std::optional<window> bytes = grown(known, there);
        if (!bytes) return false;
        known.is_loaded = false;
        scan(*bytes, known);
        known.last_check = journal::check_before(*bytes, known.state.position.at);
        known.read_until = known.last_seq();
        known.identity = there;
        known.is_loaded = true;
        return true;
    }

    /// Whether the file of that identity is `known`, and still has what was read of it: the check of the last record.
    static bool has_what_was_read(const opened& known, const file_identity& there) {
        return grown(known, there).has_value();
    }

  private:
    static std::optional<window> grown(const opened& known, const file_identity& there) {
        if (!known.is_loaded || !there.is_same_file(known.identity)) return std::nullopt;
        window bytes(*known.file, there.size);
        const bool is_there = journal::check_before(bytes, known.state.position.at) == known.last_check;
        return is_there ? std::optional(std::move(bytes)) : std::nullopt;
    }

    void read_header(window& bytes, journal_state& fresh, bad_header when_bad) const {
        const std::string& path = medium_.path;
        const std::string_view header = bytes.at(0, journal::header_size);
        const auto version = journal::version_of(header);
        if (version && *version > journal::major_version)
            throw error(errc::unsupported_version, "tokenkeep: " + path + " was written by a newer version");
        const bool is_whole = journal::header_is_whole(header);
        if (!is_whole && when_bad == bad_header::refuse)
            throw error(errc::storage_corrupt, "tokenkeep: " + path +
                                                   (bytes.end() == 0 ? " is empty" : " has no header of ours") +
                                                   "; it was left as it is, salvage() keeps a copy");
        if (header.size() == journal::header_size) fresh.header = journal::header_of(header);
        fresh.position.next_seq = fresh.header.first_seq;
        if (when_bad == bad_header::ignore) trust_records_more(bytes, fresh, is_whole);
    }

    /// If the header is damaged, or belongs to other records, takes nothing from it but the generation number, and
    /// reads the records wherever they are.
    void trust_records_more(window& bytes, journal_state& fresh, bool is_whole) const {
        const journal::generation_finder records(bytes);
        const journal::file_header said = fresh.header;
        if (is_whole && (!records.has_headers() || records.has_record_of(said.generation))) return;
        std::vector<journal::generation_id> candidates = journal::ids_within_one_bit(said.generation);
        for (const journal::generation_id& id : marks_.generations()) candidates.push_back(id);
        fresh.header = {.generation = records.first_of(candidates).value_or(said.generation),
                        .number = said.number,
                        .first_seq = 1};
        fresh.position = {.at = 0, .next_seq = 1, .has_holes = true};
    }

    void scan(window& bytes, opened& into) const {
        row_loader<Rows, Sealer> loader(into.rows, into.state, medium_.records);
        journal_state& state = into.state;
        state.position.torn = state.position.has_records_behind = false;
        state.acknowledged = marks_.last_of(state.header.generation);
        const std::uint64_t flushed = (std::max)(state.header.last_of_snapshot(), state.acknowledged);
        journal::scanner(bytes, state.header.generation, flushed, loader).run(state.position);
        if (state.ends_too_early()) state.position.has_holes = true;
    }

    const journal_medium<Sealer, Files>& medium_;
    acknowledged_marks<Files>& marks_;
};

}}} // namespace tokenkeep::v1::detail

#endif
