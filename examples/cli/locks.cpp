// SPDX-License-Identifier: MIT
// Who holds the locks of a file, as Linux tells it. Elsewhere nothing is found.
#include "doctor.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <sys/stat.h>

namespace cli {

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Whether the process has a lock on this file by one of its descriptors.
bool holds(const fs::path& process, const struct stat& locked) {
    std::error_code ignored;
    for (fs::directory_iterator each(process / "fd", ignored), end; !ignored && each != end; each.increment(ignored)) {
        struct stat opened {};
        if (::stat(each->path().c_str(), &opened) != 0 || opened.st_ino != locked.st_ino ||
            opened.st_dev != locked.st_dev)
            continue;
        if (text_of(process / "fdinfo" / each->path().filename()).find("\nlock:") != std::string::npos) return true;
    }
    return false;
}

} // namespace

std::vector<lock_holder> holders_of(const std::string& path) {
    std::vector<lock_holder> holders;
    struct stat locked {};
    if (::stat(path.c_str(), &locked) != 0) return holders;
    std::error_code ignored;
    for (fs::directory_iterator each("/proc", ignored), end; !ignored && each != end; each.increment(ignored)) {
        const std::string number = each->path().filename();
        if (number.find_first_not_of("0123456789") != number.npos || !holds(each->path(), locked)) continue;
        std::string name = text_of(each->path() / "comm");
        if (name.ends_with('\n')) name.pop_back();
        holders.push_back({std::stol(number), name});
    }
    return holders;
}

} // namespace cli
