// SPDX-License-Identifier: MIT
#include <tokenkeep/tokenkeep.hpp>

int main() {
    tokenkeep::memory_store store;
    store.save_token({.user_name = "ada", .access_token = "an access token"});
    return store.find_token({.user_name = "ada"}) ? 0 : 1;
}
