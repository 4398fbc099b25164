// SPDX-License-Identifier: MIT
// One session that the keepers of several processes share, stepped by the scheduler: their store, their network, and an
// oracle that says which property of the transaction has been broken. The letters are:
//   S1 no living session is ended by us, and where nothing fails no call does   S2 what is stored is the live token
//   S3 a lost answer or a kill costs no access token that lives, and nothing at all within a grace
//   S4 nobody harms a newer record   S5 handed out is only what is durable
//   S7 no deadlock, no endless attempts, nothing known dead is sent unless the program asks for it by name
//   S8 no login or deletion is undone, no login revoked   S9 in the end a living session is refreshed, a dead one named
#ifndef TOKENKEEP_TESTS_TORTURE_SIMULATED_SESSION_HPP
#define TOKENKEEP_TESTS_TORTURE_SIMULATED_SESSION_HPP

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/fake_server.hpp>
#include <tokenkeep/text/form.hpp>

#include "scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

using namespace std::chrono_literals;
using tokenkeep::errc, tokenkeep::secret, tokenkeep::token, tokenkeep::token_status;

constexpr auto token_life = 100s, time_left_when_due = 15s, request_timeout = 1s;
inline const token ada{.user_name = "ada", .client_id = "app"};

/// The store, the server and what lies between them. All is as the processes see it, in the order of their steps.
class simulated_session {
  public:
    simulated_session(tokenkeep::testing::fake_server_options options, std::chrono::milliseconds doubt_expires_after)
        : server(as_used(options), clock), settle_after_(doubt_expires_after), punishes_(options.end_session_on_reuse) {
        log_in();
    }

    tokenkeep::testing::virtual_clock clock{};
    tokenkeep::testing::fake_server server;
    const secret granted = server.grant("ada"); ///< Of a login that nobody has made yet.
    tokenkeep::memory_store rows{};
    scheduler* steps = nullptr;           ///< Null while one thing happens after the other, as in any test.
    std::map<int, time_point> deadline{}; ///< Of the call that a process is making.
    std::set<int> asking_by_name{};       ///< Processes whose call asks for the refresh token by name.

    turn take(int process, const step& next) {
        if (is_dead(process)) throw killed();
        if (steps != nullptr) return steps->take(next);
        if (next.ready()) return {};
        if (next.until) clock.sleep_until(*next.until);
        return {.timed_out = true};
    }
    bool is_dead(int process) const { return dead_.contains(process) || (steps != nullptr && steps->is_dead(process)); }
    void dies(int process) {
        std::erase_if(locks_, [&](const auto& entry) { return entry.second.process == process; });
        for (message& each : messages_)
            if (each.process == process) each.awaited = false;
        held_.erase(process);
        dead_.insert(process);
        excuse_if_orphaned();
    }
    /// The process has ended in peace. Tokens that it could save neither at first nor at last are lost.
    void ends(int process) {
        held_.erase(process);
        if (failed_saves_ > 1) excuse_if_orphaned();
    }
    /// The process has dropped the tokens that it had received.
    void forget(int process) { held_.erase(process); }

    // ---- The oracle ----

    /// The first property that was broken; empty if none was.
    const std::string& broken() const { return broken_; }
    void breaks(const std::string& property) {
        if (broken_.empty()) broken_ = property;
        if (steps != nullptr) steps->abandon();
    }
    /// Something that no client can prevent has cost the session.
    bool is_excused() const { return excused_; }
    std::optional<token> row() { return rows.find_token(ada); }
    bool accepts(const secret& access) {
        const std::string credentials = "Bearer " + std::string(access.reveal());
        return server({.method = "GET", .url = server.resource(), .headers = {{"Authorization", credentials}}})
                   .status == 200;
    }
    void handed_out(const secret& access) {
        if (!durable_.contains(access.reveal())) breaks("S5: an access token is handed out before it is saved");
    }
    /// At the end, when all processes are gone.
    void judge_end(bool may_be_revoked) {
        const std::optional<token> now = row();
        if (!now) return;
        const std::string& live = live_token_of(*now);
        const bool is_live = now->refresh_token.reveal() == live;
        if (!live.empty() && !is_live && !excused_) breaks("S2: the live refresh token is lost");
        if (is_live && is_known_dead(*now) && !may_be_revoked) breaks("S4: a living session is marked dead");
    }
    /// Whether what is stored is of the last login.
    bool is_last_login() { return origin_of(row()->refresh_token).session + 1 == sessions_.size(); }
    /// Whether the stored session can still be refreshed.
    bool is_alive() {
        const std::optional<token> now = row();
        return now && now->refresh_token.reveal() == live_token_of(*now) && !is_known_dead(*now);
    }

