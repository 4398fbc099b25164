// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_ACKNOWLEDGED_HPP
#define TOKENKEEP_DETAIL_JOURNAL_ACKNOWLEDGED_HPP

#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/file_system.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// A journal that has lost its end looks like a shorter journal. So the store also keeps marks in a second file, which
// is the lock file. Version 0.1 does not look at its content.
//
//   acknowledged  A record is acknowledged if it was flushed and a call has then said so: a save has returned, or a
//                 look-up has returned the row.
//   mark          The generation id and the sequence number of an acknowledged record. A journal of that generation
//                 that ends before that record is damaged. To a journal of another generation the mark means nothing.
//
// The lock file has 16 places of 64 bytes. The mark of record n lies in place n % 16, so that marks of processes that
// save at the same time do not replace each other. A mark is written after the flush, and is not flushed itself: after
// a power failure the marks may be older ones, but a mark never names a record that was not durable.
//
// The bytes of a mark: magic, 8     8 generation id, 16     24 sequence number, 8     32 check of those, 8

template <class Files>
class acknowledged_marks {
  public:
    /// `path` is that of the journal.
    acknowledged_marks(const std::string& path, Files files) : path_(path + ".lock"), files_(std::move(files)) {}

    /// Marks the record, which is durable. If the mark cannot be written, goes on without it, because the record is
    /// durable all the same. Safe to call from many threads at once.
    void write(const journal::generation_id& generation, std::uint64_t seq) {
        try {
            std::string bytes(magic);
            bytes += journal::view(generation);
            journal::put_number(bytes, seq);
            const journal::check check = journal::check_of(bytes);
            bytes.append(check.data(), check.size());
            file_for(generation)->write(seq % places * place_size, bytes);
        } catch (const std::exception&) {
            const std::lock_guard lock(mutex_);
            file_ = nullptr; // the next call opens it again
        }
    }

    /// The number of the last acknowledged record of that generation; 0 if there is no mark of it.
    std::uint64_t last_of(const journal::generation_id& generation) {
        for (const mark& each : read())
            if (each.generation == generation && each.is_whole()) return each.seq;
        return 0;
    }

    /// The generations that have marks, the latest first.
    std::vector<journal::generation_id> generations() {
        std::vector<journal::generation_id> ids;
        for (const mark& each : read())
            if (each.is_whole() && std::find(ids.begin(), ids.end(), each.generation) == ids.end())
                ids.push_back(each.generation);
        return ids;
    }

  private:
    using file = typename Files::file;

    static constexpr std::string_view magic{"TKack1\r\n", 8};
    static constexpr std::size_t size_of_mark = 40;
    static constexpr std::size_t place_size = 64;
    static constexpr std::size_t places = 16;

    struct mark {
        journal::generation_id generation{};
        std::uint64_t seq = 0;
        std::array<char, size_of_mark> bytes{};

        bool is_whole() const {
            constexpr std::size_t check_at = size_of_mark - journal::check_size;
            const std::string_view all(bytes.data(), bytes.size());
            return journal::has_check(all, check_at, journal::check_of(all.substr(0, check_at)));
        }
    };

    /// What looks like marks, that of the latest record first. If the lock file cannot be read, there are none.
    std::vector<mark> read() {
        std::array<char, (places - 1) * place_size + size_of_mark> bytes;
        std::size_t size = 0;
        try {
            const auto there = file_with_name();
            size = there ? there->read(0, bytes.data(), bytes.size()) : 0;
        } catch (const std::exception&) {
            return {};
        }
        std::vector<mark> marks;
        marks.reserve(places);
        for (std::size_t at = 0; at + size_of_mark <= size; at += place_size) {
            const std::string_view each(bytes.data() + at, size_of_mark);
            if (!each.starts_with(magic)) continue;
            mark& found = marks.emplace_back(mark{.seq = journal::number_at<std::uint64_t>(each, 24)});
            each.copy(found.generation.data(), found.generation.size(), magic.size());
            each.copy(found.bytes.data(), found.bytes.size());
        }
        std::sort(marks.begin(), marks.end(), [](const mark& a, const mark& b) { return a.seq > b.seq; });
        return marks;
    }

    /// The lock file, to write marks of that generation. It is opened once for each generation, because it may have
    /// been removed and made again. It is opened again if the program has closed it.
    std::shared_ptr<const file> file_for(const journal::generation_id& generation) {
        const std::lock_guard lock(mutex_);
        if (!file_ || generation_ != generation || is_lost(file_)) {
            auto there = files_.open(path_);
            keep(there ? *std::move(there) : files_.create(path_));
            generation_ = generation;
        }
        return file_;
    }

    /// The lock file, to read marks. It is opened if none is open, or if another file has the name now. Null if no file
    /// has the name.
    std::shared_ptr<const file> file_with_name() {
        const std::lock_guard lock(mutex_);
        const std::optional<file_identity> named = files_.find(path_);
        if (file_ && named && named->is_same_file(identity_) && !is_lost(file_)) return file_;
        auto there = files_.open(path_);
        if (!there) return nullptr;
        keep(*std::move(there));
        return file_;
    }

    void keep(file opened) {
        file_ = std::make_shared<const file>(std::move(opened));
        identity_ = file_->identity();
    }

    std::string path_; ///< Of the lock file.
    Files files_;
    std::mutex mutex_{};
    // The mutex guards these.
    std::shared_ptr<const file> file_{}; ///< The lock file.
    file_identity identity_{};
    journal::generation_id generation_{}; ///< Of the last mark.
};

}}} // namespace tokenkeep::v1::detail

#endif
