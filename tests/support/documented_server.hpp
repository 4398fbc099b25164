// SPDX-License-Identifier: MIT
// A provider of providers/ against the answers that its server's documentation shows.
#ifndef TOKENKEEP_TESTS_SUPPORT_DOCUMENTED_SERVER_HPP
#define TOKENKEEP_TESTS_SUPPORT_DOCUMENTED_SERVER_HPP

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/describe.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>
#include <tokenkeep/text/form.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// What the documentation shows. Where it shows tokens, put at-1, rt-1 into the login, and at-2, rt-2 into the refresh,
/// in the shape in which they are shown. An answer that the server does not have is left out.
struct documented_answers {
    tokenkeep::http_response login{};
    std::optional<tokenkeep::http_response> refresh{};
    std::optional<tokenkeep::http_response> dead{};            ///< The refresh token was revoked, or has ended.
    std::optional<tokenkeep::http_response> client_rejected{}; ///< A wrong client id or secret.
    std::optional<tokenkeep::http_response> throttled{};
    std::optional<tokenkeep::http_response> revoked{};
    bool rotates = true; ///< Whether a refresh brings rt-2.
};

/// The requests that a provider made, so that a test can look at them.
struct documented_requests {
    tokenkeep::http_request login{}, refresh{}, revocation{};
};

/// The value of a field of a form; nullopt if it has none of that name.
inline std::optional<std::string> field_of(const tokenkeep::http_request& request, std::string_view name) {
    const auto fields = tokenkeep::text::from_form(request.body);
    REQUIRE(fields.has_value());
    for (const auto& [each, value] : *fields)
        if (each == name) return value;
    return std::nullopt;
}

/// Runs a provider through its answers: login, refresh, throttling, a rejected client, a dead token, revocation. It
/// demands what every program expects of a keeper, and gives the requests.
template <class Provider>
documented_requests run_documented(Provider provider, const documented_answers& documented) {
    using namespace tokenkeep;
    using namespace std::chrono_literals;
    if (provider.client_id.empty()) provider.client_id = "app";
    if (provider.client_secret.empty()) provider.client_secret = "hush";
    testing::virtual_clock clock;
    memory_store store;
    std::deque<http_response> script;
    std::vector<http_request> seen;
    std::vector<std::string> warnings;
    const auto transport = [&](const http_request& request) {
        seen.push_back(request);
        REQUIRE_FALSE(script.empty());
        http_response next = script.front();
        script.pop_front();
        return next;
    };
    const auto observer = [&](const event& e) {
        if (e.kind == event_kind::warning) warnings.emplace_back(e.detail);
    };
    keeper keep{store, transport, provider, {}, observer, clock};
    const token ada{.user_name = "ada"};
    const auto row = [&] { return store.find_token(ada).value(); };
    const auto code_of = [&](const http_response& answer) {
        script = {answer};
        try {
            keep.refresh(ada, row().access_token);
        } catch (const error& failure) {
            INFO(describe(failure));
            return static_cast<errc>(failure.code().value());
        }
        return errc{};
    };
    documented_requests requests;

    script = {documented.login};
    const token login{.user_name = "ada", .grant_token = "code-1", .redirect_url = "https://app.example/callback"};
    CHECK(keep.access_token(login) == secret("at-1"));
    requests.login = seen.back();
    CHECK(requests.login.url.starts_with("https://"));
    CHECK(requests.login.url.find("hush") == std::string::npos);
    const token first = row();
    if (documented.refresh) {
        CHECK(first.refresh_token == secret("rt-1"));
        script = {*documented.refresh};
        CHECK(keep.refresh(ada, "at-1") == secret("at-2"));
        requests.refresh = seen.back();
        CHECK(requests.refresh.url.starts_with("https://"));
        CHECK(row().refresh_token == secret(documented.rotates ? "rt-2" : "rt-1"));
        CHECK(requests.refresh.body.find("rt-1") != std::string::npos);
    }
    const token second = row();
    const auto unchanged = [&] {
        return row().refresh_token == second.refresh_token && read_status(row().status).kind == status_kind::none;
    };
    if (documented.throttled) {
        CHECK(code_of(*documented.throttled) == errc::throttled);
        CHECK(unchanged());
        clock.advance(24h);
    }
    if (documented.client_rejected) {
        CHECK(code_of(*documented.client_rejected) == errc::client_rejected);
        CHECK(unchanged());
        clock.advance(24h);
    }
    if (documented.dead) {
        CHECK(code_of(*documented.dead) == errc::reauthorization_required);
        CHECK(read_status(row().status).kind == status_kind::refused);
        const std::size_t asked = seen.size();
        clock.advance(24h);
        CHECK_THROWS_AS(keep.refresh(ada, row().access_token), error); // and no request: the script is empty
        CHECK(seen.size() == asked);
    }
    if (documented.revoked) {
        store.delete_tokens();
        store.save_token(second);
        script = {*documented.revoked};
        keep.revoke(ada);
        CHECK(store.get_tokens().empty());
        requests.revocation = seen.back();
        CHECK(requests.revocation.url.starts_with("https://"));
    } else {
        CHECK_FALSE(provider.revoke_request(second).has_value());
    }
    CHECK(script.empty());
    for (const std::string& warning : warnings) UNSCOPED_INFO("warning: " << warning);
    return requests;
}

/// An answer in JSON.
inline tokenkeep::http_response json_answer(int status, std::string body) {
    return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

} // namespace tests

#endif
