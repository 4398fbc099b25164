// SPDX-License-Identifier: MIT
// openssl_sealer, and the known answers of its cipher.
// needs: OpenSSL
#include <tokenkeep/openssl_sealer.hpp>

#include "support/catch.hpp"
#include "support/sealer_laws.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <openssl/crypto.h>

using namespace tests;
using tokenkeep::openssl_sealer;
using tokenkeep::detail::aes_256_gcm, tokenkeep::detail::scrypt_algorithm, tokenkeep::detail::xaes_256_gcm;

TEST_CASE("openssl_sealer: what is sealed comes back", "[sealer]") { check_round_trip<openssl_sealer>(); }
TEST_CASE("openssl_sealer: whatever differs, nothing opens", "[sealer]") { check_refusals<openssl_sealer>(); }
TEST_CASE("openssl_sealer: a new key seals, and old ones open", "[sealer]") { check_turning_of_keys<openssl_sealer>(); }
TEST_CASE("openssl_sealer: no nonce comes twice, after a fork neither", "[sealer]") { check_nonces<openssl_sealer>(); }
TEST_CASE("openssl_sealer: many threads use one", "[sealer]") { check_threads<openssl_sealer>(); }
TEST_CASE("openssl_sealer: after a snapshot, another text has another nonce", "[sealer]") {
    check_nonces_after_snapshot<openssl_sealer>();
}
TEST_CASE("openssl_sealer: it seals stores", "[sealer]") { check_stores<openssl_sealer>(); }
TEST_CASE("openssl_sealer: without random bytes nothing is sealed", "[sealer]") {
    check_without_random_bytes<openssl_sealer>();
}

// The test cases 13 to 16 of the submission of GCM to NIST (McGrew and Viega), which SP 800-38D refers to.
TEST_CASE("openssl_sealer: AES-256-GCM gives the answers of its specification", "[sealer]") {
    const std::string none(32, '\0'), no_nonce(12, '\0');
    CHECK(to_hex(sealed_by<aes_256_gcm>(none, no_nonce, "", "")) == "530f8afbc74536b9a963b4f1c4cb738b");
    CHECK(to_hex(sealed_by<aes_256_gcm>(none, no_nonce, std::string(16, '\0'), "")) ==
          "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    const std::string key = from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                      nonce = from_hex("cafebabefacedbaddecaf888"),
                      plain = from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                                       "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"),
                      encrypted = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                                  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";
    CHECK(to_hex(sealed_by<aes_256_gcm>(key, nonce, plain, "")) == encrypted + "b094dac5d93471bdec1a502270e3cc6c");
    const std::string associated = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                      sealed = from_hex(encrypted.substr(0, 120) + "76fc6ece0f4e1768cddf8853bb2d551b");
    CHECK(to_hex(sealed_by<aes_256_gcm>(key, nonce, plain.substr(0, 60), associated)) == to_hex(sealed));
    CHECK(opened_by<aes_256_gcm>(key, nonce, sealed, associated) == plain.substr(0, 60));
    CHECK_FALSE(opened_by<aes_256_gcm>(key, nonce, sealed, ""));
}

