// SPDX-License-Identifier: MIT
// What holds for each sealer of the library, whatever its cipher, and for the keys that passphrases mean.
#ifndef TOKENKEEP_TESTS_SUPPORT_SEALER_LAWS_HPP
#define TOKENKEEP_TESTS_SUPPORT_SEALER_LAWS_HPP

#include <tokenkeep/detail/sealer/ring_sealer.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/key_source.hpp>
#include <tokenkeep/sealer.hpp>

#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/system_random.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace tests {

using tokenkeep::errc, tokenkeep::key_ring, tokenkeep::secret;

/// The bytes behind hex digits.
inline std::string from_hex(std::string_view digits) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    return bytes;
}

inline std::string to_hex(std::string_view bytes) {
    std::string digits;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        (digits += "0123456789abcdef"[value >> 4]) += "0123456789abcdef"[value & 15];
    }
    return digits;
}

inline secret key_of(char byte) { return secret(std::string(32, byte)); }

/// What a cipher makes of a text; its tag is behind it.
template <class Cipher>
std::string sealed_by(std::string_view key, std::string_view nonce, std::string_view plain,
                      std::string_view associated) {
    std::string sealed(plain.size() + tokenkeep::detail::tag_size, '\0');
    Cipher::seal(sealed.data(), key, reinterpret_cast<const unsigned char*>(nonce.data()), associated, plain);
    return sealed;
}

/// What a cipher opens; nullopt if it does not.
template <class Cipher>
std::optional<std::string> opened_by(std::string_view key, std::string_view nonce, std::string_view sealed,
                                     std::string_view associated) {
    std::string plain(sealed.size() - tokenkeep::detail::tag_size, '\0');
    if (!Cipher::open(plain.data(), key, reinterpret_cast<const unsigned char*>(nonce.data()), associated, sealed))
        return std::nullopt;
    return plain;
}

constexpr std::size_t nonces_of_a_side = 64;

/// The nonces under which a sealer seals one text so many times.
template <class Sealer>
std::string nonces_of(const Sealer& sealer) {
    std::string all;
    for (std::size_t n = 0; n < nonces_of_a_side; ++n)
        all += sealer.seal("text", "row").reveal().substr(0, tokenkeep::detail::nonce_size);
    return all;
}

/// Adds nonces to those seen, and says whether all are new.
inline bool all_new(std::set<std::string>& seen, const std::string& nonces) {
    bool all = nonces.size() == nonces_of_a_side * tokenkeep::detail::nonce_size;
    for (std::size_t at = 0; at < nonces.size(); at += tokenkeep::detail::nonce_size)
        all = seen.insert(nonces.substr(at, tokenkeep::detail::nonce_size)).second && all;
    return all;
}