    // ---- The user and the program, beside the keepers ----

    void log_in() {
        const auto provider = server.provider();
        const token consent{.grant_token = server.grant("ada")};
        const auto answer = provider.read_token_response(server(provider.exchange_request(consent)), consent);
        sessions_.emplace_back(answer.refresh_token.reveal());
        note_issued(answer, sessions_.size() - 1, {});
        token login = apply_response(ada, answer, clock.now(), tokenkeep::grant_kind::authorization_code);
        if (const auto before = row()) login.id = before->id;
        rows.save_token(login);
        durable_.insert(std::string(login.access_token.reveal()));
    }

    // ---- The store ----

    std::optional<token> find(int process, const token& probe) {
        take(process, {.what = "looks up"});
        return rows.find_token(probe);
    }
    std::optional<token> find_by_id(int process, const std::string& id) {
        const auto fault = take(process, {.what = "reads the row", .faults = {fault_kind::lock_lost}}).fault;
        if (fault == fault_kind::lock_lost) lose_locks(process);
        return rows.find_token_by_id(id);
    }
    bool replace(int process, const token& expected, const token& record) {
        return write(process, expected, record, [&] { return rows.replace_token(expected, record); });
    }
    void save(int process, const token& record) {
        write(process, rows.find_token_by_id(record.id).value_or(token{}), record, [&] {
            rows.save_token(record);
            return true;
        });
    }
    bool remove(int process, const token& expected) {
        take(process, {.what = "removes the row"});
        const std::optional<token> before = row();
        const bool removed = rows.remove_token(expected);
        if (removed) judge_removal(before);
        return removed;
    }
    void remove_by_id(int process, const std::string& id) {
        take(process, {.what = "removes the row"});
        const std::optional<token> before = row();
        rows.delete_token(id);
        judge_removal(before);
    }

    unsigned lock(int process, const std::string& key) {
        const turn mine = take(process, {.what = "takes the lock",
                                         .ready = [&] { return !locks_.contains(key); },
                                         .until = deadline[process],
                                         .timeout = fault_kind::lock_timeout});
        if (mine.timed_out) throw tokenkeep::error(errc::lock_timeout, "the lock was not obtained");
        locks_[key] = {process, ++tickets_};
        return tickets_;
    }
    void unlock(const std::string& key, unsigned ticket) {
        const auto held = locks_.find(key);
        if (held != locks_.end() && held->second.ticket == ticket) locks_.erase(held);
    }

    // ---- The network ----

