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

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Makes the records of a journal durable for all who wait: one of them flushes for all that is in the file by then.
/// Records are told by their sequence numbers, which go on over all generations of the file. Safe to call from many
/// threads at once.
template <class Files>
class group_commit {
  public:
    using file = std::shared_ptr<const typename Files::file>;

    group_commit(std::string path, Files files) : path_(std::move(path)), files_(std::move(files)) {}

    /// A record to wait for. After the file has lost records that were never durable, their numbers are given again,
    /// in another epoch.
    struct ticket {
        std::uint64_t seq = 0;
        std::uint64_t epoch = 0;
    };

    /// The journal is this file now, with records up to `last`; its content is flushed up to `flushed`. What could not
    /// be flushed once is never trusted again, however it is opened.
    void opened(file now, std::uint64_t last, std::uint64_t flushed, bool is_same_file = false) {
        const std::lock_guard lock(mutex_);
        if (last < last_) ++epoch_;
        if (last < durable_) durable_ = 0; // numbers have begun anew
        has_failed_ = has_failed_ && is_same_file;
        file_ = std::move(now);
        last_ = last;
        flushed_ = flushed;
        name_is_flushed_ = false;
        is_overwritten_ = false;
    }

    /// The file will lose the records that are not flushed: their numbers may be given again.
    void lost_unflushed() {
        const std::lock_guard lock(mutex_);
        ++epoch_;
        last_ = flushed_;
    }

    /// What a process finds when it opens a journal for the first time counts as durable.
    void trust_until(std::uint64_t seq) noexcept { durable_ = seq; }

    /// The file has grown by records up to `last`.
    void appended(std::uint64_t last) {
        const std::lock_guard lock(mutex_);
        last_ = last;
    }

    std::uint64_t durable() const noexcept { return durable_; }

    ticket ticket_for(std::uint64_t seq) {
        const std::lock_guard lock(mutex_);
        return {seq, epoch_};
    }

    /// Up to which number the records of the file have been seen to be flushed, by this process.
    std::uint64_t flushed() {
        const std::lock_guard lock(mutex_);
        return flushed_;
    }

    /// Returns when the record is durable. False if flushing the file has failed: what is in it will then never be
    /// known to be durable, and the journal needs a new one. Throws errc::indeterminate if the file has lost the record.
    /// If only the file's name could not be flushed, throws what flushing it has thrown; the next call tries it again.
    bool wait(const ticket& record) {
        std::unique_lock lock(mutex_);
        while (durable_ < record.seq || record.epoch != epoch_) {
            if (record.epoch != epoch_) {
                throw error(errc::indeterminate, "tokenkeep: " + path_ + " has lost what was written");
            } else if (is_flushing_) {
                flushed_by_another_.wait(lock);
            } else if (has_failed_) {
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
        while (is_flushing_) flushed_by_another_.wait(lock);
        is_overwritten_ = true;
        if (!has_failed_) flush(lock);
        return !has_failed_;
    }

  private:
    void flush(std::unique_lock<std::mutex>& lock) {
        const file flushing = file_;
        const std::uint64_t last = last_, epoch = epoch_;
        const bool with_content = flushed_ < last || is_overwritten_, with_name = !name_is_flushed_;
        is_flushing_ = true;
        lock.unlock();
        bool content = !with_content, name = !with_name;
        std::exception_ptr fault;
        try {
            if (with_content) flushing->flush();
            content = true;
            if (with_name) files_.flush_directory(path_);
            name = true;
        } catch (...) {
            fault = std::current_exception();
        }
        lock.lock();
        is_flushing_ = false;
        flushed_by_another_.notify_all();
        if (content && name && epoch == epoch_) durable_ = std::max(durable_.load(), last);
        if (file_ == flushing) {
            if (content) flushed_ = std::max(flushed_, last);
            if (content) is_overwritten_ = false;
            name_is_flushed_ = name;
            has_failed_ = !content;
        }
        if (content && fault) std::rethrow_exception(fault);
    }

    std::string path_;
    Files files_;
    std::mutex mutex_{};
    std::condition_variable flushed_by_another_{};
    file file_{};
    std::uint64_t last_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t flushed_ = 0;
    bool name_is_flushed_ = false;
    bool has_failed_ = false;
    bool is_overwritten_ = false;
    bool is_flushing_ = false;
    std::atomic<std::uint64_t> durable_ = 0;
};

}}} // namespace tokenkeep::v0::detail

#endif
