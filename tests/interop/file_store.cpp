// SPDX-License-Identifier: MIT
// One file, kept by the FileStore of Zoho's SDKs and by ours.
#include <tokenkeep/tokenkeep.hpp>

#include "peer.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "zoho/rows.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace tokenkeep;
using namespace zoho_rows;
using list = std::vector<token>;

namespace {

using shared = tokenkeep::zoho::policy;
template <class Codec = zoho::csv>
using store_of = basic_document_store<text_file, Codec, shared>;

} // namespace

TEMPLATE_TEST_CASE("file_store: what an SDK writes, we read, and nothing absent becomes a text", "[interop]", zoho::csv,
                   zoho::unquoted_csv) {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        peer& theirs = at(sdk, "file", path);
        store_of<TestType> ours{text_file{path}};
        CHECK(ours.get_tokens().empty()); // of a file with a header
        for (const token& row : {ada, bob, nobody}) theirs.save_token(row);
        CHECK((ours.get_tokens() == list{with_id(ada, "1"), with_id(bob, "2"), with_id(nobody, "3")}));
        theirs.delete_token("2");
        CHECK((ours.get_tokens() == list{with_id(ada, "1"), with_id(nobody, "3")}));
        theirs.delete_tokens();
        CHECK(ours.get_tokens().empty());
    }
}

TEMPLATE_TEST_CASE("file_store: what we write, an SDK reads", "[interop]", zoho::csv, zoho::unquoted_csv) {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        store_of<TestType> ours{text_file{path}};
        for (const token& row : {ada, bob, nobody}) ours.save_token(row);
        const list rows = ours.get_tokens();
        REQUIRE(rows.size() == 3);

        peer& theirs = at(sdk, "file", path);
        CHECK((theirs.get_tokens() == rows));
        CHECK((theirs.find_token({.user_name = "bob"}) == rows[1]));
        CHECK((theirs.find_token({.access_token = "1000.a.1"}) == rows[0]));
        CHECK(
            (theirs.find_token({.client_id = "1000.C", .client_secret = "s3", .grant_token = "1000.g.1"}) == rows[0]));
        CHECK((theirs.find_token({.client_id = "1000.C", .client_secret = "s3", .refresh_token = "1000.r.3"}) ==
               rows[2]));
        CHECK((theirs.find_token_by_id(rows[2].id) == rows[2]));
        CHECK_FALSE(theirs.find_token({.user_name = "user_name"})); // the header
        CHECK_FALSE(theirs.find_token({.user_name = "carol"}));

        ours.delete_tokens();
        CHECK(theirs.get_tokens().empty());
    }
}

TEMPLATE_TEST_CASE("file_store: both change one file in turns, and each sees the other's rows", "[interop]", zoho::csv,
                   zoho::unquoted_csv) {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        store_of<TestType> ours{text_file{path}};
        peer& theirs = at(sdk, "file", path);
        for (int i = 0; i < 5; ++i) {
            const std::string n = std::to_string(i);
            theirs.save_token({.user_name = "theirs" + n, .refresh_token = "r" + n});
            ours.save_token({.user_name = "ours" + n, .refresh_token = "s" + n});
            theirs.save_token({.user_name = "ours" + n, .access_token = "a" + n}); // each updates the other's row
            ours.save_token({.user_name = "theirs" + n, .access_token = "b" + n});
        }
        const list rows = ours.get_tokens();
        CHECK(rows.size() == 10);
        CHECK((theirs.get_tokens() == rows));
        for (int i = 0; i < 5; ++i) {
            const std::string n = std::to_string(i);
            for (auto found :
                 {ours.find_token({.user_name = "ours" + n}), theirs.find_token({.user_name = "ours" + n})}) {
                REQUIRE(found);
                CHECK(found->refresh_token == "s" + n);
                CHECK(found->access_token == "a" + n);
            }
            for (auto found :
                 {ours.find_token({.user_name = "theirs" + n}), theirs.find_token({.user_name = "theirs" + n})}) {
                REQUIRE(found);
                CHECK(found->refresh_token == "r" + n);
                CHECK(found->access_token == "b" + n);
            }
        }
        theirs.delete_token(rows[0].id);
        ours.delete_token(rows[1].id);
        CHECK(ours.get_tokens().size() == 8);
        CHECK((theirs.get_tokens() == ours.get_tokens()));
    }
}

