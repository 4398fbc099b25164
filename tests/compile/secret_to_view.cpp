// SPDX-License-Identifier: MIT
// A secret does not turn into a string_view by itself.
// expect: error:
// expect: std::string_view text = access;
#include <tokenkeep/secret.hpp>

#include <string>
#include <string_view>

auto read(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::string_view text = access;
#else
    std::string_view text = access.reveal();
#endif
    return text;
}
