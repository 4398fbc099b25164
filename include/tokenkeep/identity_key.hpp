// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_IDENTITY_KEY_HPP
#define TOKENKEEP_IDENTITY_KEY_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/token.hpp>

#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// The name under which stores lock an identity. It carries no secret.
///
/// | the record has | the name is made of |
/// | --- | --- |
/// | an id | the id |
/// | else a user | client id and user |
/// | else a grant token, else a refresh token | client id and the SHA-256 of that token |
/// | else a seed, which is such a SHA-256 | client id and seed |
/// | none of these | nothing: the name is empty |
///
/// If the record has a label and no id, the label is a part of the name too. The length of each part is in the name, so
/// two identities never get the same name:
///   identity_key({.user_name = "ada", .client_id = "app"}) == "user:3:app:3:ada"
///   identity_key({.user_name = "ada", .client_id = "app", .label = "eu"}) == "user:3:app:3:ada:2:eu"
std::string identity_key(const token& record);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE std::string identity_key(const token& record) {
    std::string key;
    const auto add = [&](std::string_view part) {
        key.append(":").append(std::to_string(part.size())).append(":").append(part);
    };
    const auto join = [&](const char* kind, std::string_view first, std::string_view second, std::string_view label) {
        key = kind;
        add(first);
        add(second);
        if (!label.empty()) add(label);
        return key;
    };
    if (!record.id.empty()) return join("id", record.id, {}, {});
    if (!record.user_name.empty()) return join("user", record.client_id, record.user_name, record.label);
    const secret& given = record.grant_token.empty() ? record.refresh_token : record.grant_token;
    const std::string hash = given.empty() ? record.seed : text::sha256_hex(given.reveal());
    return hash.empty() ? key : join("token", record.client_id, hash, record.label);
}
#endif

}} // namespace tokenkeep::v1

#endif
