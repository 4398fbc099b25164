// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_RESPONSE_MEMBERS_HPP
#define TOKENKEEP_OAUTH_DETAIL_RESPONSE_MEMBERS_HPP

#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// What is special about the responses of one server.
struct response_dialect {
    std::span<const known_code> codes{}; ///< The server's own error codes; they are looked up before known_codes.
    std::chrono::milliseconds throttle_pause{0}; ///< How long to wait if the server throttles and sends no Retry-After.
    bool has_expires_in_sec = false; ///< The server may send expires_in_sec; if it does, expires_in is in milliseconds.
    const secret* client_secret = nullptr; ///< The provider's client secret, for records that have none; may be null.
};

/// The members of a response that the library reads, as the server wrote them.
class response_members {
  public:
    using member = std::optional<text::json_value>;

    response_members() = default;
    response_members(const json_reader& reader, const response_dialect& dialect) {
        reader.for_each_member([&](std::string_view name, std::string_view written, const text::json_value& value) {
            if (member* const place = place_of(name, dialect))
                *place = value;
            else if (!is_left_out(value))
                extra_.emplace_back(written, value.raw());
        });
    }

    /// A member counts as left out if it is missing, null or an empty string (RFC 6749 3.2).
    static bool is_left_out(const member& value) noexcept {
        return !value || value->kind() == text::json_kind::null || value->raw() == "\"\"";
    }
    static bool is_text(const member& value) noexcept { return value && value->kind() == text::json_kind::string; }

    /// All other members that have a value, as the server wrote them, in one JSON object. Empty if there are none.
    secret extra() const {
        if (extra_.empty()) return {};
        std::size_t size = 1;
        for (const auto& [name, value] : extra_) size += name.size() + value.size() + 2;
        return secret::build(size, [this](char* out) {
            char* at = out;
            const auto put = [&at](std::string_view piece) { at = std::copy(piece.begin(), piece.end(), at); };
            for (const auto& [name, value] : extra_) {
                put(at == out ? "{" : ",");
                put(name);
                put(":");
                put(value);
            }
            put("}");
            return static_cast<std::size_t>(at - out);
        });
    }

    member access_token{}, refresh_token{}, token_type{}, scope{}, expires_in{}, expires_in_sec{}, api_domain{},
        error{};

  private:
    /// Where a member of that name is kept; null if the library does not read it.
    member* place_of(std::string_view name, const response_dialect& dialect) noexcept {
        if (name == "access_token") return &access_token;
        if (name == "refresh_token") return &refresh_token;
        if (name == "token_type") return &token_type;
        if (name == "scope") return &scope;
        if (name == "expires_in") return &expires_in;
        if (name == "api_domain") return &api_domain;
        if (name == "error") return &error;
        return dialect.has_expires_in_sec && name == "expires_in_sec" ? &expires_in_sec : nullptr;
    }

    std::vector<std::pair<std::string_view, std::string_view>> extra_{}; ///< Names and values as written.
};

}}} // namespace tokenkeep::v0::detail

#endif
