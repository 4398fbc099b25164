// SPDX-License-Identifier: MIT
// What a sealer costs: a look-up and a save of each store, plain and sealed; and opening a file of many rows.
// databases: SQLite
// needs: OpenSSL, libsodium
#include "benchmark/measuring.hpp"

#include <tokenkeep/openssl_sealer.hpp>
#include <tokenkeep/sodium_sealer.hpp>
#include <tokenkeep/sqlite.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "support/temporary.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace measuring;

struct sealed_by_openssl : tokenkeep::defaults {
    using sealer = tokenkeep::openssl_sealer;
};
struct sealed_by_sodium : tokenkeep::defaults {
    using sealer = tokenkeep::sodium_sealer;
};

/// The stores of this policy in the folder. `sealer` is nothing or one sealer.
template <class Policy, class... Sealer>
void show_stores(const std::string& how, std::size_t rows, bool quick, const Sealer&... sealer) {
    const temporary_directory folder;
    using file_store = tokenkeep::basic_file_store<Policy>;
    using document_store = tokenkeep::basic_document_store<tokenkeep::text_file, tokenkeep::json_codec, Policy>;
    using sqlite_store = tokenkeep::basic_sqlite_store<Policy>;
    show_costs(("file, " + how).c_str(), file_store(folder / "tokens.tkj", sealer...), quick);
    show_costs(("JSON, " + how).c_str(), document_store(tokenkeep::text_file(folder / "tokens.json"), sealer...),
               quick);
    show_costs(("SQLite, " + how).c_str(), sqlite_store(tokenkeep::sqlite_connection(folder / "tokens.db"), sealer...),
               quick);

    {
        file_store store(folder / "many.tkj", sealer...);
        for (std::size_t row = 0; row < rows; ++row) store.save_token(row_of(row));
        store.compact();
    }
    const double opening = seconds_of([&] {
        file_store store(folder / "many.tkj", sealer...);
        require(store.find_token_by_id(id_of(0)).has_value(), "find_token_by_id");
    });
    std::printf("opening %zu rows, %s: %.2f s\n", rows, how.c_str(), opening);
}

} // namespace

int main(int count, char** words) {
    try {
        const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
        const std::size_t rows = quick ? 100 : 1'000'000;
        const tokenkeep::key_ring ring{tokenkeep::make_key()};
        show_stores<tokenkeep::defaults>("plain", rows, quick);
        show_stores<sealed_by_openssl>("OpenSSL", rows, quick, tokenkeep::openssl_sealer(ring));
        show_stores<sealed_by_sodium>("libsodium", rows, quick, tokenkeep::sodium_sealer(ring));
        return EXIT_SUCCESS;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return EXIT_FAILURE;
    }
}
