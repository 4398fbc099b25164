// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/store/row_block.hpp>
#include <tokenkeep/detail/store/row_view.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

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

/// An absent field, or another value of the same size.
void change(const field& which, token& row, bool is_absent) {
    which.visit([&](auto member) {
        if (is_absent)
            row.*member = {};
        else if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
            row.*member = timestamp::min();
        else
            row.*member = std::string(detail::view_of(row.*member).size(), 'x');
    });
}

struct destroy_row {
    void operator()(detail::row_block* row) const noexcept { detail::row_block::destroy(row); }
};
using owned_row = std::unique_ptr<detail::row_block, destroy_row>;
owned_row block_of(const token& row) { return owned_row(detail::row_block::make(detail::row_view(row))); }

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

TEST_CASE("row_view: it becomes a token again, with every field", "[row_view]") {
    const token row = full_row();
    CHECK((token(detail::row_view(row)) == row));
    CHECK((token(detail::row_view()) == token()));
}

TEST_CASE("row_view: two are equal if each field is", "[row_view]") {
    const token row = full_row();
    CHECK(detail::row_view(row) == detail::row_view(full_row()));
    for (const field& each : fields)
        for (const bool is_absent : {false, true}) {
            CAPTURE(each.name);
            token other = row;
            change(each, other, is_absent);
            CHECK_FALSE(detail::row_view(row) == detail::row_view(other));
        }
}

TEST_CASE("row_view: merging views gives what merging tokens gives", "[row_view]") {
    for (const field& stored_lacks : fields)
        for (const field& record_lacks : fields)
            for (const field& differs : fields) {
                token stored = full_row(), record = full_row();
                change(stored_lacks, stored, true);
                change(differs, record, false);
                change(record_lacks, record, true);
                detail::row_view merged(stored);
                detail::merge_into(merged, detail::row_view(record));
                REQUIRE((token(merged) == merge(stored, record)));
            }
}

TEST_CASE("row_block: it holds every field, and those that are absent", "[row_view]") {
    const token row = full_row();
    CHECK((token(*block_of(row)) == row));
    CHECK(block_of(row)->id() == "the id");
    CHECK(block_of(row)->text<&token::refresh_token>() == "the refresh_token");
    CHECK((token(*block_of({})) == token()));
    for (const field& each : fields) {
        CAPTURE(each.name);
        token other = row;
        change(each, other, true);
        CHECK((token(*block_of(other)) == other));
    }
}

TEST_CASE("row_block: a row of the same sizes is written over it, from elsewhere and from itself", "[row_view]") {
    const token row = full_row();
    for (const field& each : fields) {
        CAPTURE(each.name);
        token other = row;
        change(each, other, false);
        const owned_row block = block_of(row);
        detail::row_view next = block->view(); // its texts lie in the block, but for one
        CHECK(block->has_sizes_of(next));
        detail::take_present(next, detail::row_view(other));
        REQUIRE(block->has_sizes_of(next));
        block->overwrite(next);
        CHECK((token(*block) == other));
        change(each, other, true);
        CHECK(block->has_sizes_of(detail::row_view(other)) == (each.time != nullptr));
    }
    const owned_row block = block_of(row);
    detail::row_view kept = block->view();
    kept.access_token = "THE ACCESS_TOKEN";
    block->overwrite(kept);
    token expected = row;
    expected.access_token = "THE ACCESS_TOKEN";
    CHECK((token(*block) == expected));
}
