// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_SIMULATED_DISK_HPP
#define TOKENKEEP_TESTING_DETAIL_SIMULATED_DISK_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/memory/number_cast.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// What goes wrong in one changing call of simulated_files.
enum class disk_fault {
    power_failure,         ///< This call and all later ones throw simulated_power_failure and do nothing.
    fails,                 ///< The call throws and does nothing.
    writes_half,           ///< A write writes half of its bytes and throws. Any other call: as `fails`.
    flush_keeps_content,   ///< A flush throws. Processes still see what was written, but it never becomes durable.
    flush_reverts_content, ///< A flush throws. Processes see what is durable. Any other call: as `fails`.
};

/// Thrown where a real process would end. It is not a std::exception, so that the library does not handle it.
struct simulated_power_failure {};

namespace detail {

/// A write that is not flushed. With `truncates` it cuts the file at `offset`.
struct simulated_write {
    std::uint64_t offset = 0;
    std::string bytes{};
    bool truncates = false;

    void apply_to(std::string& content, std::size_t cut = std::string::npos) const {
        if (truncates) {
            content.resize(static_cast<std::size_t>(offset));
            return;
        }
        const std::string_view part = std::string_view(bytes).substr(0, cut);
        content.resize((std::max)(content.size(), static_cast<std::size_t>(offset) + part.size()));
        content.replace(static_cast<std::size_t>(offset), part.size(), part);
    }
};

struct simulated_node {
    std::uint64_t number = 0;
    std::string content{}; ///< As processes see it.
    std::string durable{}; ///< As the disk has it.
    std::vector<simulated_write> pending{};
    std::size_t failures = 0; ///< How many flushes have lost content.

    void apply(simulated_write write) {
        write.apply_to(content);
        pending.push_back(std::move(write));
    }
};

/// The disk behind simulated_files. Every change is one call, and `plan` says which calls go wrong.
class simulated_disk {
  public:
    using names = std::map<std::string, std::shared_ptr<simulated_node>>;

    std::map<std::size_t, disk_fault> plan{};
    std::size_t calls = 0;
    std::vector<std::string> log{};
    std::function<void()> before_flush{};
    std::set<std::string> mounts{}; ///< Files that are mounts of their own.

    std::shared_ptr<simulated_node> find(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        const auto at = names_.find(path);
        return at == names_.end() ? nullptr : at->second;
    }

    std::string content(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        return names_.at(path)->content;
    }
    file_identity identity(const simulated_node& node) const {
        const std::lock_guard lock(mutex_);
        return {1, node.number, node.content.size()};
    }
    std::size_t read(const simulated_node& node, std::uint64_t offset, char* out, std::size_t size) const {
        const std::lock_guard lock(mutex_);
        if (offset >= node.content.size()) return 0;
        return node.content.copy(out, size, tokenkeep::detail::number_cast<std::size_t>(offset));
    }

    std::shared_ptr<simulated_node> create(const std::string& path) {
        const std::lock_guard lock(mutex_);
        if (names_.contains(path)) throw failure("create", path, std::errc::file_exists);
        if (next("create")) throw failure("create", path, std::errc::no_space_on_device);
        auto node = std::make_shared<simulated_node>();
        node->number = ++numbers_;
        change({path, node});
        return node;
    }

    void remove(const std::string& path) {
        const std::lock_guard lock(mutex_);
        if (!names_.contains(path)) return;
        if (next("remove")) throw failure("remove", path, std::errc::io_error);
        change({path, nullptr});
    }

    void rename(const std::string& from, const std::string& to) {
        const std::lock_guard lock(mutex_);
        if (mounts.contains(to)) throw failure("rename", to, std::errc::device_or_resource_busy);
        if (next("rename")) throw failure("rename", to, std::errc::io_error);
        change({to, names_.at(from), from});
    }

    void flush_directory(const std::string& path) {
        const std::lock_guard lock(mutex_);
        if (next("flush the directory of")) throw failure("flush the directory of", path, std::errc::io_error);
        durable_names_ = names_;
        pending_.clear();
    }

    void write(simulated_node& node, std::uint64_t offset, std::string_view bytes) {
        const std::lock_guard lock(mutex_);
        const auto planned = next("write");
        if (planned == disk_fault::writes_half) node.apply({offset, std::string(bytes.substr(0, bytes.size() / 2))});
        if (planned) throw failure("write", "", std::errc::no_space_on_device);
        node.apply({offset, std::string(bytes)});
    }

    void truncate(simulated_node& node, std::uint64_t size) {
        const std::lock_guard lock(mutex_);
        if (next("truncate")) throw failure("truncate", "", std::errc::io_error);
        node.apply({size, {}, true});
    }

