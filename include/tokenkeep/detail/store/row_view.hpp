// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_VIEW_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_VIEW_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/token.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
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

/// Calls `act` with each place in the table of fields as a constant.
template <class Act>
constexpr void for_each_place(Act act) {
    [&]<std::size_t... place>(std::index_sequence<place...>) {
        (act(std::integral_constant<std::size_t, place>{}), ...);
    }
    (std::make_index_sequence<std::size(fields)>{});
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

}}} // namespace tokenkeep::v1::detail

#endif
