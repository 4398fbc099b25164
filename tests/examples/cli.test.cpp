// SPDX-License-Identifier: MIT
// needs: CURL, CLI11, SQLite, nlohmann_json
// The command line of examples/cli, as a black box.
#include "examples/tool.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;
using tokenkeep::errc, tokenkeep::token;

namespace {

constexpr int code_of_errc(errc code) { return 10 + static_cast<int>(code); }

/// A server, a store, and calls of the program that know both.
struct world {
    explicit world(tokenkeep::testing::fake_server_options options = {}) : server(std::move(options)) {}

    temporary_directory folder{};
    served server;
    std::string store = "file:" + (folder / "tokens.tkj");
    std::vector<std::string> environment{"TOKENKEEP_STORE=" + store, "TOKENKEEP_ISSUER=" + server.url(),
                                         "TOKENKEEP_CLIENT_ID=app", "TOKENKEEP_CLIENT_SECRET=app-secret"};

    tool_call call(std::vector<std::string> words, std::string input = "") const {
        return {std::move(words), environment, std::move(input)};
    }
    finished run(std::vector<std::string> words, std::string input = "") const {
        return run_tool(call(std::move(words), std::move(input)));
    }
    json run_json(std::vector<std::string> words) const {
        words.emplace_back("--json");
        const finished done = run(words);
        INFO(done.err);
        REQUIRE(done.code == 0);
        return json::parse(done.out);
    }
    void log_in(const std::string& user) {
        const finished done =
            run({"login", "--user", user, "--grant", "-"}, std::string(server.fake.grant(user).reveal()) + "\n");
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
    tokenkeep::file_store opened() const { return tokenkeep::file_store(folder / "tokens.tkj"); }
    token row(const std::string& user) const { return opened().find_token({.user_name = user}).value(); }
    void change(const std::string& user, auto change) const {
        tokenkeep::file_store file = opened();
        token row = file.find_token({.user_name = user}).value();
        change(row);
        file.save_token(row);
    }
    /// Makes the marker of a refresh a minute older: no request can be on its way any more.
    void age_marker(const std::string& user) const {
        change(user, [](token& row) {
            tokenkeep::token_status status = tokenkeep::read_status(row.status);
            CHECK(status.kind == tokenkeep::status_kind::spend);
            status.first_sent -= 1min;
            if (status.last_sent) *status.last_sent -= 1min;
            row.status = tokenkeep::to_status(status);
        });
    }
    void expire(const std::string& user) const {
        change(user, [](token& row) { row.expires_at = tokenkeep::system_clock{}.now() - 1min; });
    }
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

/// Whether one of the row's secrets is in the text.
bool shows_secret_of(const token& row, const std::string& text) {
    for (const tokenkeep::field& f : tokenkeep::fields)
        if (f.secret_text != nullptr && !(row.*f.secret_text).empty() && has(text, (row.*f.secret_text).reveal()))
            return true;
    return false;
}

} // namespace

TEST_CASE("cli: a login, and all that is seen of it", "[cli]") {
    world w;
    w.log_in("ada");
    const token row = w.row("ada");

    const json listed = w.run_json({"ls"});
    REQUIRE(listed.size() == 1);
    CHECK(listed[0]["user_name"] == "ada");
    CHECK(listed[0]["state"] == "fresh");
    CHECK(listed[0]["id"] == row.id);

    const finished text = w.run({"show", "--user", "ada"}), lines = w.run({"ls"});
    CHECK(text.code == 0);
    CHECK(has(text.out, "ada"));
    CHECK(has(text.out, "#" + row.access_token.fingerprint()));
    CHECK_FALSE(shows_secret_of(row, text.out + text.err + lines.out));
    CHECK_FALSE(shows_secret_of(row, w.run_json({"show"}).dump()));
    const json revealed = w.run_json({"show", "--id", row.id, "--reveal"});
    CHECK(revealed["access_token"] == std::string(row.access_token.reveal()));
    CHECK(revealed["refresh_token"] == std::string(row.refresh_token.reveal()));

    const finished printed = w.run({"token"});
    CHECK(printed.out == std::string(row.access_token.reveal()) + "\n");
    CHECK(w.run_json({"token", "-u", "ada"})["token_type"] == "Bearer");
    CHECK(w.server.fake.log().token_requests == 1);
    CHECK(w.run({"token", "--issuer", "http://127.0.0.1:9"}).code == 0); // nothing is asked while the token is fresh
}

TEST_CASE("cli: an expired token is refreshed, and a call goes through", "[cli]") {
    world w;
    w.log_in("ada");
    const std::string me = w.server.fake.resource();
    w.expire("ada");
    CHECK(w.run_json({"ls"})[0]["state"] == "due");
    CHECK(has(w.run({"call", me}).out, "ada"));
    CHECK(w.server.fake.log().refreshes == 1);
    w.server.fake.expire_access_tokens();
    const finished with_headers = w.run({"call", "-i", me});
    CHECK(has(with_headers.out, "HTTP 200\n"));
    CHECK(has(with_headers.out, "\n\n{\"user\""));
    CHECK(w.server.fake.log().refreshes == 2);
    CHECK(w.run({"call", w.server.url() + "/echo", "-d", "-", "-H", "X-A: b"}, "{}").out == "POST {}");

    const finished missing = w.run({"call", w.server.url() + "/nothing"});
    CHECK(missing.code == 3);
    CHECK(has(missing.err, "404"));

    const tokenkeep::secret before = w.row("ada").access_token;
    CHECK(w.run({"refresh"}).code == 0);
    CHECK(w.row("ada").access_token != before);
    CHECK(w.server.fake.log().refreshes == 3);
    const json due = w.run_json({"refresh", "--due", "1d"});
    CHECK(due["total"] == 1);
}

TEST_CASE("cli: processes that ask at once send one request", "[cli]") {
    world w({.latency = 300ms});
    w.log_in("ada");
    w.expire("ada");
    std::vector<std::unique_ptr<tool_run>> runs;
    for (int n = 0; n < 4; ++n) runs.push_back(std::make_unique<tool_run>(w.call({"token"})));
    std::vector<std::string> printed;
    for (const auto& each : runs) {
        const finished done = each->finish();
        INFO(done.err);
        CHECK(done.code == 0);
        printed.push_back(done.out);
    }
    CHECK(printed == std::vector<std::string>(4, std::string(w.row("ada").access_token.reveal()) + "\n"));
    CHECK(w.server.fake.log().refreshes == 1);
    CHECK(w.server.fake.log().reused == 0);

    runs.clear();
    for (int n = 0; n < 2; ++n) runs.push_back(std::make_unique<tool_run>(w.call({"refresh"})));
    for (const auto& each : runs) CHECK(each->finish().code == 0);
    CHECK(w.server.fake.log().refreshes <= 3);
    CHECK(w.server.fake.log().reused == 0);
}

TEST_CASE("cli: the end of a session", "[cli]") {
    world w;
    w.log_in("ada");
    w.log_in("bob");
    const token ada = w.row("ada");
    CHECK(w.run({"revoke"}).code == 2);
    CHECK(w.run({"token"}).code == code_of_errc(errc::ambiguous));
    CHECK(w.run({"revoke", "--user", "ada"}).code == 0);
    CHECK_FALSE(w.server.fake.is_live(ada.refresh_token));
    CHECK(w.run({"show", "--user", "ada"}).code == code_of_errc(errc::token_not_found));

    const token bob = w.row("bob");
    CHECK(w.run({"rm"}).code == 2);
    CHECK(w.run_json({"rm", "--user", "bob"})["removed"] == bob.id);
    CHECK(w.server.fake.is_live(bob.refresh_token));
    CHECK(w.run({"ls"}).out.empty());
    CHECK(w.run_json({"ls"}).empty());
}

TEST_CASE("cli: sweep deletes what is over", "[cli]") {
    world w;
    w.log_in("ada");
    w.log_in("bob");
    w.log_in("eve");
    CHECK(w.run({"sweep"}).code == 2);
    w.change("ada", [](token& row) { row.logged_in_at = tokenkeep::system_clock{}.now() - 31 * 24h; });
    CHECK(w.run_json({"sweep", "--lifetime", "40d"})["deleted"] == 0);
    CHECK(w.run_json({"sweep", "--lifetime", "30d"})["lifetime"] == 1);
    const token bob = w.row("bob");
    w.change("bob", [](token& row) { row.logged_in_at = tokenkeep::system_clock{}.now() - 31 * 24h; });
    CHECK(w.run_json({"sweep", "--lifetime", "30d", "--revoke"})["deleted"] == 1);
    CHECK_FALSE(w.server.fake.is_live(bob.refresh_token));
    CHECK(w.run_json({"ls"}).size() == 1);
}

TEST_CASE("cli: each failure has its exit code, and no secret in its words", "[cli]") {
    world w;
    CHECK(w.run({"token"}).code == code_of_errc(errc::token_not_found));
    w.log_in("ada");
    const token row = w.row("ada");
    const auto fails = [&](std::vector<std::string> words, int code) {
        INFO(words.front());
        const finished done = w.run(std::move(words));
        INFO(done.err);
        CHECK(done.code == code);
        CHECK(done.out.empty());
        CHECK(std::count(done.err.begin(), done.err.end(), '\n') == 1);
        CHECK_FALSE(shows_secret_of(row, done.err));
    };
    fails({"call", "http://api.example/me"}, code_of_errc(errc::request_rejected));
    fails({"show", "--store", "nothing:here"}, code_of_errc(errc::request_rejected));
    fails({"login", "--user", "eve", "--grant", "wrong"}, code_of_errc(errc::reauthorization_required));
    w.expire("ada");
    w.server.fake.next(tokenkeep::testing::fault::http(429, 60s));
    fails({"token", "--timeout", "1s"}, code_of_errc(errc::throttled));
    fails({"token", "--issuer", "http://127.0.0.1:9"}, code_of_errc(errc::transport_failure));
    fails({"token", "--client-id", "app", "--authentication", "none", "--client-secret-file", "/dev/null"}, 1);
    w.server.fake.revoke(w.row("ada").refresh_token);
    fails({"token"}, code_of_errc(errc::reauthorization_required));
    CHECK(w.run_json({"ls"})[0]["state"] == "refused");
    w.log_in("bob");
    w.expire("bob");
    w.server.fake.next(tokenkeep::testing::fault::http(503));
    fails({"token", "-u", "bob"}, code_of_errc(errc::outcome_unknown));
    {
        w.log_in("eve");
        w.expire("eve");
        tokenkeep::file_store busy = w.opened();
        const auto held = busy.lock_token(tokenkeep::identity_key(w.row("eve")), std::chrono::steady_clock::now() + 5s);
        fails({"token", "-u", "eve", "--timeout", "1s"}, code_of_errc(errc::lock_timeout));
    }
    ::chmod((w.folder / "tokens.tkj").c_str(), 0644);
    fails({"ls"}, code_of_errc(errc::permissions));
    ::chmod((w.folder / "tokens.tkj").c_str(), 0600);
    write_file(w.folder / "tokens.tkj", "this is not a journal of tokens");
    fails({"ls"}, code_of_errc(errc::storage_corrupt));
}

TEST_CASE("cli: a command line that cannot be carried out", "[cli]") {
    world w;
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{},
                                               {"nonsense"},
                                               {"ls", "--nonsense"},
                                               {"token", "--timeout", "5x"},
                                               {"token", "--timeout"},
                                               {"call"},
                                               {"login"},
                                               {"login", "--user", "ada", "--device", "--grant", "x"},
                                               {"help", "nonsense"},
                                               {"token", "--authentication", "magic"},
                                               {"token", "--provider", "github"},
                                               {"sweep", "--idle", "-1s"}}) {
        const finished done = w.run(words);
        INFO((words.empty() ? "no words" : words.front()) << ": " << done.err);
        CHECK(done.code == 2);
        CHECK(done.out.empty());
        CHECK_FALSE(done.err.empty());
    }
    const finished leak = w.run({"token", "--client-secret=hush", "--client-secret", "hush"});
    CHECK(leak.code == 2);
    CHECK(has(leak.err, "--client-secret"));
    CHECK_FALSE(has(leak.err, "hush"));
    const tool_call without_store{{"ls"}, {}, ""};
    CHECK(run_tool(without_store).code == 2);
    for (const char* name : {"nonsense", "auth0", "zoho=mars"})
        CHECK(run_tool({{"token", "--store", w.store, "--provider", name}, {}, ""}).code == 2);
}

