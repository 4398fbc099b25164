// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_GROUP_COMMIT_HPP
#define TOKENKEEP_DETAIL_JOURNAL_GROUP_COMMIT_HPP

#include <tokenkeep/error.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Makes the records of a journal durable for all threads that wait: one of them flushes for all that is in the file by
/// then. Records are told apart by their sequence numbers, which go on over all files of a journal. Safe to call from
/// many threads at once.
template <class Files>
class group_commit {
  public:
    using file = std::shared_ptr<const typename Files::file>;

    group_commit(std::string path, Files files) : path_(std::move(path)), files_(std::move(files)) {}

    /// A record to wait for. If the file loses records that were never durable, their numbers are given again, in
    /// another epoch.
    struct ticket {
        std::uint64_t seq = 0;
        std::uint64_t epoch = 0;
    };

    /// From now on the journal is this file. It has records up to `last`, and its content is flushed up to `flushed`.
    /// After a flush of the same file has failed, a later success proves nothing; so the failure outlives opening the
    /// file again.
    void opened(file now, std::uint64_t last, std::uint64_t flushed, bool is_same_file = false) {
        const std::lock_guard lock(mutex_);
        if (last < durable_) durable_ = 0; // the numbers have begun again
        now_ = {.file = std::move(now),
                .last = last,
                .flushed = flushed,
                .epoch = now_.epoch + (last < now_.last ? 1u : 0u),
                .has_failed = is_same_file && now_.has_failed};
    }

    /// The file will lose the records that are not flushed: their numbers may be given again.
    void lost_unflushed() {
        const std::lock_guard lock(mutex_);
        ++now_.epoch;
        now_.last = now_.flushed;
    }

    /// What a process finds when it opens a journal for the first time counts as durable.
    void trust_until(std::uint64_t seq) noexcept { durable_ = seq; }

    /// The file has grown by records up to `last`.
    void appended(std::uint64_t last) {
        const std::lock_guard lock(mutex_);
        now_.last = last;
    }

    /// Records up to this number are known to be durable.
    std::uint64_t durable() const noexcept { return durable_; }

    ticket ticket_for(std::uint64_t seq) {
        const std::lock_guard lock(mutex_);
        return {seq, now_.epoch};
    }

    /// Records up to this number have been flushed, as this process has seen. They are durable if the name is, too.
    std::uint64_t flushed() {
        const std::lock_guard lock(mutex_);
        return now_.flushed;
    }

    /// Returns when the record is durable. False if flushing the file has failed: what is in it will then never be
    /// known to be durable, and the journal needs a new file. Throws errc::indeterminate if the file has lost the
    /// record. If only the file's name could not be flushed, throws what flushing it has thrown; the next call tries
    /// again.
    bool wait(const ticket& record) {
        std::unique_lock lock(mutex_);
        while (durable_ < record.seq || record.epoch != now_.epoch) {
            if (record.epoch != now_.epoch) {
                throw error(errc::indeterminate, "tokenkeep: " + path_ + " has lost what was written");
            } else if (now_.is_being_flushed) {
                flushed_by_another_.wait(lock);
            } else if (now_.has_failed) {
                return false;
            } else {
                flush(lock);
            }
        }
        return true;
    }

    /// Flushes the whole file, also what was written over parts of it that were flushed before. False as for wait.
    bool flush_all() {
        std::unique_lock lock(mutex_);
        while (now_.is_being_flushed) flushed_by_another_.wait(lock);
        now_.is_overwritten = true;
        if (!now_.has_failed) flush(lock);
        return !now_.has_failed;
    }

  private:
    /// The file as it was opened, and how far it is flushed. Replaced whole when the journal is another file.
    struct flush_state {
        group_commit::file file{};
        std::uint64_t last = 0;        ///< The last record in the file.
        std::uint64_t flushed = 0;     ///< The last record that is flushed.
        std::uint64_t epoch = 0;       ///< How often numbers were given again.
        bool is_name_flushed = false;  ///< The directory was flushed after the file got its name.
        bool is_overwritten = false;   ///< Flushed parts were written over.
        bool is_being_flushed = false; ///< A thread is flushing it.
        bool has_failed = false;       ///< A flush of the content has failed.
    };

    void flush(std::unique_lock<std::mutex>& lock) {
        const flush_state before = now_;
        bool content = before.flushed >= before.last && !before.is_overwritten, name = before.is_name_flushed;
        now_.is_being_flushed = true;
        lock.unlock();
        std::exception_ptr failure;
        try {
            if (!content) before.file->flush();
            content = true;
            if (!name) files_.flush_directory(path_);
            name = true;
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        flushed_by_another_.notify_all();
        if (content && name && before.epoch == now_.epoch) durable_ = (std::max)(durable_.load(), before.last);
        if (now_.file == before.file) {
            if (content) now_.flushed = (std::max)(now_.flushed, before.last);
            if (content) now_.is_overwritten = false;
            now_.is_name_flushed = name;
            now_.is_being_flushed = false;
            now_.has_failed = !content;
        }
        if (content && failure) std::rethrow_exception(failure);
    }

    std::string path_;
    Files files_;
    std::mutex mutex_{};
    std::condition_variable flushed_by_another_{};
    flush_state now_{};
    std::atomic<std::uint64_t> durable_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
