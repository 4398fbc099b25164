// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_NUMERIC_ID_HPP
#define TOKENKEEP_ZOHO_NUMERIC_ID_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/os/os.hpp>

#include <cstdint>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// Makes the id of a new row, for stores that are shared with Zoho's SDKs: nine random digits, of which the first is 1
/// to 8. All ids have the same length because some SDKs take the largest id by its text and count on from it; some SDKs
/// fail on an id that is not a number.
///   std::string id = zoho::numeric_id{}();   // "384150027"
struct numeric_id {
    std::string operator()() const {
        std::uint64_t random = 0;
        detail::random_bytes(&random, sizeof random);
        return std::to_string(100'000'000 + random % 800'000'000);
    }
};

}}} // namespace tokenkeep::v1::zoho

#endif
