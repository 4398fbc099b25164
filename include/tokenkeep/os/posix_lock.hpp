// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_LOCK_HPP
#define TOKENKEEP_OS_POSIX_LOCK_HPP

// Included by os/os.hpp, after os/posix.hpp.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/memory/number_cast.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Locks on single bytes of a lock file. The kernel holds them, and drops them when the process ends. A lock belongs to
/// this open file description (F_OFD_SETLK): two lock_files exclude each other also in one process, and any thread may
/// unlock. A child made by fork has none of the locks of its parent; see open_files. The lock file stays; whether it
/// exists means nothing.
class lock_file {
  public:
    explicit lock_file(std::string path, const file_trust& trust = {}) : path_(std::move(path)), trust_(trust) {}

    /// The byte for a name. Very rarely, two names have the same byte; then one only waits for the other.
    static std::int64_t byte_of(std::string_view name) {
        if (name.empty()) return 0;
        const auto digest = text::sha256(name);
        std::uint64_t number = 0;
        std::memcpy(&number, digest.data(), sizeof number);
        return static_cast<std::int64_t>(1 + (number >> 2));
    }

    bool try_lock(std::int64_t byte) { return try_lock(byte, F_WRLCK); }

    /// A lock for readers, which excludes only writers. If the lock file cannot be opened because the file system or
    /// the directory cannot be written, returns true without a lock: what cannot change needs none.
    bool try_lock_shared(std::int64_t byte) { return try_lock(byte, F_RDLCK); }

    void unlock(std::int64_t byte) noexcept {
        if (!file_.is_open()) return;
        set(byte, F_UNLCK);
        if (!is_writable_) file_ = descriptor(); // the next lock may be for writing, which may be possible by then
    }

  private:
    bool try_lock(std::int64_t byte, short kind) {
        if (!open(kind == F_RDLCK)) return true;
        if (!set(byte, kind)) {
            if (errno == EBADF && file_.is_lost()) return try_lock(byte, kind); // closed just now
            if (errno == EAGAIN || errno == EACCES || errno == EINTR) return false;
            throw file_error(errc::storage_failure, "lock", path_, errno);
        }
        file_status named{};
        const file_status& opened = file_.status();
        if (::lstat(path_.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
            return true;
        file_ = descriptor(); // the file was removed: only a lock on the file that has the name now counts
        return false;
    }

    /// False if the file cannot be opened, and the caller only reads.
    bool open(bool only_reads) {
        if (file_.is_open() && !file_.is_lost() && (is_writable_ || only_reads)) return true;
        file_ = descriptor();
        require_own_place();
        if (!only_reads) require_writable_mount(guarded());
        const bool is_for_reading = is_mounted_for_reading(guarded());
        constexpr int flags = O_NOFOLLOW | O_NONBLOCK;
        int failure = is_for_reading ? EROFS : open_as(flags | O_RDWR | O_CREAT);
        for (int tries = 0; group_ && failure == EACCES && tries < 50; ++tries) {
            // Another user of the group may have made the file a moment ago, and give it its rights next.
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            failure = open_as(flags | O_RDWR | O_CREAT);
        }
        is_writable_ = failure == 0;
        if (!is_writable_) {
            if (!only_reads || (failure != EROFS && failure != EACCES)) refuse(failure);
            if (open_as(flags | O_RDONLY) != 0) return false;
        }
        require_own_lock();
        return true;
    }

    /// Gives 0, or the errno that says why it failed.
    int open_as(int flags) {
        file_ = open_file(path_, flags, S_IRUSR | S_IWUSR);
        return file_.is_open() ? 0 : errno;
    }

    /// The file that this one locks: `tokens.tkj` for `tokens.tkj.lock`.
    std::string guarded() const { return path_.substr(0, path_.rfind('.')); }

    /// Before the lock file is made, or gets its rights: one in the directory of another user, or next to the file of
    /// another user or of a group, would lock these out.
    void require_own_place() {
        group_ = require_private_directory(path_, trust_);
        if (const auto status = status_of(guarded())) require_private(*status, guarded(), group_, denied_for_documents);
    }

    /// The owner of the lock file could replace it while it is locked. The group that shares the directory is trusted
    /// not to do that.
    void require_own_lock() {
        if (!is_writable_) return;
        const bool is_own = file_.status().st_uid == ::geteuid();
        if (is_own && set_rights(file_, group_)) return;
        const int failure = errno;
        descriptor opened = std::exchange(file_, descriptor());
        if (is_own || !is_shared(opened.status(), group_)) refuse(failure);
        require_private(opened.status(), path_, group_);
        file_ = std::move(opened);
    }

    [[noreturn]] void refuse(int failure) const {
        const auto status = status_of(path_);
        if (status && !is_shared(*status, group_))
            require_own(*status, path_,
                        "a program of that user made it, and it holds no data: if no program uses it now, remove it");
        if (status && failure == EACCES && group_)
            throw error(errc::permissions, "tokenkeep: " + path_ + " has mode " + text_of_mode(status->st_mode) +
                                               ", so that the group cannot use it; run: chmod 660 " + path_);
        refuse_open(path_, failure);
    }

    bool set(std::int64_t byte, short kind) const noexcept {
        using byte_range = struct ::flock;
        byte_range range{};
        range.l_type = kind;
        range.l_whence = SEEK_SET;
        range.l_start = number_cast<off_t>(byte);
        range.l_len = 1;
#if defined(F_OFD_SETLK)
        return ::fcntl(file_.number(), F_OFD_SETLK, &range) == 0;
#else
#error "tokenkeep: this system has no open file description locks"
#endif
    }

    std::string path_;
    file_trust trust_;
    shared_group group_{};
    descriptor file_{};
    bool is_writable_ = false;
};

/// An exclusive lock on a name in a lock file, as long as this object lives.
///   const file_lock lock("tokens.json.lock", "ada", until);
class file_lock {
  public:
    /// Waits for the lock until `until`, and then throws errc::lock_timeout.
    file_lock(const std::string& path, std::string_view name, deadline until, const file_trust& trust = {})
        : file_(path, trust), byte_(lock_file::byte_of(name)) {
        using std::chrono::microseconds;
        wait_for_lock([&] { return file_.try_lock(byte_); }, path, until, microseconds(500), microseconds(20'000));
    }
    file_lock(file_lock&&) noexcept = default;
    file_lock& operator=(file_lock&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(byte_, other.byte_);
        return *this;
    }
    ~file_lock() { file_.unlock(byte_); }

  private:
    lock_file file_;
    std::int64_t byte_;
};

}}} // namespace tokenkeep::v1::detail

#endif
