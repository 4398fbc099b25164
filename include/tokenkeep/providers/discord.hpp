// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_DISCORD_HPP
#define TOKENKEEP_PROVIDERS_DISCORD_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Discord, for applications that act for a user. (Bots have a token of their own and need no keeper.)
///   oauth2_provider discord = providers::discord();
///   discord.client_id = "157730590492196864";
///   discord.headers.push_back({"User-Agent", "DiscordBot (https://app.example, 1.0)"});
///
/// Peculiar:
///   - Discord may block requests without a User-Agent of its own form; see the example. Put the same into the requests
///     to the API.
///   - Access tokens end after 7 days. Each refresh brings a new refresh token; the old one is refused from then on,
///     with status 400 and invalid_grant.
///   - If one token is revoked, all tokens of the user for this application end.
///   - The redirect after a login names the issuer (RFC 9207).
/// Sources: docs.discord.com/developers/topics/oauth2, docs.discord.com/developers/reference,
/// discord.com/.well-known/oauth-authorization-server
inline oauth2_provider discord() {
    return {.token_endpoint = "https://discord.com/api/oauth2/token",
            .revocation_endpoint = "https://discord.com/api/oauth2/token/revoke",
            .authorization_endpoint = "https://discord.com/oauth2/authorize",
            .issuer = "https://discord.com",
            .sends_iss = true};
}

}}} // namespace tokenkeep::v1::providers

#endif
