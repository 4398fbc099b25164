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

/// What is peculiar to the answers of one server.
struct response_dialect {
    std::span<const known_code> codes{};         ///< Its own codes; they go before known_codes.
    std::chrono::milliseconds throttle_pause{0}; ///< How long to wait where it throttles and does not say how long.
    bool has_expires_in_sec = false;             ///< It sends expires_in_sec, and expires_in in milliseconds then.
    const secret* client_secret = nullptr;       ///< What records without a client secret are asked for with.
};

/// The members of an answer that mean something to us, as they came.
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

    /// A member without a value counts as left out (RFC 6749 3.2).
    static bool is_left_out(const member& value) noexcept {
        return !value || value->kind() == text::json_kind::null || value->raw() == "\"\"";
    }
    static bool is_text(const member& value) noexcept { return value && value->kind() == text::json_kind::string; }

    /// The members that have no name here, as they came, in an object of their own; empty if there are none.
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
    /// Where the member of that name has its place; null if it has none.
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
