// SPDX-License-Identifier: MIT
// needs: chromium, examples
// examples/login.cpp as its user sees it: the login page in a real browser, against a certified authorization server.
#include <tokenkeep/tokenkeep.hpp>

#include "real_server.hpp"
#include "support/catch.hpp"
#include "support/piped_process.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A user, who has a folder in which the program runs. There, xdg-open lets browser.mjs log in.
class user {
  public:
    explicit user(const std::string& button) {
        // If the environment names a file TOKENKEEP_TEST_PICTURE, it gets what the last page looks like.
        write_file(home_ / "xdg-open",
                   "#!/bin/sh\n" TOKENKEEP_TEST_OIDC "/node " TOKENKEEP_TEST_OIDC
                   "/browser.mjs " TOKENKEEP_TEST_CHROMIUM " \"$1\" 60 ada " +
                       button + " $TOKENKEEP_TEST_PICTURE >page.tmp && mv page.tmp page.json\n",
                   0700);
    }

    piped_process run(const real_server& server) const {
        return piped_process({"/bin/sh", "-c", "cd \"$0\" && PATH=$0:$PATH exec \"$@\" 2>&1", home_ / "",
                              TOKENKEEP_TEST_LOGIN, server.process.url(), "app-native", server.process.url() + "/me"});
    }

    /// What the browser shows at the end.
    json page() const {
        for (int tries = 0; tries < 600 && !exists(home_ / "page.json"); ++tries) std::this_thread::sleep_for(50ms);
        return json::parse(bytes_of(home_ / "page.json"));
    }

    void remove_browser() const { REQUIRE(std::remove((home_ / "xdg-open").c_str()) == 0); }

    std::vector<tokenkeep::token> rows() const { return tokenkeep::file_store{home_ / "login.tkj"}.get_tokens(); }

  private:
    temporary_directory home_{};
};

} // namespace

TEST_CASE("browser: a user logs in on the server's page, and the session lives on without the browser", "[oidc]") {
    const real_server server({"--access-token-seconds", "4", "--seconds", "120"});
    const user ada("Allow");
    {
        piped_process program = ada.run(server);
        CHECK(program.read_line(90s) == "Log in on the page that your browser shows.");
        CHECK(program.read_line(90s) == R"(200 {"user":"ada"})");
        const json page = ada.page();
        CHECK(page["status"] == 200);
        CHECK(page["text"] == "The program has the answer and goes on. You can close this window.");
    }
    const auto rows = ada.rows();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].user_name == "me");
    CHECK(server.is_alive(rows[0].refresh_token));
    CHECK(server.log()["successes_by_grant_type"] == json{{"authorization_code", 1}});

    std::this_thread::sleep_for(4200ms); // the access token has ended
    ada.remove_browser();
    piped_process program = ada.run(server);
    CHECK(program.read_line() == R"(200 {"user":"ada"})");
    const json log = server.log();
    CHECK(log["successes_by_grant_type"] == json{{"authorization_code", 1}, {"refresh_token", 1}});
    CHECK(log["resource_ok"] == 2);
    CHECK(log["resource_rejected"] == 0);
}

TEST_CASE("browser: a user who refuses is told so, by the page and by the program, and nothing is kept", "[oidc]") {
    const real_server server({"--access-token-seconds", "60", "--seconds", "120"});
    const user ada("Refuse");
    piped_process program = ada.run(server);
    std::set<std::string> lines;
    for (int n = 0; n < 2; ++n) lines.insert(program.read_line(90s));
    CHECK(lines ==
          std::set<std::string>{"Log in on the page that your browser shows.",
                                "tokenkeep: the server refuses the login: access_denied: reauthorization required"});
    CHECK_THROWS(program.read_line()); // it has ended
    const json page = ada.page();
    CHECK(page["status"] == 400);
    CHECK(page["text"] == "You are not logged in: the login was refused. The program says more. You can close this "
                          "window.");
    CHECK(ada.rows().empty());
    CHECK(server.log()["token_requests"] == 0);
}
