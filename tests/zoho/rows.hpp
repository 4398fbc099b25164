// SPDX-License-Identifier: MIT
// Rows of a store that Zoho's SDKs may have written.
#ifndef TOKENKEEP_TESTS_ZOHO_ROWS_HPP
#define TOKENKEEP_TESTS_ZOHO_ROWS_HPP

#include <tokenkeep/token.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace zoho_rows {

using tokenkeep::token;

inline const std::string header =
    "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,"
    "redirect_url,api_domain";

inline const token ada{.user_name = "ada@example.com",
                       .client_id = "1000.C",
                       .client_secret = "s3",
                       .refresh_token = "1000.r.1",
                       .access_token = "1000.a.1",
                       .grant_token = "1000.g.1",
                       .redirect_url = "https://x.example/cb",
                       .api_domain = "https://www.zohoapis.eu",
                       .expires_at = tokenkeep::timestamp{std::chrono::milliseconds{1'700'000'000'000}}};
inline const token bob{.user_name = "bob", .access_token = "1000.a.2"};
inline const token nobody{.client_id = "1000.C", .client_secret = "s3", .refresh_token = "1000.r.3"};

inline token with_id(token row, const std::string& id) {
    row.id = id;
    return row;
}

/// Names that both dialects of the file can hold.
inline const std::vector<std::string> plain_names{"ada",
                                                  "O'Brien",
                                                  " lead and trail ",
                                                  "\xf0\x9f\x94\x91 \xc3\xa9",
                                                  "id",
                                                  "user_name",
                                                  "null",
                                                  "undefined",
                                                  "a;b",
                                                  "CORP\\ada",
                                                  "=1+1",
                                                  std::string(65'536, 'x'),
                                                  "\ttab",
                                                  "\xe2\x80\xa8",
                                                  "\xef\xbb\xbf"};

} // namespace zoho_rows

#endif