TEST_CASE("cli: a code or a secret is typed without echo", "[cli]") {
    world w;
    const tokenkeep::secret grant = w.server.fake.grant("ada");
    terminal_run typed(w.call({"login", "--user", "ada", "--grant", "-", "--ask-client-secret"}));
    typed.await("Client secret: ");
    typed.type("wrong\x15"
               "app-secrex\x7ft\r");
    typed.await("Code: ");
    typed.type(std::string(grant.reveal()) + "\r");
    const finished done = typed.finish();
    INFO(done.out);
    CHECK(done.code == 0);
    CHECK(has(done.out, "ada: the access token ends in"));
    CHECK_FALSE(has(done.out, "app-secre"));
    CHECK_FALSE(has(done.out, grant.reveal()));

    terminal_run hidden(w.call({"token"})), shown(w.call({"token", "--reveal"})),
        given_up(w.call({"login", "--user", "bob", "--grant", "-"}));
    const token row = w.row("ada");
    CHECK_FALSE(has(hidden.finish().out, row.access_token.reveal()));
    CHECK(has(shown.finish().out, row.access_token.reveal()));
    given_up.await("Code: ");
    given_up.type("half\x03");
    CHECK(given_up.finish().code == 1);
    CHECK(w.run({"login", "--user", "bob", "--ask-client-secret", "--grant", "x"}).code == 1); // there is no terminal
}

