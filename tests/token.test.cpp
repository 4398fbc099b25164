// SPDX-License-Identifier: MIT
#include <tokenkeep/token.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace tokenkeep;
using std::chrono::milliseconds;

namespace {

static_assert(std::is_aggregate_v<token>);
static_assert(std::is_nothrow_move_constructible_v<token>);
static_assert(std::size(fields) == 22);

timestamp at(std::int64_t count) { return timestamp{milliseconds{count}}; }

/// Every field filled, with a text that tells where it came from.
token filled(const std::string& with) {
    token record;
    for (const field& f : fields) {
        if (f.text != nullptr) record.*f.text = with + std::string(f.name);
        if (f.secret_text != nullptr) record.*f.secret_text = with + std::string(f.name);
        if (f.time != nullptr) record.*f.time = at(static_cast<std::int64_t>(with.size() * 1000 + f.name.size()));
    }
    return record;
}

} // namespace

TEST_CASE("token: the members stand in the order that programs write them in", "[token]") {
    const token record{.user_name = "1",
                       .client_id = "2",
                       .client_secret = "3",
                       .refresh_token = "4",
                       .access_token = "5",
                       .grant_token = "6",
                       .redirect_url = "7",
                       .api_domain = "8",
                       .scope = "9",
                       .token_type = "10",
                       .expires_at = at(11),
                       .issued_at = at(12),
                       .status = "13",
                       .seed = "14",
                       .extra = "15",
                       .refresh_expires_at = at(16),
                       .logged_in_at = at(17),
                       .used_at = at(18),
                       .code_verifier = "19",
                       .label = "20",
                       .former = "21",
                       .id = "22"};
    const token positional{"1",    "2",  "3",  "4",  "5",    "6",    "7",    "8",  "9",  "10", at(11),
                           at(12), "13", "14", "15", at(16), at(17), at(18), "19", "20", "21", "22"};
    CHECK((record == positional));
    CHECK(token{"ada"}.user_name == "ada");
    CHECK((token{} == token{.id = ""}));
}

TEST_CASE("token: equality looks at every field", "[token]") {
    for (const field& f : fields) {
        token other = filled("a ");
        f.visit([&](auto member) { other.*member = {}; });
        CAPTURE(f.name);
        CHECK((filled("a ") != other));
    }
    CHECK((filled("a ") == filled("a ")));
}

