// SPDX-License-Identifier: MIT
// No block of memory that the sealers and the sources of keys free still holds a key or a plain text, and neither does
// one that OpenSSL frees: every block is searched as it is freed.
// needs: OpenSSL, libsodium
#include <tokenkeep/key_source.hpp>
#include <tokenkeep/openssl_sealer.hpp>
#include <tokenkeep/sodium_sealer.hpp>
#include <tokenkeep/text_file.hpp>

#include "support/searched_memory.hpp"
#include "support/temporary.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/crypto.h>

namespace {

using namespace tokenkeep;

/// What no freed block may hold.
char marks[8][65];
std::size_t mark_sizes[8];
std::size_t mark_count = 0;

void look_for(std::string_view mark) {
    std::memcpy(marks[mark_count], mark.data(), mark.size());
    mark_sizes[mark_count++] = mark.size();
}

bool holds_mark(std::string_view block) {
    for (std::size_t n = 0; n < mark_count; ++n)
        if (block.find(std::string_view(marks[n], mark_sizes[n])) != block.npos) return true;
    return false;
}

int passed = 0, failed = 0;

/// Searches what `act` frees.
template <class Act>
void check(const char* what, Act act) {
    tests::leaks = tests::freed = 0;
    tests::searching = true;
    act();
    tests::searching = false;
    const bool holds = tests::leaks == 0 && tests::freed > 0;
    ++(holds ? passed : failed);
    if (!holds) std::printf("%s: %d of %d freed blocks hold a key or a text\n", what, tests::leaks, tests::freed);
}

constexpr std::string_view key_text = "U0VOVElORUwtLXNlbnRpbmVsLS1TRU5USU5FTC0tWlc"; // of key_bytes
constexpr std::string_view key_bytes = "SENTINEL--sentinel--SENTINEL--ZW";
constexpr std::string_view plain = "at-the-plain-text-of-a-token-which-has-more-bytes-than-a-block-of-the-cipher";

key_ring ring() { return key_ring{secret(key_bytes), {secret(std::string(32, 'o'))}}; }

template <class Sealer>
void use() {
    const Sealer sealer{ring()};
    const Sealer copy = sealer;
    const std::string id = sealer.key_id();
    const secret sealed = sealer.seal(plain, "row");
    const std::optional<secret> opened = copy.open(sealed.reveal(), "row", id);
    if (!opened || opened->reveal() != plain) std::abort();
    std::string flipped(sealed.reveal());
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    if (sealer.open(flipped, "row", id) || sealer.open(sealed.reveal(), "other", id) || sealer.open("", "", id))
        std::abort();
    (void)sealer.fingerprint(plain, id);
}

/// Every allocation fails once.
template <class Sealer>
void fail() {
    for (long n = 0;; ++n) {
        tests::until_failure = n;
        try {
            use<Sealer>();
            tests::until_failure = -1;
            if (n < 10) std::abort();
            return;
        } catch (const std::bad_alloc&) {
        } catch (const error&) { // OpenSSL had no memory
        }
    }
}

struct in_memory {
    std::optional<std::string> text{};
    std::optional<std::string> load() { return text; }
    void save(std::string_view bytes) { text = std::string(bytes); }
    ~in_memory() {
        if (text) detail::wipe_text(*text);
    }
};

} // namespace

int main() {
    tests::holds_secret = holds_mark;
    const int is_searched = CRYPTO_set_mem_functions(
        [](std::size_t size, const char*, int) -> void* {
            try {
                return tests::detail::allocate(size);
            } catch (const std::bad_alloc&) {
                return nullptr;
            }
        },
        [](void* block, std::size_t size, const char*, int) -> void* {
            void* const larger = tests::detail::allocate(size);
            if (block != nullptr) {
                std::size_t old = 0;
                std::memcpy(&old, static_cast<char*>(block) - tests::detail::header, sizeof old);
                std::memcpy(larger, block, old < size ? old : size);
                tests::detail::release(block);
            }
            return larger;
        },
        [](void* block, const char*, int) { tests::detail::release(block); });
    if (is_searched != 1) std::abort();
    look_for(key_bytes);
    look_for(key_text);
    look_for(plain.substr(0, 16));
    look_for(plain.substr(plain.size() - 16));
    look_for(detail::derive_key(secret(key_bytes), "tokenkeep fingerprints").reveal());
    look_for(detail::derive_key(secret(key_bytes), "tokenkeep nonces").reveal());

    tests::searching = true;
    OPENSSL_free(OPENSSL_memdup(key_bytes.data(), key_bytes.size()));
    tests::searching = false;
    if (tests::leaks != 1) std::abort(); // OpenSSL's memory is searched

    check("openssl_sealer", use<openssl_sealer>);
    check("sodium_sealer", use<sodium_sealer>);
    check("openssl_sealer without memory", fail<openssl_sealer>);
    check("sodium_sealer without memory", fail<sodium_sealer>);
    check("a ring that is refused", [] {
        try {
            key_ring twice(secret(key_bytes), {secret(key_bytes)});
            std::abort();
        } catch (const error&) {
        }
    });
    check("keys from texts", [] {
        if (key_from_text(secret(key_text)).reveal() != key_bytes) std::abort();
        const secret not_quite = secret::build(key_text.size(), [](char* out) {
            std::memcpy(out, key_text.data(), key_text.size());
            out[key_text.size() - 1] = '!';
            return key_text.size();
        });
        try {
            (void)key_from_text(not_quite);
            std::abort();
        } catch (const error&) {
        }
    });
    const temporary_directory here;
    check("keys from files", [&] {
        {
            const tests::unwatched by_the_test;
            write_file(here / "text", key_text);
            write_file(here / "bytes", std::string(key_bytes.substr(0, 31)) + '\1');
        }
        if (key_from_file(here / "text").reveal() != key_bytes) std::abort();
        (void)key_from_file(here / "bytes");
    });
    check("keys from documents", [&] {
        in_memory document;
        document.save(key_text);
        if (key_from_document(document).reveal() != key_bytes) std::abort();
        text_file file(here / "text");
        if (key_from_document(file).reveal() != key_bytes) std::abort();
    });
    check("a key that is wrapped", [] {
        in_memory document;
        document.save("tokenkeep-wrapped-key 1 " + detail::key_id_of(secret(key_bytes)) + " d3JhcHBlZA\n");
        const auto unwrap = [](std::string_view) { return std::string(key_bytes); };
        if (wrapped_key(document, unwrap, unwrap).reveal() != key_bytes) std::abort();
    });
    mark_count = 0;
    look_for("a passphrase that nobody types");
    const auto passphrase = [] { return secret("a passphrase that nobody types"); };
    const auto use_passphrase = [&](auto compute) {
        return [&, compute] {
            in_memory document;
            const secret key = compute(document, passphrase());
            {
                const tests::unwatched by_the_test;
                look_for(key.reveal());
            }
            (void)compute(document, passphrase());
        };
    };
    check("scrypt", use_passphrase([](in_memory& document, const secret& text) {
              return openssl_passphrase_key(document, text, {.n = 16, .r = 1});
          }));
    check("Argon2id", use_passphrase([](in_memory& document, const secret& text) {
              return sodium_passphrase_key(document, text, {.passes = 1, .memory = 8'192});
          }));

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
