// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_RESPONSE_READER_HPP
#define TOKENKEEP_OAUTH_DETAIL_RESPONSE_READER_HPP

#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/detail/response_members.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/oauth/retry_after.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// One response of an authorization server. The reader decides which kind of response it is.
class response_reader {
  public:
    /// A longer body is not read. No token endpoint sends more, but a hostile server may send without end.
    static constexpr std::size_t size_limit = std::size_t{1} << 20;

    /// `record` is the record that the request was made for. The reader keeps its secrets out of errors. If `record` is
    /// null, the reader passes on only the codes in `dialect` and in known_codes.
    response_reader(const http_response& response, const token* record, const response_dialect& dialect)
        : response_(response), record_(record), dialect_(dialect) {
        if (response.body.size() > size_limit) return;
        json_reader reader(response.body);
        const text::json_fault fault = reader.read();
        repeats_ = fault == text::json_fault::duplicate;
        const std::size_t first = response.body.find_first_not_of(" \t\r\n");
        is_object_ = (fault == text::json_fault::none || repeats_) && response.body[first] == '{';
        if (is_object_ && !repeats_) members_ = response_members(reader, dialect);
    }

    bool is_success() const noexcept { return response_.status >= 200 && response_.status < 300; }

    /// Whether the response has a member `error` (RFC 6749 5.2). If it has one, the reader ignores all other members.
    bool has_error() const noexcept { return !response_members::is_left_out(members_.error); }

    /// The members of a JSON object that has status 2xx and no `error`. Throws response_error for any other response.
    const response_members& read() const {
        const int status = response_.status;
        if (status == 429) throw refusal(errc::throttled, true);
        if (!is_success() && (status < 400 || status >= 500 || !is_object_)) throw odd_status();
        check_content_type();
        if (repeats_) throw not_understood(response_reason::duplicate, "it repeats a member");
        if (!is_object_) throw not_understood(response_reason::json, "it is not a JSON object");
        if (has_error()) throw refusal(errc::request_rejected, response_members::is_text(members_.error));
        if (!is_success()) throw refusal(errc::request_rejected, false);
        return members_;
    }

    static response_error not_understood(response_reason reason, std::string_view sentence) {
        std::string what = "tokenkeep: the server's answer cannot be used: ";
        return response_error(errc::malformed_response, what.append(sentence), {.reason = reason});
    }

    /// The server's `error`, or an empty text. A code that is not known is passed on only if it keeps to RFC 6749 5.2
    /// and contains no secret.
    std::string server_code() const {
        char buffer[64];
        const text::json_value error = members_.error.value_or(text::json_value{});
        if (error.text_size() > sizeof buffer) return {};
        const std::string_view code(buffer, error.copy_text(buffer));
        std::string passed;
        const bool harmless = is_error_code(code) && record_ != nullptr && !has_secret_of(*record_, code) &&
                              (dialect_.client_secret == nullptr || !has_secret(code, *dialect_.client_secret));
        if (harmless || find_code(code) != nullptr) passed = code;
        wipe(buffer, sizeof buffer);
        return passed;
    }

  private:
    const known_code* find_code(std::string_view name) const noexcept {
        for (const known_code& code : dialect_.codes)
            if (code.name == name) return &code;
        return find_known_code(name);
    }

    /// The error for a server that refuses. `meaning` is used if the server's code is not known, or if it is
    /// errc::throttled. `certain` says whether the server certainly did not spend the token.
    response_error refusal(errc meaning, bool certain) const {
        std::string what = "tokenkeep: the server refuses the request";
        std::string code = server_code();
        if (const known_code* known = find_code(code)) {
            what.append(": ").append(known->name);
            if (meaning != errc::throttled) meaning = known->meaning;
        }
        return response_error(
            meaning, what,
            {.server_code = std::move(code), .certainly_refused = certain, .retry_after = pause_after(meaning)});
    }

    /// The error for a status that is neither a success nor a refusal that can be read.
    response_error odd_status() const {
        const int status = response_.status;
        const bool redirect = status >= 300 && status < 400;
        errc code = errc::server_unavailable;
        if (redirect || status == 404) code = errc::request_rejected;
        if (status < 200 || status >= 600) code = errc::malformed_response;
        return response_error(
            code,
            redirect ? "tokenkeep: the server redirects, which is not followed"
                     : "tokenkeep: the server fails with status " + std::to_string(status),
            {.reason = response_reason::status, .certainly_refused = status == 404, .retry_after = pause_after(code)});
    }

    /// The pause that the server asks for. If the server throttles without Retry-After, the pause of the dialect.
    std::chrono::milliseconds pause_after(errc code) const noexcept {
        const std::chrono::milliseconds asked = find_retry_after(response_);
        const bool own = code == errc::throttled && find_header(response_.headers, "Retry-After").empty();
        return own ? dialect_.throttle_pause : asked;
    }

    /// Accepts application/json, application/ANYTHING+json, and a response without a content type.
    void check_content_type() const {
        std::string_view type = find_header(response_.headers, "Content-Type");
        if (type == "application/json") return;
        type = text::trim(type.substr(0, type.find(';')));
        if (type.empty() || text::equal_ignoring_case(type, "application/json")) return;
        const std::string_view end = type.substr(type.size() < 5 ? 0 : type.size() - 5);
        if (text::equal_ignoring_case(type.substr(0, 12), "application/") && text::equal_ignoring_case(end, "+json"))
            return;
        const bool plain = text::equal_ignoring_case(type, "text/plain");
        if (text::equal_ignoring_case(type, "application/x-www-form-urlencoded") || (plain && is_form(response_.body)))
            throw not_understood(response_reason::form_body, "it is a form, not JSON");
        throw not_understood(response_reason::content_type, "its content type is not JSON");
    }

    /// Whether a text is a list of pairs NAME=VALUE with & between them.
    static bool is_form(std::string_view body) noexcept {
        while (!body.empty()) {
            const std::string_view piece = body.substr(0, body.find('&'));
            body.remove_prefix(piece.size() < body.size() ? piece.size() + 1 : piece.size());
            const std::size_t name = piece.find('=');
            if (name == 0 || name == std::string_view::npos) return false;
            for (const char c : piece.substr(0, name))
                if (!is_form_plain(c) && c != '%' && c != '+') return false;
            if (body.empty()) return true;
        }
        return false;
    }

    const http_response& response_;
    const token* record_;
    response_dialect dialect_;
    response_members members_{};
    bool is_object_ = false;
    bool repeats_ = false;
};

}}} // namespace tokenkeep::v0::detail

#endif
