// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/store/row_view.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <string>

using namespace tokenkeep;

namespace {

/// A row in which no two fields are the same.
token full_row() {
    token row;
    for (const field& each : fields)
        each.visit([&](auto member) {
            if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                row.*member = timestamp(std::chrono::milliseconds(1'000 + (&each - fields)));
            else
                row.*member = "the " + std::string(each.name);
        });
    return row;
}

} // namespace

TEST_CASE("row_view: it shows each member of the row under its own name", "[row_view]") {
    const token row = full_row();
    const detail::row_view view(row);
    CHECK(view.user_name == row.user_name);
    CHECK(view.client_id == row.client_id);
    CHECK(view.client_secret == row.client_secret.reveal());
    CHECK(view.refresh_token == row.refresh_token.reveal());
    CHECK(view.access_token == row.access_token.reveal());
    CHECK(view.grant_token == row.grant_token.reveal());
    CHECK(view.redirect_url == row.redirect_url);
    CHECK(view.api_domain == row.api_domain);
    CHECK(view.scope == row.scope);
    CHECK(view.token_type == row.token_type);
    CHECK(view.expires_at == row.expires_at);
    CHECK(view.issued_at == row.issued_at);
    CHECK(view.status == row.status);
    CHECK(view.seed == row.seed);
    CHECK(view.extra == row.extra.reveal());
    CHECK(view.refresh_expires_at == row.refresh_expires_at);
    CHECK(view.logged_in_at == row.logged_in_at);
    CHECK(view.used_at == row.used_at);
    CHECK(view.code_verifier == row.code_verifier.reveal());
    CHECK(view.label == row.label);
    CHECK(view.former == row.former);
    CHECK(view.id == row.id);
    CHECK(view.user_name.data() == row.user_name.data()); // nothing is copied
}