TEST_CASE("cli: a login on a device", "[cli]") {
    world w({.device_interval = 1s});
    const auto code_in = [](const std::string& words) {
        const std::size_t at = words.find(" and type ") + 10;
        return words.substr(at, words.find('\n', at) - at);
    };
    tool_run yes(w.call({"login", "--user", "ada", "--device"})), no(w.call({"login", "--user", "bob", "--device"}));
    w.server.fake.approve(code_in(yes.await("or open")), "ada");
    w.server.fake.deny(code_in(no.await("or open")));
    CHECK(yes.finish().code == 0);
    CHECK(no.finish().code == code_of_errc(errc::reauthorization_required));
    CHECK(has(w.run({"call", w.server.fake.resource()}).out, "ada"));
    CHECK(w.run({"login", "--user", "eve", "--device", "--timeout", "1s"}).code == code_of_errc(errc::lock_timeout));
    CHECK(w.run_json({"ls"}).size() == 1);
}

TEST_CASE("cli: a login in a browser", "[cli]") {
    world w;
    const auto page_in = [](const std::string& words) {
        const std::size_t at = words.find("http://");
        return words.substr(at, words.find('\n', at) - at);
    };
    tool_run browsed(w.call({"login", "--user", "ada", "--no-browser", "--scope", "files"}));
    const std::string page = page_in(browsed.await("?response_type=code"));
    CHECK(has(page, "scope=files"));
    CHECK(has(page, "code_challenge_method=S256"));
    CHECK(visit(visit(page).location).status == 200);
    CHECK(browsed.finish().code == 0);
    CHECK(has(w.run({"call", w.server.fake.resource()}).out, "ada"));

    tool_run refused(w.call({"login", "--user", "bob", "--no-browser"}));
    CHECK(visit(visit(page_in(refused.await("?response_type=code")) + "&denied=1").location).status == 400);
    CHECK(refused.finish().code == code_of_errc(errc::reauthorization_required));

    write_file(w.folder / "browser",
               "#!/bin/sh\necho noise\nprintf %s \"$TOKENKEEP_CLIENT_SECRET$1\" >" + (w.folder / "page"), 0700);
    world started;
    started.environment.push_back("BROWSER=" + (w.folder / "browser"));
    const finished alone = started.run({"login", "--user", "eve", "--timeout", "2s"});
    CHECK(alone.code == code_of_errc(errc::lock_timeout));
    CHECK(alone.out.empty());
    CHECK(bytes_of(w.folder / "page").starts_with(started.server.url() + "/authorize?"));
    CHECK_FALSE(has(alone.err, "state="));
    CHECK_FALSE(exists(started.folder / "tokens.tkj"));
}

