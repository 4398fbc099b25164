// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SCAN_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SCAN_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/window.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail::journal {

/// How far a file has been read, and what was found on the way.
struct scan_position {
    std::uint64_t at = header_size;  ///< The end of what was read and understood.
    std::uint64_t next_seq = 0;      ///< The sequence number of the next record.
    std::uint64_t records = 0;       ///< How many records were read.
    bool torn = false;               ///< What follows is a record that was never finished: a crash, or a full disk.
    bool has_records_behind = false; ///< Headers of later records lie behind the place where the file is torn.
    bool has_holes = false;          ///< Records are missing or unreadable, and it is unknown whose they were.
};

/// Reads the records of a file in the order of their numbers, up to its end or to a torn record. Records up to the
/// number `flushed` are known to have been durable. It calls
///   `visit.record(header, payload, offset)`   for each good record;
///   `visit.damaged(id, is_erased)`            for each record whose header is good and whose payload is not; is_erased
///                                             says whether the payload is zeros.
///
/// What it makes of a place where the next record should begin:
///   what is there                                     | what it is
///   the record with the next number, whole            | good
///   that record, cut off by the end of the file or    | torn, if the record may never have been durable and all
///   with a sector of zeros; or no header, and the     | headers behind it are of records that may never have been
///   same                                              | either
///   otherwise, the header of the record with the      | the record is damaged; the next one begins where it ends, or
///   next number                                       | inside it, if bytes of it are missing
///   anything else                                     | a hole
///
/// Behind a hole, neither the place nor the order of the records says anything. The scanner then looks for headers at
/// each byte, and takes the records in the order of their numbers.
template <class File, class Visit>
class scanner {
  public:
    scanner(file_window<File>& bytes, const generation_id& generation, std::uint64_t flushed, Visit& visit)
        : bytes_(bytes), generation_(generation), flushed_(flushed), visit_(visit) {}

    /// Goes on from `position`, and moves it.
    void run(scan_position& position) {
        while (position.at < bytes_.end() && !position.torn) {
            const std::optional<record_header> header = header_at(position.at);
            if (header && header->seq == position.next_seq)
                read_record(position, *header);
            else
                read_gap(position, header.has_value());
        }
        if (!position.torn && last_found_ >= position.next_seq) position.has_holes = true; // the file ends too early
    }

  private:
    /// A header that lies behind the first place where something is wrong.
    struct found_header {
        std::uint64_t at = 0;
        std::uint64_t seq = 0;
        record_type type{};
        std::string removed_id{}; ///< Empty if the record is not a removal.
    };

    std::optional<record_header> header_at(std::uint64_t at) { return journal::header_at(bytes_, at, generation_); }

    /// Reads the record at the position, which has the next number.
    void read_record(scan_position& position, const record_header& header) {
        const std::uint64_t begin = position.at, end = begin + header.size();
        if (visit_if_whole(begin, header)) return advance(position, end);
        const std::string id = id_at_header(begin);
        const bool is_cut = end > bytes_.end();
        if ((is_cut || has_zeroed_sector(begin, end)) && is_torn_at(position, id)) return;
        std::uint64_t next = (std::min)(end, bytes_.end());
        const std::uint64_t inside = next_header(begin + 1);
        if (!is_record_at(end, header.seq + 1)) {
            if (inside < next)
                next = inside; // bytes of this record are missing
            else if (end != bytes_.end())
                position.has_holes = true; // what followed is missing, too
        }
        visit_damaged(position, header.type, begin, id);
        advance(position, next);
    }

    /// The next record does not begin at the position. If the header of another one does, the file is not torn.
    void read_gap(scan_position& position, bool is_header_of_another) {
        const std::uint64_t rest = bytes_.end() - position.at;
        const bool is_cut = rest < least_record || header_extent(bytes_.at(position.at, id_at)) > rest;
        const bool may_be_torn =
            !is_header_of_another && (is_cut || has_zeroed_sector(position.at, next_header(position.at)));
        if (may_be_torn && is_torn_at(position, {})) return;
        position.has_holes = true;
        read_by_number(position);
    }

    static void advance(scan_position& position, std::uint64_t to) {
        position.at = to;
        ++position.next_seq;
        ++position.records;
    }

    /// Reads all records from the position on in the order of their numbers. Numbers that were read already are left
    /// out. If there are several records of one number, takes a whole one.
    void read_by_number(scan_position& position) {
        const auto all = headers_from(position.at);
        std::vector<found_header> found(all.begin(), all.end());
        std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
        for (auto at = found.begin(); at != found.end();) {
            const auto end = std::find_if(at, found.end(), [&](const auto& each) { return each.seq != at->seq; });
            if (at->seq >= position.next_seq) {
                read_one_of(at, end, position);
                position.next_seq = at->seq;
                advance(position, bytes_.end());
            }
            at = end;
        }
        position.at = bytes_.end();
    }

