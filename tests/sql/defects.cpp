// SPDX-License-Identifier: MIT
// The faults of other stores of this kind, those of the samples for Zoho's SDKs and those within the SDKs: none may be
// one of ours. What the store laws test already is here in one line.
// databases: SQLite, MariaDB, Postgres
#include <tokenkeep/testing/store_laws.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "sql/backends.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace tests;
using namespace std::string_literals;
using tokenkeep::errc;
using tokenkeep::token;
using tokenkeep::testing::detail::login;
using tokenkeep::testing::detail::only_row_of;
using tokenkeep::testing::detail::rows_of;

namespace {

/// A database, and the policy of the stores in it.
template <class Backend, class Policy>
struct kept_in {
    using backend = Backend;
    static constexpr bool is_zoho = std::is_same_v<Policy, tokenkeep::zoho::policy>;

    static const std::string& table() {
        static const std::string name = new_table();
        return name;
    }
    /// Another store over the same table.
    static store_over<Backend, Policy> store() { return store_on<Backend, Policy>(table()); }
    static store_over<Backend, Policy> empty_store() {
        auto emptied = store();
        emptied.delete_tokens();
        return emptied;
    }
};
template <class Policy, class... Backends>
std::tuple<kept_in<Backends, Policy>...> each_kept_in(const std::tuple<Backends...>&);
using everywhere = joined<decltype(each_kept_in<tokenkeep::defaults>(every_backend())),
                          decltype(each_kept_in<tokenkeep::zoho::policy>(zoho_backends()))>;

/// Ada and Bob of one client.
template <class In>
auto store_of_two() {
    auto store = In::empty_store();
    store.save_token(login("ada"));
    store.save_token(login("bob"));
    return store;
}

/// Runs `act` in children, and gives how each ended: 0 is well.
std::vector<int> ends_of_children(int count, const std::function<void(int)>& act) {
    std::vector<pid_t> children;
    for (int n = 0; n < count; ++n) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                act(n);
                ::_exit(0);
            } catch (const std::exception& fault) {
                std::fprintf(stderr, "%s\n", fault.what());
            }
            ::_exit(1);
        }
        children.push_back(child);
    }
    std::vector<int> ends;
    for (const pid_t child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        ends.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    return ends;
}

/// All that an exception and those nested in it say.
std::string all_said(const std::exception& fault) {
    std::string said = fault.what();
    try {
        std::rethrow_if_nested(fault);
    } catch (const std::exception& inner) {
        said += "\n" + all_said(inner);
    }
    return said;
}
std::string said_by(const std::function<void()>& act) {
    try {
        act();
    } catch (const std::exception& fault) {
        return all_said(fault);
    }
    return {};
}

/// What a connection is given, to be looked for in what is said of its failure.
const std::string mark = "s3ntinel";

template <class Store>
void check_silent(Store& store) {
    for (const std::string& text :
         {said_by([&] { (void)store.get_tokens(); }), said_by([&] { store.save_token(login("ada")); }),
          said_by([&] { (void)store.lock_token("ada", std::chrono::steady_clock::now()); })}) {
        CHECK_THAT(text, StartsWith("tokenkeep: "));
        CHECK_THAT(text, !ContainsSubstring(mark));
    }
}

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: emptying a store is durable", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    store.delete_tokens();
    CHECK(store.get_tokens().empty());
    CHECK(TestType::store().get_tokens().empty());
}

