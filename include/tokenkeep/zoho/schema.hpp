// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_SCHEMA_HPP
#define TOKENKEEP_ZOHO_SCHEMA_HPP

#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_schema.hpp>
#include <tokenkeep/zoho/numeric_id.hpp>
#include <tokenkeep/zoho/rules.hpp>

#include <cstddef>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace zoho {

/// The policy of stores that share tokens with Zoho's SDKs: their matching rules, ids that they can read, and, in a
/// database, their table `oauthtoken` of ten columns:
///   sql_store<sqlite_connection, zoho::policy> store{"zohooauth.db"};
///   sql_store<mysql_connection, zoho::policy> store{mysql_parameters{"localhost", "zohooauth", "oauthtoken", "root"}};
///
/// The ten columns are the first ten fields of the record; the others are not kept, the marker of a refresh among them:
/// it is spent blindly after a crash. What is longer than a column (255 characters) is errc::invalid_record, and nothing
/// is written. Beside it there is a table `tokenkeep_schema`, on which the writers that use this library take turns; the
/// SDKs do not know it.
struct policy : defaults {
    using rules = zoho::rules;
    using ids = zoho::numeric_id;
    struct schema {
        static constexpr std::string_view table = "oauthtoken";
        static constexpr std::size_t columns = 10;
        static constexpr std::size_t longest(std::string_view column) {
            return column == "id" ? 10 : column == "expiry_time" ? 20 : 255;
        }
    };
};

}}} // namespace tokenkeep::v0::zoho

#endif
