// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_RECORDS_HPP
#define TOKENKEEP_DETAIL_JOURNAL_RECORDS_HPP

#include <tokenkeep/detail/journal/erasable_records.hpp>
#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/packed_rows.hpp>
#include <tokenkeep/detail/journal/scan.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sealer.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Makes records of rows and reads them again. If there is a sealer, the rows are sealed.
template <class Sealer>
class row_records {
    static constexpr std::size_t max_key_id = 65'535;

  public:
    static constexpr bool seals = !std::is_same_v<Sealer, no_seal>;

    explicit row_records(Sealer sealer) : sealer_(std::move(sealer)) {}

    /// Appends a record: the row of the header's id is now `row`. Throws errc::invalid_record if it is too large.
    void append_put(wiping_string& out, const journal::generation_id& generation, journal::record_header header,
                    std::string_view row) const {
        wiping_string sealed;
        if constexpr (seals) {
            const std::string key_id = sealer_.key_id();
            if (key_id.size() > max_key_id) throw error(errc::invalid_record, "tokenkeep: the key id is too long");
            journal::put_number(sealed, static_cast<std::uint16_t>(key_id.size()));
            sealed += key_id;
            sealed += secret(sealer_.seal(row, associated_with(header.id))).reveal();
            row = sealed;
        }
        if (header.id.size() > journal::max_id || row.size() > journal::max_payload)
            throw error(errc::invalid_record, "tokenkeep: the record is too large to be stored");
        header.type = journal::record_type::put;
        header.sealed = seals;
        journal::append_record(out, generation, header, row);
    }

    /// The row in the payload of a put; nullopt if this sealer cannot open it, or if it is not a row. If the row was
    /// sealed, the result refers to `opened`; otherwise to `payload`. Throws errc::permissions if the file is sealed
    /// and the store has no sealer, or the reverse.
    std::optional<std::string_view> row_of_put(const journal::record_header& header, std::string_view payload,
                                               secret& opened) const {
        if (header.sealed != seals)
            throw error(errc::permissions,
                        seals ? "tokenkeep: the file has rows that are not sealed, and this store has a sealer; make "
                                "the store without one, or migrate() the rows into a new file"
                              : "tokenkeep: the rows of the file are sealed; make the store with the sealer that "
                                "sealed them");
        if constexpr (seals) {
            if (payload.size() < 2) return std::nullopt;
            const std::size_t key_id_size = journal::number_at<std::uint16_t>(payload, 0);
            payload.remove_prefix(2);
            if (payload.size() < key_id_size) return std::nullopt;
            std::optional<secret> plain =
                sealer_.open(payload.substr(key_id_size), associated_with(header.id), payload.substr(0, key_id_size));
            if (!plain) return std::nullopt;
            opened = *std::move(plain);
            payload = opened.reveal();
        }
        return row_parts(payload).is_row() ? std::optional(payload) : std::nullopt;
    }

    /// Whether another key than the sealer's first one has sealed the row in the payload of a put.
    bool has_other_key([[maybe_unused]] std::string_view payload) const {
        if constexpr (seals) {
            const std::string first = sealer_.key_id();
            return payload.size() < 2 || journal::number_at<std::uint16_t>(payload, 0) != first.size() ||
                   payload.substr(2, first.size()) != first;
        } else {
            return false;
        }
    }

  private:
    static std::string associated_with(std::string_view id) { return "tokenkeep row " + std::string(id); }

    Sealer sealer_;
};

/// Why the row of an id cannot be read.
enum class row_damage {
    damaged_here,   ///< Its bytes are damaged, in this very file.
    damaged_before, ///< Its bytes were damaged in an earlier file. A copy of that file lies beside this one.
    cannot_open,    ///< Its bytes are whole. Another sealer has sealed them, or a newer version has written them.
};

