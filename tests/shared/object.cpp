// SPDX-License-Identifier: MIT
// One shared object that uses the library; TOKENKEEP_TEST_OBJECT is the name of its only public function.
#include "shared/object.hpp"

#include <tokenkeep/describe.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/rotation_not_saved.hpp>

namespace {

using tokenkeep::errc;

template <class Error>
bool catches(void (*thrower)(), errc wanted) {
    try {
        thrower();
    } catch (const Error& failure) {
        return failure.code() == wanted && wanted == failure.code() && !(failure.code() != wanted);
    } catch (...) { // another type than this object knows
    }
    return false;
}

} // namespace

shared_object TOKENKEEP_TEST_OBJECT() {
    return {
        .throw_lock_timeout = [] { throw tokenkeep::error(errc::lock_timeout, "taken"); },
        .code_of_lock_timeout = [] { return make_error_code(errc::lock_timeout); },
        .condition_of_lock_timeout =
            [] { return std::error_condition(static_cast<int>(errc::lock_timeout), tokenkeep::error_category()); },
        .is_lock_timeout = [](const std::error_code& code) { return code == errc::lock_timeout; },
        .catches_lock_timeout =
            [](void (*thrower)()) { return catches<tokenkeep::error>(thrower, errc::lock_timeout); },
        .catches_unsaved_rotation =
            [](void (*thrower)()) {
                return catches<tokenkeep::rotation_not_saved_error>(thrower, errc::rotation_not_saved);
            },
        .throw_unsaved_rotation = [] { throw tokenkeep::rotation_not_saved_error(tokenkeep::token{}); },
    };
}
