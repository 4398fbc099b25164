// SPDX-License-Identifier: MIT
// Replaces the system's random generator for one program. For programs of one source file.
#ifndef TOKENKEEP_TESTS_SUPPORT_SYSTEM_RANDOM_HPP
#define TOKENKEEP_TESTS_SUPPORT_SYSTEM_RANDOM_HPP

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/random.h>

namespace tests {

/// `repeats` gives the same bytes each time, as after each return to one snapshot of a virtual machine.
enum class random_bytes { work, repeat, fail };
inline random_bytes system_random = random_bytes::work;

/// Sets the generator for a scope.
class random_of_scope {
  public:
    explicit random_of_scope(random_bytes now) : before_(std::exchange(system_random, now)) {}
    random_of_scope(const random_of_scope&) = delete;
    random_of_scope& operator=(const random_of_scope&) = delete;
    ~random_of_scope() { system_random = before_; }

  private:
    random_bytes before_;
};

} // namespace tests

extern "C" int getentropy(void* memory, std::size_t size) {
    if (tests::system_random == tests::random_bytes::fail) {
        errno = EIO;
        return -1;
    }
    if (tests::system_random == tests::random_bytes::work)
        return ::getrandom(memory, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
    std::memset(memory, 'r', size);
    return 0;
}

#endif
