// SPDX-License-Identifier: MIT
// A found token is a value of its own, or none.
// expect: tokenkeep: a store needs find_token(const token&), giving exactly std::optional<token>
#include <tokenkeep/store.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct my_store {
#ifdef MISTAKE
    const tokenkeep::token* find_token(const tokenkeep::token& probe);
#else
    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe);
#endif
    void save_token(const tokenkeep::token& record);
    void delete_token(const std::string& id);
    std::vector<tokenkeep::token> get_tokens();
    void delete_tokens();
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
