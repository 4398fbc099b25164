// SPDX-License-Identifier: MIT
#include <tokenkeep/zoho/csv.hpp>

#include <tokenkeep/document_store.hpp>
#include <tokenkeep/zoho/numeric_id.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/temporary.hpp"
#include "zoho/rows.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenkeep;
using namespace std::string_literals;
using list = std::vector<token>;
using zoho_rows::header;
using zoho_rows::plain_names;

namespace {

const std::string nine = header.substr(0, header.rfind(','));

timestamp at(std::int64_t count) { return timestamp{std::chrono::milliseconds{count}}; }

/// What the golden files hold.
const token ada = zoho_rows::with_id(zoho_rows::ada, "1"), bob = zoho_rows::with_id(zoho_rows::bob, "2");
const std::string ada_row = "1,ada@example.com,1000.C,s3,1000.r.1,1000.a.1,1000.g.1,1700000000000,"
                            "https://x.example/cb,https://www.zohoapis.eu";
const std::string bob_row = "2,bob,,,,1000.a.2,,,,";

template <class Codec = zoho::csv>
std::string encoded(const list& tokens) {
    return std::string(Codec::encode(tokens).reveal());
}
template <class Codec = zoho::csv>
list decoded(const std::string& document) {
    return Codec::decode(document);
}
template <class Codec = zoho::csv>
bool comes_back(const token& row) {
    return decoded<Codec>(encoded<Codec>({row, bob})) == list{row, bob};
}

/// What the error says; empty if there is none.
template <class Codec = zoho::csv>
std::string damage(const std::string& document) {
    try {
        (void)Codec::decode(document);
    } catch (const error& fault) {
        CHECK(fault.code() == errc::storage_corrupt);
        return fault.what();
    }
    return {};
}
template <class Codec = zoho::csv>
std::string refusal(const token& row) {
    try {
        (void)Codec::encode({row});
    } catch (const error& fault) {
        CHECK(fault.code() == errc::invalid_record);
        return fault.what();
    }
    return {};
}

using shared = tokenkeep::zoho::policy;
template <class Codec>
using store_of = basic_document_store<text_file, Codec, shared>;

struct with_directory {
    temporary_directory here{};
};
template <class Codec>
struct store_of_its_own : with_directory, store_of<Codec> {
    store_of_its_own() : store_of<Codec>(text_file{here / "tokens.csv"}) {}
};

} // namespace

TEMPLATE_TEST_CASE("csv: the file has the ten columns, a row to a line, and no line break at the end", "[zoho]",
                   zoho::csv, zoho::unquoted_csv) {
    CHECK(encoded<TestType>({}) == header);
    CHECK(encoded<TestType>({ada, bob}) == header + "\n" + ada_row + "\n" + bob_row);
}

TEMPLATE_TEST_CASE("csv: rows come back as they went in, less what the format has no column for", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    CHECK((decoded<TestType>(header).empty()));
    CHECK((decoded<TestType>(encoded<TestType>({ada, bob})) == list{ada, bob}));
    token more = ada;
    more.scope = "read";
    more.token_type = "Bearer";
    more.issued_at = at(1);
    more.status = "spent";
    more.seed = "5eed";
    more.extra = "{}";
    CHECK((decoded<TestType>(encoded<TestType>({more})) == list{ada}));
}

TEMPLATE_TEST_CASE("csv: any name without a separator comes back, in plain text and in secrets", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    for (const std::string& name : plain_names) {
        CAPTURE(name.substr(0, 20));
        const token row{.user_name = name, .refresh_token = name, .api_domain = name, .id = name};
        CHECK(comes_back<TestType>(row));
        CHECK(encoded<TestType>({row}).find('"') == std::string::npos); // the naive readers see it too
    }
}

