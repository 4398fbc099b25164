// SPDX-License-Identifier: MIT
// A sealer names its key.
// expect: tokenkeep: a sealer needs key_id() const, giving a std::string; see the concept sealer
#include <tokenkeep/file_store.hpp>

#include <optional>
#include <string>
#include <string_view>

struct my_sealer {
#ifndef MISTAKE
    std::string key_id() const { return "1"; }
#endif
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
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
