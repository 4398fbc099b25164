// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_VIEW_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_VIEW_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/token.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A row that is read where it lies. It has each member of `token` by the same name; text and secrets are views.
struct row_view {
    std::string_view user_name{};
    std::string_view client_id{};
    std::string_view client_secret{};
    std::string_view refresh_token{};
    std::string_view access_token{};
    std::string_view grant_token{};
    std::string_view redirect_url{};
    std::string_view api_domain{};
    std::string_view scope{};
    std::string_view token_type{};
    std::optional<timestamp> expires_at{};
    std::optional<timestamp> issued_at{};
    std::string_view status{};
    std::string_view seed{};
    std::string_view extra{};
    std::optional<timestamp> refresh_expires_at{};
    std::optional<timestamp> logged_in_at{};
    std::optional<timestamp> used_at{};
    std::string_view code_verifier{};
    std::string_view label{};
    std::string_view former{};
    std::string_view id{};

    row_view() = default;
    explicit row_view(const token& row);
    explicit operator token() const;

    /// The text of that member of token; see text_of.
    template <auto member>
    std::string_view text() const noexcept;

    friend bool operator==(const row_view& a, const row_view& b) noexcept;
};

/// Whether a store has visit_token, which shows a row where it lies. Only the class that has the function says so: a
/// class that derives from it may find other rows.
template <class Store>
inline constexpr bool shows_rows = false;

/// The member of row_view for one line of the table of fields.
struct viewed_field {
    constexpr viewed_field(std::string_view row_view::*member) : text(member) {}
    constexpr viewed_field(std::optional<timestamp> row_view::*member) : time(member) {}

    std::string_view row_view::*text = nullptr;
    std::optional<timestamp> row_view::*time = nullptr;
};

/// In the order of `fields`.
inline constexpr viewed_field viewed_fields[] = {
    &row_view::id,
    &row_view::user_name,
    &row_view::client_id,
    &row_view::client_secret,
    &row_view::refresh_token,
    &row_view::access_token,
    &row_view::grant_token,
    &row_view::expires_at,
    &row_view::redirect_url,
    &row_view::api_domain,
    &row_view::scope,
    &row_view::token_type,
    &row_view::issued_at,
    &row_view::status,
    &row_view::seed,
    &row_view::extra,
    &row_view::refresh_expires_at,
    &row_view::logged_in_at,
    &row_view::used_at,
    &row_view::code_verifier,
    &row_view::label,
    &row_view::former,
};
static_assert(std::size(viewed_fields) == std::size(fields));

template <class Act, std::size_t... place>
[[gnu::always_inline]] constexpr void for_each_of(std::index_sequence<place...>, Act& act) {
    (act(std::integral_constant<std::size_t, place>{}), ...);
}

/// Calls `act` with each place in the table of fields as a constant. It is always inlined, with `view` below: a
/// caller that sees both pays only for the fields that it reads.
template <class Act>
[[gnu::always_inline]] constexpr void for_each_place(Act act) {
    for_each_of(std::make_index_sequence<std::size(fields)>{}, act);
}

inline row_view::row_view(const token& row) {
    for_each_place([&](auto place) {
        constexpr viewed_field viewed = viewed_fields[place];
        if constexpr (viewed.time != nullptr)
            this->*viewed.time = row.*fields[place].time;
        else if constexpr (fields[place].text != nullptr)
            this->*viewed.text = row.*fields[place].text;
        else
            this->*viewed.text = (row.*fields[place].secret_text).reveal();
    });
}

/// A row as the rules are asked about it. `Row` is a token, or has view(). See row_block for one that is asked itself.
inline const token& asked(const token& row) noexcept { return row; }
template <class Row>
row_view asked(const Row& row) noexcept {
    return row.view();
}

inline row_view::operator token() const {
    return {.user_name = std::string(user_name),
            .client_id = std::string(client_id),
            .client_secret = client_secret,
            .refresh_token = refresh_token,
            .access_token = access_token,
            .grant_token = grant_token,
            .redirect_url = std::string(redirect_url),
            .api_domain = std::string(api_domain),
            .scope = std::string(scope),
            .token_type = std::string(token_type),
            .expires_at = expires_at,
            .issued_at = issued_at,
            .status = std::string(status),
            .seed = std::string(seed),
            .extra = extra,
            .refresh_expires_at = refresh_expires_at,
            .logged_in_at = logged_in_at,
            .used_at = used_at,
            .code_verifier = code_verifier,
            .label = std::string(label),
            .former = std::string(former),
            .id = std::string(id)};
}

inline bool operator==(const row_view& a, const row_view& b) noexcept {
    bool are_equal = true;
    for_each_place([&](auto place) {
        constexpr viewed_field viewed = viewed_fields[place];
        if (!are_equal) return;
        if constexpr (viewed.time != nullptr)
            are_equal = a.*viewed.time == b.*viewed.time;
        else if constexpr (fields[place].text != nullptr)
            are_equal = a.*viewed.text == b.*viewed.text;
        else
            are_equal = same_in_fixed_time(a.*viewed.text, b.*viewed.text);
    });
    return are_equal;
}

template <auto member>
std::string_view row_view::text() const noexcept {
    return this->*viewed_fields[place_of<member>()].text;
}

/// For merge_into.
inline void take_present(row_view& stored, const row_view& record) {
    for_each_place([&](auto place) {
        constexpr viewed_field viewed = viewed_fields[place];
        if constexpr (viewed.time != nullptr) {
            if (record.*viewed.time) stored.*viewed.time = record.*viewed.time;
        } else {
            if (!(record.*viewed.text).empty()) stored.*viewed.text = record.*viewed.text;
        }
    });
}

}}} // namespace tokenkeep::v1::detail

#endif
