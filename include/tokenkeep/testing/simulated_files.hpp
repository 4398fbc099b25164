// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_SIMULATED_FILES_HPP
#define TOKENKEEP_TESTING_SIMULATED_FILES_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/testing/detail/simulated_disk.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// Files in memory for tests of a file_store. They keep apart what a program has written and what is durable. A test
/// can make single calls fail, and can look at every state of the disk that a power failure may leave. Copies share
/// one disk, so that a store with a copy plays another process.
///
///   struct simulated : tokenkeep::defaults { using files = tokenkeep::testing::simulated_files; };
///   tokenkeep::testing::simulated_files disk;
///   tokenkeep::basic_file_store<simulated> store{"tokens.tkj", {}, disk};
///   disk.plan(7, disk_fault::flush_keeps_content); // the eighth changing call goes wrong
///   ...
///   disk.for_each_power_failure("tokens.tkj", 1, [](simulated_files after) { read_back(after); });
class simulated_files {
  public:
    class file {
      public:
        file_identity identity() const { return disk_->identity(*node_); }
        std::size_t read(std::uint64_t offset, char* out, std::size_t size) const {
            return disk_->read(*node_, offset, out, size);
        }
        void write(std::uint64_t offset, std::string_view bytes) const { disk_->write(*node_, offset, bytes); }
        void truncate(std::uint64_t size) const { disk_->truncate(*node_, size); }
        void flush() const { disk_->flush(*node_, *failures_seen_); }

      private:
        friend simulated_files;
        file(std::shared_ptr<detail::simulated_disk> disk, std::shared_ptr<detail::simulated_node> node)
            : disk_(std::move(disk)),
              node_(std::move(node)),
              failures_seen_(std::make_shared<std::size_t>(node_->failures)) {}

        std::shared_ptr<detail::simulated_disk> disk_;
        std::shared_ptr<detail::simulated_node> node_;
        std::shared_ptr<std::size_t> failures_seen_;
    };

    class lock_file {
      public:
        lock_file(lock_file&&) noexcept = default;
        lock_file& operator=(lock_file&&) noexcept = default;
        ~lock_file() {
            for (const std::int64_t byte : held_) disk_->unlock(path_, byte);
        }

        bool try_lock(std::int64_t byte) { return keep(byte, disk_->try_lock(path_, byte, false)); }
        bool try_lock_shared(std::int64_t byte) { return keep(byte, disk_->try_lock(path_, byte, true)); }
        void unlock(std::int64_t byte) {
            if (held_.erase(byte) != 0) disk_->unlock(path_, byte);
        }

      private:
        friend simulated_files;
        lock_file(std::shared_ptr<detail::simulated_disk> disk, std::string path)
            : disk_(std::move(disk)), path_(std::move(path)) {}
        bool keep(std::int64_t byte, bool obtained) {
            if (obtained) held_.insert(byte);
            return obtained;
        }

        std::shared_ptr<detail::simulated_disk> disk_;
        std::string path_;
        std::set<std::int64_t> held_{};
    };

    // What the concept file_system asks for.
    std::optional<file_identity> find(const std::string& path) const {
        const auto node = disk_->find(path);
        return node ? std::optional(disk_->identity(*node)) : std::nullopt;
    }
    std::optional<file> open(const std::string& path) const {
        auto node = disk_->find(path);
        return node ? std::optional(file(disk_, std::move(node))) : std::nullopt;
    }
    file create(const std::string& path) const { return file(disk_, disk_->create(path)); }
    void rename(const std::string& from, const std::string& to) const { disk_->rename(from, to); }
    void remove(const std::string& path) const { disk_->remove(path); }
    void flush_directory(const std::string& path) const { disk_->flush_directory(path); }
    bool is_mount(const std::string& path) const { return disk_->mounts.contains(path); }
    lock_file open_lock(const std::string& path) const { return lock_file(disk_, path); }
    lock_file lock(const std::string& path, const std::string& name, deadline until) const {
        using std::chrono::microseconds;
        lock_file locks = open_lock(path + " " + name);
        tokenkeep::detail::wait_for_lock([&] { return locks.try_lock(0); }, path, until, microseconds(100),
                                         microseconds(1'000));
        return locks;
    }

    // What a test uses.

    /// Makes one changing call go wrong. Changing calls are create, write, truncate, flush, rename, remove and the
    /// flush of a directory. They are counted from 0, the first call on this disk.
    ///   disk.plan(disk.calls(), disk_fault::fails); // the next one
    void plan(std::size_t call, disk_fault what) { disk_->plan[call] = what; }
    /// How many changing calls there were so far.
    std::size_t calls() const { return disk_->calls; }
    /// The names of these calls, such as "write".
    const std::vector<std::string>& log() const { return disk_->log; }
    /// Calls `act` before each flush of a file. In it the test can play another process that runs at that moment.
    void before_flush(std::function<void()> act) { disk_->before_flush = std::move(act); }
    /// From now on the file of that path is a mount of its own, as in a container: rename cannot replace it.
    void mount(const std::string& path) { disk_->mounts.insert(path); }
    /// Whether any process holds the store lock, which is byte 0 of the lock file.
    bool is_locked(const std::string& path) const { return disk_->is_locked(path, 0); }

    /// The content of a file as a process sees it.
    std::string content(const std::string& path) const { return disk_->content(path); }
    /// Replaces the content of a file, durably and at once, for instance by damaged bytes.
    void put(const std::string& path, std::string bytes) { disk_->put(path, std::move(bytes)); }

    /// Calls `visit(simulated_files)` with every disk that a power failure could leave now. Each has one state of the
    /// directory: the first n changes that were not flushed, for every n, or the last change alone. It has one state of
    /// the file of that path:
    /// - what is durable;
    /// - the first n writes that were not flushed, for every n, with the last of them cut off after every `step` bytes;
    /// - the file already longer, but the new part still zero;
    /// - one sector older or newer than the rest.
    template <class Visit>
    void for_each_power_failure(const std::string& path, std::size_t step, Visit visit) const {
        for (const auto& names : disk_->directories_after_failure()) {
            const auto main = names.find(path);
            const auto contents = main == names.end() ? std::set<std::string>{std::string()}
                                                      : disk_->contents_after_failure(*main->second, step);
            for (const std::string& content : contents) {
                simulated_files after;
                for (const auto& [name, node] : names) after.put(name, name == path ? content : node->durable);
                visit(after);
            }
        }
    }

  private:
    std::shared_ptr<detail::simulated_disk> disk_ = std::make_shared<detail::simulated_disk>();
};

}}} // namespace tokenkeep::v1::testing

#endif
