// SPDX-License-Identifier: MIT
// Shared objects, each with its own copy of the library; see errors.cpp.
#ifndef TOKENKEEP_TESTS_SHARED_OBJECT_HPP
#define TOKENKEEP_TESTS_SHARED_OBJECT_HPP

#include <system_error>

/// What an object can do.
struct shared_object {
    void (*throw_lock_timeout)();
    std::error_code (*code_of_lock_timeout)();
    std::error_condition (*condition_of_lock_timeout)();
    bool (*is_lock_timeout)(const std::error_code& code);
    bool (*catches_lock_timeout)(void (*thrower)());
    bool (*catches_unsaved_rotation)(void (*thrower)());
    void (*throw_unsaved_rotation)();
};

extern "C" __attribute__((visibility("default"))) shared_object first_object();
extern "C" __attribute__((visibility("default"))) shared_object second_object();
extern "C" __attribute__((visibility("default"))) shared_object third_object();

#endif
