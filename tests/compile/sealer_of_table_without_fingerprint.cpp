// SPDX-License-Identifier: MIT
// A table finds sealed rows by fingerprints.
// expect: tokenkeep: the sealer of a table needs std::string fingerprint(string_view text, string_view key_id) const; see the concept fingerprinting_sealer
#include "whole_connection.hpp"

#include <vector>

struct my_sealer {
    std::string key_id() const { return "1"; }
    std::vector<std::string> key_ids() const { return {"1"}; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
#ifndef MISTAKE
    std::string fingerprint(std::string_view, std::string_view) const { return std::string(32, '0'); }
#endif
};

struct sealed : tokenkeep::defaults {
    using sealer = my_sealer;
};

void keep() {
    tokenkeep::sql_store<whole_connection<>, sealed> store{whole_connection<>(), my_sealer()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
