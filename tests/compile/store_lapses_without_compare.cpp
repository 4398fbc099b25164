// SPDX-License-Identifier: MIT
// A store whose lock may lapse compares.
// expect: tokenkeep: a store whose lock may lapse needs bool replace_token(const token& expected
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
    static constexpr bool lock_may_lapse = true;
#ifndef MISTAKE
    bool replace_token(const tokenkeep::token& expected, const tokenkeep::token& record);
    bool remove_token(const tokenkeep::token& expected);
#endif
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