// https://c2sp.org/XAES-256-GCM: of the two keys, the subkey of one is only shifted, and that of the other reduced.
TEST_CASE("openssl_sealer: XAES-256-GCM gives the answers of its specification", "[sealer]") {
    const std::string nonce = "ABCDEFGHIJKLMNOPQRSTUVWX", plain = "XAES-256-GCM", of_1(32, '\1'), of_3(32, '\3'),
                      associated = "c2sp.org/XAES-256-GCM";
    const std::string first = from_hex("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
                      second = from_hex("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    CHECK(to_hex(sealed_by<xaes_256_gcm>(of_1, nonce, plain, "")) == to_hex(first));
    CHECK(to_hex(sealed_by<xaes_256_gcm>(of_3, nonce, plain, associated)) == to_hex(second));
    CHECK(opened_by<xaes_256_gcm>(of_1, nonce, first, "") == plain);
    CHECK(opened_by<xaes_256_gcm>(of_3, nonce, second, associated) == plain);

    const openssl_sealer sealer{key_ring{secret(of_3)}}; // its format
    CHECK(sealer.open(nonce + second, associated, sealer.key_id()).value() == secret(plain));
}

namespace {

using digest_context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// So many bytes of SHAKE128 of what was added.
std::string squeezed(const digest_context& context, std::size_t size) {
    std::string bytes(size, '\0');
    REQUIRE(EVP_DigestFinalXOF(context.get(), reinterpret_cast<unsigned char*>(bytes.data()), size) == 1);
    return bytes;
}
digest_context shake() {
    digest_context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    REQUIRE(EVP_DigestInit_ex(context.get(), EVP_shake128(), nullptr) == 1);
    return context;
}

} // namespace

TEST_CASE("openssl_sealer: XAES-256-GCM gives the accumulated answer of its specification", "[sealer]") {
    const std::string input = squeezed(shake(), 10'000 * (32 + 24 + 2 + 2 * 255));
    std::string_view rest = input;
    const auto take = [&rest](std::size_t size) {
        const std::string_view taken = rest.substr(0, size);
        rest.remove_prefix(size);
        return taken;
    };
    const digest_context all = shake();
    for (int n = 0; n < 10'000; ++n) {
        const std::string_view key = take(32), nonce = take(24);
        const std::string_view plain = take(static_cast<unsigned char>(take(1)[0]));
        const std::string_view associated = take(static_cast<unsigned char>(take(1)[0]));
        const std::string sealed = sealed_by<xaes_256_gcm>(key, nonce, plain, associated);
        if (n % 100 == 0) REQUIRE(opened_by<xaes_256_gcm>(key, nonce, sealed, associated) == plain);
        REQUIRE(EVP_DigestUpdate(all.get(), sealed.data(), sealed.size()) == 1);
    }
    CHECK(to_hex(squeezed(all, 32)) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
}

TEST_CASE("openssl_sealer: the program's queue of errors stays as it was", "[sealer]") {
    const openssl_sealer sealer{key_ring{key_of('k')}};
    ERR_clear_error();
    const auto fail = [&] {
        CHECK_FALSE(sealer.open(std::string(50, 'x'), "", sealer.key_id()));
        const auto impossible = [] { (void)scrypt_algorithm::compute("passphrase", "salt", {16, 1 << 20, 1 << 20}); };
        CHECK(code_of(impossible) == errc::storage_failure);
        CHECK(has_all(words_of(impossible), {"OpenSSL cannot compute scrypt: memory limit exceeded"}));
    };
    fail();
    CHECK(ERR_peek_error() == 0);
    ERR_put_error(ERR_LIB_USER, 0, 7, __FILE__, __LINE__);
    fail();
    (void)sealer.seal("text", "");
    CHECK(ERR_GET_REASON(ERR_get_error()) == 7);
    CHECK(ERR_get_error() == 0);
}

TEST_CASE("openssl_sealer: scrypt gives the answer of RFC 7914, and a passphrase means one key", "[sealer]") {
    // 12: the first half of 64 bytes, which PBKDF2 makes in pieces of 32
    CHECK(to_hex(scrypt_algorithm::compute("password", "NaCl", {1'024, 8, 16}).reveal()) ==
          "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
    check_passphrases(
        "scrypt",
        [](noted_text& document, const secret& passphrase, const tokenkeep::scrypt_cost& cost) {
            return tokenkeep::openssl_passphrase_key(document, passphrase, cost);
        },
        tokenkeep::scrypt_cost{.n = 16, .r = 1}, tokenkeep::scrypt_cost{.n = 32, .r = 2},
        tokenkeep::scrypt_cost{.n = 3});
    CHECK_FALSE(scrypt_algorithm::takes({1 << 24, 8, 1})); // 16 GiB
    CHECK_FALSE(scrypt_algorithm::takes({std::uint64_t{1} << 63, 8, 1}));
    CHECK_FALSE(scrypt_algorithm::takes({16, 0, 1}));
    CHECK_FALSE(scrypt_algorithm::takes({1 << 16, 1, 1})); // RFC 7914: n < 2^(16 r)
    CHECK(scrypt_algorithm::takes({1 << 15, 1, 1}));
    CHECK_FALSE(scrypt_algorithm::takes({16, 8, 0}));
    CHECK_FALSE(scrypt_algorithm::takes({16, 8, 5'000}));
    const tokenkeep::scrypt_cost usual;
    CHECK(scrypt_algorithm::takes({usual.n, usual.r, usual.p}));
}
