// SPDX-License-Identifier: MIT
// A secret does not turn into a string by itself.
// expect: error:
// expect: std::string text = access;
#include <tokenkeep/secret.hpp>

#include <string>
#include <string_view>

auto read(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::string text = access;
#else
    std::string text(access.reveal());
#endif
    return text;
}
