// SPDX-License-Identifier: MIT
#include <tokenkeep/key_source.hpp>

#include <tokenkeep/text_file.hpp>

#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace tokenkeep;

namespace {

/// 32 bytes, and their three texts: each has what the others lack.
const std::string bytes = "\xfb\xef\xbe\xff\xff\xff" + std::string("\0\x01\x02", 3) + std::string(23, '\x5a');
const std::string in_hex = "fbefbeffffff000102" + [] {
    std::string rest;
    for (int n = 0; n < 23; ++n) rest += "5a";
    return rest;
}();
const std::string in_base64url = text::to_base64url(bytes), in_base64 = text::to_base64(bytes);

/// A document in memory. Before each save, `meanwhile` runs: what another program does.
struct noted {
    std::optional<std::string> text{};
    int saves = 0;
    std::function<void(noted&)> meanwhile{};
};
struct plain_document {
    noted* note;
    std::optional<std::string> load() { return note->text; }
    void save(std::string_view content) {
        note->text = std::string(content);
        ++note->saves;
        if (note->meanwhile) std::exchange(note->meanwhile, nullptr)(*note);
    }
};
struct versioned_document {
    noted* note;
    std::pair<std::optional<secret>, int> load_versioned() {
        if (!note->text) return {std::nullopt, note->saves};
        return {secret(*note->text), note->saves};
    }
    bool save(std::string_view content, int expected) {
        if (note->meanwhile) std::exchange(note->meanwhile, nullptr)(*note);
        if (expected != note->saves) return false;
        note->text = std::string(content);
        ++note->saves;
        return true;
    }
};
struct nothing {
    ~nothing() = default;
};
struct locked_document : plain_document {
    nothing lock(const std::string& name, deadline) {
        CHECK(name.empty());
        if (note->meanwhile) std::exchange(note->meanwhile, nullptr)(*note);
        return {};
    }
};

void another_program_saves(noted& note) {
    note.text = in_base64url;
    ++note.saves;
}

std::string reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }

} // namespace

TEST_CASE("make_key: 32 bytes, others each time", "[keys]") {
    const secret one = make_key(), two = make_key();
    CHECK(one.size() == 32);
    CHECK_FALSE(one == two);
}

TEST_CASE("key_from_text: hex, base64url and base64", "[keys]") {
    const secret key(bytes);
    CHECK(key_from_text(in_hex) == key);
    CHECK(key_from_text("FBEFBEFFFFFF000102" + in_hex.substr(18)) == key);
    CHECK(key_from_text(in_base64url) == key);
    CHECK(key_from_text(in_base64) == key);
    REQUIRE(in_base64.back() == '=');
    CHECK(key_from_text(in_base64.substr(0, 43)) == key);
    CHECK(in_base64 != in_base64url + "=");
    CHECK(key_from_text(" \t" + in_base64url + "\r\n") == key);
}

TEST_CASE("key_from_text: anything else is refused, and the message does not show it", "[keys]") {
    for (const std::string& text :
         {std::string(), std::string(" \n"), in_base64url.substr(1), in_base64url + "A", in_hex.substr(1),
          in_hex + "00", in_base64 + "=", "!" + in_base64url.substr(1), "x" + in_hex.substr(1),
          in_base64url.substr(0, 42) + "p", in_base64url.substr(0, 20) + "\n" + in_base64url.substr(20), bytes,
          std::string("correct horse")}) {
        CAPTURE(text);
        CHECK(code_of([&] { (void)key_from_text(text); }) == errc::request_rejected);
        const std::string said = words_of([&] { (void)key_from_text(text); });
        CHECK(has_all(said, {"64 hex digits"}));
        if (text.size() > 2) CHECK(said.find(text) == std::string::npos);
    }
}

TEST_CASE("key_from_file: a text or the bytes, in a file that only the user can read", "[keys]") {
    const temporary_directory here;
    const std::string path = here / "key";
    const auto code = [&] { return code_of([&] { (void)key_from_file(path); }); };
    CHECK(code() == errc::request_rejected); // there is no file
    CHECK_FALSE(exists(path));
    for (const std::string& content : {in_hex, in_base64url + "\n", in_base64 + "\n", bytes}) {
        write_file(path, content);
        CHECK(key_from_file(path) == secret(bytes));
    }
    for (const std::string& content : {std::string(), std::string(32, 'k'), in_hex.substr(0, 32), bytes + '\0'}) {
        CAPTURE(content);
        write_file(path, content);
        CHECK(code() == errc::request_rejected);
        CHECK(has_all(words_of([&] { (void)key_from_file(path); }), {path}));
    }
    for (const mode_t mode : {0640u, 0604u, 0620u, 0660u}) {
        write_file(path, in_hex, mode);
        CHECK(code() == errc::permissions);
        CHECK(has_all(words_of([&] { (void)key_from_file(path); }), {"chmod 600"}));
    }
    write_file(path, in_hex, 0400);
    CHECK(key_from_file(path) == secret(bytes));
    REQUIRE(::symlink("key", (here / "link").c_str()) == 0);
    CHECK(code_of([&] { (void)key_from_file(here / "link"); }) == errc::permissions);
}

TEST_CASE("key_from_environment: a text in a variable", "[keys]") {
    constexpr const char* name = "TOKENKEEP_TEST_KEY";
    ::unsetenv(name);
    CHECK(code_of([] { (void)key_from_environment(name); }) == errc::request_rejected);
    CHECK(has_all(words_of([] { (void)key_from_environment(name); }), {name}));
    ::setenv(name, in_base64.c_str(), 1);
    CHECK(key_from_environment(name) == secret(bytes));
    ::setenv(name, "correct horse", 1);
    CHECK(code_of([] { (void)key_from_environment(name); }) == errc::request_rejected);
    CHECK(words_of([] { (void)key_from_environment(name); }).find("horse") == std::string::npos);
    ::unsetenv(name);
}

