// SPDX-License-Identifier: MIT
// What the documents of this folder have in common: it sends a request, wipes what was secret in it, and turns an
// answer that a document does not expect into a typed error. To be copied with the documents.
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_SERVICE_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_SERVICE_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace service {

/// Overwrites a text that was secret.
inline void wipe(std::string& text) noexcept {
    volatile char* at = text.data();
    for (std::size_t left = text.size(); left > 0; --left) *at++ = 0;
    text.clear();
}

/// A header with a token. A header that is made in a list of others would leave a copy of the token behind.
inline tokenkeep::http_header header_of(std::string name, std::string_view scheme, const tokenkeep::secret& token) {
    tokenkeep::http_header header{.name = std::move(name)};
    header.value.reserve(scheme.size() + token.size());
    header.value.append(scheme).append(token.reveal());
    return header;
}

/// A text as a JSON string. Not for secrets: append those to a body with tokenkeep::text::append_json_string.
inline std::string quoted(std::string_view text) {
    std::string json;
    tokenkeep::text::append_json_string(json, text);
    return json;
}

/// The answer of a service. Its body is wiped at the end, because it may hold tokens.
class answer {
  public:
    /// Sends the request, and wipes its headers and its body. If there is no answer, throws errc::storage_failure; if
    /// the request was to change something and may have arrived, errc::indeterminate. A page of a proxy is no answer.
    template <tokenkeep::http_transport Transport>
    answer(std::string service, Transport& transport, tokenkeep::http_request request, bool changes = false)
        : service_(std::move(service)) {
        const request_wiper at_exit{request};
        bool may_have_been_sent = true;
        try {
            try {
                *response_ = transport(request);
            } catch (const tokenkeep::transport_error& failure) {
                may_have_been_sent = failure.may_have_been_sent();
                throw;
            }
        } catch (...) {
            using tokenkeep::errc;
            const errc code = changes && may_have_been_sent ? errc::indeterminate : errc::storage_failure;
            std::throw_with_nested(tokenkeep::error(code, "tokenkeep: " + service_ + " gave no answer; try later"));
        }
        json_ = tokenkeep::text::parse_json(response_->body).value;
        const bool is_json = json_.kind() == tokenkeep::text::json_kind::object;
        if (!is_json && (status() / 100 == 2 || status() == 404)) fail("this is not its JSON: is a proxy in between?");
    }

    int status() const { return response_->status; }
    tokenkeep::text::json_value json() const { return json_; }

    /// A member of a member of the JSON body; JSON null if there is none.
    ///   answer.at({"data", "metadata", "version"}).integer()
    tokenkeep::text::json_value at(std::initializer_list<std::string_view> path) const {
        tokenkeep::text::json_value value = json_;
        for (const std::string_view name : path) value = value.find(name).value_or(tokenkeep::text::json_value());
        return value;
    }

    /// The text of a value, for what is secret. Throws errc::storage_corrupt if it is not a text.
    tokenkeep::secret secret_in(tokenkeep::text::json_value value) const {
        if (value.kind() != tokenkeep::text::json_kind::string) corrupt();
        return tokenkeep::secret::build(value.text_size(), [&](char* out) { return value.copy_text(out); });
    }

    /// Throws that the service holds something else than this program has saved.
    [[noreturn]] void corrupt() const {
        throw tokenkeep::error(tokenkeep::errc::storage_corrupt,
                               "tokenkeep: " + service_ + " has the secret, but not as this program saves it");
    }

    /// Throws that the credential was refused: errc::permissions.
    [[noreturn]] void forbid() const {
        throw tokenkeep::error(tokenkeep::errc::permissions,
                               "tokenkeep: " + service_ + " answered " + std::to_string(status()) +
                                   "; renew the credential, or let its owner read and write this secret");
    }

    /// Throws what any other answer means: errc::permissions for 401 and 403, otherwise errc::storage_failure.
    [[noreturn]] void refuse() const {
        if (status() == 401 || status() == 403) forbid();
        if (status() == 429 || status() >= 500) fail("try later");
        fail("check the names of the secret and of its parents");
    }

    /// Throws errc::storage_failure with an advice, and with the wait that the service asked for.
    [[noreturn]] void fail(const std::string& advice) const {
        throw tokenkeep::error(tokenkeep::errc::storage_failure,
                               "tokenkeep: " + service_ + " answered " + std::to_string(status()) + "; " + advice,
                               tokenkeep::find_retry_after(*response_));
    }

  private:
    struct request_wiper {
        tokenkeep::http_request& request;
        ~request_wiper() {
            wipe(request.body);
            for (tokenkeep::http_header& header : request.headers) wipe(header.value);
        }
    };

    struct body_wiper {
        void operator()(tokenkeep::http_response* response) const noexcept {
            wipe(response->body);
            delete response;
        }
    };

    std::string service_;
    std::unique_ptr<tokenkeep::http_response, body_wiper> response_{new tokenkeep::http_response};
    tokenkeep::text::json_value json_{};
};

} // namespace service

#endif