    tokenkeep::http_response send(int process, const tokenkeep::http_request& request) {
        if (!request.url.ends_with("/token")) {
            take(process, {.what = "asks the server to revoke"});
            const std::optional<token> now = row();
            const bool lives = now && !is_known_dead(*now) && !live_token_of(*now).empty();
            tokenkeep::http_response answer = server(request);
            for (std::string& each : sessions_)
                if (!server.is_live(each)) each.clear();
            if (lives && live_token_of(*now).empty())
                breaks("S4: dropped tokens are revoked, which ends a living session");
            return answer;
        }
        if (take(process, {.what = "sends", .faults = {fault_kind::not_sent}}).fault == fault_kind::not_sent)
            throw tokenkeep::transport_error("no connection", false);
        message& mine =
            messages_.emplace_back(message{request, process, clock.steady_now(), arrives_by(process, request)});
        if (dead_tokens_.contains(std::string(mine.spends().reveal())) && !asking_by_name.contains(process))
            breaks("S7: a token that is known to be dead is sent");
        if (const auto found = unexplained_.find(process);
            found != unexplained_.end() && clock.steady_now() - found->second < 1min)
            breaks("S7: an unexplained refusal is asked again at once");
        if (messages_.size() > most_requests) throw std::logic_error("more requests than can arrive");
        if (steps == nullptr) arrive(mine, fault_kind::none);
        const turn end = take(process, {.what = "receives the answer",
                                        .ready = [&] { return mine.answer.has_value(); },
                                        .until = clock.steady_now() + request.timeout,
                                        .timeout = fault_kind::gives_up,
                                        .faults = {fault_kind::answer_lost, fault_kind::error_after,
                                                   fault_kind::truncated, fault_kind::no_access_token}});
        mine.awaited = false;
        const bool is_read = end.fault == fault_kind::none || end.fault == fault_kind::no_access_token;
        if (!end.timed_out && is_read && !mine.brings.empty()) held_[process].insert(mine.brings);
        excuse_if_orphaned();
        if (end.timed_out) throw tokenkeep::transport_error("timed out");
        if (end.fault == fault_kind::answer_lost) throw tokenkeep::transport_error("connection reset");
        if (end.fault == fault_kind::error_after) return {.status = 502};
        std::string& body = mine.answer->body;
        if (end.fault == fault_kind::truncated) body.resize(body.size() / 2);
        if (end.fault == fault_kind::no_access_token && mine.answer->status == 200)
            body.replace(body.find("access_token"), 6, "Access");
        if (mine.answer->status == 400 && body.empty()) unexplained_[process] = clock.steady_now();
        return *mine.answer;
    }

    /// What can happen beside the processes: the arrival of requests.
    void add_arrivals(scheduler& run) {
        for (std::size_t n = 0; n < most_requests; ++n)
            run.add({.name = "request " + std::to_string(n + 1) + " arrives",
                     .ready = [this, n] { return messages_.size() > n && !messages_[n].arrived; },
                     .faults = {fault_kind::request_lost, fault_kind::error_before, fault_kind::throttled,
                                fault_kind::unexplained},
                     .act = [this, n](fault_kind fault) { arrive(messages_[n], fault); }});
        run.horizon = [this] {
            std::optional<time_point> first;
            for (const message& each : messages_)
                if (!each.arrived && !each.awaited && (!first || each.latest < *first)) first = each.latest;
            return first;
        };
    }
    /// If so much time passes, no request takes longer than it can, and nobody is slow in marking and sending.
    bool can_pass(std::chrono::milliseconds time) const {
        if (steps->is_any_task_at("writes the marker") || steps->is_any_task_at("sends")) return false;
        const time_point then = clock.steady_now() + time;
        return std::all_of(messages_.begin(), messages_.end(), [&](const message& each) {
            return each.arrived || then < (each.awaited ? each.sent + each.request.timeout : each.latest);
        });
    }
    /// Nobody is at work: no lock is held, no request is under way, no marker stands.
    bool is_quiet() {
        const auto now = row();
        return now && tokenkeep::read_status(now->status).kind == tokenkeep::status_kind::none && locks_.empty() &&
               std::all_of(messages_.begin(), messages_.end(),
                           [](auto& each) { return each.arrived && !each.awaited; });
    }

  private:
    static constexpr std::size_t most_requests = 6;

    struct message {
        tokenkeep::http_request request;
        int process;
        time_point sent;
        time_point latest; ///< When it arrives at the latest, if nobody waits for it any more.
        bool arrived = false, awaited = true;
        std::optional<tokenkeep::http_response> answer{};
        std::string brings{}; ///< The refresh token in the answer.

        secret spends() const {
            const auto fields = tokenkeep::text::from_form(request.body).value();
            for (const auto& [name, value] : fields)
                if (name == "refresh_token") return value;
            return {};
        }
    };
    struct origin {
        std::size_t session = 0;
        std::string parent{}; ///< The refresh token that was spent for it.
    };
    struct holder {
        int process;
        unsigned ticket;
    };

