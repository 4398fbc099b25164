// SPDX-License-Identifier: MIT
// A URL tells the stores apart.
// expect: tokenkeep: two of the stores have the same scheme
#include <tokenkeep/any_store.hpp>
#include <tokenkeep/basic_store.hpp>

#include <string_view>

tokenkeep::any_store opened(std::string_view url) {
#ifdef MISTAKE
    return tokenkeep::open_store<tokenkeep::memory_store, tokenkeep::map_store>(url);
#else
    return tokenkeep::open_store<tokenkeep::memory_store>(url);
#endif
}