    /// Each open file reports a failure once, as on Linux. `failures_seen` belongs to the open file.
    void flush(simulated_node& node, std::size_t& failures_seen) {
        if (before_flush) before_flush();
        const std::lock_guard lock(mutex_);
        const auto planned = next("flush");
        if (planned && planned != disk_fault::fails) {
            node.pending.clear();
            ++node.failures;
            if (planned == disk_fault::flush_reverts_content) node.content = node.durable;
        }
        if (!planned)
            for (const simulated_write& write : std::exchange(node.pending, {})) write.apply_to(node.durable);
        if (std::exchange(failures_seen, node.failures) != node.failures || planned)
            throw failure("flush", "", std::errc::io_error);
    }

    bool try_lock(const std::string& path, std::int64_t byte, bool shared) {
        const std::lock_guard lock(mutex_);
        int& holders = locks_[{path, byte}]; // -1: one exclusive holder
        if (holders < 0 || (holders > 0 && !shared)) return false;
        holders = shared ? holders + 1 : -1;
        return true;
    }
    void unlock(const std::string& path, std::int64_t byte) {
        const std::lock_guard lock(mutex_);
        int& holders = locks_[{path, byte}];
        holders = (std::max)(0, holders - 1);
    }
    bool is_locked(const std::string& path, std::int64_t byte) {
        const std::lock_guard lock(mutex_);
        return locks_[{path, byte}] != 0;
    }

    void put(const std::string& path, std::string bytes) {
        auto node = std::make_shared<simulated_node>();
        node->number = ++numbers_;
        node->content = node->durable = std::move(bytes);
        names_[path] = durable_names_[path] = node;
    }

    std::vector<names> directories_after_failure() const {
        std::vector<names> all{durable_names_};
        names now = durable_names_;
        for (const name_change& each : pending_) {
            each.apply_to(now);
            all.push_back(now);
        }
        if (!pending_.empty()) { // the last alone
            now = durable_names_;
            pending_.back().apply_to(now);
            all.push_back(now);
        }
        return all;
    }

    static std::set<std::string> contents_after_failure(const simulated_node& node, std::size_t step) {
        std::vector<std::string> moments{node.durable}; // after each write that is not flushed
        std::set<std::string> all{node.durable};
        for (const simulated_write& write : node.pending) {
            const std::string& before = moments.back();
            for (std::size_t cut = 0; cut < write.bytes.size(); cut += step) {
                std::string content = before;
                write.apply_to(content, cut);
                all.insert(content);
            }
            std::string after = before;
            write.apply_to(after);
            std::string grown = before;
            grown.resize((std::max)(before.size(), after.size()));
            all.insert(grown);
            all.insert(after);
            moments.push_back(after);
        }
        // A disk writes sectors in any order, so one sector may be older or newer than the rest.
        const std::string& last = moments.back();
        for (std::string moment : moments) {
            moment.resize(last.size());
            constexpr std::size_t sector = 512;
            for (std::size_t at = 0; at < last.size(); at += sector) {
                std::string newer = last, older = moment;
                all.insert(newer.replace(at, sector, moment, at, sector));
                all.insert(older.replace(at, sector, last, at, sector));
            }
        }
        return all;
    }

  private:
    /// A new name, a name that a file was moved to from another, or (without a node) a name that was removed.
    struct name_change {
        std::string name{};
        std::shared_ptr<simulated_node> node{};
        std::string from{};

        void apply_to(names& all) const {
            if (!from.empty()) all.erase(from);
            if (node)
                all[name] = node;
            else
                all.erase(name);
        }
    };

    void change(name_change wanted) {
        wanted.apply_to(names_);
        pending_.push_back(std::move(wanted));
    }

    /// Counts a call, and gives what is planned to go wrong in it.
    std::optional<disk_fault> next(const char* name) {
        const auto planned = plan.find(calls++);
        log.emplace_back(name);
        if (planned != plan.end() && planned->second == disk_fault::power_failure) has_no_power_ = true;
        if (has_no_power_) throw simulated_power_failure{};
        return planned == plan.end() ? std::nullopt : std::optional(planned->second);
    }

    static file_error failure(const char* stage, const std::string& path, std::errc cause) {
        return {errc::storage_failure, stage, path, static_cast<int>(cause)};
    }

    mutable std::mutex mutex_{};
    names names_{};
    names durable_names_{};
    std::vector<name_change> pending_{};
    std::uint64_t numbers_ = 0;
    std::map<std::pair<std::string, std::int64_t>, int> locks_{};
    bool has_no_power_ = false;
};

} // namespace detail

}}} // namespace tokenkeep::v1::testing

#endif
