// SPDX-License-Identifier: MIT
// A deadline is a point in time.
// expect: tokenkeep: lock_token must take (const std::string& key, steady_clock::time_point deadline)
#include <tokenkeep/store.hpp>

#include <chrono>
#include <memory>
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
#ifdef MISTAKE
    std::unique_ptr<int> lock_token(const std::string& key, std::chrono::seconds wait);
#else
    std::unique_ptr<int> lock_token(const std::string& key, std::chrono::steady_clock::time_point deadline);
#endif
};

static_assert(tokenkeep::detail::explain_token_store<my_store>());
