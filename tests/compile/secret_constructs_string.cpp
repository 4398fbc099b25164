// SPDX-License-Identifier: MIT
// A string cannot be made of a secret without saying reveal().
// expect: error:
// expect: std::string text(access);
// lines: 111 (g++ lists the constructors of string)
#include <tokenkeep/secret.hpp>

#include <string>
#include <string_view>

auto read(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::string text(access);
#else
    std::string text(access.reveal());
#endif
    return text;
}
