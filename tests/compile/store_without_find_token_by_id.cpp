// SPDX-License-Identifier: MIT
// A store has all of the six operations.
// expect: tokenkeep: a store needs find_token_by_id(const std::string&), giving exactly std::optional<token>
#include <tokenkeep/store.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct my_store {
    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe);
    void save_token(const tokenkeep::token& record);
    void delete_token(const std::string& id);
    std::vector<tokenkeep::token> get_tokens();
    void delete_tokens();
#ifndef MISTAKE
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
#endif
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
