// SPDX-License-Identifier: MIT
// tokenkeep: keeps OAuth 2.0 tokens, from the command line.
//
// This file is the command line itself: which commands there are, what their options mean, and the help. The help of a
// command, `tokenkeep help COMMAND`, and the man page are made from the same texts.
#include "command.hpp"
#include "exit_code.hpp"
#include "import.hpp"
#include "manual.hpp"
#include "print.hpp"
#include "provider.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>

namespace {

using cli::command;

/// "90" or "90s", "10m", "12h", "30d". Throws CLI::ValidationError for other texts.
std::chrono::seconds read_duration(const std::string& text) {
    long long count = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    constexpr long long most = 100LL * 365 * 86'400;
    const std::map<std::string_view, long long> units{{"", 1}, {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}};
    const auto found = units.find(unit);
    if (fault != std::errc{} || count < 0 || found == units.end() || count > most / found->second)
        throw CLI::ValidationError("a time is a number with s, m, h or d, such as 90s or 30d");
    return std::chrono::seconds(count * found->second);
}

/// The options of the commands. Several commands share a group of them.
struct options {
    command& given;

    void store(CLI::App& of) const {
        of.add_option("--store", given.store,
                      "The URL of the store: file:tokens.tkj, json:tokens.json, sqlite:tokens.db, and the databases "
                      "that this program was built with")
            ->envname("TOKENKEEP_STORE")
            ->type_name("URL");
    }
    void json(CLI::App& of) const { of.add_flag("--json", given.as_json, "Write JSON"); }
    void reveal(CLI::App& of) const {
        of.add_flag("--reveal", given.reveals, "Show secrets. Without it, a secret is # and eight digits that name it");
    }
    void login(CLI::App& of) const {
        of.add_option("-u,--user", given.who.user_name, "Whose login. Without --user, --label and --id: the only one")
            ->envname("TOKENKEEP_USER")
            ->type_name("NAME");
        of.add_option("--label", given.who.label, "The login's label, such as a tenant or a shop")->type_name("TEXT");
        of.add_option("--id", given.who.id, "The row's name in the store, as ls shows it")->type_name("ID");
    }
    void server(CLI::App& of) const {
        cli::server_choice& server = given.server;
        auto* provider = of.add_option("-p,--provider", server.provider, "The authorization server, by name; see below")
                             ->envname("TOKENKEEP_PROVIDER")
                             ->type_name("NAME[=ARGUMENTS]");
        of.add_option("--issuer", server.issuer, "A server that publishes its metadata (RFC 8414)")
            ->envname("TOKENKEEP_ISSUER")
            ->type_name("URL")
            ->excludes(provider);
        of.add_option("--token-endpoint", server.token_endpoint, "Of any other server")->type_name("URL");
        of.add_option("--authorization-endpoint", server.authorization_endpoint, "Where users log in")
            ->type_name("URL");
        of.add_option("--device-endpoint", server.device_endpoint, "Where devices ask for a code")->type_name("URL");
        of.add_option("--revocation-endpoint", server.revocation_endpoint, "Where tokens are revoked")
            ->type_name("URL");
        of.add_option("--client-id", server.client_id, "The OAuth client")
            ->envname("TOKENKEEP_CLIENT_ID")
            ->type_name("ID");
        of.add_option("--client-secret-file", server.client_secret_file,
                      "A file whose first line is the client's secret; - is standard input. The secret can also be in "
                      "the environment, as TOKENKEEP_CLIENT_SECRET")
            ->type_name("PATH");
        of.add_flag("--ask-client-secret", server.asks_for_secret, "Ask for the client's secret, without echo");
        of.add_option("--authentication", server.authentication, "How the client shows its secret")
            ->check(CLI::IsMember({"post", "basic", "none"}));
        of.add_option("--parameter", server.parameters, "One more member of the forms for the server; repeatable")
            ->type_name("NAME=VALUE");
        of.add_option("--ca-file", given.ca_file, "Trust the certificates in this file, in place of the system's")
            ->type_name("PATH");
        duration(of, "--timeout", given.timeout, "How long to wait for other programs and for the user");
    }
    void client_credentials(CLI::App& of) const {
        of.add_flag("--client-credentials", given.server.client_credentials,
                    "The token of the client itself, without a user (RFC 6749 4.4)");
        of.add_option("--scope", given.who.scope, "What the token is to allow, separated by spaces")
            ->type_name("SCOPES");
    }
    void duration(CLI::App& of, const char* name, std::chrono::seconds& to, const char* text) const {
        of.add_option_function<std::string>(
              name, [&to](const std::string& said) { to = read_duration(said); }, text)
            ->type_name("TIME");
    }
};

struct known_command {
    const char *name, *line, *more, *example;
    int (*run)(const command&);
    void (*add)(const options&, CLI::App&);
};

constexpr known_command commands[] = {
    {"login", "Log in, and keep the tokens",
     "Without --device, --grant and --client-credentials, the browser of this machine shows the server's page, and the "
     "program waits on 127.0.0.1 for the answer (RFC 8252). The client must be registered with that redirect URL: "
     "http://127.0.0.1/callback at any port, or the one that --redirect-url names.",
     "tokenkeep login --user ada --provider github --client-id Iv1.0123 --device", cli::log_in,
     [](const options& all, CLI::App& of) {
         command& given = all.given;
         all.store(of), all.login(of), all.server(of), all.client_credentials(of);
         of.add_flag("--device", given.on_device, "Show a code that the user types into a page elsewhere (RFC 8628)");
         of.add_option(
               "--grant", given.grant,
               "Exchange this authorization code. - reads it from standard input, or asks for it without echo; that "
               "is better, because other users of the machine can see the words of a command")
             ->type_name("CODE");
         of.add_option("--redirect-url", given.who.redirect_url, "The redirect URL that the client is registered with")
             ->type_name("URL");
         of.add_option("--login-parameter", given.login_parameters,
                       "One more parameter of the login page's URL, such as prompt=consent; repeatable. Google needs "
                       "access_type=offline for a refresh token")
             ->type_name("NAME=VALUE");
         of.add_option("--api-domain", given.who.api_domain, "Where the API is")->type_name("URL");
         of.add_flag("!--no-browser", given.opens_browser, "Show the page's URL, and start no browser");
         all.json(of), all.reveal(of);
     }},
    {"ls", "List the logins of a store", "", "tokenkeep ls --store sqlite:tokens.db --json", cli::list_rows,
     [](const options& all, CLI::App& of) { all.store(of), all.json(of); }},
    {"show", "Show all that the store has of a login", "", "tokenkeep show --user ada", cli::show_row,
     [](const options& all, CLI::App& of) { all.store(of), all.login(of), all.json(of), all.reveal(of); }},
    {"token", "Print an access token that is valid now",
     "It is refreshed if it is due. Any number of programs may ask at the same moment: one of them sends the request, "
     "and all get the same token. On a terminal the token is hidden, unless --reveal is given.",
     "tokenkeep token --user ada | sed 's/^/Authorization: Bearer /' | curl -H @- https://api.example/me",
     cli::print_token,
     [](const options& all, CLI::App& of) {
         all.store(of), all.login(of), all.server(of), all.client_credentials(of), all.json(of), all.reveal(of);
     }},
    {"refresh", "Refresh an access token now, or those of a store that are due",
     "With --due, every login of the store whose tokens end within that time is refreshed, for a cron job. The output "
     "says when to call it again.",
     "tokenkeep refresh --due 10m", cli::refresh,
     [](const options& all, CLI::App& of) {
         all.store(of), all.login(of), all.server(of), all.client_credentials(of);
         all.duration(of, "--due", all.given.due_within, "Refresh what ends within this time");
         of.add_flag("--retry-refused", all.given.retries_refused,
                     "Send a refresh token again that the server has refused: it may have been in error");
         all.json(of), all.reveal(of);
     }},
    {"call", "Send a request to an API, with the login's access token",
     "After a 401 the token is refreshed, and the request sent once more. The answer's body goes to standard output.",
     "tokenkeep call https://api.example/me --user ada", cli::call,
     [](const options& all, CLI::App& of) {
         command& given = all.given;
         of.add_option("url", given.url, "The URL of the API")->required()->type_name("URL");
         of.add_option("-X,--request", given.method, "The method; GET, or POST if there is a body")
             ->type_name("METHOD");
         of.add_option("-H,--header", given.headers, "A header, as 'NAME: VALUE'; repeatable")->type_name("LINE");
         of.add_option("-d,--data", given.body, "The body; - reads it from standard input")->type_name("TEXT");
         of.add_flag("-i,--include", given.includes_headers, "Print the status and the headers, too");
         of.add_flag("--any-host", given.any_host, "Also send the token to another host than the login's API domain");
         all.store(of), all.login(of), all.server(of), all.client_credentials(of);
     }},
    {"revoke", "End a session at the server, and remove it", "", "tokenkeep revoke --user ada", cli::revoke,
     [](const options& all, CLI::App& of) { all.store(of), all.login(of), all.server(of), all.json(of); }},
    {"rm", "Remove a login from the store; the server is not told", "To tell the server too, use revoke.",
     "tokenkeep rm --user ada", cli::remove_row,
     [](const options& all, CLI::App& of) { all.store(of), all.login(of), all.json(of); }},
    {"sweep", "Delete the logins that are over",
     "It may run beside other programs: it never deletes a login that was refreshed meanwhile. The server is told only "
     "with --revoke.",
     "tokenkeep sweep --lifetime 30d --dead-for 1d --revoke", cli::sweep_store,
     [](const options& all, CLI::App& of) {
         tokenkeep::sweep_policy& over = all.given.sweep;
         all.store(of), all.server(of), all.json(of);
         all.duration(of, "--lifetime", over.lifetime, "Sessions whose login is so long ago");
         all.duration(of, "--idle", over.idle,
                      "Sessions of which no token was handed out for so long; only if all programs of this store note "
                      "the use (session_idle)");
         all.duration(of, "--dead-for", over.dead_for, "Sessions that the server refused or that were revoked");
         all.duration(of, "--unexchanged-for", over.unexchanged_for, "Logins that were cut off");
         of.add_flag("--refresh-expired", over.refresh_expired, "Sessions whose refresh token ended a day ago");
         of.add_flag("--revoke", all.given.revokes, "End sessions at the server first");
     }},
    {"import", "Take over the tokens of another program's file",
     "The file is only read. If it does not say whose the token is, --user must. A login that the store has already is "
     "replaced only if its access token is older. A refresh token that is used by two programs may end the session: "
     "stop the other program.",
     "tokenkeep import ~/.config/rclone/rclone.conf --section gdrive --user ada", cli::import_file,
     [](const options& all, CLI::App& of) {
         command& given = all.given;
         of.add_option("file", given.file, "The file; - is standard input")->required()->type_name("FILE");
         of.add_option("--format", given.format,
                       "The file's format: " + cli::format_names() + ". Without it, the program looks")
             ->type_name("NAME");
         of.add_option("--section", given.section, "Of an rclone.conf with several tokens")->type_name("NAME");
         all.store(of), all.login(of);
         of.add_option("--client-id", given.who.client_id, "The OAuth client, if the file does not name it")
             ->type_name("ID");
         of.add_flag("--dry-run", given.is_dry, "Write what the file has as JSON, and change nothing");
         all.json(of), all.reveal(of);
     }},
    {"export", "Copy a store into a JSON file",
     "The file has all secrets, and only its owner may read it. import and a json: store read it.",
     "tokenkeep export tokens.json", cli::export_file,
     [](const options& all, CLI::App& of) {
         of.add_option("file", all.given.file, "A file that does not exist; - is the output, with --reveal")
             ->required()
             ->type_name("FILE");
         all.store(of), all.json(of), all.reveal(of);
     }},
    {"migrate", "Copy the logins of a store into another",
     "It may be stopped and called again, while other programs use both stores. A login of the target is replaced only "
     "if its access token is older.",
     "tokenkeep migrate --store file:tokens.tkj --to sqlite:tokens.db", cli::migrate_store,
     [](const options& all, CLI::App& of) {
         all.store(of);
         of.add_option("--to", all.given.target, "The URL of the other store")->required()->type_name("URL");
         all.json(of);
     }},
    {"doctor", "Say what is wrong with a store and its logins, and what helps",
     "It looks at permissions, at the disk and its locks and who holds them, at damage, at logins and refreshes whose "
     "outcome is unknown, at tokens that end, and at the clock. It changes nothing unless --settle or --salvage is "
     "given.",
     "tokenkeep doctor", cli::examine,
     [](const options& all, CLI::App& of) {
         all.store(of), all.server(of);
         of.add_flag("--settle", all.given.settles,
                     "If the outcome of a refresh is unknown, send the refresh token once more: the answer shows "
                     "whether it was spent. If that of a login is unknown, remove it");
         of.add_flag("--salvage", all.given.salvages,
                     "If the file of a file: store is damaged, keep a copy and repair it");
         all.json(of);
     }},
};

const char* const summary =
    "Keeps OAuth 2.0 tokens: logs users in, keeps what they get in a store, and hands out access tokens that are valid "
    "now. Any number of programs may use one store.";

/// What was not expected on the command line: names of options and commands, never a value, which may be a secret.
std::string unexpected(const CLI::App& app) {
    std::string names;
    for (const std::string& word : app.remaining(true))
        if (word.starts_with('-')) names.append(" ").append(word.substr(0, word.find('=')));
    return names.empty() ? "a word that no command takes" : "not an option of this command:" + names;
}

std::string version_text() {
    const auto& version = tokenkeep::library_version;
    return "tokenkeep " + std::to_string(version.major_number) + "." + std::to_string(version.minor_number) + "." +
           std::to_string(version.patch_number);
}

int run(int count, char** words) {
    struct possible_command {
        const known_command* known = nullptr;
        command given{}; // of its own: the environment speaks to all commands
    };
    CLI::App app{summary, "tokenkeep"};
    app.require_subcommand(0, 1);
    app.formatter_fn([](const CLI::App* of, std::string, CLI::AppFormatMode) {
        return of->get_parent() == nullptr ? cli::help_of_program(*of) : cli::help_of_command(*of);
    });
    app.set_version_flag("--version", version_text());
    std::map<const CLI::App*, possible_command> possible;
    for (const known_command& each : commands) {
        CLI::App* const sub = app.add_subcommand(each.name, each.line);
        sub->footer(std::string(each.more) + "\n" + each.example);
        possible[sub].known = &each;
        each.add({possible[sub].given}, *sub);
    }
    CLI::App* const help = app.add_subcommand("help", "Explain a command, or `exit-codes`");
    std::string topic;
    help->add_option("topic", topic, "A command, exit-codes or providers")->type_name("COMMAND");
    bool as_man = false;
    help->add_flag("--man", as_man, "The whole manual, for man")->group("");

    try {
        app.parse(count, words);
    } catch (const CLI::Success& wish) { // --help or --version
        return app.exit(wish);
    } catch (const CLI::ExtrasError&) {
        throw cli::usage_error(unexpected(app));
    } catch (const CLI::ParseError& fault) {
        throw cli::usage_error(fault.what());
    }
    const auto chosen = app.get_subcommands();
    if (chosen.empty()) throw cli::usage_error("say what to do; tokenkeep help names the commands");
    if (chosen.front() != help) {
        auto& [known, given] = possible.at(chosen.front());
        if (given.server.client_credentials) given.who.user_name.clear(); // it may come from the environment
        return known->run(given);
    }
    cli::print(as_man ? cli::man_page(app) : cli::help_of(app, topic));
    return cli::success;
}

} // namespace

int main(int count, char** words) try { return run(count, words); } catch (const cli::usage_error& fault) {
    cli::print_error(std::string("tokenkeep: ") + cli::printable(fault.what()) + "; see tokenkeep help");
    return cli::usage;
} catch (const std::exception& failure) {
    cli::print_error(cli::printable(tokenkeep::describe(failure)));
    return cli::exit_code_of(failure);
}
