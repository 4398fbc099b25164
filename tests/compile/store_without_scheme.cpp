// SPDX-License-Identifier: MIT
// A URL names its store by a scheme.
// expect: tokenkeep: a store that a URL opens needs a name for its scheme
#include <tokenkeep/any_store.hpp>
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/document_store.hpp>

#include <optional>
#include <string>
#include <string_view>

struct note {
#ifndef MISTAKE
    static constexpr std::string_view scheme = "note";
#endif
    explicit note(std::string place);
    std::optional<std::string> load();
    void save(std::string_view bytes);
};

tokenkeep::any_store opened(std::string_view url) {
    return tokenkeep::open_store<tokenkeep::json_file_store, tokenkeep::basic_document_store<note>>(url);
}