TEMPLATE_LIST_TEST_CASE("sql_store: text that looks like SQL finds no row, and is kept like any other", "[sql]",
                        everywhere) {
    auto store = store_of_two<TestType>();
    for (const char* text :
         {"nobody' or '1'='1", "x' or '1'='1", "zzz' or user_name='bob", "O'Brien", "a\\", "a\\' or 1=1 -- ",
          "x' union select group_concat(client_secret) from oauthtoken --", "$1", "?", "0", "%"}) {
        CHECK_FALSE(store.find_token({.user_name = text}));
        CHECK_FALSE(store.find_token({.access_token = text}));
        CHECK_FALSE(store.find_token({.client_id = "app", .client_secret = "app secret", .refresh_token = text}));
        CHECK_FALSE(store.find_token_by_id(text));
    }
    for (const char* user : {"O'Brien", "nobody' or '1'='1", "$1", "a\\"}) {
        store.save_token(login(user));
        CHECK(store.find_token({.user_name = user})->access_token == "access of "s + user);
    }
    CHECK(store.get_tokens().size() == 6);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a token that looks like SQL is saved to its own row", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    const token ada = only_row_of(store, "ada");
    for (const char* text :
         {"pwned' where 1=1 --", "pwned'; drop table oauthtoken; --", "', refresh_token = '", "NULL"}) {
        store.save_token({.user_name = "bob", .access_token = text});
        CHECK(only_row_of(store, "bob").access_token == text);
        CHECK(only_row_of(store, "bob").refresh_token == "refresh of bob");
        CHECK(only_row_of(store, "ada") == ada);
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: an id that no row has deletes nothing, and is no error", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    store.save_token({.user_name = "eve", .access_token = "e", .id = "007"});
    store.save_token({.user_name = "0", .access_token = "0", .id = "0"});
    for (const std::string id : {"1 or 1=1", "id", "abc", "7", "07", "0 ", " 0", "00", "0.0", "", "nope", "NULL",
                                 "3fa85f64-5717-4562-b3fc-2c963f66afa6", "' or ''='", "%"})
        store.delete_token(id);
    CHECK(store.get_tokens().size() == 4);
    store.delete_token("007");
    store.delete_token("0");
    CHECK(store.get_tokens().size() == 2);
    CHECK(TestType::store().get_tokens().size() == 2);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a probe that says nothing means no row", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    const std::vector<token> before = rows_of(store);
    for (const token& probe :
         {token{}, token{.user_name = ""}, token{.client_id = "app", .client_secret = "app secret"},
          token{.client_id = "app", .refresh_token = ""}, token{.redirect_url = "x"}, token{.id = "2"},
          token{.client_id = "app", .access_token = "access of ada"}})
        CHECK_FALSE(store.find_token(probe));
    for (const token& row : before) CHECK(store.find_token({.id = row.id}) == row);
    for (const token& record : {token{}, token{.user_name = ""}, token{.client_id = "app"}, token{.id = "7"}})
        CHECK(code_of([&] { store.save_token(record); }) == errc::invalid_record);
    CHECK(rows_of(store) == before);
    store.save_token({.user_name = "", .access_token = "of nobody"});
    CHECK(store.get_tokens().size() == 3);
    CHECK(only_row_of(store, "ada") == before[before[0].user_name == "ada" ? 0 : 1]);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a refresh token means a row of the client that the probe names", "[sql]",
                        everywhere) {
    auto store = store_of_two<TestType>();
    CHECK_FALSE(store.find_token({.refresh_token = "refresh of bob"}));
    CHECK_FALSE(store.find_token({.grant_token = "grant of bob"}));
    CHECK_FALSE(store.find_token({.client_id = "other", .client_secret = "s", .refresh_token = "refresh of bob"}));
    const token of_app{.client_id = "app", .client_secret = "app secret", .refresh_token = "refresh of bob"};
    CHECK(store.find_token(of_app) == only_row_of(store, "bob"));
    const token bob = only_row_of(store, "bob");
    store.save_token({.client_id = "other", .client_secret = "s", .refresh_token = "refresh of bob"});
    CHECK(store.get_tokens().size() == 3);
    CHECK(store.find_token_by_id(bob.id) == bob);
}

TEMPLATE_LIST_TEST_CASE("sql_store: any number of users get ids of their own, and none a second time", "[sql]",
                        everywhere) {
    auto store = TestType::empty_store();
    for (int n = 1; n <= 9; ++n)
        store.save_token({.user_name = "old " + std::to_string(n),
                          .access_token = "o" + std::to_string(n),
                          .id = std::to_string(n)});
    store.save_token({.user_name = "alice", .access_token = "x", .id = "alice"});
    std::set<std::string> ids;
    for (int n = 0; n < 6; ++n) {
        const std::string user = "user " + std::to_string(n);
        store.save_token(login(user));
        const std::string id = only_row_of(store, user).id;
        CHECK(ids.insert(id).second);
        if (n % 2 == 1) store.delete_token(id);
    }
    CHECK(store.get_tokens().size() == 13);
    for (int n = 1; n <= 9; ++n)
        CHECK(store.find_token_by_id(std::to_string(n))->user_name == "old " + std::to_string(n));
}

TEMPLATE_LIST_TEST_CASE("sql_store: what a column cannot hold is refused, never cut", "[sql]", everywhere) {
    auto store = TestType::empty_store();
    store.save_token(login("ada"));
    const std::vector<token> before = rows_of(store);
    const token long_token{.user_name = "bob", .access_token = std::string(2'000, 't')},
        long_id{.user_name = "eve", .access_token = "e", .id = "550e8400-e29b-41d4-a716-446655440000"};
    for (const token& record :
         {long_token, long_id, token{.user_name = "ada", .access_token = std::string(300, 'u')}}) {
        const std::error_code code = code_of([&] { store.save_token(record); });
        CHECK(code == (TestType::is_zoho ? std::error_code(errc::invalid_record) : std::error_code()));
        if (!TestType::is_zoho)
            CHECK(store.find_token({.user_name = record.user_name})->access_token == record.access_token);
    }
    if (TestType::is_zoho) CHECK(rows_of(store) == before);
    store.save_token(login("after"));
    CHECK_FALSE(only_row_of(store, "after").id.empty());
}

TEMPLATE_LIST_TEST_CASE("sql_store: an empty table is opened again", "[sql]", everywhere) {
    (void)TestType::empty_store();
    for (int n = 0; n < 2; ++n) CHECK(TestType::store().get_tokens().empty());
}

TEMPLATE_LIST_TEST_CASE("sql_store: a rotated refresh token is saved by the row's id, and makes no second row", "[sql]",
                        everywhere) {
    auto store = TestType::empty_store();
    store.save_token({.client_id = "app", .client_secret = "s", .refresh_token = "first", .access_token = "a"});
    token row = store.get_tokens().at(0);
    row.refresh_token = "rotated";
    row.access_token = "b";
    store.save_token(row);
    CHECK(store.get_tokens() == std::vector<token>{row});
    store.save_token({.refresh_token = "again", .id = row.id});
    CHECK(store.get_tokens().size() == 1);
    CHECK(store.find_token_by_id(row.id)->refresh_token == "again");
}

TEMPLATE_LIST_TEST_CASE("sql_store: one user of two clients is two rows", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    const token ada = only_row_of(store, "ada");
    token at_other = login("ada");
    at_other.client_id = "other";
    at_other.access_token = "of other";
    at_other.refresh_token = "refresh of other";
    store.save_token(at_other);
    CHECK(store.get_tokens().size() == 3);
    CHECK(store.find_token({.user_name = "ada", .client_id = "app"}) == ada);
    CHECK(store.find_token({.user_name = "ada", .client_id = "other"})->access_token == "of other");
    CHECK(code_of([&] { (void)store.find_token({.user_name = "ada"}); }) == errc::ambiguous);
}

TEMPLATE_LIST_TEST_CASE("sql_store: an id that no row has is nullopt", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    for (const char* id : {"", "nope", "id", "user_name", "0", "1"}) CHECK_FALSE(store.find_token_by_id(id));
    CHECK_FALSE(TestType::empty_store().find_token_by_id("id"));
}

TEMPLATE_LIST_TEST_CASE("sql_store: a save that fails is taken back, and holds nobody up", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    const std::vector<token> before = rows_of(store);
    token clash = login("ada");
    clash.id = only_row_of(store, "bob").id;
    for (int n = 0; n < 3; ++n) CHECK(code_of([&] { store.save_token(clash); }) == errc::ambiguous);
    const token ada = only_row_of(store, "ada");
    token as_bob = ada;
    as_bob.user_name = "bob";
    CHECK(code_of([&] { store.replace_token(ada, as_bob); }) == errc::ambiguous);
    auto other = TestType::store();
    CHECK(rows_of(other) == before);
    const auto start = std::chrono::steady_clock::now();
    other.save_token({.user_name = "eve", .access_token = "e"});
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10)); // the lock would be given up after 15
    CHECK(store.get_tokens().size() == 3);
}

TEMPLATE_LIST_TEST_CASE("sql_store: what is found is the row, and the probe stays as it is", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    store.save_token({.user_name = "only", .access_token = "of only"});
    const token probe{.user_name = "ada", .access_token = "stale"}, before = probe;
    CHECK(store.find_token(probe) == only_row_of(store, "ada"));
    CHECK(probe == before);
    CHECK(store.find_token({.user_name = "only"})->access_token == "of only");
}

TEMPLATE_LIST_TEST_CASE("sql_store: of a program that is killed every save that it has heard of is there", "[sql]",
                        everywhere) {
    (void)TestType::empty_store();
    int told[2]{};
    REQUIRE(::pipe(told) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            auto store = TestType::store();
            for (unsigned char n = 0; n < 200; ++n) {
                store.save_token(login("user " + std::to_string(n)));
                store.save_token({.user_name = "last", .access_token = "a" + std::to_string(n)});
                if (::write(told[1], &n, 1) != 1) break;
            }
        } catch (...) {
        }
        ::_exit(0);
    }
    unsigned char last = 0;
    while (last < 7 && ::read(told[0], &last, 1) == 1) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(told[1]);
    while (::read(told[0], &last, 1) == 1) {
    }
    ::close(told[0]);
    auto store = TestType::store();
    CHECK(last >= 7);
    for (int n = 0; n <= last; ++n) CHECK(store.find_token({.user_name = "user " + std::to_string(n)}));
    const token row = only_row_of(store, "last");
    CHECK((row.access_token == "a" + std::to_string(last) || row.access_token == "a" + std::to_string(last + 1)));
    store.save_token(login("after"));
}

