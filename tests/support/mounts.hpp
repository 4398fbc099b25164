// SPDX-License-Identifier: MIT
// Disks and mounts for one test. They need rights that a test may lack; the test is then skipped.
#ifndef TOKENKEEP_TESTS_SUPPORT_MOUNTS_HPP
#define TOKENKEEP_TESTS_SUPPORT_MOUNTS_HPP

#include "catch.hpp"
#include "processes.hpp"

#include <fstream>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

/// Mounts that only this process sees; false where that is not permitted.
inline bool enter_private_mounts() {
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (::geteuid() == 0) {
        if (::unshare(CLONE_NEWNS) != 0) return false;
    } else {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
        std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// A file that is mounted alone, as into a container: from now on `outside` is also at `path`.
inline void mount_file(const std::string& outside, const std::string& path) {
    expect(::mount(outside.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0, "mount a file");
}

/// The same, and at `path` it can only be read.
inline void mount_file_for_reading(const std::string& outside, const std::string& path) {
    mount_file(outside, path);
    const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
    expect(::mount("", path.c_str(), "", flags, "") == 0, "mount for reading");
}

/// Runs `act` in a process of its own, with a disk in memory at `directory`; where that is not permitted, says so.
template <class Act>
void on_disk_of_its_own(const std::string& directory, const char* options, Act act) {
    const auto mount = [&] {
        return enter_private_mounts() && ::mount("tmpfs", directory.c_str(), "tmpfs", 0, options) == 0;
    };
    if (!in_process([&] { expect(mount(), "mounting is not permitted here"); })) {
        WARN("skipped: mounting is not permitted here");
        return;
    }
    CHECK(in_process([&] {
        expect(mount(), "a disk");
        act();
    }));
}

#endif
