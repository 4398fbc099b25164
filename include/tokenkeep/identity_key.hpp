// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_IDENTITY_KEY_HPP
#define TOKENKEEP_IDENTITY_KEY_HPP

#include <tokenkeep/token.hpp>

#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// The name under which an identity is locked: the row's id; before a row exists, client id and user; else client id
/// and the SHA-256 of the grant or refresh token. Empty if the record has none of these. Parts are joined with their
/// lengths, so no two identities share a name. It carries no secret.
inline std::string identity_key(const token& record) {
    const auto join = [](std::string_view kind, std::string_view first, std::string_view second) {
        std::string key(kind);
        for (const std::string_view part : {first, second})
            key.append(":").append(std::to_string(part.size())).append(":").append(part);
        return key;
    };
    if (!record.id.empty()) return join("id", record.id, {});
    if (!record.user_name.empty()) return join("user", record.client_id, record.user_name);
    const secret& given = record.grant_token.empty() ? record.refresh_token : record.grant_token;
    return given.empty() ? std::string() : join("token", record.client_id, text::sha256_hex(given.reveal()));
}

}} // namespace tokenkeep::v0

#endif
