// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_WECHAT_HPP
#define TOKENKEEP_PROVIDERS_WECHAT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// WeChat's server. See wechat(). The members authentication and encodes_basic mean nothing to it: there is one way.
struct wechat_provider : oauth2_provider {
    /// Refreshes have a URL of their own.
    std::string refresh_endpoint = "https://api.weixin.qq.com/sns/oauth2/refresh_token";

    /// The client is appid and secret.
    http_request exchange_request(const token& record) const {
        if (record.grant_token.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no grant token");
        const client_endpoint own{.client_id = client_id, .client_secret = client_secret};
        const detail::client_identity client = detail::client_of(own, record);
        return post(token_endpoint, client.id,
                    {{"secret", client.secret_text},
                     {"code", record.grant_token.reveal()},
                     {"grant_type", "authorization_code"}});
    }

    /// The client is appid. A refresh needs no secret.
    http_request refresh_request(const token& record) const {
        if (record.refresh_token.empty())
            throw error(errc::invalid_record, "tokenkeep: the record has no refresh token");
        const client_endpoint own{.client_id = client_id};
        std::vector<text::form_pair> pairs{{"grant_type", "refresh_token"},
                                           {"refresh_token", record.refresh_token.reveal()}};
        if (sends_scope_on_refresh && !record.scope.empty()) pairs.push_back({"scope", record.scope});
        return post(refresh_endpoint, detail::client_of(own, record).id, std::move(pairs));
    }

    /// An error is the number errcode, with status 200. error_codes explains the numbers.
    token_response read_token_response(const http_response& response, const token& record) const {
        const std::string code = errcode_of(response);
        if (code.empty()) return oauth2_provider::read_token_response(response, record);
        return oauth2_provider::read_token_response(detail::with_error(response, code), record);
    }

    /// The API says by errcode that the access token has ended, with status 200.
    bool is_token_rejected(const http_response& response) const {
        constexpr std::string_view ended[] = {"40001", "40014", "42001"};
        return response.status == 401 ||
               std::find(std::begin(ended), std::end(ended), errcode_of(response)) != std::end(ended);
    }

  private:
    http_request post(const std::string& url, std::string_view appid, std::vector<text::form_pair> pairs) const {
        if (appid.empty()) throw error(errc::invalid_record, "tokenkeep: there is no client id");
        pairs.insert(pairs.begin(), {"appid", appid});
        const client_endpoint nameless{.url = url,
                                       .parameters = parameters,
                                       .headers = headers,
                                       .allow_loopback_http = allow_loopback_http,
                                       .allow_plain_http = allow_plain_http};
        return detail::post_form(nameless, {}, std::move(pairs)); // wipes what it has built if it throws
    }

    /// The digits of errcode. Empty if there is none, or if it is 0, which means success.
    static std::string errcode_of(const http_response& response) {
        std::string code;
        detail::response_members(response).use_last("errcode", [&](const detail::response_members::member& errcode) {
            const bool is_error = errcode.value.kind() == text::json_kind::number && errcode.value.raw() != "0";
            if (is_error) code = errcode.value.raw();
            return is_error;
        });
        return code;
    }
};

/// WeChat (Weixin), for the login of users to official accounts, websites and apps on phones.
///   auto wechat = providers::wechat();
///   wechat.client_id = "wx0123456789abcdef";
///
/// Peculiar:
///   - WeChat documents requests by GET with the secret in the URL, where proxies and logs see it. The library sends
///     the same parameters in the body of a POST.
///   - The client's id and secret are called appid and secret. A refresh has a URL of its own and needs no secret.
///   - Errors are numbers under status 200, such as {"errcode":40030}. 40030, 42002 and 42007 mean that the session is
///     over.
///   - Access tokens live two hours, refresh tokens 30 days. Then the user must log in again.
///   - Answers have no token_type. The library warns of that, and the token counts as Bearer.
///   - The API wants the access token and openid, which is in the record's extra, in the URL. It does not read the
///     header that keeper::send sets: take the token from keeper::access_token.
///   - Scopes are separated by commas. The login's URL calls client_id appid, and ends with #wechat_redirect.
///   - Websites outside of WeChat log users in at open.weixin.qq.com/connect/qrconnect instead.
///   - There is no revocation endpoint.
/// Sources: developers.weixin.qq.com/doc/service/api/webdev/access/api_snsaccesstoken,
/// developers.weixin.qq.com/doc/service/api/webdev/access/api_snsrefreshtoken,
/// developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html
inline wechat_provider wechat() {
    return {{.token_endpoint = "https://api.weixin.qq.com/sns/oauth2/access_token",
             .error_codes = {{"40029", errc::reauthorization_required}, // invalid code
                             {"40163", errc::reauthorization_required}, // the code was used
                             {"42003", errc::reauthorization_required}, // the code has ended
                             {"40030", errc::reauthorization_required}, // invalid refresh token
                             {"42002", errc::reauthorization_required}, // the refresh token has ended
                             {"42007", errc::reauthorization_required}, // the user has changed the password
                             {"40001", errc::client_rejected},          // wrong secret
                             {"40013", errc::client_rejected},          // invalid appid
                             {"40125", errc::client_rejected},          // invalid secret
                             {"45009", errc::throttled},                // too many calls today
                             {"45011", errc::throttled},                // too many calls in this minute
                             {"-1", errc::server_unavailable}},         // the system is busy
             .authorization_endpoint = "https://open.weixin.qq.com/connect/oauth2/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
