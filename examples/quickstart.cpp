// SPDX-License-Identifier: MIT
//
// One login that lives on: a session is stored in a file, its access token expires and is refreshed, and the next run
// of the program finds it again. The authorization server here is a stand-in within this process, which keeps its own
// state in a file, as a real one would. To reach a real one, replace `transport` by yours (transports/ has some).
//
//   c++ -std=c++20 -I single_include examples/quickstart.cpp -o quickstart && ./quickstart
//   ./quickstart            again: the stored session is used, nobody logs in
//   ./quickstart --revoke   the session is ended on both sides
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>
#include <thread>

int run(bool revoke) {
    using namespace std::chrono_literals;

    // The other side: it issues access tokens that live two seconds, and takes each refresh token once.
    const tokenkeep::text_file server_file{"quickstart-server.json"};
    tokenkeep::testing::fake_server server{{.token_life = 2s}};
    if (const auto state = server_file.load()) server.load_state(state->reveal());
    const auto transport = [&](const tokenkeep::http_request& request) {
        tokenkeep::http_response response = server(request);
        server_file.save(server.save_state().reveal());
        return response;
    };

    // Our side: where tokens are kept, what carries requests, whom they go to.
    tokenkeep::file_store store{"quickstart-tokens.tkj"};
    tokenkeep::keeper keep{store, transport, server.provider()};
    const auto call_api = [&] {
        return keep.send({.method = "GET", .url = server.resource()}, {.user_name = "ada"}).status;
    };

    if (revoke) {
        keep.revoke({.user_name = "ada"});
        std::puts("The session is ended: the server has forgotten it, and so has the token file.");
        return 0;
    }

    if (store.find_token({.user_name = "ada"})) {
        std::puts("Found Ada's session in the token file; she need not log in.");
    } else {
        std::puts("No session yet: Ada logs in, and the grant token she brings is exchanged.");
        keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    }
    std::printf("First API call: status %d.\n", call_api());
    std::puts("Waiting until the access token has expired ...");
    std::this_thread::sleep_for(2100ms);
    std::printf("Second API call: status %d.\n", call_api());

    const auto log = server.log();
    std::printf(
        "The server's log of this run: %u login(s), %u refresh(es), %u refused, %u API call(s), %u of them refused.\n",
        log.logins, log.refreshes, log.refused, log.calls + log.calls_refused, log.calls_refused);
    return 0;
}

int main(int argc, char** argv) {
    try {
        return run(argc > 1 && std::string_view(argv[1]) == "--revoke");
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
