// SPDX-License-Identifier: MIT
// The sealer of a table gives fingerprints.
// expect: tokenkeep: the sealer of a table needs std::string fingerprint(string_view text, string_view key_id) const; see the concept fingerprinting_sealer
#include <tokenkeep/sealer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct my_sealer {
    std::string key_id() const { return "1"; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
    std::vector<std::string> key_ids() const { return {"1"}; }
#ifndef MISTAKE
    std::string fingerprint(std::string_view, std::string_view) const { return std::string(32, 'f'); }
#endif
};
static_assert(tokenkeep::detail::explain_fingerprinting_sealer<my_sealer>());
