// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/testing/fake_server_options.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace testing {

/// The sessions of a fake authorization server: who is logged in, with which tokens. A test's own data, so its secrets
/// are plain strings.
class fake_server_state {
  public:
    struct spent_token {
        std::string token{};
        timestamp at{};
    };
    struct access {
        std::string token{};
        timestamp ends{};
    };
    struct session {
        std::string user{};
        std::string grant{};         ///< Empty once it has been exchanged.
        std::string refresh_token{}; ///< Empty until then.
        bool ended = false;
        timestamp window_start{}; ///< When the count of Zoho's limit began.
        unsigned in_window = 0;   ///< Access tokens that the refresh token has brought since.
        std::vector<spent_token> spent{};
        std::vector<access> access_tokens{};
    };

    /// What became of a refresh token that was presented.
    struct refresh_use {
        std::optional<session*> taken{};
        bool was_spent = false;
    };

    secret add_grant(const std::string& user) {
        session fresh{.user = user, .grant = make("code")};
        sessions_.push_back(fresh);
        return fresh.grant;
    }

    /// Exchanges a grant token, once. The sessions stand in the order of their exchanges.
    std::optional<session*> take_grant(std::string_view grant) {
        const auto at = std::find_if(sessions_.begin(), sessions_.end(),
                                     [&](const session& one) { return !grant.empty() && one.grant == grant; });
        if (at == sessions_.end()) return std::nullopt;
        std::rotate(at, at + 1, sessions_.end());
        session& taken = sessions_.back();
        taken.grant.clear();
        taken.refresh_token = make("rt");
        return &taken;
    }

    /// Takes a refresh token: the current one, or one whose grace is not over.
    refresh_use take_refresh_token(std::string_view token, timestamp now, const fake_server_options& options) {
        const bool rotates = options.rotate && !options.zoho;
        for (session& one : sessions_) {
            if (token.empty() || one.ended) continue;
            if (one.refresh_token == token) {
                if (rotates) rotate(one, now);
                return {&one, false};
            }
            for (const spent_token& old : one.spent) {
                if (old.token != token) continue;
                if (now - old.at < options.grace) {
                    if (rotates && options.fresh_successor) rotate(one, now);
                    return {&one, true};
                }
                if (options.end_session_on_reuse) end(one);
                return {std::nullopt, true};
            }
        }
        return {};
    }

    /// Counts one more access token for the session's refresh token; false if that would be too many now.
    bool count_access_token(session& of, timestamp now, const zoho_limits& limits) {
        if (limits.access_tokens == 0) return true;
        if (of.in_window == 0 || now - of.window_start >= limits.window) {
            of.window_start = now;
            of.in_window = 0;
        }
        if (of.in_window >= limits.access_tokens) return false;
        ++of.in_window;
        return true;
    }

    /// Ends the user's oldest sessions until there are no more than `limit`; says how many it ended. 0 is no limit.
    unsigned keep_newest(const std::string& user, unsigned limit) {
        return keep_newest(
            sessions_, limit,
            [&](const session& one) { return one.user == user && !one.ended && !one.refresh_token.empty(); }, end);
    }

    /// The same for the access tokens of a session that have not expired.
    unsigned keep_newest(session& of, unsigned limit, timestamp now) {
        return keep_newest(
            of.access_tokens, limit, [now](const access& held) { return now < held.ends; },
            [now](access& held) { held.ends = now; });
    }

    secret add_access_token(session& of, timestamp ends) {
        of.access_tokens.push_back({make("at"), ends});
        return of.access_tokens.back().token;
    }

    const session* find_access_token(std::string_view token, timestamp now) const {
        for (const session& one : sessions_)
            for (const access& held : one.access_tokens)
                if (!one.ended && held.token == token && now < held.ends) return &one;
        return nullptr;
    }

    void expire_access_tokens(timestamp now) {
        for (session& one : sessions_)
            for (access& held : one.access_tokens) held.ends = std::min(held.ends, now);
    }

