// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_RESPONSE_READER_HPP
#define TOKENKEEP_OAUTH_DETAIL_RESPONSE_READER_HPP

#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/detail/response_dialect.hpp>
#include <tokenkeep/oauth/detail/response_members.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/oauth/retry_after.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Whether a code may be passed on: 1 to 64 letters, digits, underscores, dots and hyphens.
constexpr bool is_error_code(std::string_view code) noexcept {
    for (const char c : code)
        if (!text::is_letter(c) && !text::is_digit(c) && c != '_' && c != '.' && c != '-') return false;
    return !code.empty() && code.size() <= 64;
}

/// Whether the text contains the secret.
inline bool has_secret(std::string_view text, const secret& hidden) noexcept {
    return !hidden.empty() && text.find(hidden.reveal()) != std::string_view::npos;
}

/// Whether the text contains one of the record's secrets.
inline bool has_secret_of(const token& record, std::string_view text) noexcept {
    for (const field& f : fields)
        if (f.secret_text != nullptr && has_secret(text, record.*f.secret_text)) return true;
    return false;
}

/// The response as it would be if its server put this code into the member `error` (RFC 6749 5.2), and nothing else
/// into the body. For providers whose servers say elsewhere what is wrong. The caller wipes the body.
inline http_response with_error(const http_response& response, std::string_view code) {
    http_response plain{.status = response.status, .headers = response.headers, .body = R"({"error":)"};
    text::append_json_string(plain.body, code);
    plain.body += '}';
    return plain;
}

/// One response of an authorization server. The reader decides whether the server refuses, and what that means.
class response_reader {
  public:
    /// `record` is the record that the request was made for. The reader keeps its secrets out of errors. If `record` is
    /// null, the reader passes on only codes that are known. Response, record and dialect must stay alive.
    response_reader(const http_response& response, const token* record, const response_dialect& dialect)
        : response_(response), record_(record), dialect_(dialect), members_(response) {}

    bool is_success() const noexcept { return response_.status >= 200 && response_.status < 300; }
    const response_members& members() const noexcept { return members_; }

    /// What the server says in its member `error`, if that says something (RFC 6749 5.2).
    std::optional<known_code> known_error() const { return known(error_code()); }
    bool has_error() const { return error_code().has_value(); }

    /// Returns if the status is 2xx and there is no error. Throws response_error otherwise.
    void require_success() const {
        const int status = response_.status;
        if (status == 429) throw refusal(error_code());
        if (status == 408 || (status >= 500 && status < 600)) throw failure(errc::server_unavailable, "fails");
        if (status >= 300 && status < 400) throw failure(errc::request_rejected, "redirects, which is not followed,");
        if (status < 200 || status >= 600) throw failure(errc::malformed_response, "answers");
        if (const std::optional<text::json_value> code = error_code()) throw refusal(code);
        if (!is_success()) throw refusal(code_elsewhere());
    }

    /// Returns if the response says that a token is revoked. An error that cannot be understood is a failure here.
    void require_revocation() const {
        require_success();
        members_.use_last("error", [this](const response_members::member& error) -> bool {
            if (error.value.kind() != text::json_kind::object || error.value.raw() == "{}") return true;
            throw not_understood(response_reason::type, "its error says nothing");
        });
    }

    /// For a success without a usable token: throws response_error if another member than `error` has a code that is
    /// known, or if the body cannot be read.
    void require_tokens() const {
        if (const std::optional<text::json_value> code = code_elsewhere()) throw refusal(code);
        if (!members_.is_object())
            throw not_understood(response_reason::json, "it is neither a JSON object nor a form");
    }

    /// What is odd about the response as a whole.
    void warn(std::vector<std::string>& warnings) const {
        members_.warn(warnings);
        if (members_.has("error") && !has_error())
            warnings.emplace_back("the member error says nothing; it is ignored");
    }

    response_error not_understood(response_reason reason, std::string_view sentence) const {
        std::string what = "tokenkeep: the server's answer cannot be used: ";
        return response_error(errc::malformed_response, what.append(sentence),
                              {.reason = reason, .status = response_.status});
    }

  private:
    using value = text::json_value;

    /// Calls use(std::string_view) with the decoded text of a string of at most 64 bytes, and gives its result. Any
    /// other value is an empty text. The text is wiped, because it may be a secret that the server repeats.
    template <class Use>
    static auto with_short_text(const value& said, Use use) {
        char buffer[64];
        const std::size_t size = said.text_size();
        const std::string_view text(buffer, size <= sizeof buffer ? said.copy_text(buffer) : 0);
        auto result = use(text);
        wipe(buffer, sizeof buffer);
        return result;
    }