TEMPLATE_LIST_TEST_CASE("sql_store: programs that save at once lose nothing", "[sql]", everywhere) {
    (void)TestType::empty_store();
    const std::vector<int> ends = ends_of_children(4, [](int child) {
        auto store = TestType::store();
        for (int n = 0; n < 6; ++n) {
            store.save_token(login(std::to_string(child) + "." + std::to_string(n)));
            store.save_token({.user_name = "shared", .access_token = "of all", .scope = "read"});
        }
    });
    CHECK(ends == std::vector<int>(4));
    CHECK(TestType::store().get_tokens().size() == 25);
}

TEMPLATE_LIST_TEST_CASE(
    "sql_store: a save that changes nothing makes no row, and a replacement that changes nothing is true", "[sql]",
    everywhere) {
    auto store = store_of_two<TestType>();
    const std::vector<token> before = rows_of(store);
    for (const token& row : before) {
        store.save_token(row);
        store.save_token(login(row.user_name));
        CHECK(store.replace_token(row, row));
    }
    CHECK(rows_of(store) == before);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a new access token does not take over the expiry of the old one", "[sql]",
                        everywhere) {
    auto store = store_of_two<TestType>();
    store.save_token({.user_name = "ada", .access_token = "new"});
    CHECK(only_row_of(store, "ada").access_token == "new");
    CHECK_FALSE(only_row_of(store, "ada").expires_at);
    CHECK(only_row_of(store, "bob").expires_at);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a new grant is kept beside the tokens of the user's row", "[sql]", everywhere) {
    auto store = store_of_two<TestType>();
    const token before = only_row_of(store, "ada");
    store.save_token({.user_name = "ada", .client_id = "app", .client_secret = "app secret", .grant_token = "second"});
    token wanted = before;
    wanted.grant_token = "second";
    CHECK(only_row_of(store, "ada") == wanted);
    CHECK(store.find_token({.client_id = "app", .client_secret = "app secret", .grant_token = "second"}) == wanted);
}

