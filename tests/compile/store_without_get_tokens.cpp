// SPDX-License-Identifier: MIT
// A store has all of the six operations.
// expect: tokenkeep: a store needs get_tokens(), giving a range of token
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
#ifndef MISTAKE
    std::vector<tokenkeep::token> get_tokens();
#endif
    void delete_tokens();
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
