// SPDX-License-Identifier: MIT
//
// The smallest program that keeps a session. Its transport is a stand-in: replace what is between the two comments by
// your HTTP client.
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>

int main() {
    auto transport = [](const tokenkeep::http_request& request) {
        // Your HTTP client sends the method, the URL, the headers and the body, within the timeout.
        std::printf("%s %s\n", request.method.c_str(), request.url.c_str());
        for (const tokenkeep::http_header& header : request.headers) std::printf("  %s\n", header.name.c_str());
        std::printf("  %zu bytes, %lld ms\n", request.body.size(), static_cast<long long>(request.timeout.count()));
        // Then it gives the answer: the status, the headers and the body.
        return tokenkeep::http_response{
            .status = 200,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"access_token":"at-1","refresh_token":"rt-1","token_type":"Bearer","expires_in":3600})"};
    };
    tokenkeep::oauth2_provider provider{.token_endpoint = "https://auth.example/token",
                                        .client_id = "my-app",
                                        .client_secret = "from your configuration"};
    tokenkeep::file_store store{"tokens.tkj"};
    tokenkeep::keeper keep{store, transport, provider};

    // Once: the user has logged in, and your redirect page has received a code.
    keep.access_token({.user_name = "ada", .grant_token = "the-code", .redirect_url = "https://app.example/back"});

    // From then on: a token that is valid now, and a call that survives a 401.
    tokenkeep::secret access = keep.access_token({.user_name = "ada"});
    tokenkeep::http_response me = keep.send({.method = "GET", .url = "https://api.example/me"}, {.user_name = "ada"});
    std::printf("a token of %zu bytes, status %d\n", access.size(), me.status);
}
// prints:
// POST https://auth.example/token
//   Content-Type
//   Accept
//   144 bytes, 30000 ms
// GET https://api.example/me
//   Authorization
//   0 bytes, 30000 ms
// a token of 4 bytes, status 200