TEMPLATE_LIST_TEST_CASE("sql_store: awkward names do not move the other columns", "[sql]", everywhere) {
    auto store = TestType::empty_store();
    std::vector<std::string> names{"Doe, John", "a\"b", "line\nbreak", "cr\r", "\xf0\x9f\x94\x91",
                                   "a\tb",      "a|b",  "NULL",        ""};
    if (!TestType::is_zoho) names.insert(names.end(), {"nul\0byte"s, "\xff\xfe"s, std::string(65'536, 'z')});
    for (const std::string& name : names) {
        if (name.empty()) continue;
        token record = login(name.size() > 99 ? name : "user " + name);
        record.access_token = "access " + std::to_string(store.get_tokens().size());
        record.refresh_token = "refresh " + std::to_string(store.get_tokens().size());
        record.redirect_url = "https://app.example/" + name.substr(0, 50);
        store.save_token(record);
        std::optional<token> row = store.find_token({.user_name = record.user_name});
        REQUIRE(row);
        record.id = row->id;
        CHECK(row == record);
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: names, ids and tokens that only look the same are not the same", "[sql]",
                        everywhere) {
    auto store = TestType::empty_store();
    const std::vector<std::string> texts{"R2",   "r2",       "R2 ", "1",        "01",    "1e3",
                                         "1000", "\xc3\xa9", "e",   "\xc3\x89", "AtAbC", "atabc"};
    for (const std::string& text : texts)
        store.save_token({.user_name = text,
                          .access_token = text,
                          .id = text == "r2" || text == "R2 " || text == "\xc3\x89" || text == "atabc" ? "" : text});
    CHECK(store.get_tokens().size() == texts.size());
    for (const std::string& text : texts) {
        CHECK(store.find_token({.user_name = text})->access_token == text);
        CHECK(store.find_token({.access_token = text})->user_name == text);
    }
    for (const std::string& id : {"r2"s, "R2 "s, "001"s, "1.0"s, "E"s, "\xc3\x89"s, "ATABC"s}) {
        CHECK_FALSE(store.find_token_by_id(id));
        store.delete_token(id);
    }
    CHECK(store.get_tokens().size() == texts.size());
}

TEMPLATE_LIST_TEST_CASE("sql_store: no message has a value in it", "[sql]", everywhere) {
    auto store = TestType::empty_store();
    token record;
    for (const tokenkeep::field& f : tokenkeep::fields) {
        if (f.text != nullptr) record.*f.text = mark + std::string(f.name);
        if (f.secret_text != nullptr) record.*f.secret_text = mark + std::string(f.name);
    }
    record.code_verifier.clear(); // not everywhere is a column for it
    record.id = mark;
    store.save_token(record);
    token second = record, clash = record, too_long = record;
    for (const auto member : {&token::access_token, &token::refresh_token, &token::grant_token})
        second.*member = mark + "2" + std::string((second.*member).reveal());
    second.user_name += "2";
    second.seed += "2";
    second.id += "2";
    store.save_token(second);
    clash.id = second.id;
    too_long.user_name = too_long.id = mark + std::string(20'000, 'x');
    for (std::size_t n = 0; n < 9'000; ++n) too_long.id[8 + 2 * n] = static_cast<char>(n * n * 31 >> 7);
    token other_client = second;
    other_client.user_name = record.user_name;
    other_client.client_id += "3";
    other_client.id = mark + "3";
    for (const auto member : {&token::access_token, &token::refresh_token, &token::grant_token})
        other_client.*member = mark + "3" + std::string((other_client.*member).reveal());
    other_client.seed += "3";
    store.save_token(other_client);
    std::vector<std::string> said;
    said.push_back(said_by([&] { store.save_token(clash); }));
    said.push_back(said_by([&] { store.replace_token(second, clash); }));
    said.push_back(said_by([&] { store.replace_token(second, record); }));
    said.push_back(said_by([&] { (void)store.find_token({.user_name = record.user_name}); }));
    said.push_back(said_by([&] { store.save_token({.user_name = mark + "none"}); }));
    if (!std::is_same_v<typename TestType::backend, sqlite_backend>)
        said.push_back(said_by([&] { store.save_token(too_long); }));
    visitor<typename TestType::backend> admin;
    const std::string hidden = new_table();
    admin.execute("ALTER TABLE " + TestType::table() + " RENAME TO " + hidden);
    said.push_back(said_by([&] { store.save_token(record); }));
    said.push_back(said_by([&] { (void)store.find_token(record); }));
    said.push_back(said_by([&] { (void)store.replace_token(record, record); }));
    admin.execute("ALTER TABLE " + hidden + " RENAME TO " + TestType::table());
    for (const std::string& text : said) {
        CHECK_THAT(text, StartsWith("tokenkeep: "));
        CHECK_THAT(text, !ContainsSubstring(mark));
    }
    CHECK(store.get_tokens().size() == 3);
}

#ifdef TOKENKEEP_TEST_MARIADB
TEST_CASE("mysql_store: a value that is longer than the server's packets is refused, and the store goes on", "[sql]") {
    constexpr std::size_t limit = 1 << 20;
    struct short_packets {
        short_packets() { set("1048576"); }
        ~short_packets() { set("16777216"); }
        short_packets(const short_packets&) = delete;
        short_packets& operator=(const short_packets&) = delete;
        static void set(const std::string& size) {
            visitor<mysql_backend>().execute("SET GLOBAL max_allowed_packet = " + size);
        }
    } const for_new_sessions;
    auto store = store_on<mysql_backend>(new_table());
    const auto with_token = [](std::size_t size) {
        token record = login("ada");
        record.access_token = std::string(size, 't');
        return record;
    };
    store.save_token(login("ada"));
    const token ada = only_row_of(store, "ada");
    token longer = with_token(2 * limit);
    longer.id = ada.id;
    CHECK(code_of([&] { store.save_token(longer); }) == errc::invalid_record);
    CHECK(code_of([&] { (void)store.replace_token(ada, longer); }) == errc::invalid_record);
    CHECK(code_of([&] { (void)store.find_token({.access_token = longer.access_token}); }) == errc::invalid_record);
    CHECK(rows_of(store) == std::vector<token>{ada});
    std::size_t saved = 0, refused = 0;
    for (std::size_t size = limit - 2'000; size < limit + 200; size += 100) {
        const std::error_code code = code_of([&] { store.save_token(with_token(size)); });
        ++(code ? refused : saved);
        if (code) CHECK(code == errc::invalid_record);
    }
    CHECK(saved >= 10);
    CHECK(refused >= 2);
}

TEST_CASE("mysql_store: what a connection was given is in no message", "[sql]") {
    tokenkeep::mysql_parameters parameters = parameters_of(mysql_backend::server(), {});
    parameters.user = mark;
    parameters.password = mark;
    tokenkeep::mysql_store refused(parameters);
    tokenkeep::mysql_store unreachable(
        tokenkeep::mysql_parameters{.host = "127.0.0.1", .user = mark, .password = mark, .port = 1});
    check_silent(refused);
    check_silent(unreachable);
    CHECK(code_of([&] { (void)refused.get_tokens(); }) == errc::permissions);
}
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
TEST_CASE("postgres_store: what a connection was given is in no message", "[sql]") {
    tokenkeep::postgres_store refused(postgres_backend::server().connection() + " user=" + mark + " password=" + mark);
    tokenkeep::postgres_store nowhere("host=127.0.0.1 port=1 user=" + mark + " password=" + mark);
    tokenkeep::postgres_store nonsense("host=127.0.0.1 " + mark + "=" + mark + " password='" + mark);
    check_silent(refused);
    check_silent(nowhere);
    check_silent(nonsense);
}
#endif
