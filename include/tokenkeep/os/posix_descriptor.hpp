// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_DESCRIPTOR_HPP
#define TOKENKEEP_OS_POSIX_DESCRIPTOR_HPP

// Included by os/os.hpp, after os/posix_checks.hpp.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The number of a file that the library has opened, and which file that is.
struct opened_number {
    int number = -1;
    file_status opened{};              ///< The file when it was opened.
    std::atomic<bool> is_lost = false; ///< The number is not that of the file any more.

    /// Compares the number with the file that was opened. Safe in a signal handler.
    bool means_the_file() noexcept {
        file_status now{};
        if (!is_lost && (::fstat(number, &now) != 0 || now.st_dev != opened.st_dev || now.st_ino != opened.st_ino))
            is_lost = true;
        return !is_lost;
    }
};

/// All files that the library has open in this process, by number. There are two reasons to know them:
///
/// Children. A child made by fork shares the open files of its parent, and the locks belong to the open files: if the
/// child lived on, it would keep the locks after the parent has ended. So the first thing that a child does is to close
/// these files. It does not unlock, which would unlock them for the parent too.
///
/// Numbers. If the program has closed a file, the library may get its number again, perhaps for the same file. Then two
/// objects would use one open file, lock as one, and close each other's. So the older of the two is told that it is
/// lost.
///
/// Files are opened and closed under the mutex, for which fork waits. So no child has a file that is not in the list.
class open_files {
  public:
    static open_files& of_process() {
        static open_files* const all = new open_files; // never destroyed: stores may live until the program ends
        return *all;
    }

    /// Opens a file as ::open does; if that fails, the number is -1 and errno says why. The number is never one of 0 to
    /// 2. If a program was started without its standard streams, these numbers are free, and what it prints to
    /// std::cerr goes into the file that has number 2.
    void open(opened_number& into, const char* path, int flags, mode_t mode) {
        constexpr int first_number = 3;
        const std::lock_guard lock(mutex_);
        int number = ::open(path, flags | O_CLOEXEC, mode);
        if (number >= 0 && number < first_number) {
            const int low = number;
            number = ::fcntl(low, F_DUPFD_CLOEXEC, first_number);
            const int failure = errno;
            ::close(low);
            errno = failure;
        }
        if (number < 0) return;
        const auto place = static_cast<std::size_t>(number);
        try {
            if (by_number_.size() <= place) by_number_.resize(place + 1);
            if (::fstat(number, &into.opened) != 0) throw file_error(errc::storage_failure, "inspect", path, errno);
        } catch (...) {
            ::close(number);
            throw;
        }
        if (by_number_[place] != nullptr) by_number_[place]->is_lost = true;
        by_number_[place] = &into;
        into.number = number;
    }

    /// Closes the file, if it is not lost. False if it is, or if the system reports an error that it has kept until
    /// now; errno then says why.
    bool close(opened_number& opened) noexcept {
        const std::lock_guard lock(mutex_);
        const bool is_there = opened.means_the_file();
        opened_number*& listed = by_number_[static_cast<std::size_t>(opened.number)];
        if (listed == &opened) listed = nullptr;
        if (is_there) return ::close(opened.number) == 0;
        errno = EBADF;
        return false;
    }

  private:
    open_files() { ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

    // In a child of a program with threads, only calls are safe that are safe in a signal handler.
    static void before_fork() { of_process().mutex_.lock(); }
    static void after_fork_in_parent() { of_process().mutex_.unlock(); }
    static void after_fork_in_child() {
        open_files& all = of_process();
        for (opened_number* each : all.by_number_) {
            if (each == nullptr) continue;
            if (each->means_the_file()) ::close(each->number);
            each->is_lost = true;
        }
        all.mutex_.unlock();
    }

    std::mutex mutex_{};
    std::vector<opened_number*> by_number_{}; ///< Null if the library has no open file of that number.
};

/// Owns an open file. A program may close the files of the library: a daemon closes all at its start. The number of a
/// closed file then becomes the number of the program's next file. So before each use the number is compared with the
/// file that was opened. If the number means another file, this object neither uses it nor closes it.
class descriptor {
  public:
    descriptor() noexcept = default;
    descriptor(descriptor&&) noexcept = default;
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(opened_, other.opened_);
        return *this;
    }
    ~descriptor() {
        if (is_open()) close();
    }

    bool is_open() const noexcept { return opened_ != nullptr; }
    /// True if the program has closed the file, or if a parent process had opened it.
    bool is_lost() const noexcept { return is_open() && !opened_->means_the_file(); }
    /// The number to use in the next call; -1 if the file is lost. A call with -1 fails with EBADF.
    int number() const noexcept { return is_open() && opened_->means_the_file() ? opened_->number : -1; }

    /// The file when it was opened. The descriptor must be open.
    const file_status& status() const noexcept { return opened_->opened; }

    /// Closes the file. False if the system reports an error that it has kept until now, or if the file is lost.
    bool close() noexcept {
        const std::unique_ptr<opened_number> closed = std::exchange(opened_, nullptr);
        return closed && open_files::of_process().close(*closed);
    }

  private:
    friend descriptor open_file(const std::string& path, int flags, mode_t mode);

    std::unique_ptr<opened_number> opened_{};
};

/// Opens a file as ::open does; see open_files. If that fails, the descriptor is not open and errno says why.
inline descriptor open_file(const std::string& path, int flags, mode_t mode = 0) {
    descriptor result;
    auto opened = std::make_unique<opened_number>();
    open_files::of_process().open(*opened, path.c_str(), flags, mode);
    if (opened->number >= 0) {
        result.opened_ = std::move(opened);
        return result;
    }
    const int failure = errno;
    opened = nullptr;
    errno = failure;
    return result;
}

}}} // namespace tokenkeep::v1::detail

#endif
