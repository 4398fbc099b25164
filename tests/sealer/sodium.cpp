// SPDX-License-Identifier: MIT
// sodium_sealer, and the known answers of its cipher.
// needs: libsodium
#include <tokenkeep/sodium_sealer.hpp>

#include "support/catch.hpp"
#include "support/sealer_laws.hpp"

#include <string>

using namespace tests;
using tokenkeep::sodium_sealer;
using tokenkeep::detail::argon2id_algorithm, tokenkeep::detail::xchacha20_poly1305;

TEST_CASE("sodium_sealer: what is sealed comes back", "[sealer]") { check_round_trip<sodium_sealer>(); }
TEST_CASE("sodium_sealer: whatever differs, nothing opens", "[sealer]") { check_refusals<sodium_sealer>(); }
TEST_CASE("sodium_sealer: a new key seals, and old ones open", "[sealer]") { check_turning_of_keys<sodium_sealer>(); }
TEST_CASE("sodium_sealer: no nonce comes twice, after a fork neither", "[sealer]") { check_nonces<sodium_sealer>(); }
TEST_CASE("sodium_sealer: many threads use one", "[sealer]") { check_threads<sodium_sealer>(); }
TEST_CASE("sodium_sealer: after a snapshot, another text has another nonce", "[sealer]") {
    check_nonces_after_snapshot<sodium_sealer>();
}
TEST_CASE("sodium_sealer: it seals stores", "[sealer]") { check_stores<sodium_sealer>(); }
TEST_CASE("sodium_sealer: without random bytes nothing is sealed", "[sealer]") {
    check_without_random_bytes<sodium_sealer>();
}

// draft-irtf-cfrg-xchacha-03 A.3.1
TEST_CASE("sodium_sealer: XChaCha20-Poly1305 gives the answer of its draft", "[sealer]") {
    const std::string key = from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
                      nonce = from_hex("404142434445464748494a4b4c4d4e4f5051525354555657"),
                      associated = from_hex("50515253c0c1c2c3c4c5c6c7"),
                      plain = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                              "future, sunscreen would be it.";
    const std::string sealed = from_hex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                                        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                                        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                                        "21f9664c97637da9768812f615c68b13b52e"
                                        "c0875924c1c7987947deafd8780acf49");
    CHECK(to_hex(sealed_by<xchacha20_poly1305>(key, nonce, plain, associated)) == to_hex(sealed));
    CHECK(opened_by<xchacha20_poly1305>(key, nonce, sealed, associated) == plain);
    CHECK_FALSE(opened_by<xchacha20_poly1305>(key, nonce, sealed, ""));

    const sodium_sealer sealer{key_ring{secret(key)}}; // its format
    CHECK(sealer.open(nonce + sealed, associated, sealer.key_id()).value() == secret(plain));
}

TEST_CASE("sodium_sealer: what openssl_sealer has sealed by the same key does not open", "[sealer]") {
    const sodium_sealer sealer{key_ring{key_of('\1')}};
    const std::string sealed =
        "ABCDEFGHIJKLMNOPQRSTUVWX" + from_hex("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    CHECK_FALSE(sealer.open(sealed, "", sealer.key_id()));
}

TEST_CASE("sodium_sealer: Argon2id gives the answer of argon2, and a passphrase means one key", "[sealer]") {
    // echo -n 123 | argon2 ABCDEFGHIJKLMNOP -id -v 13 -k 1024 -t 5
    CHECK(to_hex(argon2id_algorithm::compute("123", "ABCDEFGHIJKLMNOP", {5, 1'024 * 1'024, 1}).reveal()) ==
          "3c5d010180ba0cf5b6b858cba23b318e42d33088983c404598599c3b029ecac6");
    check_passphrases(
        "argon2id",
        [](noted_text& document, const secret& passphrase, const tokenkeep::argon2id_cost& cost) {
            return tokenkeep::sodium_passphrase_key(document, passphrase, cost);
        },
        tokenkeep::argon2id_cost{.passes = 1, .memory = 8'192}, tokenkeep::argon2id_cost{.passes = 2, .memory = 16'384},
        tokenkeep::argon2id_cost{.passes = 0});
    CHECK_FALSE(argon2id_algorithm::takes({3, std::uint64_t{1} << 40, 1}));
    CHECK_FALSE(argon2id_algorithm::takes({3, 100, 1}));
    CHECK_FALSE(argon2id_algorithm::takes({5'000, 8'192, 1}));
    CHECK_FALSE(argon2id_algorithm::takes({3, 8'192, 2})); // libsodium has one lane
    const tokenkeep::argon2id_cost usual;
    CHECK(argon2id_algorithm::takes({usual.passes, usual.memory, 1}));
}