TEST_CASE("fields: the table names each of the members once, in the order in which they are stored", "[token]") {
    const std::vector<std::string> stored{"id",
                                          "user_name",
                                          "client_id",
                                          "client_secret",
                                          "refresh_token",
                                          "access_token",
                                          "grant_token",
                                          "expiry_time",
                                          "redirect_url",
                                          "api_domain",
                                          "scope",
                                          "token_type",
                                          "issued_at",
                                          "status",
                                          "seed",
                                          "extra",
                                          "refresh_expires_at",
                                          "logged_in_at",
                                          "used_at",
                                          "code_verifier",
                                          "label",
                                          "former"};
    std::vector<std::string> names;
    for (const field& f : fields) names.emplace_back(f.name);
    CHECK(names == stored);
    token record;
    for (const field& f : fields) {
        const token before = record;
        f.visit([&](auto member) { record.*member = filled("a ").*member; });
        CHECK((before != record)); // each line reaches a member that no line before it reached
    }
    CHECK((record == filled("a ")));
    CHECK((filled("a ").id == "a id"));
    CHECK((filled("a ").extra == secret("a extra")));
    CHECK((filled("a ").expires_at == at(2'011)));
}

TEST_CASE("fields: the secrets are kept as secrets", "[token]") {
    std::set<std::string> secrets;
    for (const field& f : fields)
        if (f.secret_text != nullptr) secrets.emplace(f.name);
    CHECK(secrets == std::set<std::string>{"client_secret", "refresh_token", "access_token", "grant_token", "extra",
                                           "code_verifier"});
}

TEST_CASE("fields: the versions of the formats never go back along the table", "[token]") {
    unsigned version = 1;
    for (const field& f : fields) {
        CHECK(f.since >= version);
        CHECK(f.since == (f.name == "refresh_expires_at" ? version + 1 : version)); // the first of 0.2
        version = f.since;
    }
    CHECK(version == 2);
    CHECK(detail::version_of_fields(16) == 1);
    CHECK(detail::version_of_fields(17) == 2);
    CHECK(detail::version_of_fields() == 2);
}

TEST_CASE("to_text: a time is its milliseconds since 1970", "[token]") {
    CHECK(to_text(at(0)) == "0");
    CHECK(to_text(at(1'700'000'000'123)) == "1700000000123");
    CHECK(to_text(at(-1)) == "-1");
    for (const std::int64_t count : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
                                     std::numeric_limits<std::int64_t>::min()})
        CHECK(timestamp_from_text(to_text(at(count))) == at(count));
}

TEST_CASE("timestamp_from_text: anything but digits is no time", "[token]") {
    for (const char* text :
         {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "abc", "9223372036854775808", "1,000", "12a"}) {
        CAPTURE(text);
        CHECK(!timestamp_from_text(text));
    }
}

TEST_CASE("merge: what the record leaves empty keeps the stored value", "[token]") {
    const token stored = filled("stored ");
    CHECK((merge(stored, token{}) == stored));
    for (const field& f : fields) {
        if (f.secret_text == &token::access_token || f.secret_text == &token::refresh_token) continue;
        token record, wanted = stored;
        f.visit([&](auto member) { record.*member = wanted.*member = filled("new ").*member; });
        CAPTURE(f.name);
        CHECK((merge(stored, record) == wanted));
    }
    CHECK((merge(stored, filled("new ")) == filled("new ")));
    CHECK((merge(token{}, stored) == stored));
}

TEST_CASE("merge: a new access token takes expiry, time of issue and status with it, empty ones too", "[token]") {
    const token stored = filled("stored ");
    token wanted = stored;
    wanted.access_token = "new";
    wanted.expires_at.reset();
    wanted.issued_at.reset();
    wanted.status.clear();
    CHECK((merge(stored, token{.access_token = "new"}) == wanted));
    wanted.expires_at = at(5);
    CHECK((merge(stored, token{.access_token = "new", .expires_at = at(5)}) == wanted));
    wanted.expires_at.reset();
    wanted.status = "none";
    CHECK((merge(stored, token{.access_token = "new", .status = "none"}) == wanted));
}

TEST_CASE("merge: the access token that is stored already is no new one", "[token]") {
    const token stored = filled("stored ");
    CHECK((merge(stored, token{.access_token = stored.access_token}) == stored));
}

TEST_CASE("merge: a new refresh token takes its end with it, an empty one too; the same token keeps it", "[token]") {
    const token stored = filled("stored ");
    token wanted = stored;
    wanted.refresh_token = "new";
    wanted.refresh_expires_at.reset();
    CHECK((merge(stored, token{.refresh_token = "new"}) == wanted));
    wanted.refresh_expires_at = at(5);
    CHECK((merge(stored, token{.refresh_token = "new", .refresh_expires_at = at(5)}) == wanted));
    CHECK((merge(stored, token{.refresh_token = stored.refresh_token}) == stored));
    CHECK((merge(stored, token{.access_token = stored.access_token, .scope = stored.scope}) == stored));
}

TEST_CASE("redacted: secrets appear as fingerprints, absent fields not at all, and it is one line", "[token]") {
    CHECK(redacted(token{}).empty());
    CHECK(redacted({.user_name = "ada", .access_token = "abc", .expires_at = at(7)}) ==
          R"(user_name="ada" access_token=#ba7816bf expiry_time=7)");
    const std::string line = redacted(filled("S3NT1NEL of "));
    for (const field& f : fields) {
        CAPTURE(f.name);
        CHECK_THAT(line, ContainsSubstring(std::string(f.name) + "="));
        if (f.secret_text != nullptr) CHECK(line.find("S3NT1NEL of " + std::string(f.name)) == std::string::npos);
    }
    CHECK(redacted({.user_name = "a\nb\x1b[0m"}) == R"(user_name="a\nb\u001b[0m")");
}

TEST_CASE("redacted: of a seed only the beginning is shown", "[token]") {
    CHECK(redacted({.seed = "0123456789abcdef"}) == "seed=#01234567");
}
