// SPDX-License-Identifier: MIT
// needs: chromium, examples, CLI11
// examples/login.cpp and the command line as their user sees them: the login page in a real browser, against a
// certified authorization server.
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
#include <utility>
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

    /// Runs examples/login.cpp.
    piped_process run(const real_server& server) const {
        return run({TOKENKEEP_TEST_LOGIN, server.process.url(), "app-native", server.process.url() + "/me"});
    }
    /// Runs the command line.
    piped_process run_tool(const real_server& server, std::vector<std::string> words) const {
        words.insert(words.begin(), TOKENKEEP_TEST_TOOL);
        for (const std::string& each :
             {std::string("--store"), std::string("file:login.tkj"), std::string("--user"), std::string("me"),
              std::string("--issuer"), server.process.url(), std::string("--client-id"), std::string("app-native")})
            words.push_back(each);
        return run(std::move(words));
    }

    /// What the browser shows at the end.
    json page() const {
        for (int tries = 0; tries < 600 && !exists(home_ / "page.json"); ++tries) std::this_thread::sleep_for(50ms);
        return json::parse(bytes_of(home_ / "page.json"));
    }

    void remove_browser() const { REQUIRE(std::remove((home_ / "xdg-open").c_str()) == 0); }

    std::vector<tokenkeep::token> rows() const { return tokenkeep::file_store{home_ / "login.tkj"}.get_tokens(); }

  private:
    piped_process run(std::vector<std::string> words) const {
        std::vector<std::string> all{"/bin/sh", "-c", "cd \"$0\" && PATH=$0:$PATH \"$@\" 2>&1; echo \" ($?)\"",
                                     home_ / ""};
        all.insert(all.end(), words.begin(), words.end());
        return piped_process(std::move(all));
    }

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
    CHECK(program.read_line() == " (1)");
    const json page = ada.page();
    CHECK(page["status"] == 400);
    CHECK(page["text"] == "You are not logged in: the login was refused. The program says more. You can close this "
                          "window.");
    CHECK(ada.rows().empty());
    CHECK(server.log()["token_requests"] == 0);
}

TEST_CASE("browser: tokenkeep login, and then tokenkeep call, after expiry too", "[oidc]") {
    const real_server server({"--access-token-seconds", "4", "--seconds", "120"});
    const user ada("Allow");
    const std::string me = server.process.url() + "/me";
    {
        piped_process login =
            ada.run_tool(server, {"login", "--scope", "openid offline_access", "--login-parameter", "prompt=consent"});
        CHECK(login.read_line(90s) == "Log in on the page that the browser shows.");
        CHECK(login.read_line(90s).starts_with("me: the access token ends in "));
        CHECK(login.read_line() == " (0)");
        const json page = ada.page();
        CHECK(page["status"] == 200);
        CHECK(page["text"] == "The program has the answer and goes on. You can close this window.");
    }
    ada.remove_browser();
    const auto rows = ada.rows();
    REQUIRE(rows.size() == 1);
    CHECK(server.is_alive(rows[0].refresh_token));
    CHECK(ada.run_tool(server, {"call", me}).read_line() == R"({"user":"ada"} (0))");
    std::this_thread::sleep_for(4200ms); // the access token has ended
    CHECK(ada.run_tool(server, {"call", me}).read_line() == R"({"user":"ada"} (0))");
    const json log = server.log();
    CHECK(log["successes_by_grant_type"] == json{{"authorization_code", 1}, {"refresh_token", 1}});
    CHECK(log["resource_ok"] == 2);
    CHECK(log["resource_rejected"] == 0);
}

TEST_CASE("browser: a user who refuses is told so by tokenkeep login, and nothing is kept", "[oidc]") {
    const real_server server({"--access-token-seconds", "60", "--seconds", "120"});
    const user ada("Refuse");
    piped_process login =
        ada.run_tool(server, {"login", "--scope", "openid offline_access", "--login-parameter", "prompt=consent"});
    CHECK(login.read_line(90s) == "Log in on the page that the browser shows.");
    CHECK(login.read_line(90s).find("the server refuses the login: access_denied") != std::string::npos);
    CHECK(login.read_line().starts_with(" ("));
    CHECK(ada.page()["status"] == 400);
    CHECK(ada.rows().empty());
    CHECK(server.log()["token_requests"] == 0);
}