TEMPLATE_TEST_CASE("file_store: the SDK counts on from our ids, and a file it made public becomes private", "[interop]",
                   zoho::csv, zoho::unquoted_csv) {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const umask_of_scope usual(022);
        const std::string path = here / "tokens.csv";
        peer& theirs = at(sdk, "file", path);
        CHECK(mode_of(path) == 0644); // so they leave it
        store_of<TestType> ours{text_file{path}};
        ours.save_token(ada);
        CHECK(mode_of(path) == 0600);
        theirs.save_token(bob);
        CHECK(mode_of(path) == 0600);
        const list rows = ours.get_tokens();
        REQUIRE(rows.size() == 2);
        CHECK(rows[1].id == std::to_string(std::stoul(rows[0].id) + 1));
    }
}

TEMPLATE_TEST_CASE("file_store: a name without a separator goes both ways", "[interop]", zoho::csv,
                   zoho::unquoted_csv) {
    for (const std::string sdk : sdks) {
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        peer& theirs = at(sdk, "file", path);
        store_of<TestType> ours{text_file{path}};
        for (const std::string& name : plain_names) {
            CAPTURE(sdk, name.substr(0, 20));
            ours.save_token({.user_name = name, .access_token = "ours " + name});
            const auto seen = theirs.find_token({.user_name = name});
            REQUIRE(seen);
            CHECK(seen->access_token == "ours " + name);
            theirs.save_token({.user_name = name + "'s", .access_token = "theirs " + name});
            const auto found = ours.find_token({.user_name = name + "'s"});
            REQUIRE(found);
            CHECK(found->access_token == "theirs " + name);
        }
        CHECK(ours.get_tokens().size() == 2 * plain_names.size());
    }
}

TEST_CASE("file_store: quotes go both ways in the SDK's own dialect", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        peer& theirs = at(sdk, "file", path);
        store_of<zoho::unquoted_csv> ours{text_file{path}};
        ours.save_token({.user_name = "say \"hi\"", .access_token = "\"a\""});
        theirs.save_token({.user_name = "\"", .access_token = "\"\""});
        CHECK(theirs.find_token({.user_name = "say \"hi\""})->access_token == "\"a\"");
        CHECK(ours.find_token({.user_name = "\""})->access_token == "\"\"");
        const std::string before = bytes_of(path);
        CHECK(code_of([&] { (void)store_of<>{text_file{path}}.get_tokens(); }) == errc::storage_corrupt);
        CHECK(bytes_of(path) == before);
    }
}

TEMPLATE_TEST_CASE("file_store: files of nine columns are read before and after an SDK takes them over", "[interop]",
                   zoho::csv, zoho::unquoted_csv) {
    const std::string nine = "id,user_mail,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,"
                             "redirect_url";
    const list rows{{.user_name = "ada",
                     .client_id = "c",
                     .refresh_token = "r",
                     .redirect_url = "https://x.example/cb",
                     .expires_at = timestamp{std::chrono::milliseconds{5}},
                     .id = "1"},
                    {.user_name = "bob", .access_token = "a", .id = "2"}};
    for (const std::string sdk : sdks)
        for (const std::string line_end : {"\n", "\r\n"})
            for (const bool last : {false, true}) {
                CAPTURE(sdk, line_end.size(), last);
                const temporary_directory here;
                const std::string path = here / "tokens.csv";
                write_file(path, nine + line_end + "1,ada,c,,r,,,5,https://x.example/cb" + line_end + "2,bob,,,,a,,," +
                                     (last ? line_end : ""));
                store_of<TestType> ours{text_file{path}};
                CHECK((ours.get_tokens() == rows));
                peer& theirs = at(sdk, "file", path); // makes ten of them
                CHECK(bytes_of(path).find("api_domain") != std::string::npos);
                CHECK((ours.get_tokens() == rows));
                ours.save_token({.user_name = "bob", .api_domain = "https://www.zohoapis.in"});
                CHECK(theirs.get_tokens().size() == 2);
                CHECK((theirs.get_tokens() == ours.get_tokens()));
            }
}

