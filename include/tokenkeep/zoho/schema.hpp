// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_SCHEMA_HPP
#define TOKENKEEP_ZOHO_SCHEMA_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_schema.hpp>
#include <tokenkeep/zoho/numeric_id.hpp>
#include <tokenkeep/zoho/rules.hpp>

#include <cstddef>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// The policy of stores that share tokens with Zoho's SDKs: the SDKs' matching rules, ids that the SDKs can read, and,
/// in a database, the SDKs' table `oauthtoken`.
///   sql_store<sqlite_connection, zoho::policy> store{"zohooauth.db"};
///   sql_store<mysql_connection, zoho::policy> store{mysql_parameters{"localhost", "zohooauth", "oauthtoken", "root"}};
///   basic_document_store<text_file, zoho::csv, zoho::policy> store{"tokens.csv"};   // see zoho::csv
///
/// Promised:
///   - Each side reads the rows that the other saved. The ten columns are the first ten fields of the record.
///   - An id is nine digits, so that the SDKs, which count on from the largest id, can go on counting.
///   - A value that is longer than its column (255 characters) is refused and nothing is written.
///   - Programs that use this library take turns, by the table `tokenkeep_schema`, which the SDKs do not know.
///
/// Not promised:
///   - Other fields are not stored, and the marker of a refresh is one of them. If a program crashes during a refresh,
///     the next one sends the refresh token again without knowing whether it was used.
///   - The SDKs take no locks. While one of them runs, its saves and yours can overwrite each other, and both programs
///     can send the same refresh token.
///   - The table is not encrypted, because the SDKs could not read it. A policy with a sealer does not compile.
///   - The SDKs' sample for SQLite makes a file that others can read, which the store refuses: run `chmod 600` on it.
///
///   errc           | when                                             | what to do
///   ---------------|--------------------------------------------------|---------------------------------------------
///   invalid_record | a value is longer than its column                | store such tokens in a table of the library's
///   permissions    | others can read or change the SQLite file        | chmod 600 zohooauth.db
///   ambiguous      | the SDKs have saved two rows for one user        | delete one of them
struct policy : defaults {
    using rules = zoho::rules;
    using ids = zoho::numeric_id;
    struct schema {
        static constexpr std::string_view table = "oauthtoken";
        static constexpr std::size_t columns = 10;
        static constexpr bool refuses_sealer = true; ///< The SDKs read the table; see sql_schema.
        static constexpr std::size_t longest(std::string_view column) {
            return column == "id" ? 10 : column == "expiry_time" ? 20 : 255;
        }
    };
};

}}} // namespace tokenkeep::v1::zoho

#endif
