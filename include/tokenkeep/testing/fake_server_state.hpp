// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_STATE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/testing/detail/wire.hpp>
#include <tokenkeep/testing/fake_server_options.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// The sessions of a fake authorization server: who is logged in, with which tokens. The secrets are plain strings,
/// because only tests use them. With n sessions each operation costs log n, but for those that concern every session.
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
        std::string refresh_token{}; ///< The current one. Empty until the exchange.
        bool ended = false;
        timestamp window_start{}; ///< When the count of Zoho's limit began.
        unsigned in_window = 0;   ///< How many access tokens the refresh token has brought since then.
        std::vector<spent_token> spent{};
        std::vector<access> access_tokens{};
    };

    /// What the server makes of a refresh token that a client presents.
    struct refresh_use {
        session* taken = nullptr; ///< Null: the server does not accept the refresh token.
        bool was_spent = false;
    };

    fake_server_state() = default;
    fake_server_state(fake_server_state&&) = default; // no copies: the index points to the sessions
    fake_server_state& operator=(fake_server_state&&) = default;

    /// A new session, which begins when its grant token is exchanged.
    secret add_grant(const std::string& user) {
        sessions_.push_back({.user = user, .grant = make("code")});
        index(std::prev(sessions_.end()));
        return sessions_.back().grant;
    }

    /// Exchanges a grant token, once; null if it is not one. Sessions are kept in the order of their exchanges.
    session* take_grant(std::string_view grant) {
        const auto at = grants_.find(grant);
        if (at == grants_.end()) return nullptr;
        const auto taken = at->second;
        grants_.erase(at);
        sessions_.splice(sessions_.end(), sessions_, taken);
        taken->grant.clear();
        taken->refresh_token = make("rt");
        index(taken);
        return &*taken;
    }

    /// Takes a refresh token: the current one of a session, or a spent one whose grace is not over.
    refresh_use take_refresh_token(std::string_view token, timestamp now, const fake_server_options& options) {
        const place found = find(token);
        const bool rotates = options.rotate && detail::wire_of(options).rotates;
        if (found.kind == token_kind::refresh) {
            if (rotates) rotate(*found.of, now);
            return {found.of, false};
        }
        if (found.kind != token_kind::spent) return {};
        if (now - found.of->spent[found.number].at < options.grace) {
            if (rotates && options.fresh_successor) rotate(*found.of, now);
            return {found.of, true};
        }
        if (options.end_session_on_reuse) end(*found.of);
        return {nullptr, true};
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

    /// Ends the user's oldest sessions until there are no more than `limit`, and says how many it ended. A limit of 0
    /// means that there is none.
    unsigned keep_newest_sessions(const std::string& user, unsigned limit) {
        if (limit == 0) return 0;
        std::vector<session*>& theirs = sessions_of_user_[user];
        std::erase_if(theirs, [](const session* one) { return one->ended; });
        const std::size_t excess = theirs.size() - std::min<std::size_t>(theirs.size(), limit);
        for (std::size_t n = 0; n < excess; ++n) end(*theirs[n]);
        return static_cast<unsigned>(excess);
    }

    /// The same for the access tokens of a session. Those that have expired do not count.
    unsigned keep_newest_access_tokens(session& of, unsigned limit, timestamp now) {
        if (limit == 0) return 0;
        unsigned living = 0, ended = 0;
        for (auto held = of.access_tokens.rbegin(); held != of.access_tokens.rend(); ++held) {
            if (held->ends <= now || ++living <= limit) continue;
            held->ends = now;
            ++ended;
        }
        return ended;
    }

    /// A new access token of that session.
    secret add_access_token(session& of, timestamp ends) {
        of.access_tokens.push_back({make("at"), ends});
        places_[of.access_tokens.back().token] = {&of, token_kind::access, of.access_tokens.size() - 1};
        return of.access_tokens.back().token;
    }

    /// The session of an access token that has not expired; null if it is not one.
    const session* find_access_token(std::string_view token, timestamp now) const {
        const place found = find(token);
        const bool lives = found.kind == token_kind::access && now < found.of->access_tokens[found.number].ends;
        return lives ? found.of : nullptr;
    }

    /// Ends every access token.
    void expire_access_tokens(timestamp now) {
        for (session& one : sessions_)
            for (access& held : one.access_tokens) held.ends = (std::min)(held.ends, now);
    }

    /// Whether the token is the current refresh token of a session that has not ended.
    bool is_live(const secret& refresh_token) const { return find(refresh_token.reveal()).kind == token_kind::refresh; }

    /// Ends the session of a refresh or access token; false if there is none.
    bool revoke(std::string_view token) {
        const place found = find(token);
        if (found.kind != token_kind::refresh && found.kind != token_kind::access) return false;
        end(*found.of);
        return true;
    }

    /// Every session in order, as JSON.
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

    /// The reverse. Throws errc::storage_corrupt if the text is something else.
    static fake_server_state from_json(std::string_view json) {
        const auto parsed = text::parse_json(json);
        fake_server_state state;
        if (!parsed) throw error(errc::storage_corrupt, "fake_server: the state is not JSON");
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
            state.index(std::prev(state.sessions_.end()));
        });
        return state;
    }

  private:
    using sessions = std::list<session>;
    enum class token_kind { unknown, refresh, spent, access };

    /// Where a token is: the session, what it is there, and its number among the spent or the access tokens.
    struct place {
        session* of = nullptr;
        token_kind kind = token_kind::unknown;
        std::size_t number = 0;
    };

    static std::string make(const char* kind) { return std::string(kind) + "-" + tokenkeep::detail::random_hex(16); }

    /// Tokens of sessions that have ended are unknown.
    place find(std::string_view token) const {
        const auto at = places_.find(token);
        return at == places_.end() || at->second.of->ended ? place{} : at->second;
    }

    /// Enters all that a session has into the index.
    void index(sessions::iterator at) {
        if (!at->grant.empty()) grants_.emplace(at->grant, at);
        if (at->refresh_token.empty()) return;
        places_.emplace(at->refresh_token, place{&*at, token_kind::refresh});
        for (std::size_t n = 0; n < at->spent.size(); ++n)
            places_.emplace(at->spent[n].token, place{&*at, token_kind::spent, n});
        for (std::size_t n = 0; n < at->access_tokens.size(); ++n)
            places_.emplace(at->access_tokens[n].token, place{&*at, token_kind::access, n});
        sessions_of_user_[at->user].push_back(&*at);
    }

    static void end(session& one) {
        one.ended = true;
        one.access_tokens.clear();
    }

    void rotate(session& one, timestamp now) {
        places_[one.refresh_token] = {&one, token_kind::spent, one.spent.size()};
        one.spent.push_back({one.refresh_token, now});
        one.refresh_token = make("rt");
        places_[one.refresh_token] = {&one, token_kind::refresh};
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

    sessions sessions_{}; // a list, so that the three indexes may point into it
    std::map<std::string, sessions::iterator, std::less<>> grants_{};
    std::map<std::string, place, std::less<>> places_{};              // of refresh, spent and access tokens
    std::map<std::string, std::vector<session*>> sessions_of_user_{}; // after the exchange, oldest first
};

}}} // namespace tokenkeep::v1::testing

#endif