TEST_CASE("cli: a token of the client itself", "[cli]") {
    world w;
    w.environment.emplace_back("TOKENKEEP_USER=ada");
    CHECK(w.run({"login", "--client-credentials", "--scope", "files"}).code == 0);
    const finished first = w.run({"token", "--client-credentials", "--scope", "files"});
    CHECK(first.out == w.run({"token", "--client-credentials", "--scope", "files"}).out);
    CHECK(w.server.fake.log().client_tokens == 1);
    CHECK(w.run({"refresh", "--client-credentials", "--scope", "files"}).code == 0);
    CHECK(w.server.fake.log().client_tokens == 2);
    CHECK(w.run_json({"ls"}).size() == 1);
}

TEST_CASE("cli: import reads the token files of other programs", "[cli]") {
    world w;
    w.environment.resize(1); // only the store
    struct known_file {
        const char *name, *user, *client, *access, *refresh, *ends;
    };
    for (const known_file& file : std::vector<known_file>{
             {"golang-token.json", "", "", "ya29.EXAMPLE", "1//EXAMPLE", "2026-01-02T14:04:05Z"},
             {"rclone.conf", "", "", "ya29.EXAMPLE", "1//EXAMPLE", "2026-01-02T14:04:05Z"},
             {"google-authorized-user.json", "", "000-example.apps.googleusercontent.com", "ya29.EXAMPLE", "1//EXAMPLE",
              "2026-01-02T14:04:05Z"},
             {"google-node-oauth_creds.json", "", "", "ya29.EXAMPLE", "1//EXAMPLE", "2026-01-02T14:04:05Z"},
             {"spotipy.cache", "", "", "BQEXAMPLE", "AQEXAMPLE", "2026-01-02T14:04:05Z"},
             {"msal-cache.json", "user@example.com", "client", "eyJ.EXAMPLE.x", "0.EXAMPLE", "2026-01-02T14:04:05Z"},
             {"aws-sso.json", "", "EXAMPLE", "aoaEXAMPLE", "aorEXAMPLE", "2026-01-02T14:04:05Z"},
             {"zoho.csv", "user@example.com", "1000.C", "1000.a.EXAMPLE", "1000.r.EXAMPLE", "2026-01-02T14:04:05Z"}}) {
        INFO(file.name);
        const std::string path = std::string(TOKENKEEP_TEST_DATA "/token_files/") + file.name;
        const bool names_user = *file.user != '\0';
        if (!names_user) {
            const finished unnamed = w.run({"import", path});
            CHECK(unnamed.code == 2);
            CHECK(has(unnamed.err, "--user"));
        }
        const std::string user = names_user ? file.user : file.name;
        std::vector<std::string> words{"import", path};
        if (!names_user) words.insert(words.end(), {"--user", user});
        const json first = w.run_json(words);
        CHECK(first["copied"] == 1);
        CHECK(w.run_json(words)["unchanged"] == 1);
        std::vector<std::string> show{"show", "--user", user, "--reveal"};
        json row = w.run_json(show);
        CHECK(row.value("client_id", "") == file.client);
        CHECK(row["access_token"] == file.access);
        CHECK(row["refresh_token"] == file.refresh);
        CHECK(row["expiry_time"] == file.ends);
        CHECK(row["state"] == "due");
        CHECK(w.run({"rm", "--user", user}).code == 0);
    }
    const std::string google = TOKENKEEP_TEST_DATA "/token_files/google-authorized-user.json";
    const finished dry = w.run({"import", google, "--dry-run", "--user", "ada", "--label", "work"});
    CHECK(json::parse(dry.out)[0]["label"] == "work");
    CHECK_FALSE(has(dry.out, "EXAMPLE"));
    CHECK(w.run_json({"ls"}).empty());

    CHECK(w.run({"import", "-", "--user", "ada", "--format", "spotipy"}, R"({"refresh_token":"r","expires_at":1.5e9})")
              .code == 0);
    CHECK(w.run_json({"show", "--user", "ada"})["expiry_time"] == "2017-07-14T02:40:00Z");
    const std::string two = "[a]\ntoken = {\"access_token\":\"x\"}\n[b]\ntoken = {\"access_token\":\"y\"}\n";
    CHECK(w.run({"import", "-", "--user", "bob"}, two).code == 2);
    CHECK(w.run({"import", "-", "--user", "bob", "--section", "c"}, two).code == 2);
    CHECK(w.run({"import", "-", "--user", "bob", "--section", "b"}, two).code == 0);
    CHECK(w.run({"token", "--user", "bob"}).out == "y\n");
    CHECK(w.run({"import", "-", "--user", "eve"}, R"({"hush-hush":1})").code == code_of_errc(errc::storage_corrupt));
    const finished broken = w.run({"import", "-", "--user", "eve"}, R"({"access_token":"hush-hush")");
    CHECK(broken.code == code_of_errc(errc::storage_corrupt));
    CHECK_FALSE(has(broken.err, "hush"));
    CHECK(w.run({"import", "/nonexistent", "--user", "eve"}).code == 1);
    CHECK(w.run({"import", "-", "--user", "eve"}, R"({"scope":"x","token_uri":"y"})").code ==
          code_of_errc(errc::storage_corrupt));
}