    bool is_live(const secret& refresh_token) const {
        for (const session& one : sessions_)
            if (!one.ended && !refresh_token.empty() && one.refresh_token == refresh_token.reveal()) return true;
        return false;
    }

    /// Ends the session of a refresh or access token; false if there is none.
    bool revoke(std::string_view token) {
        for (session& one : sessions_) {
            bool named = one.refresh_token == token;
            for (const access& held : one.access_tokens) named = named || held.token == token;
            if (token.empty() || one.ended || !named) continue;
            end(one);
            return true;
        }
        return false;
    }

    secret to_json() const {
        std::string out = "{\"sessions\":[";
        for (const session& one : sessions_) {
            if (&one != &sessions_.front()) out += ',';
            out += "\n{\"user\":";
            text::append_json_string(out, one.user);
            out += ",\"grant\":\"" + one.grant + "\",\"refresh_token\":\"" + one.refresh_token + "\",\"ended\":";
            out += one.ended ? "true" : "false";
            out += ",\"window_start\":" + to_text(one.window_start) + ",\"in_window\":" + std::to_string(one.in_window);
            append(out, "spent", one.spent, [](const spent_token& t) { return t.at; });
            append(out, "access_tokens", one.access_tokens, [](const access& t) { return t.ends; });
            out += '}';
        }
        return secret(out + "]}\n");
    }

    static fake_server_state from_json(std::string_view json) {
        const auto parsed = text::parse_json(json);
        fake_server_state state;
        if (!parsed) throw error(errc::storage_corrupt, "fake_server: the state is no JSON");
        member(parsed.value, "sessions").for_each_element([&](const text::json_value& one) {
            session read{.user = member(one, "user").text(),
                         .grant = member(one, "grant").text(),
                         .refresh_token = member(one, "refresh_token").text(),
                         .ended = member(one, "ended").boolean().value_or(false),
                         .window_start = time(one, "window_start"),
                         .in_window = static_cast<unsigned>(member(one, "in_window").integer().value_or(0))};
            member(one, "spent").for_each_element([&](const text::json_value& t) {
                read.spent.push_back({member(t, "token").text(), time(t, "time")});
            });
            member(one, "access_tokens").for_each_element([&](const text::json_value& t) {
                read.access_tokens.push_back({member(t, "token").text(), time(t, "time")});
            });
            state.sessions_.push_back(std::move(read));
        });
        return state;
    }

  private:
    static std::string make(const char* kind) { return std::string(kind) + "-" + detail::random_hex(16); }

    static void end(session& one) {
        one.ended = true;
        one.access_tokens.clear();
    }

    static void rotate(session& one, timestamp now) {
        one.spent.push_back({one.refresh_token, now});
        one.refresh_token = make("rt");
    }

    template <class All, class Lives, class End>
    static unsigned keep_newest(All& all, unsigned limit, Lives lives, End end) {
        const auto living = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), lives));
        const std::size_t excess = limit == 0 || living <= limit ? 0 : living - limit;
        unsigned ended = 0;
        for (auto& one : all) {
            if (ended == excess) break;
            if (!lives(one)) continue;
            end(one);
            ++ended;
        }
        return ended;
    }

    template <class Tokens, class TimeOf>
    static void append(std::string& out, std::string_view name, const Tokens& tokens, TimeOf time_of) {
        out.append(",\"").append(name).append("\":[");
        for (const auto& one : tokens) {
            if (&one != &tokens.front()) out += ',';
            out += "{\"token\":\"" + one.token + "\",\"time\":" + to_text(time_of(one)) + "}";
        }
        out += ']';
    }

    static text::json_value member(const text::json_value& object, std::string_view name) {
        const auto found = object.find(name);
        if (!found) throw error(errc::storage_corrupt, "fake_server: the state lacks a member");
        return *found;
    }
    static timestamp time(const text::json_value& object, std::string_view name) {
        return timestamp{std::chrono::milliseconds{member(object, name).integer().value_or(0)}};
    }

    std::vector<session> sessions_{}; // what take_grant and take_refresh_token point to is good until the next request
};

}}} // namespace tokenkeep::v0::testing

#endif
