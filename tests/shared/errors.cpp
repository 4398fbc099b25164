// SPDX-License-Identifier: MIT
// A program with shared objects that hide the library's names. Two of them are linked with -Bsymbolic, so each has an
// error category of its own. An error of one is known to the other, and so are its codes.
#include "shared/object.hpp"

#include <tokenkeep/error.hpp>

#include <cstdio>

int main() {
    const shared_object first = first_object(), second = second_object();
    const std::error_code code = first.code_of_lock_timeout();
    const std::error_code other(code.value() + 1, code.category());
    const std::error_code of_system(code.value(), std::generic_category());
    const struct {
        const char* sentence;
        bool holds;
    } checks[] = {
        {"one that is not linked with -Bsymbolic has the program's category",
         third_object().code_of_lock_timeout() == make_error_code(tokenkeep::errc::lock_timeout)},
        {"the two have their own", &code.category() != &second.code_of_lock_timeout().category() &&
                                       &code.category() != &tokenkeep::error_category()},
        {"a code is known to another object", second.is_lock_timeout(code)},
        {"and to the program", code == tokenkeep::errc::lock_timeout},
        {"another code is not", !second.is_lock_timeout(other)},
        {"nor that of another category", !second.is_lock_timeout(of_system)},
        {"a code equals the condition of another object", code == second.condition_of_lock_timeout()},
        {"but not another code", other != second.condition_of_lock_timeout()},
        {"nor one of another category", of_system != second.condition_of_lock_timeout()},
        {"an error is caught by another object", second.catches_lock_timeout(first.throw_lock_timeout)},
        {"one with a record too", first.catches_unsaved_rotation(second.throw_unsaved_rotation)},
    };
    int failures = 0;
    for (const auto& check : checks) {
        if (check.holds) continue;
        std::printf("This does not hold: %s.\n", check.sentence);
        ++failures;
    }
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
