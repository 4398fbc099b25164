// SPDX-License-Identifier: MIT
// A secret cannot be joined with text.
// expect: error:
// expect: std::string text = "Bearer " + access;
#include <tokenkeep/secret.hpp>

#include <string>
#include <string_view>

auto read(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::string text = "Bearer " + access;
#else
    std::string text = "Bearer " + std::string(access.reveal());
#endif
    return text;
}
