// SPDX-License-Identifier: MIT
// A store has all six operations.
// expect: tokenkeep: a store needs find_token(const token&), giving exactly std::optional<token>
#include <tokenkeep/tokenkeep.hpp>

struct my_store {
#ifdef MISTAKE
    std::optional<tokenkeep::token> find_tokn(const tokenkeep::token&);
#else
    std::optional<tokenkeep::token> find_token(const tokenkeep::token&);
#endif
    void save_token(const tokenkeep::token&);
    void delete_token(const std::string&);
    std::vector<tokenkeep::token> get_tokens();
    void delete_tokens();
    std::optional<tokenkeep::token> find_token_by_id(const std::string&);
};

void keep(my_store& store) {
    auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{}};
    (void)keep.access_token({.user_name = "ada"});
    (void)keep.session({.user_name = "ada"}).access_token();
}