    static tokenkeep::testing::fake_server_options as_used(tokenkeep::testing::fake_server_options options) {
        options.token_life = token_life;
        return options;
    }

    static bool is_known_dead(const token& row) {
        const token_status status = tokenkeep::read_status(row.status);
        const bool dead =
            status.kind == tokenkeep::status_kind::refused || status.kind == tokenkeep::status_kind::revoking;
        return dead && status.is_about(row.refresh_token);
    }

    const origin& origin_of(const secret& issued) {
        const auto found = issued_.find(issued.reveal());
        if (found != issued_.end()) return found->second;
        breaks("S2: a token that the server has not issued is stored or sent");
        static const origin unknown{};
        return unknown;
    }
    std::string& live_token_of(const token& row) { return sessions_[origin_of(row.refresh_token).session]; }

    void note_issued(const tokenkeep::token_response& answer, std::size_t session, std::string parent) {
        issued_[std::string(answer.access_token.reveal())] = {session, {}};
        if (!answer.refresh_token.empty())
            issued_.try_emplace(std::string(answer.refresh_token.reveal()), origin{session, std::move(parent)});
    }

    /// Nobody who lives has the live refresh token of the session.
    bool is_orphaned(const std::string& live) {
        if (const auto now = row(); now && now->refresh_token.reveal() == live) return false;
        for (const message& each : messages_)
            if (each.awaited && each.brings == live) return false;
        return std::none_of(held_.begin(), held_.end(), [&](auto& entry) { return entry.second.contains(live); });
    }
    void excuse_if_orphaned() {
        const std::optional<token> now = row();
        if (!now) return;
        const std::string& live = live_token_of(*now);
        excused_ = excused_ || (!live.empty() && is_orphaned(live));
    }

    /// What is sent again within a grace ends with its timeout. Other requests may arrive as long as others wait.
    time_point arrives_by(int process, const tokenkeep::http_request& request) {
        if (const auto now = row(); now && server.provider().replay_grace.count() > 0) {
            const token_status marker = tokenkeep::read_status(now->status);
            if (marker.last_sent && marker.first_sent < *marker.last_sent) return clock.steady_now() + request.timeout;
        }
        const auto marked = marked_.contains(process) ? marked_[process] : clock.steady_now();
        return std::max(clock.steady_now(), marked + settle_after_ - 1ms);
    }

    /// A request reaches the server, or meets its fate on the way.
    void arrive(message& one, fault_kind fault) {
        one.arrived = true;
        if (fault == fault_kind::error_before) one.answer = tokenkeep::http_response{.status = 503};
        if (fault == fault_kind::throttled) one.answer = tokenkeep::http_response{.status = 429};
        if (fault == fault_kind::unexplained) one.answer = tokenkeep::http_response{.status = 400};
        if (fault != fault_kind::none) return;
        const secret spent = one.spends();
        if (spent.empty()) return exchange(one);
        std::string& live = sessions_[origin_of(spent).session];
        const std::optional<token> now = row();
        const bool works = now && now->refresh_token == spent && accepts(now->access_token);
        const bool is_reuse = live != spent.reveal();
        one.answer = server(one.request);
        if (one.answer->status == 200) {
            const auto provider = server.provider();
            const auto answer = provider.read_token_response(*one.answer, token{.refresh_token = spent});
            note_issued(answer, origin_of(spent).session, std::string(spent.reveal()));
            live = answer.refresh_token.reveal();
            one.brings = live;
        } else if (is_reuse && punishes_ && !live.empty()) {
            if (!is_orphaned(live)) breaks("S1: a refresh token is spent twice, which ends a living session");
            if (works) breaks("S3: an access token that lives is ended by a refresh token spent twice");
            live.clear();
        }
        if (!one.awaited) excuse_if_orphaned();
    }

    void exchange(message& one) {
        one.answer = server(one.request);
        if (one.answer->status != 200) return breaks("S1: a grant token is sent twice");
        const auto provider = server.provider();
        const auto answer = provider.read_token_response(*one.answer, token{});
        note_issued(answer, sessions_.size(), {});
        one.brings = sessions_.emplace_back(answer.refresh_token.reveal());
    }