TEST_CASE("cli: export and migrate copy a store", "[cli]") {
    world w;
    w.log_in("ada");
    const token ada = w.row("ada");
    CHECK(w.run({"export", "-"}).code == 2);
    const finished out = w.run({"export", "-", "--reveal"});
    CHECK(json::parse(out.out)["tokens"][0]["access_token"] == std::string(ada.access_token.reveal()));
    const std::string file = w.folder / "export.json";
    CHECK(w.run_json({"export", file})["copied"] == 1);
    CHECK(mode_of(file) == 0600);
    CHECK(w.run({"export", file}).code == 2);
    CHECK(w.run_json({"show", "--store", "json:" + file})["id"] == ada.id);
    CHECK(w.run_json({"import", file})["unchanged"] == 1);

    const std::string other = "sqlite:" + (w.folder / "tokens.db");
    CHECK(w.run_json({"migrate", "--to", other})["copied"] == 1);
    CHECK(w.run_json({"migrate", "--to", other})["unchanged"] == 1);
    CHECK(w.run({"token", "--store", other}).out == std::string(ada.access_token.reveal()) + "\n");
    CHECK(w.run({"refresh", "--store", other}).code == 0);
    const finished older = w.run({"migrate", "--to", other});
    CHECK(older.code == 3);
    CHECK(has(older.err, ada.id));
    CHECK(w.run_json({"migrate", "--store", other, "--to", w.store})["updated"] == 1);
    CHECK(w.run({"migrate"}).code == 2);
}

