// SPDX-License-Identifier: MIT
// A store that locks must also lock for calls with a deadline.
// expect: tokenkeep: until must take a steady_clock::time_point and give a store that locks and compares as this store does
#include <tokenkeep/store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct plain_store {
    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe);
    void save_token(const tokenkeep::token& record);
    void delete_token(const std::string& id);
    std::vector<tokenkeep::token> get_tokens();
    void delete_tokens();
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id);
};

struct my_store : plain_store {
    std::unique_ptr<int> lock_token(const std::string& key, std::chrono::steady_clock::time_point deadline);
#ifdef MISTAKE
    plain_store until(std::chrono::steady_clock::time_point end);
#else
    my_store until(std::chrono::steady_clock::time_point end);
#endif
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
