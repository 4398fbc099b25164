// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_DEVICE_LOGIN_HPP
#define TOKENKEEP_DETAIL_KEEPER_DEVICE_LOGIN_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/describe.hpp>
#include <tokenkeep/detail/keeper/login.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>
#include <tokenkeep/oauth/device.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <exception>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The login with a device code (RFC 8628). While the user types, no lock is held and the store is not touched: calls
/// for a session that the user already has go on. The tokens that come are kept as those of any other login.
class device_login : transaction {
  public:
    /// `probe` says whose login it is: by an id, a user, or at least a client id.
    device_login(keeper_parts& parts, const token& probe, deadline until)
        : transaction(parts, until), asked_(login::require_owner(probe)) {
        asked_.seed.clear(); // a probe without a user has that of the client's own row
        for (const auto member : {&token::access_token, &token::refresh_token, &token::code_verifier})
            (asked_.*member).clear();
    }

    /// Calls show(prompt), waits for the user, and gives the row with the new tokens.
    token run(function_ref<void(const device_prompt&)> show) {
        (void)parts_.find(rows_, asked_); // a store that cannot be read fails before the user is asked
        const device_authorization authorization = begin();
        show(authorization.prompt);
        asked_.grant_token = authorization.device_code;
        answer_room room({.marked = asked_, .bought_with = grant_kind::authorization_code});
        wait_for_user(authorization, room);
        return keep(room);
    }

  private:
    device_authorization begin() {
        wiped_request request(parts_.provider.device_authorization_request(asked_));
        const timestamp sent = parts_.clock.now();
        const wiped_response response(parts_.post(std::move(request), asked_, parts_.options.request_timeout));
        return parts_.provider.read_device_authorization(*response, asked_, sent);
    }

    /// Asks for tokens until they come (RFC 8628 3.5). After a failure that may pass, the pause is twice as long.
    void wait_for_user(const device_authorization& authorization, answer_room& room) {
        const deadline code_ends =
            time_after(parts_.clock.steady_now(), time_between(parts_.clock.now(), authorization.prompt.expires_at));
        const deadline end = (std::min)(deadline_, code_ends);
        std::exception_ptr last;
        std::chrono::milliseconds pause = authorization.interval;
        bool may_be_spent = false;
        for (;;) {
            const deadline next = time_after(parts_.clock.steady_now(), pause);
            if (next >= end) give_up(last);
            parts_.clock.sleep_until(next);
            wiped_request request(parts_.provider.device_token_request(asked_));
            const outcome result = ask(std::move(request), room, parts_.options.request_timeout);
            const auto is = [&](std::string_view code) { return text::equal_ignoring_case(result.server_code, code); };
            if (result.kind == outcome_kind::tokens) return;
            if (is("authorization_pending")) continue;
            if (is("slow_down"))
                pause += std::chrono::seconds(5);
            else if (is("access_denied"))
                std::rethrow_exception(with_reason(
                    error(errc::reauthorization_required, "tokenkeep: the user refused the login"), result.why));
            else if (is("expired_token"))
                give_up(result.why);
            else if (result.kind == outcome_kind::refused && may_be_spent)
                std::rethrow_exception(with_reason(lost_login_error(), result.why));
            else if (result.kind == outcome_kind::unknown || may_pass(result.why))
                pause *= 2;
            else
                std::rethrow_exception(result.why);
            last = result.why;
            pause = (std::max)(pause, result.retry_after);
            may_be_spent = may_be_spent || result.kind == outcome_kind::unknown;
        }
    }

    /// Time is over. `last` is the last failure, or null.
    [[noreturn]] static void give_up(const std::exception_ptr& last) {
        if (!last) throw too_late();
        std::rethrow_exception(with_reason(too_late(), last));
    }
    static error too_late() {
        return error(errc::lock_timeout, "tokenkeep: the user did not finish the login in time; begin again");
    }

    static bool may_pass(const std::exception_ptr& why) {
        try {
            std::rethrow_exception(why);
        } catch (const std::exception& failure) {
            return is_passing(failure);
        } catch (...) {
            return false;
        }
    }

    /// Saves the tokens that came, whatever the caller's deadline is. If the identity's lock cannot be had, or the
    /// store does not even take the marker of the login, tries again for save_timeout. Then the tokens go to the
    /// caller, in the error.
    token keep(answer_room& room) {
        const deadline end = parts_.save_deadline();
        for (;;) {
            login saving(parts_, asked_, parts_.default_deadline(), &room);
            try {
                return saving.run();
            } catch (...) {
                if (saving.has_taken_tokens()) throw;
                const deadline next = time_after(parts_.clock.steady_now(), parts_.options.first_backoff);
                if (next >= end || !may_pass(std::current_exception())) {
                    room.tokens.marked.grant_token.clear(); // a device code that is spent belongs into no row
                    room.throw_not_saved();
                }
                parts_.clock.sleep_until(next);
            }
        }
    }

    token asked_;
};

}}} // namespace tokenkeep::v1::detail

#endif