TEST_CASE("cli: doctor finds what is wrong with logins, and helps", "[cli]") {
    world w;
    const auto healthy = [&] {
        const finished done = w.run({"doctor"});
        INFO(done.out << done.err);
        CHECK(done.code == 0);
        return done.out;
    };
    const auto faults = [&](std::vector<std::string> words) {
        words.emplace_back("--json");
        const finished done = w.run(words);
        INFO(done.out << done.err);
        CHECK(done.code == 3);
        std::vector<json> found;
        for (const json& each : json::parse(done.out))
            if (each["fault"] == true) found.push_back(each);
        return found;
    };
    CHECK(has(healthy(), "does not exist yet"));
    w.log_in("ada");
    CHECK(healthy() == "Nothing is wrong.\n");

    w.expire("ada");
    w.server.fake.next(tokenkeep::testing::fault::kind::lost_request);
    CHECK(w.run({"token", "-u", "ada"}).code == code_of_errc(errc::outcome_unknown));
    CHECK(faults({"doctor"}).at(0)["fix"] == "tokenkeep doctor --settle");
    CHECK_FALSE(faults({"doctor"}).at(0).dump().find("outcome is unknown") == std::string::npos);
    w.age_marker("ada");
    const finished without_server = run_tool({{"doctor", "--settle", "--store", w.store}, {}, ""});
    CHECK(without_server.code == 3);
    CHECK(has(without_server.out, "not settled"));
    const finished settled = w.run({"doctor", "--settle"});
    CHECK(settled.code == 0);
    CHECK(has(settled.out, "the session goes on"));
    CHECK(healthy() == "Nothing is wrong.\n");

    w.expire("ada");
    w.server.fake.next(tokenkeep::testing::fault::kind::lost_answer);
    CHECK(w.run({"token", "-u", "ada"}).code == code_of_errc(errc::outcome_unknown));
    w.age_marker("ada");
    CHECK(has(faults({"doctor", "--settle"}).at(0)["what"], "the session is over"));
    CHECK(faults({"doctor"}).at(0)["fix"] == "tokenkeep login --user ada");
    CHECK(w.run({"rm", "--user", "ada"}).code == 0);

    w.server.fake.next(tokenkeep::testing::fault::kind::lost_answer);
    const std::string grant(w.server.fake.grant("O'Hara").reveal());
    CHECK(w.run({"login", "--user", "O'Hara", "--grant", "-"}, grant).code == code_of_errc(errc::outcome_unknown));
    const std::vector<json> doubt = faults({"doctor"});
    CHECK(has(doubt.at(0)["what"], "a login began"));
    CHECK(has(doubt.at(0)["fix"], R"(tokenkeep login --user 'O'\''Hara')"));
    CHECK_FALSE(has(doubt.at(0).dump(), grant));
    CHECK(has(faults({"doctor", "--settle"}).at(0)["what"], "removed"));
    CHECK(healthy() == "Nothing is wrong.\n");

    w.log_in("eve");
    w.change("eve", [](token& row) {
        row.issued_at = tokenkeep::system_clock{}.now() + 1h;
        row.refresh_expires_at = tokenkeep::system_clock{}.now() + 24h;
    });
    const std::vector<json> times = faults({"doctor"});
    CHECK(has(times.at(0)["what"], "issued in the future, in 59 min"));
    CHECK(has(times.at(1)["what"], "the refresh token ends in 23 h"));
}

