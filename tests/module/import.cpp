// SPDX-License-Identifier: MIT
// A program that imports the library.
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>

import tokenkeep;

using namespace tokenkeep;

namespace {

struct ours : defaults {
    using mutex = null_mutex;
};
static_assert(token_store<basic_file_store<ours>> && locking_store<file_store> && comparing_store<memory_store>);
static_assert(library_version.major_number >= 0);

/// Whether what is found by argument-dependent look-up only is there too.
bool compares() { return secret("a") == secret("a") && std::error_code(errc::ambiguous) == errc::ambiguous; }

} // namespace

int main() {
    const auto transport = [](const http_request&) {
        return http_response{.status = 200,
                             .body = R"({"access_token":"at-1","refresh_token":"rt-1","expires_in":3600})"};
    };
    const oauth2_provider provider{.token_endpoint = "https://auth.example/token", .client_id = "app"};
    basic_file_store<ours> store{"tokens.tkj"};
    keeper keep{store, transport, provider};
    const secret access = keep.access_token({.user_name = "ada", .grant_token = "code"});
    const std::optional<token> row = store.find_token({.user_name = "ada"});
    const bool is_parsed = text::parse_url("https://a.example:8443/token")->port == "8443";
    const bool is_region = zoho::find_data_center("https://www.zohoapis.jp", zoho::eu) == zoho::jp;
    try {
        keep.access_token({.user_name = "bob"});
    } catch (const error& failure) {
        std::printf("%s %d\n", describe(failure).c_str(), failure.code() == errc::token_not_found);
    }
    return compares() && is_parsed && is_region && row && row->access_token == access ? 0 : 1;
}
