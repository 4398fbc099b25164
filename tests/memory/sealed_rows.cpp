// SPDX-License-Identifier: MIT
// No block of memory that is freed while rows are sealed for a table, looked up and opened still holds a secret: every
// block is searched as it is freed.
#include <tokenkeep/detail/sql/sealed_form.hpp>
#include <tokenkeep/text/sha256.hpp>

#include "support/searched_memory.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tokenkeep;

constexpr std::string_view mark = "S3NTINEL";

bool holds_mark(std::string_view block) { return block.find(mark) != block.npos; }

/// Changes every bit, and keeps nothing.
struct inverter {
    std::string key_id() const { return "k"; }
    std::vector<std::string> key_ids() const { return {"k", "another key, with an id that needs memory"}; }
    secret seal(std::string_view plain, std::string_view) const {
        return secret::build(plain.size(), [&](char* out) {
            for (std::size_t n = 0; n < plain.size(); ++n) out[n] = static_cast<char>(~plain[n]);
            return plain.size();
        });
    }
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view) const {
        return seal(sealed, associated);
    }
    std::string fingerprint(std::string_view text, std::string_view) const {
        const auto digest = text::sha256(text);
        return {digest.begin(), digest.end()};
    }
};

struct sealed : defaults {
    using sealer = inverter;
};

template <class Cells>
struct stepped {
    const Cells& cells;
    std::optional<std::string_view> column(std::size_t n) const { return cells.values()[n]; }
};

/// Seals the row of a secret of that size, looks it up and opens it. Whether the row came back and nothing else held
/// the secret.
bool keeps_secret(std::size_t size) {
    std::string text(size, 'x');
    text.replace(size / 2, mark.size(), mark);
    token row{.user_name = "ada",
              .client_secret = text,
              .refresh_token = text,
              .access_token = text,
              .grant_token = text,
              .extra = text,
              .code_verifier = text,
              .id = "id"};
    const inverter sealer;
    const std::string table = "tokens";
    tests::leaks = tests::freed = 0;
    bool is_same = false;
    tests::searching = true;
    {
        const detail::sealed_form<sealed> form(sealer, table);
        auto cells = form.cells(row);
        form.with_keys(4, row.refresh_token.reveal(), [](detail::sql_parameters) {});
        stepped<decltype(cells)> statement{cells};
        is_same = form.read(statement) == row;
        cells[1] = "another name";
        try {
            (void)form.read(statement);
            is_same = false;
        } catch (const error&) {
        }
    }
    tests::searching = false;
    return is_same && tests::leaks == 0 && tests::freed > 0;
}

} // namespace

int main() {
    tests::holds_secret = holds_mark;
    int failed = 0;
    for (const std::size_t size : {20u, 30u, 100u, 5'000u, 70'000u})
        if (!keeps_secret(size)) {
            std::printf("a secret of %zu bytes: %d of %d freed blocks hold it\n", size, tests::leaks, tests::freed);
            ++failed;
        }
    std::printf("%d failed\n", failed);
    return failed == 0 ? 0 : 1;
}
