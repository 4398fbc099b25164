// SPDX-License-Identifier: MIT
// Secret bytes in JSON as base64, for the documents of this folder that need it. To be copied with service.hpp.
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_BASE64_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_BASE64_HPP

#include "service.hpp"

namespace service {

/// The bytes of base64 with padding (RFC 4648 4). Nullopt if it is not base64.
inline std::optional<tokenkeep::secret> from_base64(const tokenkeep::secret& text) {
    std::string_view digits = text.reveal();
    while (digits.ends_with('=')) digits.remove_suffix(1);
    bool is_base64 = digits.size() % 4 != 1;
    tokenkeep::secret bytes = tokenkeep::secret::build(digits.size() / 4 * 3 + 3, [&](char* const out) {
        char* at = out;
        unsigned bits = 0, held = 0;
        for (const char digit : digits) {
            const int value = digit >= 'A' && digit <= 'Z'   ? digit - 'A'
                              : digit >= 'a' && digit <= 'z' ? digit - 'a' + 26
                              : digit >= '0' && digit <= '9' ? digit - '0' + 52
                              : digit == '+'                 ? 62
                              : digit == '/'                 ? 63
                                                             : -1;
            is_base64 = is_base64 && value >= 0;
            bits = bits << 6 | (static_cast<unsigned>(value) & 63);
            held += 6;
            if (held < 8) continue;
            held -= 8;
            *at++ = static_cast<char>(bits >> held & 0xff);
        }
        return static_cast<std::size_t>(at - out);
    });
    return is_base64 ? std::optional(std::move(bytes)) : std::nullopt;
}

/// The bytes of a text in base64. Throws errc::storage_corrupt if it is none.
inline tokenkeep::secret bytes_in(const answer& answer, tokenkeep::text::json_value value) {
    std::optional<tokenkeep::secret> bytes = from_base64(answer.secret_in(value));
    if (!bytes) answer.corrupt();
    return *std::move(bytes);
}

/// Base64 as a JSON string, appended to a body that has room for it.
inline void append_base64(std::string& body, std::string_view bytes) {
    std::string digits = tokenkeep::text::to_base64(bytes);
    (body += '"').append(digits) += '"';
    wipe(digits);
}

} // namespace service

#endif