TEST_CASE("csv: a comma, a quote or a line break is quoted and comes back", "[zoho]") {
    for (const std::string name : {"Doe, John", "say \"hi\"", "\"", "\"\"", ",", "\n", "\r", "a\r\nb", "\"a\",\"b\"",
                                   "\r\n", "a\\b, c", "end\n"}) {
        CAPTURE(name);
        CHECK(comes_back({.user_name = name, .refresh_token = name, .api_domain = name, .id = name}));
    }
    CHECK(encoded({{.user_name = "Doe, \"J\"", .id = "1"}}) == header + "\n1,\"Doe, \"\"J\"\"\",,,,,,,,");
    const std::string large = std::string(65'536, '"') + std::string(65'536, '\n');
    CHECK(comes_back({.access_token = large, .id = "1"}));
}

TEST_CASE("csv: what stops an SDK from reading the file at all is refused by its column", "[zoho]") {
    for (const std::string& name : {"a\0b"s, "\0"s, "S3NT1NEL\\"s, "S3NT1NEL\\\""s, "a, \\"s}) {
        CHECK(refusal({.user_name = name, .id = "1"}) == "tokenkeep: the CSV cannot carry the value of user_name: "
                                                         "invalid record");
        CHECK(refusal({.refresh_token = name, .id = "1"}).find("of refresh_token:") != std::string::npos);
    }
    CHECK(refusal({.user_name = "a\\b", .id = "1"}).empty());
}

TEST_CASE("unquoted_csv: a value with a separator is refused by its column, and a quote is one more character",
          "[zoho]") {
    for (const std::string name : {"S3NT1NEL, John", "S3NT1NEL\n", "\rS3NT1NEL", ",", "a\r\nb"}) {
        CHECK(refusal<zoho::unquoted_csv>({.user_name = name, .id = "1"}) ==
              "tokenkeep: the CSV cannot carry the value of user_name: invalid record");
        CHECK(refusal<zoho::unquoted_csv>({.client_secret = name, .id = "1"}).find("of client_secret:") !=
              std::string::npos);
    }
    for (const std::string& name : {"say \"hi\""s, "\""s, "\"quoted\""s, "a\0b"s, "\0"s, "end\\"s}) {
        CAPTURE(name);
        CHECK(comes_back<zoho::unquoted_csv>({.user_name = name, .access_token = name, .id = "1"}));
    }
    CHECK(encoded<zoho::unquoted_csv>({{.user_name = "\"q\"", .id = "1"}}) == header + "\n1,\"q\",,,,,,,,");
}

TEMPLATE_TEST_CASE("csv: text that is not UTF-8 is refused both ways, never mended", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    for (const char* text : {"\xe9", "a\xff", "\xc0\x80", "\xed\xa0\x80"}) {
        CHECK(refusal<TestType>({.user_name = text, .id = "1"}).find("user_name") != std::string::npos);
        CHECK(refusal<TestType>({.access_token = text, .id = "1"}).find("access_token") != std::string::npos);
        CHECK(damage<TestType>(header + "\n1," + text + ",,,,,,,,").find("row 2") != std::string::npos);
    }
}

// ---- Files as the SDKs write them ----

TEST_CASE("csv: the files of the SDKs in Python and Java are read", "[zoho]") {
    std::string python = header;
    python.replace(python.find("redirect_url"), 12, "redirect_uri");
    for (const std::string end : {"\r\n", "\r\r\n"}) // the second is what a delete leaves on Windows
        CHECK((decoded(python + end + ada_row + end + bob_row + end) == list{ada, bob}));
    CHECK((decoded(python + "\r\n").empty()));
    CHECK((decoded(header + "\n" + ada_row + "\n" + bob_row + "\n") == list{ada, bob}));
    CHECK((decoded(header + "\r\n1,\"Doe, \"\"J\"\"\nJr\",,,,,,,,https://www.zohoapis.eu\r\n") ==
           list{{.user_name = "Doe, \"J\"\nJr", .api_domain = "https://www.zohoapis.eu", .id = "1"}}));
    std::string quoted = "\"" + header + "\"\n";
    for (std::size_t comma = 0; (comma = quoted.find(',', comma)) != std::string::npos; comma += 3)
        quoted.replace(comma, 1, "\",\"");
    CHECK((decoded(quoted + "\"1\",\"bob\",\"\",\"\",\"\",\"t\",\"\",\"\",\"\",\"eu\"\r\n") ==
           list{{.user_name = "bob", .access_token = "t", .api_domain = "eu", .id = "1"}}));
}

TEMPLATE_TEST_CASE("csv: the files of the SDKs in PHP, TypeScript, Node and C# are read", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    std::string typescript = header;
    typescript.replace(typescript.find("user_name"), 9, "user_mail");
    for (const std::string& first : {header, typescript}) {
        CHECK((decoded<TestType>(first).empty()));
        CHECK((decoded<TestType>(first + "\n" + ada_row + "\n" + bob_row) == list{ada, bob}));        // not C#
        CHECK((decoded<TestType>(first + "\n" + ada_row + "\n" + bob_row + "\n") == list{ada, bob})); // C# on Linux
        CHECK((decoded<TestType>(first + "\r\n" + ada_row + "\r\n" + bob_row + "\r\n") == list{ada, bob})); // Windows
        CHECK((decoded<TestType>("\xef\xbb\xbf" + first + "\n" + ada_row) == list{ada}));
        CHECK((decoded<TestType>("\n" + first + "\n\n" + ada_row + "\n\r\n\n" + bob_row + "\n\n") == list{ada, bob}));
    }
}

TEMPLATE_TEST_CASE("csv: files of nine columns are read, and written back with ten", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    token old = ada;
    old.api_domain.clear();
    const std::string row = ada_row.substr(0, ada_row.rfind(','));
    for (const std::string end : {"\n", "\r\n"}) {
        const list read = decoded<TestType>(nine + end + row + end + bob_row.substr(0, bob_row.size() - 1) + end);
        CHECK((read == list{old, bob}));
        CHECK(encoded<TestType>(read) == header + "\n" + row + ",\n" + bob_row);
    }
    CHECK((decoded<TestType>(nine).empty()));
}

TEMPLATE_TEST_CASE("csv: what the SDKs make of a file of nine columns is read", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    token old = ada;
    old.api_domain.clear();
    const std::string row = ada_row.substr(0, ada_row.rfind(','));
    CHECK((decoded<TestType>(header + "\n" + row + ",\n,") == list{old})); // Node, of a file that ended in a line feed
    CHECK((decoded<TestType>(header + "\n" + row + "\r,\n,") == list{old})); // Node, of one with CRLF
    CHECK((decoded<TestType>(header + "\n" + row + ",\n,\n" + bob_row) == list{old, bob}));
    if (std::is_same_v<TestType, zoho::csv>) // Python, of one with an empty line
        CHECK((decoded<TestType>(header + "\r\n" + row + ",\r\n\"\"\r\n") == list{old}));
}

TEMPLATE_TEST_CASE("csv: an absent value is an empty cell, and null is a text", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    const list read = decoded<TestType>(header + "\n1,,,,,t,,,,\n2,null,None,undefined,,t,,,,");
    CHECK((
        read ==
        list{
            {.access_token = "t", .id = "1"},
            {.user_name = "null", .client_id = "None", .client_secret = "undefined", .access_token = "t", .id = "2"}}));
    CHECK(encoded<TestType>({{.id = "1"}}) == header + "\n1,,,,,,,,,");
}

// ---- What is damaged ----

TEMPLATE_TEST_CASE("csv: an empty file is damaged, not an empty store", "[zoho]", zoho::csv, zoho::unquoted_csv) {
    for (const std::string document : {"", "\n", "\r\n\r\n", "\xef\xbb\xbf", ",", ",,,,,,,,,"})
        CHECK(damage<TestType>(document) == "tokenkeep: the CSV is empty: storage corrupt");
}

TEMPLATE_TEST_CASE("csv: a file whose header is missing or overwritten is damaged, and no row is taken for it",
                   "[zoho]", zoho::csv, zoho::unquoted_csv) {
    const std::string disguised = "id,user_name,1000.C,s3,1000.r.1,1000.a.1,,,,"; // Python's save for user "user_name"
    for (const std::string& first : {ada_row, disguised, "id"s, "id,user_name"s, "ID" + header.substr(2),
                                     nine.substr(0, nine.rfind(',')), header + ",scope", header + ",",
                                     "\xef\xbb\xbf\xef\xbb\xbf" + header, " " + header, header.substr(3) + ",id"}) {
        CAPTURE(first);
        CHECK(damage<TestType>(first + "\n" + bob_row) == "tokenkeep: row 1 of the CSV is no header: storage corrupt");
    }
    CHECK(damage<TestType>("\n" + ada_row).find("row 2 ") != std::string::npos);
    CHECK(damage<TestType>(header + "\n" + ada_row + "\n" + header + "\n" + header).find("row 3 ") !=
          std::string::npos); // the second header's expiry_time is no number
}

TEMPLATE_TEST_CASE("csv: a row with a cell too few or too many is damaged, and named", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    const std::string short_row = ada_row.substr(0, ada_row.rfind(','));
    for (const std::string& row : {short_row, ada_row + ",", ada_row + ",x", "2"s, "2,bob"s, bob_row + bob_row}) {
        CAPTURE(row);
        const std::string said = "tokenkeep: row 3 of the CSV has another number of cells than the header: "
                                 "storage corrupt";
        CHECK(damage<TestType>(header + "\n" + bob_row + "\n" + row) == said);
        CHECK(damage<TestType>(header + "\n" + bob_row + "\n" + row + "\n" + ada_row + "\n") == said);
    }
    CHECK(damage<TestType>(nine + "\n" + ada_row).find("row 2 ") != std::string::npos);
}

TEMPLATE_TEST_CASE("csv: a row without an id, with one twice, or with a time that is none is damaged", "[zoho]",
                   zoho::csv, zoho::unquoted_csv) {
    CHECK(damage<TestType>(header + "\n,bob,,,,t,,,,").find("row 2 of the CSV has no id") != std::string::npos);
    CHECK(damage<TestType>(header + "\n" + bob_row + "\n" + ada_row + "\n" + bob_row)
              .find("row 4 of the CSV has the id of another row") != std::string::npos);
    for (const std::string time : {"null", "1.5", "soon", " 1", "1 ", "99999999999999999999", "S3NT1NEL"})
        CHECK(damage<TestType>(header + "\n2,bob,,,,t,," + time + ",,")
                  .find("row 2 of the CSV has a time that is no number") != std::string::npos);
    CHECK((decoded<TestType>(header + "\n2,bob,,,,t,,-5,,")[0].expires_at == at(-5)));
}

TEST_CASE("csv: a stray or unclosed quote is damaged, and so is what stands beside a quoted value", "[zoho]") {
    for (const std::string cell :
         {"say \"hi\"", "a\"", "\"a\"b", "\"a\" ", " \"a\"", "\"a", "\"", "\"\"\"", "\"a\"\"", "\"a\"\rb"}) {
        CAPTURE(cell);
        const std::string said = "tokenkeep: row 3 of the CSV has a stray quote or carriage return: storage corrupt";
        CHECK(damage(header + "\n" + bob_row + "\n1," + cell) == said);
        CHECK(damage(header + "\n" + bob_row + "\n1,,,,,t,,,," + cell) == said);
        CHECK(damage(header + "\n" + bob_row + "\n1," + cell + ",,,,t,,,,\n3,c,,,,t,,,,").find("row 3 ") !=
              std::string::npos);
    }
    CHECK((decoded(header + "\n1,,,,,t,,,,\"a\"\r") == list{{.access_token = "t", .api_domain = "a", .id = "1"}}));
}

TEMPLATE_TEST_CASE("csv: a carriage return that ends no line is damaged", "[zoho]", zoho::csv, zoho::unquoted_csv) {
    CHECK(damage<TestType>(header + "\r" + ada_row).find("row 1 ") != std::string::npos);
    CHECK(damage<TestType>(header + "\n2,a\rb,,,,t,,,,").find("row 2 ") != std::string::npos);
}

TEST_CASE("csv: what Node makes of a name with a comma is damaged, never a shifted column", "[zoho]") {
    const std::string naive = header + "\n2,Doe, John,1000.C,s3,1000.r,1000.a,,1700000000000,,eu";
    CHECK(damage(naive).find("row 2 ") != std::string::npos);
    CHECK(damage<zoho::unquoted_csv>(naive).find("row 2 ") != std::string::npos);
    // What Python or we had quoted, after Node saved that row: it keeps the first ten of its eleven pieces.
    CHECK(damage(header + "\n2,\"Doe, John\",1000.C,s3,1000.r,1000.a,,1700000000000,").find("row 2 ") !=
          std::string::npos);
    CHECK(damage<zoho::unquoted_csv>(header + "\n2,\"Doe, John\",1000.C,s3,1000.r,1000.a,,1,,eu").find("row 2 ") !=
          std::string::npos);
    CHECK((decoded<zoho::unquoted_csv>(header + "\r\n" + ada_row + "\r\n")[0].api_domain == ada.api_domain));
}

TEMPLATE_TEST_CASE("csv: no message says what the file holds", "[zoho]", zoho::csv, zoho::unquoted_csv) {
    for (const std::string& row :
         {"S3NT1NEL"s, "S3NT1NEL,S3NT1NEL"s, ",S3NT1NEL,,,,,,,,"s, "S3NT1NEL,,,,,,,S3NT1NEL,,"s,
          "1,S3NT1NEL\xff,,,,,,,,"s, "1,S3NT1NEL\rx,,,,,,,,"s, "S3NT1NEL,,,,,,,,,\nS3NT1NEL,,,,,,,,,"s}) {
        CHECK(damage<TestType>(header + "\n" + row).find("S3NT1NEL") == std::string::npos);
        CHECK_FALSE(damage<TestType>(header + "\n" + row).empty());
        CHECK(damage<TestType>(row).find("S3NT1NEL") == std::string::npos);
    }
}

// ---- In a store ----

TEMPLATE_TEST_CASE("csv: a store over a file saves, finds and deletes, privately", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    const temporary_directory here;
    const std::string path = here / "tokens.csv";
    store_of<TestType> store{text_file{path}};
    CHECK(store.get_tokens().empty());
    store.save_token({.user_name = "id", .client_id = "c", .refresh_token = "r1"});
    store.save_token({.user_name = "user_name", .client_id = "c", .refresh_token = "r2"});
    store.save_token({.user_name = "id", .access_token = "a1", .expires_at = at(5)});
    CHECK(mode_of(path) == 0600);
    CHECK(store.get_tokens().size() == 2);
    const auto found = store_of<TestType>{text_file{path}}.find_token({.user_name = "id"});
    REQUIRE(found);
    CHECK(found->refresh_token == "r1");
    CHECK(found->expires_at == at(5));
    CHECK(bytes_of(path).starts_with(header + "\n" + found->id + ",id,c,,r1,a1,,5,,\n"));

    CHECK_FALSE(store.find_token_by_id("id")); // the header is no row
    store.delete_token("id");
    CHECK(store.get_tokens().size() == 2);
    store.delete_token(found->id);
    CHECK(store.get_tokens().size() == 1);
    store.delete_tokens();
    CHECK(bytes_of(path) == header);
}

TEMPLATE_TEST_CASE("csv: a store leaves a damaged file as it was", "[zoho]", zoho::csv, zoho::unquoted_csv) {
    const temporary_directory here;
    const std::string path = here / "tokens.csv";
    for (const std::string& document : {""s, ada_row, header + "\n" + ada_row + "\n2,bob"}) {
        write_file(path, document);
        store_of<TestType> store{text_file{path}};
        CHECK(code_of([&] { store.find_token({.user_name = "bob"}); }) == errc::storage_corrupt);
        CHECK(code_of([&] { store.save_token(bob); }) == errc::storage_corrupt);
        CHECK(code_of([&] { store.delete_token("1"); }) == errc::storage_corrupt);
        CHECK(bytes_of(path) == document);
    }
}

TEST_CASE("csv: a record that the dialect cannot carry is refused and leaves the file as it was", "[zoho]") {
    const temporary_directory here;
    const std::string path = here / "tokens.csv";
    write_file(path, header + "\r\n" + ada_row + "\r\n");
    store_of<zoho::unquoted_csv> store{text_file{path}};
    CHECK(code_of([&] { store.save_token({.user_name = "Doe, John", .access_token = "t"}); }) == errc::invalid_record);
    CHECK(bytes_of(path) == header + "\r\n" + ada_row + "\r\n");

    store_of<zoho::csv> quoted{text_file{path}};
    quoted.save_token({.user_name = "Doe, John", .access_token = "t"});
    REQUIRE(quoted.find_token({.user_name = "Doe, John"}));
    CHECK((quoted.find_token({.user_name = ada.user_name}) == ada));
    CHECK(code_of([&] { quoted.save_token({.user_name = "\xff", .access_token = "t2"}); }) == errc::invalid_record);
    CHECK(quoted.get_tokens().size() == 2);
}

TEMPLATE_TEST_CASE("csv: a code verifier has no column, so it is refused; a used one is none", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    token row = ada;
    row.code_verifier = "S3NT1NEL";
    CHECK_THAT(refusal<TestType>(row), ContainsSubstring("code_verifier") && !ContainsSubstring("S3NT1NEL"));
    row.code_verifier = "-";
    CHECK(decoded<TestType>(encoded<TestType>({row})) == list{ada});
}

TEMPLATE_TEST_CASE("csv: rows are compared by the fields that the file has", "[zoho]", zoho::csv, zoho::unquoted_csv) {
    store_of_its_own<TestType> store;
    store.save_token(ada);
    token noted = ada, other = ada;
    noted.status = "spent";
    noted.issued_at = at(1);
    noted.extra = "{}";
    other.api_domain = "https://www.zohoapis.in";
    CHECK_FALSE(store.replace_token(other, noted));
    CHECK_FALSE(store.remove_token(other));
    CHECK(store.replace_token(noted, other));
    CHECK((store.get_tokens() == list{other}));
    other.seed = "5eed";
    CHECK(store.remove_token(other));
    CHECK(store.get_tokens().empty());
}

TEMPLATE_TEST_CASE("csv: a keeper logs in, refreshes, refreshes and revokes over the file", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    tests::live_a_session<store_of_its_own<TestType>>();
}

TEMPLATE_TEST_CASE("csv: a grant token that the server refuses is in nobody's way", "[zoho]", zoho::csv,
                   zoho::unquoted_csv) {
    tests::world<store_of_its_own<TestType>> w;
    CHECK(tests::error_of([&] { w.keeper().access_token({.user_name = "ada", .grant_token = "bad"}); }) ==
          errc::reauthorization_required);
    const secret access = w.login().access_token;
    CHECK(w.store.get_tokens().size() == 1);
    CHECK(w.keeper().access_token({.user_name = "ada"}) == access);
}

TEST_CASE("numeric_id: ids are nine digits that leave room above them, and differ", "[zoho]") {
    std::set<std::string> ids;
    for (int i = 0; i < 1000; ++i) {
        const std::string id = zoho::numeric_id{}();
        CHECK(id.size() == 9);
        CHECK((id[0] >= '1' && id[0] <= '8'));
        CHECK(id.find_first_not_of("0123456789") == std::string::npos);
        ids.insert(id);
    }
    CHECK(ids.size() > 990);
}