TEST_CASE("cli: doctor finds what is wrong with a file and a clock", "[cli]") {
    world w;
    w.server.date = "Sun, 06 Nov 1994 08:49:37 GMT";
    w.log_in("ada");
    w.log_in("bob");
    const std::string path = w.folder / "tokens.tkj";
    const finished clock = w.run({"doctor"});
    CHECK(clock.code == 3);
    CHECK(has(clock.out, "s ahead of the server's\n    timedatectl"));
    w.environment.resize(1); // no server: no clock

    {
        tokenkeep::file_store busy = w.opened();
        const auto held = busy.lock_token(tokenkeep::identity_key(w.row("ada")), std::chrono::steady_clock::now() + 5s);
        const finished seen = w.run({"doctor"});
        CHECK(seen.code == 0);
        CHECK(has(seen.out, "process " + std::to_string(::getpid()) + " ("));
        CHECK(has(seen.out, "holds a lock of the store"));
    }
    ::chmod(path.c_str(), 0644);
    const finished open = w.run({"doctor"});
    CHECK(open.code == 3);
    CHECK(has(open.out, "others can use it\n    chmod 600 " + path + "\n"));
    CHECK(std::count(open.out.begin(), open.out.end(), '!') == 1);
    ::chmod(path.c_str(), 0600);

    std::string bytes = bytes_of(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file(path, bytes);
    const finished damaged = w.run({"doctor"});
    CHECK(damaged.code == 3);
    CHECK(has(damaged.out, "\n    tokenkeep doctor --salvage\n"));
    CHECK(bytes_of(path) == bytes);
    const finished repaired = w.run({"doctor", "--salvage"});
    CHECK(has(repaired.out, "the file was damaged, and is repaired with "));
    CHECK(w.run({"doctor"}).code == 0);
}

TEST_CASE("cli: long work shows a bar on a terminal, and only there", "[cli]") {
    world w;
    std::string many = R"({"tokenkeep":1,"tokens":[)";
    for (int n = 0; n < 3'000; ++n)
        many += (n == 0 ? R"({"id":")" : R"(,{"id":")") + std::to_string(n) + R"(","user_name":"u)" +
                std::to_string(n) + R"(","access_token":"a)" + std::to_string(n) + R"("})";
    write_file(w.folder / "many.json", many + "]}");
    const std::vector<std::string> words{"migrate", "--store", "json:" + (w.folder / "many.json"), "--to"};
    const auto to = [&](const std::string& name) {
        std::vector<std::string> all = words;
        all.push_back("file:" + (w.folder / name));
        return w.call(std::move(all));
    };
    terminal_run shown(to("shown.tkj"));
    const finished seen = shown.finish(), unseen = run_tool(to("unseen.tkj"));
    CHECK(seen.code == 0);
    CHECK(has(seen.out, "copying ["));
    CHECK(has(seen.out, "/3000"));
    CHECK(has(seen.out, "\r\x1b[K3000 of 3000 logins copied"));
    CHECK(unseen.code == 0);
    CHECK(unseen.err.empty());
    CHECK_FALSE(has(unseen.out, "\x1b"));
}

TEST_CASE("cli: each provider can be chosen by name", "[cli]") {
    temporary_directory folder;
    const std::string names = run_tool({{"help", "providers"}, {}, ""}).out;
    for (const char* name : {"atlassian",
                             "auth0=ada.auth0.com,api",
                             "box",
                             "digitalocean",
                             "discord",
                             "dropbox",
                             "fitbit",
                             "github",
                             "gitlab",
                             "gitlab=git.example",
                             "google",
                             "hubspot",
                             "keycloak=https://login.example,main",
                             "linkedin",
                             "microsoft",
                             "microsoft=tenant",
                             "notion",
                             "okta=ada.okta.com",
                             "okta=ada.okta.com,default",
                             "quickbooks",
                             "reddit=app/1",
                             "salesforce",
                             "shopify=ada-shop",
                             "slack",
                             "spotify",
                             "strava",
                             "tiktok",
                             "twitch",
                             "wechat",
                             "withings",
                             "x",
                             "xero",
                             "zoho",
                             "zoho=eu",
                             "zoom"}) {
        INFO(name);
        const std::string word = std::string(name).substr(0, std::string(name).find('='));
        CHECK(has(names, word));
        const finished done =
            run_tool({{"token", "--store", "file:" + (folder / "t.tkj"), "--provider", name}, {}, ""});
        CHECK(done.code == code_of_errc(errc::token_not_found));
    }
}

TEST_CASE("cli: every command has a help, and the manual has every command", "[cli]") {
    const std::string all = run_tool({{"help"}, {}, ""}).out, manual = run_tool({{"help", "--man"}, {}, ""}).out;
    for (const char* name : {"login", "ls", "show", "token", "refresh", "call", "revoke", "rm", "sweep", "import",
                             "export", "migrate", "doctor"}) {
        INFO(name);
        const finished help = run_tool({{"help", name}, {}, ""}), option = run_tool({{name, "--help"}, {}, ""});
        CHECK(help.code == 0);
        CHECK(help.out == option.out);
        CHECK(has(help.out, "--store"));
        CHECK(has(all, std::string("\n  ") + name));
        CHECK(has(manual, std::string(".SS tokenkeep ") + name));
    }
    CHECK(has(run_tool({{"help", "exit-codes"}, {}, ""}).out, "\n  22  reauthorization required\n"));
    CHECK(has(manual, "reauthorization required"));
    CHECK_FALSE(has(manual, "\n.B \n"));
    CHECK(has(run_tool({{"--version"}, {}, ""}).out, "tokenkeep "));
}
