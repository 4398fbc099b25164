// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_NOTION_HPP
#define TOKENKEEP_PROVIDERS_NOTION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/text/utf8.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Notion: an oauth2_provider whose requests have JSON bodies.
struct notion_provider : oauth2_provider {
    http_request exchange_request(const token& record) const {
        return as_json(oauth2_provider::exchange_request(record));
    }
    http_request refresh_request(const token& record) const {
        return as_json(oauth2_provider::refresh_request(record));
    }
    /// Notion revokes an access token, and wants it as the only member.
    std::optional<http_request> revoke_request(const token& record) const {
        token access = record;
        access.refresh_token = {};
        std::optional<http_request> form = oauth2_provider::revoke_request(access);
        if (form) form = as_json(std::move(*form), "token_type_hint");
        return form;
    }

  private:
    /// The request with its form as a JSON object of texts, without the member `left_out`. Throws errc::invalid_record
    /// if a value is not UTF-8.
    static http_request as_json(http_request form, std::string_view left_out = {}) {
        detail::wiped_request request(std::move(form));
        detail::wiping_string json;
        for (std::string_view rest = request->body; !rest.empty();) {
            const std::string_view pair = rest.substr(0, rest.find('&'));
            rest.remove_prefix((std::min)(pair.size() + 1, rest.size()));
            const std::size_t equals = pair.find('=');
            const std::string name = detail::form_decoded(pair.substr(0, equals));
            std::string value = detail::form_decoded(pair.substr(equals + 1));
            const detail::wipe_at_exit value_is_wiped(value);
            if (name == left_out) continue;
            if (!text::is_utf8(value)) throw error(errc::invalid_record, "tokenkeep: a value for Notion is not UTF-8");
            json.push_back(json.empty() ? '{' : ',');
            text::append_json_string(json, name);
            json.push_back(':');
            text::append_json_string(json, value);
        }
        json.push_back('}');
        detail::wipe_text(request->body);
        request->body.assign(json.data(), json.size());
        erase_header(request->headers, "Content-Type");
        request->headers.push_back({"Content-Type", "application/json"});
        return std::move(request).release();
    }
};

/// Notion, for public integrations.
///   auto notion = providers::notion();
///   notion.client_id = "463558a3-725e-4f37-b6d3-0889894f68de";
///
/// Peculiar:
///   - Requests have JSON bodies. The client's id and secret come in HTTP Basic.
///   - Every request needs the header Notion-Version. To send another version, change it in `headers`. Requests to the
///     API need it too; the program adds it there.
///   - Answers do not say how long an access token lives. The keeper uses it until the API answers with status 401.
///   - A refresh brings a new access token and a new refresh token, and the old ones end.
///   - The login page has no scopes: the integration's settings say what it may do, and the user chooses the pages.
///   - A revocation names the access token.
/// Sources: developers.notion.com/reference/create-a-token, developers.notion.com/reference/refresh-a-token,
/// developers.notion.com/reference/revoke-token, developers.notion.com/guides/get-started/authorization
inline notion_provider notion() {
    return {{.token_endpoint = "https://api.notion.com/v1/oauth/token",
             .revocation_endpoint = "https://api.notion.com/v1/oauth/revoke",
             .authentication = client_authentication::basic,
             .headers = {{"Notion-Version", "2025-09-03"}},
             .encodes_basic = false,
             .authorization_endpoint = "https://api.notion.com/v1/oauth/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