    void lose_locks(int process) {
        std::erase_if(locks_, [&](const auto& entry) { return entry.second.process == process; });
    }

    template <class Act>
    bool write(int process, const token& expected, const token& record, Act act) {
        const auto is_new = [](const secret& now, const secret& before) { return !now.empty() && now != before; };
        const bool brings =
            is_new(record.refresh_token, expected.refresh_token) || is_new(record.access_token, expected.access_token);
        const bool marks = !brings && tokenkeep::read_status(record.status).kind == tokenkeep::status_kind::spend;
        step next{.what = brings ? "saves the tokens" : marks ? "writes the marker" : "writes the status"};
        if (brings) next.faults = {fault_kind::save_fails, fault_kind::save_indeterminate, fault_kind::connection_lost};
        if (marks) next.faults = {fault_kind::mark_fails, fault_kind::mark_indeterminate, fault_kind::lock_lost};
        const fault_kind fault = take(process, next).fault;
        if (brings && fault != fault_kind::none) ++failed_saves_;
        if (fault == fault_kind::connection_lost || fault == fault_kind::lock_lost) lose_locks(process);
        if (fault == fault_kind::mark_fails || fault == fault_kind::save_fails || fault == fault_kind::connection_lost)
            throw tokenkeep::error(errc::storage_failure, "the disk is full");
        if (marks) marked_[process] = clock.steady_now();
        const std::optional<token> before = row();
        const bool written = act();
        if (written) judge_write(before);
        if (fault == fault_kind::mark_indeterminate || fault == fault_kind::save_indeterminate)
            throw tokenkeep::error(errc::indeterminate, "the flush failed");
        return written;
    }

    void judge_write(const std::optional<token>& before) {
        const std::optional<token> after = row();
        if (!before || !after) return breaks("S8: a deleted record is written again");
        durable_.insert(std::string(after->access_token.reveal()));
        const origin &from = origin_of(before->refresh_token), &to = origin_of(after->refresh_token);
        // A login that brought a refresh token only: the access token of the one before is gone, or at least expired.
        const bool is_half = after->access_token.empty() || after->expires_at == tokenkeep::timestamp{};
        if (to.session < from.session || (!is_half && to.session != origin_of(after->access_token).session))
            return breaks("S8: a later login is undone");
        if (to.session == from.session && before->refresh_token != after->refresh_token &&
            to.parent != before->refresh_token.reveal())
            return breaks("S4: a newer record is overwritten");
        const bool is_refused = tokenkeep::read_status(after->status).kind == tokenkeep::status_kind::refused;
        if (is_refused && is_known_dead(*after)) dead_tokens_.insert(std::string(after->refresh_token.reveal()));
        if (is_refused && is_known_dead(*after) && live_token_of(*after) == after->refresh_token.reveal())
            breaks("S4: a living session is marked dead");
    }
    void judge_removal(const std::optional<token>& before) {
        const bool is_revoked =
            before && tokenkeep::read_status(before->status).kind == tokenkeep::status_kind::revoking;
        if (before && !(is_revoked && is_known_dead(*before))) breaks("S8: a record is removed that nobody revokes");
    }

    std::chrono::milliseconds settle_after_;
    bool punishes_;
    std::set<std::string> dead_tokens_{};     ///< Refresh tokens that were marked as refused.
    std::map<int, time_point> unexplained_{}; ///< When a process was refused without a reason.
    std::deque<message> messages_{};          // a deque: a sender keeps a reference
    std::vector<std::string> sessions_{};     // the refresh token that each would take next; empty if it has ended
    std::map<std::string, origin, std::less<>> issued_{};
    std::set<std::string, std::less<>> durable_{};
    std::map<int, std::set<std::string>> held_{}; // refresh tokens that living processes have received
    std::map<std::string, holder> locks_{};
    std::map<int, time_point> marked_{};
    std::set<int> dead_{};
    unsigned tickets_ = 0, failed_saves_ = 0;
    bool excused_ = false;
    std::string broken_{};
};

} // namespace tests

#endif