TEMPLATE_TEST_CASE("key_from_document: the first use makes the key, and others find it", "[keys]", plain_document,
                   locked_document, versioned_document) {
    noted note;
    TestType document{&note};
    const secret key = key_from_document(document);
    CHECK(key.size() == 32);
    CHECK(note.text == text::to_base64url(key.reveal()));
    CHECK(key_from_document(document) == key);
    CHECK(note.saves == 1);
    note.text = in_hex + "\n"; // somebody's own
    CHECK(key_from_document(document) == secret(bytes));

    for (const char* other : {"", "{}", "correct horse"}) {
        note.text = other;
        CHECK(code_of([&] { (void)key_from_document(document); }) == errc::storage_corrupt);
        CHECK(note.text == other); // it was left as it is
    }
    CHECK(note.saves == 1);
}

TEMPLATE_TEST_CASE("key_from_document: if another program makes a key meanwhile, its key counts", "[keys]",
                   plain_document, locked_document, versioned_document) {
    noted note{.meanwhile = another_program_saves};
    TestType document{&note};
    CHECK(key_from_document(document) == secret(bytes));
    CHECK(note.text == in_base64url);
}

TEST_CASE("key_from_document: processes that begin at once have one key", "[keys]") {
    const temporary_directory here;
    CHECK(run_together(4, [&](int n) {
        text_file document(here / "key");
        const secret key = key_from_document(document);
        write_file(here / ("seen " + std::to_string(n)), key.reveal());
    }));
    const std::string first = bytes_of(here / "seen 0");
    CHECK(first.size() == 32);
    for (int n = 1; n < 4; ++n) CHECK(bytes_of(here / ("seen " + std::to_string(n))) == first);
    CHECK(mode_of(here / "key") == 0600);
}

TEMPLATE_TEST_CASE("wrapped_key: the document holds the key as the service wraps it", "[keys]", plain_document,
                   locked_document, versioned_document) {
    noted note;
    TestType document{&note};
    int wraps = 0;
    const auto wrap = [&](std::string_view plain) { return ++wraps, secret(reversed(plain) + "by the service"); };
    const auto unwrap = [](std::string_view wrapped) { return reversed(wrapped.substr(0, wrapped.size() - 14)); };
    const secret key = wrapped_key(document, wrap, unwrap);
    CHECK(key.size() == 32);
    CHECK(wrapped_key(document, wrap, unwrap) == key);
    CHECK(wraps == 1);
    CHECK(note.saves == 1);
    const std::string line = note.text.value();
    CHECK(line == "tokenkeep-wrapped-key 1 " + key_ring{key}.key_id() + " " +
                      text::to_base64url(reversed(key.reveal()) + "by the service") + "\n");

    const auto code = [&](const std::string& text) {
        note.text = text;
        const auto thrown = code_of([&] { (void)wrapped_key(document, wrap, unwrap); });
        CHECK(note.text == text);
        return thrown;
    };
    CHECK(code("") == errc::storage_corrupt);
    CHECK(code(in_base64url) == errc::storage_corrupt);
    CHECK(code("tokenkeep-wrapped-key") == errc::storage_corrupt);
    CHECK(code("tokenkeep-wrapped-key 1 " + key_ring{key}.key_id()) == errc::storage_corrupt);
    CHECK(code(line.substr(0, line.size() - 1) + " more\n") == errc::storage_corrupt);
    CHECK(code("tokenkeep-wrapped-key 2 " + line.substr(24)) == errc::unsupported_version);
    CHECK(code("tokenkeep-wrapped-key 1 0123456789abcdef " + line.substr(41)) == errc::permissions);
    const auto another_service = [](std::string_view) { return std::string(32, 'x'); };
    note.text = line;
    CHECK(code_of([&] { (void)wrapped_key(document, wrap, another_service); }) == errc::permissions);
    CHECK(note.text == line);
}

TEST_CASE("wrapped_key: what cannot be unwrapped is not saved, and what the service throws passes through", "[keys]") {
    noted note;
    plain_document document{&note};
    const auto wrap = [](std::string_view plain) { return std::string(plain); };
    CHECK(code_of([&] { (void)wrapped_key(document, wrap, [](std::string_view) { return secret(); }); }) ==
          errc::permissions);
    struct away {};
    CHECK_THROWS_AS(wrapped_key(
                        document, [](std::string_view) -> secret { throw away(); }, wrap),
                    away);
    CHECK_THROWS_AS(wrapped_key(document, wrap, [](std::string_view) -> secret { throw away(); }), away);
    CHECK_FALSE(note.text);
    (void)wrapped_key(document, wrap, wrap);
    CHECK_THROWS_AS(wrapped_key(document, wrap, [](std::string_view) -> secret { throw away(); }), away);
}

TEST_CASE("wrapped_key: processes that begin at once have one key", "[keys]") {
    const temporary_directory here;
    CHECK(run_together(4, [&](int n) {
        text_file document(here / "key");
        const secret key = wrapped_key(document, reversed, reversed);
        write_file(here / ("seen " + std::to_string(n)), key.reveal());
    }));
    const std::string first = bytes_of(here / "seen 0");
    CHECK(first.size() == 32);
    for (int n = 1; n < 4; ++n) CHECK(bytes_of(here / ("seen " + std::to_string(n))) == first);
}
