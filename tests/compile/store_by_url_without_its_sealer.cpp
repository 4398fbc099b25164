// SPDX-License-Identifier: MIT
// A URL cannot name a key.
// expect: tokenkeep: a store that a URL opens needs a constructor that takes what follows the scheme as a std::string, or from_url; see open_store
#include <tokenkeep/any_store.hpp>
#include <tokenkeep/file_store.hpp>

#include <optional>
#include <string>
#include <string_view>

struct my_sealer {
#ifdef MISTAKE
    explicit my_sealer(const tokenkeep::secret& key);
#endif
    std::string key_id() const { return "1"; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
};

struct sealed : tokenkeep::defaults {
    using sealer = my_sealer;
};

tokenkeep::any_store opened(std::string_view url) {
    return tokenkeep::open_store<tokenkeep::basic_file_store<sealed>>(url);
}
