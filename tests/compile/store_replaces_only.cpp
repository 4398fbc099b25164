// SPDX-License-Identifier: MIT
// A store that compares does both.
// expect: tokenkeep: a store that compares needs bool remove_token(const token& expected)
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
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
    bool replace_token(const tokenkeep::token& expected, const tokenkeep::token& record);
#ifndef MISTAKE
    bool remove_token(const tokenkeep::token& expected);
#endif
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
