// SPDX-License-Identifier: MIT
// A sealer seals with associated data.
// expect: tokenkeep: a sealer needs secret seal(string_view plain, string_view associated) const; see the concept sealer
#include <tokenkeep/file_store.hpp>

#include <optional>
#include <string>
#include <string_view>

struct my_sealer {
    std::string key_id() const { return "1"; }
#ifdef MISTAKE
    tokenkeep::secret seal(std::string_view plain) const { return plain; }
#else
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
#endif
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
};

struct sealed : tokenkeep::defaults {
    using sealer = my_sealer;
};

void keep() {
    tokenkeep::basic_file_store<sealed> store{"tokens.tkj"};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
