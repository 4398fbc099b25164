// SPDX-License-Identifier: MIT
// A store has all of the six operations.
// expect: tokenkeep: a store needs save_token(const token&)
#include <tokenkeep/store.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct my_store {
    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe);
#ifndef MISTAKE
    void save_token(const tokenkeep::token& record);
#endif
    void delete_token(const std::string& id);
    std::vector<tokenkeep::token> get_tokens();
    void delete_tokens();
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
