// SPDX-License-Identifier: MIT
//
// Four processes share one session. The process that finds the access token due refreshes it, once, and all processes
// go on with the new one. The server accepts each refresh token once. If two processes sent the same one, it would end
// the session.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

int main() {
    std::string here = std::filesystem::temp_directory_path() / "tokenkeep-XXXXXX";
    if (::mkdtemp(here.data()) == nullptr) return 1;
    tokenkeep::testing::fake_server server{{.token_life = 1s}};
    const tokenkeep::text_file server_file{here + "/server.json"}; // keeps the server's state between requests
    const auto transport = [&](const tokenkeep::http_request& request) {
        const auto alone = server_file.lock("server", std::chrono::steady_clock::now() + 10s);
        if (const auto state = server_file.load()) server.load_state(state->reveal());
        tokenkeep::http_response response = server(request);
        server_file.save(server.save_state().reveal());
        return response;
    };
    tokenkeep::file_store store{here + "/tokens.tkj"};
    const tokenkeep::token ada{.user_name = "ada"};
    tokenkeep::keeper{store, transport, server.provider()}.access_token(
        {.user_name = "ada", .grant_token = server.grant("ada")});

    for (int process = 1; process <= 4; ++process) {
        if (::fork() != 0) continue;
        int answered = 0, refreshed = 0, adopted = 0;
        const auto count = [&](const tokenkeep::event& e) {
            refreshed += e.kind == tokenkeep::event_kind::saved;
            adopted += e.kind == tokenkeep::event_kind::adopted;
        };
        tokenkeep::keeper keep{store, transport, server.provider(), {}, count};
        for (int call = 0; call < 40; ++call, std::this_thread::sleep_for(100ms))
            answered += keep.send({.method = "GET", .url = server.resource()}, ada).status == 200;
        std::printf("A process made 40 calls, %d answered; refreshed the token %d times, took over %d times.\n",
                    answered, refreshed, adopted);
        std::exit(0);
    }
    while (::wait(nullptr) > 0) {
    }
    const auto last = store.find_token(ada)->refresh_token;
    server.load_state(server_file.load()->reveal());
    std::printf("The session %s.\n", server.is_live(last) ? "lives" : "has ended");
    std::filesystem::remove_all(here);
}

// prints:
// A process made 40 calls, 40 answered; refreshed the token ... times, took over ... times.
// A process made 40 calls, 40 answered; refreshed the token ... times, took over ... times.
// A process made 40 calls, 40 answered; refreshed the token ... times, took over ... times.
// A process made 40 calls, 40 answered; refreshed the token ... times, took over ... times.
// The session lives.
