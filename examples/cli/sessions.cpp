// SPDX-License-Identifier: MIT
// The commands that use a keeper: login, token, refresh, call, revoke and sweep. This is the only file that compiles
// one.
#include "command.hpp"
#include "doctor.hpp"
#include "exit_code.hpp"
#include "print.hpp"
#include "provider.hpp"
#include "store.hpp"
#include "terminal.hpp"

#include "../loopback_login.hpp"
#include "../transports/curl.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spawn.h>
#include <unistd.h>

namespace cli {

namespace {

/// Says what is odd, such as a server that names another API domain.
struct print_warnings {
    void operator()(const event& e) const {
        if (e.kind == event_kind::warning) print_error("tokenkeep: warning: " + printable(e.detail));
    }
};

/// The store and the server that the user names, with a keeper over both.
struct kept_store {
    explicit kept_store(const command& given, keeper_options options = {})
        : store(open(given.store)),
          transport(given.ca_file),
          provider(choose_provider(given.server, [this](const http_request& request) { return transport(request); })),
          keep(store, transport, provider, std::move(options), print_warnings{}) {
        if (given.timeout.count() > 0) until = std::chrono::steady_clock::now() + given.timeout;
    }

    any_store store;
    curl_transport transport;
    chosen_provider provider;
    keeper<any_store&, curl_transport&, chosen_provider, print_warnings> keep;
    std::optional<deadline> until{};
};

/// Says of a row what a script or a reader wants to know after a login or a refresh.
void print_row(const command& given, const token& row) {
    const std::string ends = row.expires_at ? distance_text(*row.expires_at, system_clock{}.now()) : "at no known time";
    if (given.as_json)
        print(json_of(row, given.reveals) + "\n");
    else
        print(printable(row.user_name.empty() ? "client " + row.client_id : row.user_name) +
              ": the access token ends " + ends + "\n");
}

/// Starts the user's browser: the program that BROWSER in the environment names, or xdg-open. No shell reads the URL,
/// and the browser does not get the client's secret.
bool open_in_browser(std::string url) {
    const char* const wished = std::getenv("BROWSER");
    std::string program = wished != nullptr && *wished != '\0' ? wished : "xdg-open";
    char* words[] = {program.data(), url.data(), nullptr};
    std::vector<char*> variables;
    for (char** each = environ; *each != nullptr; ++each)
        if (!std::string_view(*each).starts_with("TOKENKEEP_CLIENT_SECRET=")) variables.push_back(*each);
    variables.push_back(nullptr);
    posix_spawn_file_actions_t quiet; // what a browser prints is not the program's output
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_adddup2(&quiet, STDERR_FILENO, STDOUT_FILENO);
    pid_t browser = 0;
    const bool is_started = ::posix_spawnp(&browser, words[0], &quiet, nullptr, words, variables.data()) == 0;
    posix_spawn_file_actions_destroy(&quiet);
    return is_started;
}

/// Logs the user in in a browser on this machine (RFC 8252).
token log_in_with_browser(const command& given, kept_store& kept) {
    loopback_listener listener(given.who.redirect_url.empty() ? "http://127.0.0.1/callback" : given.who.redirect_url);
    authorization_wish wish{.probe = given.who, .redirect_url = listener.redirect_url()};
    for (const std::string& pair : given.login_parameters)
        wish.parameters.push_back(read_parameter("--login-parameter", pair));
    authorization login = authorization_request(kept.provider, wish);
    if (given.opens_browser && open_in_browser(login.url))
        print_error("Log in on the page that the browser shows.");
    else
        print_error("Open this page and log in there:\n  " + login.url);
    const deadline patience = std::chrono::steady_clock::now() + std::chrono::minutes(10);
    return kept.keep.record(listener.wait(kept.provider, login, kept.until.value_or(patience)));
}

token log_in_on_device(const command& given, kept_store& kept) {
    return kept.keep.log_in_with_device(
        given.who,
        [](const device_prompt& prompt) {
            print_error("Open " + prompt.verification_url + " and type " + prompt.user_code);
            if (!prompt.verification_url_complete.empty()) print_error("or open " + prompt.verification_url_complete);
        },
        kept.until);
}

token log_in_with_grant(const command& given, kept_store& kept) {
    token probe = given.who;
    probe.grant_token = given.grant == "-" ? read_or_ask("Code") : secret(given.grant);
    return kept.keep.record(probe, kept.until);
}

http_request request_of(const command& given) {
    http_request request{.method = given.method, .url = given.url, .body = given.body};
    if (given.body == "-") {
        request.body.clear();
        for (int c = 0; (c = std::getchar()) != EOF;) request.body += static_cast<char>(c);
    }
    if (request.method.empty()) request.method = given.body.empty() ? "GET" : "POST";
    for (const std::string& line : given.headers) {
        const std::size_t colon = line.find(':');
        if (colon == line.npos) throw usage_error("write --header 'NAME: VALUE'");
        request.headers.push_back({line.substr(0, colon), std::string(text::trim(line.substr(colon + 1)))});
    }
    if (!request.body.empty() && find_header(request.headers, "Content-Type").empty())
        request.headers.push_back({"Content-Type", "application/json"});
    if (given.timeout.count() > 0) request.timeout = given.timeout;
    return request;
}

std::string headers_text(const http_response& answer) {
    std::string text = "HTTP " + std::to_string(answer.status) + "\n";
    for (const auto& [name, value] : answer.headers) text.append(name).append(": ").append(value).append("\n");
    return text + "\n";
}

int refresh_due(const command& given, kept_store& kept) {
    progress_bar bar("refreshing");
    const refresh_due_report report = kept.keep.refresh_due(
        given.due_within, [&bar](const refresh_due_report& so_far) { bar.show(so_far.done(), so_far.total); });
    const auto next_in =
        static_cast<std::size_t>(std::chrono::duration_cast<std::chrono::seconds>(report.next_in).count());
    if (given.as_json)
        print(json_object()
                  .add("total", report.total)
                  .add("refreshed", report.refreshed)
                  .add("failed", report.failed)
                  .add("next_in", next_in)
                  .text() +
              "\n");
    else
        print(std::to_string(report.refreshed) + " of " + std::to_string(report.total) + " refreshed, " +
              std::to_string(report.failed) + " failed; call again in " + std::to_string(next_in) + " s\n");
    return report.failed == 0 ? success : findings;
}

} // namespace

int log_in(const command& given) {
    const int ways = given.on_device + !given.grant.empty() + given.server.client_credentials;
    if (ways > 1) throw usage_error("choose one of --device, --grant and --client-credentials");
    if (given.who.user_name.empty() && !given.server.client_credentials)
        throw usage_error("say who logs in: --user NAME; the name is your choice");
    kept_store kept(given);
    print_row(given, given.server.client_credentials ? kept.keep.record(given.who, kept.until)
                     : given.on_device               ? log_in_on_device(given, kept)
                     : !given.grant.empty()          ? log_in_with_grant(given, kept)
                                                     : log_in_with_browser(given, kept));
    return success;
}

int print_token(const command& given) {
    kept_store kept(given);
    const token row = kept.keep.record(probe_of(given, kept.store), kept.until);
    const bool reveals = given.reveals || !is_terminal(STDOUT_FILENO);
    if (!reveals) print_error("tokenkeep: the token is hidden on a terminal; --reveal shows it");
    if (given.as_json)
        print(json_object()
                  .add("access_token", shown(row.access_token, reveals))
                  .add("token_type", row.token_type)
                  .add("expiry_time", row.expires_at ? date_text(*row.expires_at) : "")
                  .text() +
              "\n");
    else
        print(shown(row.access_token, reveals) + "\n");
    return success;
}

int refresh(const command& given) {
    kept_store kept(given);
    if (given.due_within.count() > 0) return refresh_due(given, kept);
    const token before =
        given.server.client_credentials ? kept.keep.record(given.who, kept.until) : row_of(given, kept.store);
    const token probe{.id = before.id};
    if (given.retries_refused)
        kept.keep.refresh(probe, {}, kept.until);
    else if (!before.access_token.empty())
        kept.keep.refresh(probe, before.access_token, kept.until); // if another program has refreshed it, that counts
    print_row(given, kept.keep.record(probe, kept.until));
    return success;
}

int call(const command& given) {
    kept_store kept(given, {.allow_other_hosts = given.any_host});
    const http_response answer = kept.keep.send(request_of(given), probe_of(given, kept.store), kept.until);
    print((given.includes_headers ? headers_text(answer) : std::string()) + answer.body);
    if (answer.status >= 400) print_error("tokenkeep: the server answers with status " + std::to_string(answer.status));
    return answer.status >= 400 ? findings : success;
}

int revoke(const command& given) {
    if (!names_login(given)) throw usage_error("say which login to revoke: --user or --id");
    kept_store kept(given);
    const token row = row_of(given, kept.store);
    kept.keep.revoke({.id = row.id}, kept.until);
    if (given.as_json) print(json_object().add("revoked", row.id).text() + "\n");
    return success;
}

void settle(const command& given, const token& row) {
    kept_store(given).keep.refresh({.id = row.id}, row.access_token);
}

std::optional<std::chrono::seconds> clock_difference(const command& given) {
    if (given.server.issuer.empty()) return std::nullopt;
    const curl_transport transport(given.ca_file);
    const http_request request = metadata_request(given.server.issuer, {.allow_loopback_http = true});
    const timestamp sent = system_clock{}.now();
    const http_response answer = transport(request);
    const auto date = text::parse_http_date(find_header(answer.headers, "Date"));
    if (!date) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(sent - *date);
}

int sweep_store(const command& given) {
    const sweep_policy& policy = given.sweep;
    if (policy.lifetime.count() + policy.idle.count() + policy.dead_for.count() + policy.unexchanged_for.count() == 0 &&
        !policy.refresh_expired)
        throw usage_error("say what is over: --lifetime, --idle, --dead-for, --unexchanged-for or --refresh-expired");
    progress_bar bar("sweeping");
    const auto show = [&bar](const sweep_report& so_far) { bar.show(so_far.done(), so_far.total); };
    sweep_report report;
    if (given.revokes) {
        report = kept_store(given, {.session_idle = policy.idle}).keep.sweep(policy, show);
    } else {
        any_store store = open(given.store);
        report = sweep(store, policy, show);
    }
    if (given.as_json)
        print(json_object()
                  .add("total", report.total)
                  .add("deleted", report.deleted())
                  .add("lifetime", report.lifetime)
                  .add("idle", report.idle)
                  .add("dead", report.dead)
                  .add("unexchanged", report.unexchanged)
                  .add("refresh_expired", report.refresh_expired)
                  .add("not_revoked", report.not_revoked)
                  .text() +
              "\n");
    else
        print(std::to_string(report.deleted()) + " of " + std::to_string(report.total) + " rows deleted\n");
    return report.not_revoked == 0 ? success : findings;
}

} // namespace cli