/// What a journal's file holds besides the rows.
struct journal_state {
    journal::file_header header{};
    journal::scan_position position{.next_seq = 1};
    std::map<std::string, row_damage> damaged{}; ///< The ids of the rows that cannot be read.
    std::uint64_t live_bytes = 0;                ///< The size of all records that rows come from.
    std::uint64_t acknowledged = 0;              ///< The last record that has a mark; 0 if none has.
    bool has_other_keys = false;                 ///< Another key than the sealer's first one has sealed a record of it.
    /// Rows that were removed and still have payloads in the file. A process that removes a row erases it afterwards.
    /// It does that now, or was killed before it could.
    std::vector<journal::erasable_records> leftovers{};

    /// Whether acknowledged records are missing at the end of the file.
    bool ends_too_early() const noexcept { return acknowledged >= position.next_seq; }
    /// Whether a rewrite leaves bytes behind that may be worth something to the user.
    bool leaves_bytes_behind() const noexcept {
        return position.has_records_behind || id_with(row_damage::damaged_here) != nullptr;
    }
    /// Null if there is none.
    const std::string* id_that_cannot_be_opened() const noexcept { return id_with(row_damage::cannot_open); }

  private:
    const std::string* id_with(row_damage wanted) const noexcept {
        for (const auto& [id, how] : damaged)
            if (how == wanted) return &id;
        return nullptr;
    }
};

/// Puts what a scanner finds into a table of rows, and into the state.
template <class Rows, class Sealer>
class row_loader {
  public:
    row_loader(Rows& rows, journal_state& state, const row_records<Sealer>& records)
        : rows_(rows), state_(state), records_(records) {}

    void record(const journal::record_header& header, std::string_view payload, std::uint64_t offset) {
        const std::string id(header.id);
        switch (header.type) {
        case journal::record_type::put: {
            secret opened;
            const std::optional<std::string_view> row = records_.row_of_put(header, payload, opened);
            state_.has_other_keys = state_.has_other_keys || records_.has_other_key(payload);
            erased_.erase(id);
            forget(id);
            if (!row) {
                rows_.erase(id);
                state_.damaged.emplace(id, row_damage::cannot_open);
                return;
            }
            rows_.insert_or_assign(id, *row, {header.seq, offset, header.size()});
            state_.live_bytes += header.size();
            return;
        }
        case journal::record_type::removed:
            note_leftover(header, offset);
            forget(id);
            rows_.erase(id);
            return;
        case journal::record_type::damaged:
            erased_.insert(id); // the file has nothing of it
            forget(id);
            rows_.erase(id);
            state_.damaged.emplace(id, row_damage::damaged_before);
            return;
        }
        throw error(errc::unsupported_version, "tokenkeep: the file was written by a newer version of the library");
    }

    void damaged(const std::string& id, bool is_erased) {
        if (is_erased && has_no_payload(id))
            erased_.insert(id);
        else
            erased_.erase(id);
        forget(id);
        rows_.erase(id);
        state_.damaged.emplace(id, row_damage::damaged_here);
    }

  private:
    /// Whether the records of the id since its last removal, if there are any, have zeros in the place of payloads.
    bool has_no_payload(const std::string& id) const {
        return rows_.find(id) == nullptr && (!state_.damaged.contains(id) || erased_.contains(id));
    }
    /// To be called for a removal, before the row is forgotten.
    void note_leftover(const journal::record_header& removal, std::uint64_t offset) {
        const std::string id(removal.id);
        if (!has_no_payload(id)) {
            const packed_row* row = rows_.find(id);
            const std::uint64_t newest = row != nullptr ? row->place().offset : 0;
            state_.leftovers.push_back({state_.header.generation, id, newest, offset, removal.seq});
        }
        erased_.erase(id);
    }

    void forget(const std::string& id) {
        if (const packed_row* before = rows_.find(id)) state_.live_bytes -= before->place().size;
        state_.damaged.erase(id);
    }

    Rows& rows_;
    journal_state& state_;
    const row_records<Sealer>& records_;
    std::set<std::string> erased_{}; ///< The ids that have records since their last removal, all without payloads.
};

}}} // namespace tokenkeep::v1::detail

#endif
