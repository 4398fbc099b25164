// SPDX-License-Identifier: MIT
// A table that Zoho's SDKs read cannot be sealed.
// expect: tokenkeep: other programs read the tables of this schema, and cannot open sealed rows: take a policy without a sealer, or another schema; see the struct sql_schema
#include "whole_connection.hpp"

#include <tokenkeep/zoho/schema.hpp>

#include <vector>

struct my_sealer {
    std::string key_id() const { return "1"; }
    std::vector<std::string> key_ids() const { return {"1"}; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
    std::string fingerprint(std::string_view, std::string_view) const { return std::string(32, '0'); }
};

struct ours : tokenkeep::zoho::policy {
    using sealer = my_sealer;
#ifndef MISTAKE
    using schema = tokenkeep::sql_schema;
#endif
};

void keep() {
    tokenkeep::sql_store<whole_connection<>, ours> store{whole_connection<>(), my_sealer()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