    std::optional<known_code> known(const std::optional<value>& said) const {
        if (!said) return std::nullopt;
        std::string_view description; // as it is written: the texts that are looked for have no escapes
        members_.use_last("error_description", [&](const response_members::member& described) {
            description = described.value.raw();
            return true;
        });
        return with_short_text(*said, [&](std::string_view code) { return dialect_.find(code, description); });
    }

    static bool is_text(const value& said) noexcept {
        return said.kind() == text::json_kind::string && said.raw() != "\"\"";
    }

    /// The member `error`, or the member of it that is the code. Nullopt if it says nothing.
    std::optional<value> error_code() const {
        std::optional<value> code;
        members_.use_last("error", [&](const response_members::member& error) {
            code = is_text(error.value) ? error.value : code_inside(error.value);
            return code.has_value();
        });
        return code;
    }

    /// Of an object in the place of a code: the first of these members that is known, else the first that is a text.
    std::optional<value> code_inside(const value& error) const {
        std::optional<value> first;
        for (const char* name : {"code", "type", "error", "errorType", "status", "message"}) {
            const std::optional<value> said = error.find(name);
            if (!said || !is_text(*said)) continue;
            if (known(said)) return said;
            if (!first) first = said;
        }
        return first;
    }

    /// A code that is known, in a member that is not `error`.
    std::optional<value> code_elsewhere() const {
        std::optional<value> code;
        const auto take = [&](const std::optional<value>& said) {
            if (!code && said && known(said)) code = said;
        };
        members_.use_last("errors", [&](const response_members::member& errors) {
            bool is_first = true;
            errors.value.for_each_element([&](const value& element) {
                if (!std::exchange(is_first, false)) return;
                take(element);
                for (const char* name : {"errorType", "code"}) take(element.find(name));
            });
            return code.has_value();
        });
        static constexpr member_name others[] = {"status", "code", "name", "message"};
        for (const member_name name : others)
            members_.use_last(name,
                              [&](const response_members::member& said) { return take(said.value), code.has_value(); });
        return code;
    }

    /// The code as the server wrote it, if it may be passed on.
    std::string passed_on(const value& said, bool is_known) const {
        return with_short_text(said, [&](std::string_view code) {
            const bool harmless =
                is_known || (record_ != nullptr && !has_secret_of(*record_, code) &&
                             (dialect_.client_secret == nullptr || !has_secret(code, *dialect_.client_secret)));
            return harmless && is_error_code(code) ? std::string(code) : std::string();
        });
    }

    /// The error for a server that refuses with this code.
    response_error refusal(const std::optional<value>& said) const {
        const std::optional<known_code> code = known(said);
        errc meaning = response_.status == 401 ? errc::client_rejected : errc::request_rejected;
        if (code) meaning = code->meaning;
        if (response_.status == 429) meaning = errc::throttled;
        std::string what = "tokenkeep: the server refuses the request";
        if (code)
            what.append(": ").append(code->code);
        else
            what.append(" with status ").append(std::to_string(response_.status));
        return response_error(meaning, what,
                              {.server_code = said ? passed_on(*said, code.has_value()) : std::string(),
                               .certainly_refused = meaning != errc::server_unavailable,
                               .retry_after = pause_after(meaning),
                               .status = response_.status,
                               .is_unexplained = !code && response_.status != 429});
    }

    /// The error for a status that says more than the body.
    response_error failure(errc meaning, std::string_view what_it_does) const {
        std::string what = "tokenkeep: the server ";
        what.append(what_it_does).append(" with status ").append(std::to_string(response_.status));
        return response_error(meaning, what,
                              {.reason = response_reason::status,
                               .certainly_refused = meaning == errc::request_rejected,
                               .retry_after = pause_after(meaning),
                               .status = response_.status});
    }

    /// The pause that the server asks for. If the server throttles without Retry-After, the pause of the dialect.
    std::chrono::milliseconds pause_after(errc meaning) const noexcept {
        const std::chrono::milliseconds asked = find_retry_after(response_);
        const bool own = meaning == errc::throttled && find_header(response_.headers, "Retry-After").empty();
        return own ? dialect_.throttle_pause : asked;
    }

    const http_response& response_;
    const token* record_;
    const response_dialect& dialect_;
    response_members members_;
};

}}} // namespace tokenkeep::v1::detail

#endif
