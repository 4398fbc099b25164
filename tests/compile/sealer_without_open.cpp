// SPDX-License-Identifier: MIT
// A sealer opens what it has sealed, and is told by which key.
// expect: tokenkeep: a sealer needs optional<secret> open(string_view sealed, string_view associated, string_view key_id) const; see the concept sealer
#include <tokenkeep/file_store.hpp>

#include <optional>
#include <string>
#include <string_view>

struct my_sealer {
    std::string key_id() const { return "1"; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
#ifdef MISTAKE
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view) const { return std::nullopt; }
#else
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
#endif
};

struct sealed : tokenkeep::defaults {
    using sealer = my_sealer;
};

void keep() {
    tokenkeep::basic_file_store<sealed> store{"tokens.tkj"};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