TEST_CASE("file_store: the line ends that Python and C# write stay out of the SDK's values once we have saved",
          "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        write_file(path, header + "\r\n1,ada,,,,a,,,,https://www.zohoapis.eu\r\n");
        peer& theirs = at(sdk, "file", path);
        CHECK(theirs.find_token({.user_name = "ada"})->api_domain == "https://www.zohoapis.eu\r"); // their defect
        store_of<> ours{text_file{path}};
        CHECK(ours.find_token({.user_name = "ada"})->api_domain == "https://www.zohoapis.eu");
        theirs.save_token({.user_name = "ada", .refresh_token = "r"});
        CHECK(ours.find_token({.user_name = "ada"})->api_domain == "https://www.zohoapis.eu");
        ours.save_token(bob);
        CHECK(theirs.find_token({.user_name = "ada"})->api_domain == "https://www.zohoapis.eu");
    }
}

TEST_CASE("file_store: a name with a comma never moves a column into our rows", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        const token doe{.user_name = "Doe, John", .client_id = "c", .client_secret = "s", .refresh_token = "r"};
        peer& theirs = at(sdk, "file", path);
        store_of<zoho::unquoted_csv> ours{text_file{path}};
        store_of<zoho::csv> quoting{text_file{path}};

        // In their dialect we refuse it, and the file stays.
        theirs.save_token(bob);
        const std::string before = bytes_of(path);
        CHECK(code_of([&] { ours.save_token(doe); }) == errc::invalid_record);
        CHECK(bytes_of(path) == before);

        // In the other, the SDK misreads the row, but not the rows beside it. What it makes of the row we tell.
        quoting.save_token(doe);
        const token stored = quoting.find_token({.user_name = "Doe, John"}).value();
        CHECK(theirs.find_token_by_id(stored.id)->client_id == " John\"");
        CHECK((theirs.find_token({.user_name = "bob"}) == with_id(bob, "1")));
        theirs.save_token({.user_name = "bob", .refresh_token = "r2"});
        CHECK((quoting.find_token({.user_name = "Doe, John"}) == stored));
        theirs.save_token({.access_token = "a3", .id = stored.id});
        CHECK(code_of([&] { (void)quoting.get_tokens(); }) == errc::storage_corrupt);

        // Its own row of such a name has a cell too many.
        theirs.delete_tokens();
        theirs.save_token(doe);
        const std::string shifted = bytes_of(path);
        CHECK(theirs.find_token_by_id("1")->client_id == " John");
        CHECK(code_of([&] { (void)ours.get_tokens(); }) == errc::storage_corrupt);
        CHECK(code_of([&] { quoting.save_token(bob); }) == errc::storage_corrupt);
        CHECK(bytes_of(path) == shifted);
    }
}

TEST_CASE("file_store: an emptied file is a new store to an SDK, and damage to us", "[interop]") {
    for (const std::string sdk : sdks) {
        CAPTURE(sdk);
        const temporary_directory here;
        const std::string path = here / "tokens.csv";
        write_file(path, "");
        store_of<> ours{text_file{path}};
        CHECK(code_of([&] { (void)ours.find_token(bob); }) == errc::storage_corrupt);
        CHECK(code_of([&] { ours.save_token(bob); }) == errc::storage_corrupt);
        CHECK(bytes_of(path).empty());
        CHECK(at(sdk, "file", path).get_tokens().empty());
        CHECK(ours.get_tokens().empty());
    }
}
