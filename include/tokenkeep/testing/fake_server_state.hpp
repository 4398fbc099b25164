// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP

#include <tokenkeep/detail/os.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep::inline v0::testing {

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

    /// Exchanges a grant token, once.
    std::optional<session*> take_grant(std::string_view grant) {
        for (session& one : sessions_) {
            if (grant.empty() || one.grant != grant) continue;
            one.grant.clear();
            one.refresh_token = make("rt");
            return &one;
        }
        return std::nullopt;
    }

    /// Takes a refresh token: the current one, or one spent less than `grace` ago. Rotation makes the current one spent.
    refresh_use take_refresh_token(std::string_view token, timestamp now, bool rotate, std::chrono::milliseconds grace,
                                   bool end_on_reuse) {
        for (session& one : sessions_) {
            if (token.empty() || one.ended) continue;
            if (one.refresh_token == token) {
                if (rotate) {
                    one.spent.push_back({one.refresh_token, now});
                    one.refresh_token = make("rt");
                }
                return {&one, false};
            }
            for (const spent_token& old : one.spent) {
                if (old.token != token) continue;
                if (now - old.at < grace) return {&one, true};
                if (end_on_reuse) end(one);
                return {std::nullopt, true};
            }
        }
        return {};
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
                         .ended = member(one, "ended").boolean().value_or(false)};
            member(one, "spent").for_each_element([&](const text::json_value& t) {
                read.spent.push_back({member(t, "token").text(), time(t)});
            });
            member(one, "access_tokens").for_each_element([&](const text::json_value& t) {
                read.access_tokens.push_back({member(t, "token").text(), time(t)});
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
    static timestamp time(const text::json_value& t) {
        return timestamp{std::chrono::milliseconds{member(t, "time").integer().value_or(0)}};
    }

    std::deque<session> sessions_{}; // a deque: pointers to its elements stay good while it grows
};

} // namespace tokenkeep::inline v0::testing

#endif
