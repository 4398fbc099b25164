// SPDX-License-Identifier: MIT
//
// All tokens in a secret of a cloud, shared by machines. Here it is Google's; the others in documents/ are used in the
// same way. The credential for the cloud is a token that a keeper keeps, like those of the users.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "documents/google.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;

/// Takes the place of Google's Secret Manager: as much as this program needs. A program of your own has the transport
/// that it uses for everything else.
struct cloud {
    struct secret {
        int changes = 1;
        std::string aliases = "{}";
        std::vector<std::string> versions{};
        std::string described() const {
            return R"({"etag":")" + std::to_string(changes) + R"(","versionAliases":)" + aliases + "}";
        }
    };

    tokenkeep::http_response operator()(const tokenkeep::http_request& request) {
        const auto bearer = tokenkeep::find_header(request.headers, "Authorization");
        const auto who = authorization({.method = "GET",
                                        .url = "https://auth.example.test/me",
                                        .headers = {{"Authorization", std::string(bearer)}}});
        if (who.status != 200) return {.status = 401, .body = "{}"};
        const std::string path = request.url.substr(request.url.find("/secrets") + 8);
        const auto body = tokenkeep::text::parse_json(request.body).value;
        if (path.starts_with("?secretId=")) return {.status = 200, .body = secrets[path.substr(10)].described()};
        const auto found = secrets.find(path.substr(1, path.find_first_of("/:?", 1) - 1));
        if (found == secrets.end()) return {.status = 404, .body = "{}"};
        auto& [changes, aliases, versions] = found->second;
        if (path.ends_with(":addVersion")) {
            versions.push_back(body.find("payload")->find("data")->text());
            return {.status = 200, .body = R"({"name":"/)" + std::to_string(versions.size()) + "\"}"};
        }
        if (request.method == "PATCH") {
            if (!body.find("etag")->is_text(std::to_string(changes)))
                return {.status = 400, .body = R"({"error":{"status":"FAILED_PRECONDITION"}})"};
            ++changes;
            aliases = body.find("versionAliases")->raw();
        }
        if (!path.ends_with(":access")) return {.status = 200, .body = found->second.described()};
        const std::size_t number = std::stoul(path.substr(path.rfind('/') + 1));
        return {.status = 200, .body = R"({"payload":{"data":")" + versions.at(number - 1) + "\"}}"};
    }

    tokenkeep::testing::fake_server& authorization;
    std::map<std::string, secret> secrets{};
};

int main() {
    tokenkeep::testing::virtual_clock clock;
    tokenkeep::testing::fake_server server{{.token_life = 1h}, clock};
    cloud google{server};

    // The program's own session with the cloud: logged in once, and refreshed by a keeper when it is due.
    tokenkeep::memory_store own; // yours is a file_store
    tokenkeep::keeper keep_own{own, server, server.provider(), {}, tokenkeep::ignore_events{}, clock};
    keep_own.access_token({.user_name = "this program", .grant_token = server.grant("this program")});
    const auto credential = [&] { return keep_own.access_token({.user_name = "this program"}); };

    // The users' tokens, all in one secret, on two machines.
    const google_secret place{.project = "my-project", .name = "user-tokens"};
    tokenkeep::basic_document_store here{google_document(std::ref(google), credential, place)};
    tokenkeep::basic_document_store there{google_document(std::ref(google), credential, place)};
    tokenkeep::keeper keep{here, server, server.provider(), {}, tokenkeep::ignore_events{}, clock};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    std::printf("the other machine sees ada: %s\n", there.find_token({.user_name = "ada"}) ? "yes" : "no");

    clock.advance(2h); // the credential and ada's token have ended
    const tokenkeep::secret fresh = keep.access_token({.user_name = "ada"});
    std::printf("both were refreshed: %s\n", server.log().refreshes == 2 ? "yes" : "no");
    std::printf("the other machine has ada's new token: %s\n",
                there.find_token({.user_name = "ada"})->access_token == fresh ? "yes" : "no");

    // Or each user in a secret of their own: for many users, or if a service limits the size or the number of changes.
    const auto store_of = [&](const std::string& user) {
        return tokenkeep::basic_document_store{google_document(
            std::ref(google), credential, google_secret{.project = "my-project", .name = "of-" + user})};
    };
    for (const char* user : {"bob", "eve"}) {
        auto store = store_of(user);
        tokenkeep::keeper{store, server, server.provider(), {}, tokenkeep::ignore_events{}, clock}.access_token(
            {.user_name = user, .grant_token = server.grant(user)});
    }
    std::printf("bob's secret has %zu row, and the cloud %zu secrets\n", store_of("bob").get_tokens().size(),
                google.secrets.size());

    // What does not fit is noticed before the refresh token is sent.
    here.save_token({.user_name = "a long story", .access_token = std::string(61'000, 'x')});
    clock.advance(2h);
    try {
        keep.access_token({.user_name = "ada"});
    } catch (const tokenkeep::error& failure) {
        std::printf("%s\n", tokenkeep::describe(failure).c_str());
    }
}
// prints:
// the other machine sees ada: yes
// both were refreshed: yes
// the other machine has ada's new token: yes
// bob's secret has 1 row, and the cloud 3 secrets
// tokenkeep: the spend marker could not be saved; nothing was sent: ... must keep 4096 free for new tokens...