    template <class Iterator>
    void read_one_of(Iterator begin, Iterator end, scan_position& position) {
        for (auto each = begin; each != end; ++each) {
            const std::optional<record_header> header = header_at(each->at);
            if (header && visit_if_whole(each->at, *header)) return;
        }
        visit_damaged(position, begin->type, begin->at, id_at_header(begin->at));
    }

    /// False if the payload's check fails, or if the file ends inside the record.
    bool visit_if_whole(std::uint64_t at, record_header header) {
        const std::string_view record = bytes_.at(at, header.size());
        if (record.size() < header.size()) return false;
        header.id = record.substr(id_at, header.id.size());
        const auto payload = payload_of(record, header, generation_);
        if (payload) visit_.record(header, *payload, at);
        return payload.has_value();
    }

    std::string id_at_header(std::uint64_t at) {
        const std::optional<record_header> header = header_at(at);
        return header ? std::string(header->id) : std::string();
    }

    void visit_damaged(scan_position& position, record_type type, std::uint64_t at, const std::string& id) {
        if (type != record_type::put && type != record_type::removed) position.has_holes = true;
        visit_.damaged(id, is_erased(at));
    }

    /// Whether zeros are where the payload of the record was.
    bool is_erased(std::uint64_t at) {
        const std::optional<record_header> header = header_at(at);
        if (!header) return false;
        const std::uint64_t begin = at + header->payload_at(), end = begin + header->payload_size;
        return end <= bytes_.end() && is_zero(begin, end);
    }

    // ---- What lies behind the place where something is wrong ----

    /// All headers that lie at `begin` or behind it, which never moves back. Looks at the rest of the file once.
    std::span<const found_header> headers_from(std::uint64_t begin) {
        if (!headers_) {
            headers_.emplace();
            for_each_header(bytes_, begin, generation_, [&](std::uint64_t at, const record_header& header) {
                const bool removes = header.type == record_type::removed;
                headers_->push_back({at, header.seq, header.type, removes ? std::string(header.id) : std::string()});
                last_found_ = (std::max)(last_found_, header.seq);
                known_durable_ = (std::max)(known_durable_, header.durable);
            });
        }
        const auto is_before = [&](const found_header& each) { return each.at < begin; };
        return {std::partition_point(headers_->begin(), headers_->end(), is_before), headers_->end()};
    }

    /// Where the next header is, at `begin` or behind it; the end of the file if there is none.
    std::uint64_t next_header(std::uint64_t begin) {
        const auto headers = headers_from(begin);
        return headers.empty() ? bytes_.end() : headers.front().at;
    }

    bool is_record_at(std::uint64_t at, std::uint64_t seq) {
        if (at >= bytes_.end()) return false;
        const std::optional<record_header> header = header_at(at);
        return header && header->seq == seq;
    }

    /// Whether the next record, which is not whole, may never have been durable. If so, the file is torn at the
    /// position. Several records may be unflushed at one time, and any part of them may be missing after a power
    /// failure. But what is there of them lies behind this one, in their order, and none of them knew this one to be
    /// durable.
    bool is_torn_at(scan_position& position, std::string_view id) {
        const auto behind = headers_from(position.at + 1);
        if (position.has_holes || position.next_seq <= (std::max)(flushed_, known_durable_)) return false;
        std::uint64_t last = position.next_seq;
        for (const found_header& each : behind) {
            const bool removes_it = !id.empty() && each.removed_id == id; // zeros may have replaced its payload
            if (each.seq <= last || removes_it) return false;
            last = each.seq;
        }
        position.has_records_behind = last != position.next_seq;
        return position.torn = true;
    }

    bool has_zeroed_sector(std::uint64_t begin, std::uint64_t end) {
        constexpr std::uint64_t sector = 512;
        while (begin < end) {
            const std::uint64_t stop = (std::min)(end, (begin / sector + 1) * sector);
            if (stop - begin >= 8 && is_zero(begin, stop)) return true;
            begin = stop;
        }
        return false;
    }

    bool is_zero(std::uint64_t begin, std::uint64_t end) { return journal::is_zero(bytes_, begin, end); }

    file_window<File>& bytes_;
    const generation_id& generation_;
    std::uint64_t flushed_;
    Visit& visit_;
    std::optional<std::vector<found_header>> headers_{};
    std::uint64_t last_found_ = 0;    ///< The highest number in these headers.
    std::uint64_t known_durable_ = 0; ///< The highest number that they know to have been durable.
};

}}} // namespace tokenkeep::v1::detail::journal

#endif
