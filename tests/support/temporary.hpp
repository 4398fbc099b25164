// SPDX-License-Identifier: MIT
// A directory for one test, and what tests want to know about files.
#ifndef TOKENKEEP_TESTS_SUPPORT_TEMPORARY_HPP
#define TOKENKEEP_TESTS_SUPPORT_TEMPORARY_HPP

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

/// Exists as long as the test and disappears with all that is in it.
class temporary_directory {
  public:
    temporary_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "tokenkeep-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    /// A forked child may destroy its copy; the directory is that of the process that made it.
    ~temporary_directory() {
        if (::getpid() != owner_) return;
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  private:
    pid_t owner_ = ::getpid();
    std::string path_;
};

inline void write_file(const std::string& path, std::string_view bytes, mode_t mode = 0600) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    ::chmod(path.c_str(), mode);
}

inline std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The permission bits, or -1 if there is no such file.
inline int mode_of(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 07777) : -1;
}

inline bool exists(const std::string& path) { return mode_of(path) >= 0; }

/// Sets the umask for a scope.
class umask_of_scope {
  public:
    explicit umask_of_scope(mode_t mask) : before_(::umask(mask)) {}
    umask_of_scope(const umask_of_scope&) = delete;
    umask_of_scope& operator=(const umask_of_scope&) = delete;
    ~umask_of_scope() { ::umask(before_); }

  private:
    mode_t before_;
};

/// What `act` says when it throws; empty if it throws nothing.
template <class Act>
std::string words_of(Act act) {
    try {
        act();
    } catch (const std::exception& fault) {
        return fault.what();
    }
    return {};
}

/// Whether the text has every part.
inline bool has_all(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
        if (text.find(part) == std::string::npos) return false;
    return true;
}

/// The code that `act` throws; none if it throws nothing.
template <class Act>
std::error_code code_of(Act act) {
    try {
        act();
    } catch (const std::system_error& fault) {
        return fault.code();
    }
    return {};
}

#endif
