// SPDX-License-Identifier: MIT
// A file that Zoho's SDKs read cannot be sealed.
// expect: tokenkeep: other programs read the documents of this codec, and cannot open sealed ones: take a policy without a sealer, or json_codec; see the concept document_codec
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/zoho/csv.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include <optional>
#include <string>
#include <string_view>

struct my_sealer {
    std::string key_id() const { return "1"; }
    tokenkeep::secret seal(std::string_view plain, std::string_view) const { return plain; }
    std::optional<tokenkeep::secret> open(std::string_view, std::string_view, std::string_view) const {
        return std::nullopt;
    }
};

struct ours : tokenkeep::zoho::policy {
#ifdef MISTAKE
    using sealer = my_sealer;
#endif
};

void keep() {
    tokenkeep::basic_document_store<tokenkeep::text_file, tokenkeep::zoho::csv, ours> store{"tokens.csv"};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