/// E1: what is sealed comes back, at every size.
template <class Sealer>
void check_round_trip() {
    const Sealer sealer{key_ring{key_of('k')}};
    for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 31u, 32u, 33u, 500u, 70'000u})
        for (const std::string& associated : {std::string(), std::string("row 7"), std::string(1'000, '\0')}) {
            CAPTURE(size, associated.size());
            std::string plain;
            for (std::size_t n = 0; n < size; ++n) plain += static_cast<char>(n * 37);
            const secret sealed = sealer.seal(plain, associated);
            CHECK(sealed.size() == size + 40);
            const auto opened = sealer.open(sealed.reveal(), associated, sealer.key_id());
            REQUIRE(opened);
            CHECK(opened->reveal() == plain);
            if (size >= 15)
                CHECK(sealed.reveal().find(std::string_view(plain).substr(0, 15)) == std::string_view::npos);
        }
    const auto of_nothing = sealer.open(sealer.seal({}, {}).reveal(), {}, sealer.key_id());
    REQUIRE(of_nothing);
    CHECK(of_nothing->empty());
}

/// E2: whatever differs, nothing opens and nothing throws.
template <class Sealer>
void check_refusals() {
    const key_ring both{key_of('k'), {key_of('l')}};
    const Sealer sealer{both}, stranger{key_ring{key_of('l')}};
    const std::string id = sealer.key_id();
    const secret sealed = sealer.seal("the text of a row", "row 7");
    const std::string bytes(sealed.reveal());
    REQUIRE(sealer.open(bytes, "row 7", id));
    const auto refuses = [&](std::string_view text, std::string_view associated, std::string_view key_id) {
        return !sealer.open(text, associated, key_id);
    };

    CHECK(refuses(bytes, "row 8", id));
    CHECK(refuses(bytes, "", id));
    CHECK(refuses(bytes, "row 7 ", id));
    CHECK(refuses(bytes, "row 7", both.key_ids().at(1)));
    CHECK(refuses(bytes, "row 7", ""));
    CHECK(refuses(bytes, "row 7", "0123456789abcdef"));
    CHECK(!stranger.open(bytes, "row 7", id));
    CHECK(!stranger.open(bytes, "row 7", stranger.key_id()));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CAPTURE(bit);
        REQUIRE(refuses(flipped, "row 7", id));
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        REQUIRE(refuses(bytes.substr(0, size), "row 7", id));
        REQUIRE(refuses(bytes.substr(bytes.size() - size), "row 7", id));
    }
    CHECK(refuses(bytes + '\0', "row 7", id));
    CHECK(refuses({}, {}, {}));
    CHECK(sealer.open(bytes, "row 7", id));
}

/// A new key seals, and old ones still open.
template <class Sealer>
void check_turning_of_keys() {
    const Sealer old{key_ring{key_of('o')}}, turning{key_ring{key_of('n'), {key_of('o')}}},
        young{key_ring{key_of('n')}};
    const secret sealed = old.seal("text", "row"), again = turning.seal("text", "row");
    CHECK(turning.open(sealed.reveal(), "row", old.key_id()).value() == secret("text"));
    CHECK(turning.key_id() == young.key_id());
    CHECK(young.open(again.reveal(), "row", turning.key_id()).value() == secret("text"));
    CHECK_FALSE(old.open(again.reveal(), "row", turning.key_id()));
    CHECK(turning.key_ids() == std::vector<std::string>{young.key_id(), old.key_id()});
    CHECK(turning.fingerprint("text", old.key_id()) == old.fingerprint("text", old.key_id()));
    CHECK(turning.fingerprint("text", young.key_id()) != old.fingerprint("text", old.key_id()));
}

/// No nonce comes twice: from copies of a sealer, from sealers of one key, from both sides of a fork.
template <class Sealer>
void check_nonces() {
    const Sealer sealer{key_ring{key_of('k')}};
    const Sealer copy = sealer, another{key_ring{key_of('k')}};
    std::set<std::string> seen;
    CHECK(all_new(seen, nonces_of(sealer)));
    CHECK(all_new(seen, nonces_of(copy)));
    CHECK(all_new(seen, nonces_of(another)));

    int ends[2]{};
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = start_process([&] {
        const std::string nonces = nonces_of(sealer);
        expect(::write(ends[1], nonces.data(), nonces.size()) == static_cast<ssize_t>(nonces.size()), "write");
    });
    const std::string of_parent = nonces_of(sealer);
    CHECK(ended_well(child));
    std::string of_child(of_parent.size(), '\0');
    CHECK(::read(ends[0], of_child.data(), of_child.size()) == static_cast<ssize_t>(of_child.size()));
    for (const int end : ends) ::close(end);
    CHECK(all_new(seen, of_parent));
    CHECK(all_new(seen, of_child));

    unsigned char before[sizeof(Sealer)];
    std::memcpy(before, &sealer, sizeof before);
    (void)sealer.seal("text", "row");
    CHECK(std::memcmp(before, &sealer, sizeof before) == 0); // it keeps nothing
}

/// If the system gives the same random bytes twice, as after a snapshot, only the same text has the same nonce.
template <class Sealer>
void check_nonces_after_snapshot() {
    const random_of_scope repeated(random_bytes::repeat);
    const Sealer sealer{key_ring{key_of('k')}}, same{key_ring{key_of('k')}}, stranger{key_ring{key_of('l')}};
    std::set<std::string> seen;
    const auto is_new = [&](const Sealer& by, std::string_view plain, std::string_view associated) {
        return seen.insert(std::string(by.seal(plain, associated).reveal().substr(0, 24))).second;
    };
    CHECK(is_new(sealer, "text", "row"));
    CHECK(is_new(sealer, "texu", "row"));
    CHECK(is_new(sealer, "text", "rov"));
    CHECK(is_new(sealer, "ext", "rowt"));
    CHECK(is_new(sealer, "rowtext", ""));
    CHECK(is_new(sealer, "", "rowtext"));
    CHECK(is_new(stranger, "text", "row"));
    CHECK_FALSE(is_new(same, "text", "row"));
    CHECK(sealer.seal("text", "row") == same.seal("text", "row"));
    const random_of_scope works(random_bytes::work);
    CHECK(is_new(sealer, "text", "row"));
}

/// Without random bytes nothing is sealed, and what is sealed opens.
template <class Sealer>
void check_without_random_bytes() {
    const Sealer sealer{key_ring{key_of('k')}};
    const secret sealed = sealer.seal("text", "row");
    const random_of_scope failing(random_bytes::fail);
    CHECK(code_of([&] { (void)sealer.seal("text", "row"); }) == errc::storage_failure);
    CHECK(code_of([] { (void)tokenkeep::make_key(); }) == errc::storage_failure);
    CHECK(sealer.open(sealed.reveal(), "row", sealer.key_id()).value() == secret("text"));
}

/// Many threads use one sealer.
template <class Sealer>
void check_threads() {
    const Sealer sealer{key_ring{key_of('k'), {key_of('l')}}};
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, text = std::string(200, static_cast<char>('a' + n))] {
            for (int i = 0; i < 200; ++i) {
                const secret sealed = sealer.seal(text, "row");
                const auto opened = sealer.open(sealed.reveal(), "row", sealer.key_id());
                if (opened && opened->reveal() == text && !sealer.open(sealed.reveal(), "other", sealer.key_id()) &&
                    sealer.fingerprint(text, sealer.key_id()).size() == 32)
                    ++right;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 4 * 200);
}

/// A document in memory, without versions or a lock.
struct noted_text {
    std::optional<std::string> text{};
    int saves = 0;

    std::optional<std::string> load() { return text; }
    void save(std::string_view bytes) {
        text = std::string(bytes);
        ++saves;
    }
};

/// `key_of_passphrase(document, passphrase, cost)`, of an algorithm of that name.
template <class KeyOfPassphrase, class Cost>
void check_passphrases(const std::string& name, KeyOfPassphrase key_of_passphrase, const Cost& cheap, const Cost& other,
                       const Cost& impossible) {
    noted_text document;
    const secret key = key_of_passphrase(document, "correct horse", cheap);
    const std::string line = document.text.value();
    CHECK(key.size() == 32);
    CHECK(document.saves == 1);
    CHECK(has_all(line, {"tokenkeep-passphrase 1 " + name + " ", " " + key_ring{key}.key_id() + "\n"}));
    CHECK(line.find("horse") == std::string::npos);
    CHECK(line.find(std::string(key.reveal())) == std::string::npos);

    CHECK(key_of_passphrase(document, "correct horse", other) == key); // the document's cost is the one that counts
    CHECK(document.text == line);
    noted_text second;
    CHECK_FALSE(key_of_passphrase(second, "correct horse", cheap) == key); // another salt
    noted_text third;
    (void)key_of_passphrase(third, "correct horse", other);
    CHECK(third.text->substr(0, name.size() + 25) != line.substr(0, name.size() + 25)); // up to the first number

    const auto code = [&](const std::string& text, const char* passphrase = "correct horse") {
        noted_text changed{text};
        const std::error_code thrown = code_of([&] { (void)key_of_passphrase(changed, passphrase, cheap); });
        CHECK(changed.saves == 0);
        CHECK(changed.text == text);
        return thrown;
    };
    CHECK(code(line, "Correct horse") == errc::permissions);
    CHECK(code(line, "") == errc::request_rejected);
    CHECK(code(line, "correct horse") == std::error_code());
    CHECK(code("") == errc::storage_corrupt);
    CHECK(code("{}") == errc::storage_corrupt);
    for (std::size_t size = 0; size + 1 < line.size(); ++size) {
        CAPTURE(size);
        REQUIRE(code(line.substr(0, size)));
    }
    const auto with = [&](const std::string& old, const std::string& changed) {
        std::string text = line;
        return text.replace(text.find(old), old.size(), changed);
    };
    CHECK(code(with(" 1 ", " 2 ")) == errc::unsupported_version);
    CHECK(code(with(name, "rot13")) == errc::request_rejected);
    CHECK(code(with(name + " ", name + " 9999")) == errc::storage_corrupt); // more than anybody has
    CHECK(code(with(name + " ", name + " 99999999999999999999")) == errc::storage_corrupt);
    CHECK(code(with("\n", " more\n")) == errc::storage_corrupt);
    const std::string said = words_of([&] {
        noted_text changed{line};
        (void)key_of_passphrase(changed, "wrong battery", cheap);
    });
    CHECK(has_all(said, {"this passphrase is not the one"}));
    CHECK(said.find("battery") == std::string::npos);
    noted_text untouched;
    CHECK(code_of([&] { (void)key_of_passphrase(untouched, "p", impossible); }) == errc::request_rejected);
    CHECK(untouched.saves == 0);
}

template <class Sealer>
struct sealed_policy : tokenkeep::defaults {
    using sealer = Sealer;
};

/// Over a file and over a document: the token is not in it, a ring of a new and the old key finds the row, and a wrong
/// key does not.
template <class Sealer>
void check_stores() {
    using policy = sealed_policy<Sealer>;
    const temporary_directory here;
    const std::string path = here / "tokens";
    const auto check = [&](auto open) {
        open(key_ring(key_of('o'))).save_token({.user_name = "ada", .refresh_token = "a refresh token"});
        CHECK(bytes_of(path).find("a refresh token") == std::string::npos);
        CHECK(open(key_ring(key_of('n'), {key_of('o')})).find_token({.user_name = "ada"}).value().refresh_token ==
              secret("a refresh token"));
        try {
            open(key_ring(key_of('w'))).find_token({.user_name = "ada"});
            FAIL("a wrong key opens the store");
        } catch (const tokenkeep::error& failure) {
            CHECK(failure.code() == errc::permissions);
            CHECK_THAT(failure.what(), ContainsSubstring("this sealer cannot open"));
        }
    };
    SECTION("file_store") {
        check([&](key_ring ring) { return tokenkeep::basic_file_store<policy>(path, Sealer(std::move(ring))); });
    }
    SECTION("json_file_store") {
        using store = tokenkeep::basic_document_store<tokenkeep::text_file, tokenkeep::json_codec, policy>;
        check([&](key_ring ring) { return store(tokenkeep::text_file(path), Sealer(std::move(ring))); });
    }
}

} // namespace tests

#endif
