// SPDX-License-Identifier: MIT
#include <tokenkeep/secret.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using tokenkeep::secret;

namespace {

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
    out << value;
};
template <class T>
concept joins_text = requires(const T& value) {
    std::string() + value;
};

// Texts go in by themselves; nothing comes out by itself.
static_assert(std::convertible_to<const char*, secret>);
static_assert(std::convertible_to<std::string, secret>);
static_assert(std::convertible_to<std::string_view, secret>);
static_assert(std::convertible_to<const char (&)[4], secret>);
static_assert(!std::convertible_to<int, secret>);
static_assert(!std::convertible_to<secret, std::string>);
static_assert(!std::convertible_to<secret, std::string_view>);
static_assert(!std::convertible_to<secret, const char*>);
static_assert(!std::convertible_to<secret, bool>);
static_assert(!std::is_constructible_v<std::string, secret>);
static_assert(!std::is_constructible_v<std::string_view, secret>);
static_assert(!std::is_constructible_v<bool, secret>);
static_assert(printable<std::string> && !printable<secret>);
static_assert(joins_text<std::string> && !joins_text<secret>);
static_assert(std::regular<secret>);
static_assert(std::is_nothrow_move_constructible_v<secret> && std::is_nothrow_move_assignable_v<secret>);

const std::string with_nul("a\0b", 3);

} // namespace

TEST_CASE("secret: it keeps its text byte for byte, whatever the length", "[secret]") {
    for (const std::string& text : {std::string(), std::string("x"), with_nul, std::string(15, 'a'),
                                    std::string(16, 'b'), std::string(65'536, 'c')}) {
        const secret kept = text;
        CHECK((kept.reveal() == text));
        CHECK(kept.size() == text.size());
        CHECK(kept.empty() == text.empty());
    }
    CHECK(secret().empty());
    CHECK(secret().reveal().empty());
}

TEST_CASE("secret: a copy is a text of its own, at another place", "[secret]") {
    secret original = "short";
    secret copy = original;
    CHECK((copy == original));
    CHECK((copy.reveal().data() != original.reveal().data()));
    original = "other";
    CHECK((copy.reveal() == "short"));
    copy = original;
    CHECK((copy.reveal() == "other"));
    const secret& same = copy;
    copy = same;
    CHECK((copy.reveal() == "other"));
}

TEST_CASE("secret: a short text is not kept in the object itself, and moving leaves nothing behind", "[secret]") {
    secret original = "S3NT";
    const char* const place = original.reveal().data();
    const auto* const object = reinterpret_cast<const char*>(&original);
    CHECK((place < object || place >= object + sizeof original));
    secret moved = std::move(original);
    CHECK(moved.reveal().data() == place);
    CHECK(original.empty());
    CHECK(original.reveal().empty());
    secret assigned = "previous";
    assigned = std::move(moved);
    CHECK(assigned.reveal().data() == place);
    CHECK(moved.empty());
    secret& itself = assigned;
    assigned = std::move(itself);
    CHECK((assigned.reveal() == "S3NT"));
}

TEST_CASE("secret: equality sees a difference at every place and in the length", "[secret]") {
    const std::string text = "0123456789abcdef";
    const secret kept = text;
    CHECK((kept == secret(text)));
    CHECK((kept == text));
    for (std::size_t at = 0; at < text.size(); ++at)
        for (const int bit : {1, 128}) {
            std::string other = text;
            other[at] = static_cast<char>(other[at] ^ bit);
            CHECK((kept != secret(other)));
        }
    CHECK((kept != secret(text + "0")));
    CHECK((kept != secret(text.substr(1))));
    CHECK((secret() == secret("")));
    CHECK((secret(with_nul) != secret("a")));
}

TEST_CASE("secret: clear empties it", "[secret]") {
    secret kept = "text";
    kept.clear();
    CHECK(kept.empty());
    CHECK((kept == secret()));
    kept.clear();
    kept = "again";
    CHECK((kept.reveal() == "again"));
}

TEST_CASE("secret: build takes what was written and no more", "[secret]") {
    const auto fill = [](std::string_view text) {
        return [text](char* out) {
            if (!text.empty()) std::memcpy(out, text.data(), text.size());
            return text.size();
        };
    };
    CHECK((secret::build(4, fill("full")).reveal() == "full"));
    CHECK((secret::build(100, fill("part")).reveal() == "part"));
    CHECK(secret::build(100, fill("part")).size() == 4);
    CHECK(secret::build(100, fill("")).empty());
    CHECK(secret::build(0, fill("")).empty());
    CHECK_THROWS_AS(secret::build(8, [](char*) -> std::size_t { throw 1; }), int);
}

TEST_CASE("secret: a fingerprint is the beginning of the SHA-256, and tells two apart", "[secret]") {
    CHECK(secret("abc").fingerprint() == "ba7816bf"); // FIPS 180-4, the first example
    CHECK(secret().fingerprint() == "e3b0c442");
    CHECK(secret("abc").fingerprint() != secret("abd").fingerprint());
}
