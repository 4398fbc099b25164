// SPDX-License-Identifier: MIT
#include "store.hpp"

#include "stores.hpp" // made by CMake: open_known_store, of the databases that are there

#include <optional>
#include <utility>
#include <vector>

namespace cli {

any_store open(const std::string& url) {
    if (url.empty()) throw usage_error("say which store: --store URL, or TOKENKEEP_STORE in the environment");
    return open_known_store(url);
}

bool names_login(const command& given) {
    return !given.who.user_name.empty() || !given.who.id.empty() || !given.who.label.empty();
}

token probe_of(const command& given, any_store& store) {
    if (!given.who.id.empty()) return {.id = given.who.id};
    if (!given.who.user_name.empty() || given.server.client_credentials) return given.who;
    std::optional<token> only;
    for (const token& row : store.get_tokens()) {
        if (!given.who.label.empty() && row.label != given.who.label) continue;
        if (only) throw error(errc::ambiguous, "tokenkeep: the store has several logins; say which: --user or --id");
        only = row;
    }
    if (!only) throw error(errc::token_not_found, "tokenkeep: the store has no such login; see tokenkeep help login");
    return {.id = only->id};
}

token row_of(const command& given, any_store& store) {
    const token probe = probe_of(given, store);
    std::optional<token> row = probe.id.empty() ? store.find_token(probe) : store.find_token_by_id(probe.id);
    if (!row) throw error(errc::token_not_found, "tokenkeep: the store has no such login; see tokenkeep ls");
    return *std::move(row);
}

} // namespace cli
