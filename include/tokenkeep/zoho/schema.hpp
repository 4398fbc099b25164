// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_SCHEMA_HPP
#define TOKENKEEP_ZOHO_SCHEMA_HPP

#include <tokenkeep/detail/os.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_schema.hpp>
#include <tokenkeep/zoho/rules.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tokenkeep::inline v0 {

namespace zoho {

/// Makes ids as Zoho's SDKs can read them: nine random digits, of which the first is 1 to 8.
///
/// Decision: the SDKs take the highest id plus one for the next, and compare ids as text. Among ids of equal length that
/// is the highest number, and none is 999999999. Lost: counting on as they do, which gives the id of a deleted row again.
struct numeric_id {
    std::string operator()() const {
        std::uint32_t number = 0;
        do detail::random_bytes(&number, sizeof number);
        while (number >= 4'000'000'000u); // a multiple of 800,000,000, so that every id is as likely
        return std::to_string(100'000'000u + number % 800'000'000u);
    }
};

} // namespace zoho

/// The policy of stores that share tokens with Zoho's SDKs: their matching rules, ids that they can read, and, in a
/// database, their table `oauthtoken` of ten columns:
///   sql_store<sqlite_connection, zoho_schema> store{"zohooauth.db"};
///   sql_store<mysql_connection, zoho_schema> store{mysql_parameters{"localhost", "zohooauth", "oauthtoken", "root"}};
///
/// The ten columns are the first ten fields of the record; the others are not kept, the marker of a renewal among them:
/// it is spent blindly after a crash. What is longer than a column (255 characters) is errc::invalid_record, and nothing
/// is written. Beside it there is a table `tokenkeep_schema`, on which the writers that use this library take turns; the
/// SDKs do not know it.
struct zoho_schema : defaults {
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

} // namespace tokenkeep::inline v0

#endif
