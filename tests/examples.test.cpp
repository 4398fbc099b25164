// SPDX-License-Identifier: MIT
// The examples in the comments of the public headers, word for word, compiled; and a test that none is missing here and
// that none differs. Each copy stands between `// examples: FILE` and `// end`, without the comment's signs and its
// indentation. What the examples use is around the copies. None of them runs: all are in functions without a caller.
// Not here are sqlite.hpp, mysql.hpp, postgres.hpp, redis.hpp, keyring.hpp, openssl_sealer.hpp and sodium_sealer.hpp,
// because they need libraries that may be absent. Where examples of other headers use them, types of the same names
// stand in for them.
#include <tokenkeep/providers/all.hpp>
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "support/catch.hpp"
#include "support/comments.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace examples {

using namespace tokenkeep;
using namespace std::chrono_literals;

/// What a program brings.
void show(std::size_t done, std::size_t total);
struct my_transport {
    http_response operator()(const http_request& request);
};
struct my_sealer {
    explicit my_sealer(const secret& key);
    my_sealer(const secret& key, const secret& older);
    std::string key_id() const;
    std::vector<std::string> key_ids() const;
    std::string fingerprint(std::string_view text, std::string_view key_id) const;
    secret seal(std::string_view plain, std::string_view associated) const;
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const;
};
struct keychain_entry {
    explicit keychain_entry(const char* name);
    std::optional<std::string> load();
    void save(std::string_view bytes);
};
struct my_statement {
    void bind(std::size_t parameter, std::optional<std::string_view> value);
    bool step();
    std::optional<std::string_view> column(std::size_t column);
    std::uint64_t changes();
    void reset();
};
struct odbc_connection {
    static constexpr sql_dialect dialect{};
    explicit odbc_connection(const char* text);
    void connect(std::chrono::milliseconds patience);
    void execute(const std::string& sql);
    my_statement prepare(const std::string& sql);
};

/// In place of what sqlite.hpp, mysql.hpp and postgres.hpp bring.
namespace stand_ins {
struct sqlite_connection : odbc_connection {
    using odbc_connection::odbc_connection;
    explicit sqlite_connection(std::string path, std::string table = {});
    static constexpr std::string_view scheme = "sqlite";
};
struct postgres_connection : odbc_connection {
    using odbc_connection::odbc_connection;
    explicit postgres_connection(std::string options);
    static constexpr std::string_view scheme = "postgres";
};
struct mysql_parameters {
    std::string host{}, database{}, table{}, user{};
    secret password{};
};
struct mysql_connection : odbc_connection {
    explicit mysql_connection(const mysql_parameters& parameters);
};
template <class Policy = defaults>
using basic_sqlite_store = sql_store<sqlite_connection, Policy>;
using sqlite_store = basic_sqlite_store<>;
struct redis_parameters {
    std::string host{};
};
template <class Policy>
struct basic_redis_store {
    basic_redis_store(redis_parameters server, typename Policy::sealer sealer);
};
using mysql_store = sql_store<mysql_connection>;
using postgres_store = sql_store<postgres_connection>;
}
using my_keeper = keeper<file_store, my_transport, oauth2_provider, ignore_events, system_clock>;

void act();
void ask_the_user_to_log_in();
void log(const std::string& line);
template <class... T>
void use(const T&...) {}

// clang-format off

namespace of_basic_store {
inline void construct() {
    // examples: basic_store.hpp
    basic_store<std::vector<token>> store;
    store.save_token({.user_name = "ada", .client_id = "app", .refresh_token = "r1"});
    // end
}
inline void start(const std::map<std::string, token>& rows) {
    // examples: basic_store.hpp
    map_store store(rows);
    // end
}
void read_again();
inline void call(memory_store& store, const token& expected, const token& record) {
    // examples: basic_store.hpp
    std::optional<token> ada = store.find_token({.user_name = "ada"});
    store.save_token({.user_name = "ada", .access_token = "a2"});
    store.delete_token(ada->id);
    auto guard = store.lock_token(identity_key(*ada), std::chrono::steady_clock::now() + 5s);
    if (!store.replace_token(expected, record)) read_again();
    if (!store.remove_token(expected)) read_again();
    // end
}
}

namespace of_clock {
inline void call(my_keeper& keep, const token& probe) {
    // examples: clock.hpp
    keep.access_token(probe, std::chrono::steady_clock::now() + 2s);
    // end
}
}

namespace of_container {
struct my_rows {
    template <class Key>
    std::vector<token> with(Key key, const auto& value) const;
};
struct my_traits {
    // examples: container.hpp
    template <class Rule, class Visit>
    static void for_each_match(const my_rows& rows, Rule, const token& probe, Visit visit) {
        for (const token& row : rows.with(Rule::key, probe.*Rule::key)) // an index of your own
            if (matches<Rule>(probe, row)) visit(row);
    }
    // end
};
inline void call(const my_rows& rows, const token& probe) {
    my_traits::for_each_match(rows, by_user{}, probe, [](const token& row) { use(row); });
}
}

namespace of_document_store {
inline void limit(json_file_store& store, const token& record) {
    // examples: document_store.hpp
    store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    // end
}
inline void construct() {
    // examples: document_store.hpp
    json_file_store store{"tokens.json"};
    basic_document_store<text_file, zoho::csv, zoho::policy> shared{"tokens.csv"};
    basic_document_store local{keychain_entry{"my-app"}};   // a document of your own
    // end
}
inline void construct_with_key(const secret& key) {
    // examples: document_store.hpp
    struct sealed : defaults { using sealer = my_sealer; };
    basic_document_store<text_file, json_codec, sealed> store{"tokens.json", my_sealer{key}};
    store.reseal_tokens();
    // end
}
inline void construct_from_document() {
    // examples: document_store.hpp
    basic_document_store store{keychain_entry{"my-app"}};
    // end
}
inline void construct_from_arguments() {
    // examples: document_store.hpp
    json_file_store store{"tokens.json"};
    // end
}
inline void call(json_file_store& store) {
    // examples: document_store.hpp
    std::optional<token> ada = store.find_token({.user_name = "ada"});
    store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    store.delete_token(ada->id);
    // end
}
inline void name() {
    // examples: document_store.hpp
    json_file_store store{"tokens.json"};
    // end
}
}

namespace of_error {
inline void handle() {
    try {
        act();
    }
    // examples: error.hpp
    catch (const tokenkeep::error& failure) {
        if (failure.code() == tokenkeep::errc::reauthorization_required) ask_the_user_to_log_in();
    }
    // end
}
void free_some_space();
inline void look(const file_error& failure) {
    // examples: error.hpp
    if (failure.cause() == std::errc::no_space_on_device) free_some_space();
    // end
}
inline void fail() {
    // examples: error.hpp
    throw tokenkeep::transport_error("no connection", false);
    // end
}
}

namespace of_describe {
void log(const std::string& line);
inline void tell() {
    try {
        act();
    }
    // examples: describe.hpp
    catch (const std::exception& failure) { log(tokenkeep::describe(failure)); }
    // end
}
inline void decide(const std::exception& failure) {
    // examples: describe.hpp
    if (!is_passing(failure)) throw;
    // end
}
}

namespace of_event {
inline void observe(file_store& store, my_transport& transport, const oauth2_provider& provider) {
    // examples: event.hpp
    auto log = [](const tokenkeep::event& e) { std::printf("%.*s\n", int(e.detail.size()), e.detail.data()); };
    tokenkeep::keeper keep{store, transport, provider, {}, log};
    // end
}
}

namespace of_file_store {
inline void limit(file_store& store, const token& record) {
    // examples: file_store.hpp
    store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    // end
}
inline void begin(const secret& access) {
    // examples: file_store.hpp
    file_store store{"tokens.tkj"};
    store.save_token({.user_name = "ada", .access_token = access, .id = "1"});
    std::optional<token> ada = store.find_token({.user_name = "ada"});
    // end
}
inline void construct() {
    // examples: file_store.hpp
    file_store store{"/var/lib/app/tokens.tkj"};
    // end
}
inline void construct_with_key(const secret& key) {
    // examples: file_store.hpp
    struct sealed : defaults { using sealer = my_sealer; };
    basic_file_store<sealed> store{"tokens.tkj", my_sealer{key}};
    // end
}
inline void find(file_store& store) {
    // examples: file_store.hpp
    std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> row = store.find_token_by_id("1");
    // end
}
inline void call(file_store& store, const secret& refresh, const secret& access) {
    // examples: file_store.hpp
    for (const token& row : store.get_tokens()) std::puts(row.user_name.c_str());
    store.save_token({.user_name = "ada", .refresh_token = refresh, .access_token = access});
    store.delete_token("1");
    store.delete_tokens();
    store.compact();
    store.self_test(); // at the start of the program
    const salvage_report report = store.salvage();
    for (const std::string& id : report.lost) std::cerr << "log in again: " << id << '\n';
    // end
}
struct sealed : defaults { using sealer = my_sealer; };
inline void reseal(basic_file_store<sealed>& store) {
    // examples: file_store.hpp
    store.reseal_tokens();
    // end
}
inline void lock(file_store& store, const token& row) {
    // examples: file_store.hpp
    auto lock = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + std::chrono::seconds(5));
    // end
}
inline void replace(file_store& store, const token& row) {
    // examples: file_store.hpp
    token changed = row;
    changed.status.clear();
    bool is_done = store.replace_token(row, changed);
    // end
    (void)is_done;
}
inline void remove(file_store& store, const token& row) {
    // examples: file_store.hpp
    bool is_done = store.remove_token(row);
    // end
    (void)is_done;
}
inline void name() {
    // examples: file_store.hpp
    file_store store{"tokens.tkj"};
    // end
}
}

namespace of_file_system {
inline void construct() {
    // examples: file_system.hpp
    basic_file_store<defaults> store{"tokens.tkj", {}, system_files{}}; // the same as file_store
    // end
}
}

namespace of_http {
struct client {
    http_response send(const http_request& request);
};
inline void make() {
    // examples: http.hpp
    tokenkeep::http_request me{.method = "GET", .url = "https://api.example/me"};
    // end
}
inline void read(const http_response& response) {
    // examples: http.hpp
    std::string_view wait = find_header(response.headers, "retry-after");
    // end
    use(wait);
}
inline void change(http_request& request) {
    // examples: http.hpp
    erase_header(request.headers, "Authorization");
    // end
}
inline void send(client& my_client) {
    // examples: http.hpp
    auto transport = [&](const tokenkeep::http_request& request) { return my_client.send(request); };
    // end
    static_assert(http_transport<decltype(transport)>);
}
}

namespace of_identity_key {
inline void call() {
    use(
    // examples: identity_key.hpp
    identity_key({.user_name = "ada", .client_id = "app"}) == "user:3:app:3:ada"
    // end
    );
    use(
    // examples: identity_key.hpp
    identity_key({.user_name = "ada", .client_id = "app", .label = "eu"}) == "user:3:app:3:ada:2:eu"
    // end
    );
}
}

namespace of_indexed {
inline void construct() {
    // examples: indexed.hpp
    basic_store<indexed> store;   // the same as memory_store
    // end
}
}

namespace of_json_codec {
inline void call(json_file_store& store) {
    // examples: json_codec.hpp
    secret document = json_codec::encode(store.get_tokens());   // to export a store
    std::vector<token> rows = json_codec::decode(document.reveal());
    // end
}
}

namespace of_keeper {
inline void begin(my_transport& transport, const oauth2_provider& provider) {
    // examples: keeper.hpp
    tokenkeep::file_store store{"tokens.tkj"};
    tokenkeep::keeper keep{store, transport, provider};
    tokenkeep::secret access = keep.access_token({.user_name = "ada"});
    // end
}
struct program {
    file_store store_;
    my_transport transport_;
    oauth2_provider provider_;
    // examples: keeper.hpp
    decltype(tokenkeep::keeper{store_, transport_, provider_}) keep_{store_, transport_, provider_};   // refers
    tokenkeep::keeper<tokenkeep::file_store, my_transport, tokenkeep::oauth2_provider> owns_;
    // end
};
inline void call(my_keeper& keep, const secret& code, const std::string& api, int status) {
    // examples: keeper.hpp
    keep.access_token({.user_name = "ada", .grant_token = code});   // the login
    secret access = keep.access_token({.user_name = "ada"});
    secret soon = keep.access_token({.user_name = "ada"}, std::chrono::steady_clock::now() + 2s);
    if (auto now = keep.fresh_token({.user_name = "ada"})) use(*now);
    std::string scope = keep.record({.user_name = "ada"}).scope;
    if (status == 401) access = keep.refresh({.user_name = "ada"}, access);
    http_response me = keep.send({.method = "GET", .url = api + "/me"}, {.user_name = "ada"});
    keep.revoke({.user_name = "ada"});
    keep.log_in_with_device({.user_name = "ada", .scope = "files"}, [](const device_prompt& prompt) {
        std::printf("Open %s and type %s\n", prompt.verification_url.c_str(), prompt.user_code.c_str());
    });
    tokenkeep::session ada = keep.session({.user_name = "ada"});
    keep.sweep({.lifetime = 30 * 24h, .dead_for = 24h});
    keep.refresh_due(10min, [](const refresh_due_report& so_far) { show(so_far.done(), so_far.total); });
    // end
}
inline void run(my_keeper& keep) {
    std::chrono::milliseconds next;
    // examples: keeper.hpp
    try { next = keep.refresh_due(10min).next_in; } catch (const tokenkeep::error&) { next = 1min; }
    // end
    use(next);
}
}

namespace of_store_sweep {
inline void delete_what_is_over(file_store& store) {
    // examples: store_sweep.hpp
    sweep_policy policy{.lifetime = 30 * 24h, .dead_for = 24h};
    const sweep_report report = sweep(store, {.dead_for = 24h, .unexchanged_for = 1h});
    sweep(store, policy, [](const sweep_report& so_far) { show(so_far.done(), so_far.total); });
    // end
    use(report);
}
}

namespace of_keeper_options {
inline void construct(file_store& store, my_transport& transport, const oauth2_provider& provider) {
    // examples: keeper_options.hpp
    tokenkeep::keeper keep{store, transport, provider, {.refresh_margin = 30s}};
    // end
}
}

namespace of_migrate {
inline void call(json_file_store& old_store, file_store& new_store) {
    // examples: migrate.hpp
    const migration_report report = migrate(old_store, new_store);
    migrate(old_store, new_store, [](const migration_report& so_far) { show(so_far.done(), so_far.total); });
    // end
    use(report);
}
}

namespace of_policy {
using my_rules = default_rules;
// examples: policy.hpp
struct single : tokenkeep::defaults { using mutex = tokenkeep::null_mutex; };
struct ours : tokenkeep::defaults { using rules = my_rules; };
struct sealed : tokenkeep::defaults { using sealer = my_sealer; };
struct hidden : sealed { static constexpr bool seals_names = true; };
// end
namespace of_links {
// examples: policy.hpp
struct ours : tokenkeep::defaults { static constexpr bool follows_link = true; };
// end
}
namespace of_groups {
// examples: policy.hpp
struct ours : tokenkeep::defaults { static constexpr bool trusts_group = true; };
// end
}
inline void construct() {
    // examples: policy.hpp
    tokenkeep::basic_store<std::map<std::string, tokenkeep::token>, ours> store;
    // end
}
static_assert(token_store<basic_store<std::vector<token>, single>>);
static_assert(token_store<basic_file_store<sealed>>);
}

namespace of_rotation_not_saved {
void backup(const token& row);
inline void handle() {
    try {
        act();
    }
    // examples: rotation_not_saved.hpp
    catch (const tokenkeep::rotation_not_saved_error& failure) { backup(failure.record()); }
    // end
}
}

namespace of_row_codec {
void remove(std::string_view name);
void write(std::string_view name, const secret& text);
inline void encode(const token& row) {
    // examples: row_codec.hpp
    for (const row_cell& cell : encode_row(row)) cell.text.empty() ? remove(cell.name) : write(cell.name, cell.text);
    // end
}
inline void decode(const std::vector<row_cell>& cells) {
    // examples: row_codec.hpp
    token row = decode_row(cells);
    // end
}
}

namespace of_row_rules {
class my_store {
  public:
    // examples: row_rules.hpp
    using meaning = row_rules<defaults>;
    std::optional<token> find_token(const token& probe) { return meaning::find(rows_, probe); }
    void save_token(const token& record) { write(meaning::row_to_save(rows_, record)); }
    // end
  private:
    void write(const token& row);
    std::vector<token> rows_{};
};
inline void look(std::vector<token>& rows, const std::string& id) {
    // examples: row_rules.hpp
    std::optional<token> ada = row_rules<>::find(rows, {.user_name = "ada"});
    std::optional<token> row = row_rules<>::find_by_id(rows, id);
    std::vector<token> list = row_rules<>::all(rows);
    // end
}
inline void save(std::vector<token>& rows, const token& record) {
    // examples: row_rules.hpp
    token row = row_rules<>::row_to_save(rows, record);
    // end
}
inline void save_over(std::vector<token>& rows, const token& record) {
    // examples: row_rules.hpp
    std::optional<token> before = row_rules<>::find_to_save(rows, record);
    token row = row_rules<>::row_to_save_over(rows, before, record);
    // end
}
inline bool replace(std::vector<token>& rows, const token& expected, token record) {
    // examples: row_rules.hpp
    if (!row_rules<>::is_unchanged(rows, expected)) return false;
    if (!row_rules<>::may_replace(rows, expected, record)) return false;
    record.id = row_rules<>::unused_id(rows);
    // end
    return true;
}
}

namespace of_rules {
inline void match(const token& row) {
    use(
    // examples: rules.hpp
    matches<by_user>({.user_name = "ada"}, row)   // true if row.user_name is "ada"
    // end
    );
    use(
    // examples: rules.hpp
    saves_over<same_client<by_user>>({.user_name = "ada"}, row)   // false if row.label is not empty
    // end
    );
}
namespace with_client {
// examples: rules.hpp
struct ours : first_applicable<by_id, same_client<by_user>> {};
// end
}
// examples: rules.hpp
struct ours : first_applicable<by_id, by_user> {};
// end
void index(std::string token::*key);
inline void call(const token& probe, const token& row) {
    // examples: rules.hpp
    ours::list::for_each([](auto rule) { index(rule.key); });
    bool found = ours::find(probe, [&](auto rule) { return matches<decltype(rule)>(probe, row); });
    // end
    use(found);
}
}

namespace of_sealer {
using stand_ins::basic_redis_store, stand_ins::basic_sqlite_store, stand_ins::redis_parameters;
inline void construct() {
    // examples: sealer.hpp
    basic_file_store<defaults> store{"tokens.tkj", no_seal{}}; // the same as file_store
    // end
}
inline void construct_with_key(const secret& key) {
    // examples: sealer.hpp
    struct sealed : defaults { using sealer = my_sealer; };
    basic_file_store<sealed> store{"tokens.tkj", my_sealer{key}};
    basic_document_store<text_file, json_codec, sealed> other{"tokens.json", my_sealer{key}};
    basic_sqlite_store<sealed> third{"tokens.db", my_sealer{key}};
    basic_redis_store<sealed> fourth{redis_parameters{.host = "redis.example"}, my_sealer{key}};
    // end
}
}

namespace of_reseal {
using stand_ins::basic_sqlite_store;
struct sealed : defaults { using sealer = my_sealer; };
inline void call(const secret& new_key, const secret& old_key) {
    // examples: reseal.hpp
    basic_sqlite_store<sealed> store{"tokens.db", my_sealer{new_key, old_key}};
    const reseal_report report = reseal(store);
    reseal(store, [](const reseal_report& so_far) { show(so_far.done(), so_far.total); });
    // end
    (void)report;
}
}

namespace of_keys {
inline void rings(const secret& new_key, const secret& old_key) {
    // examples: key_ring.hpp
    key_ring ring{key_from_file("/etc/my-app/key")};
    key_ring turning{new_key, {old_key}}; // new texts are sealed by new_key; old ones still open
    // end
}
inline void of_ring(const key_ring& ring, const std::string& key_id, const token& row,
                    void open_with(const secret& key)) {
    // examples: key_ring.hpp
    if (const secret* key = ring.find(key_id)) open_with(*key);
    std::string cell = ring.fingerprint(row.refresh_token.reveal(), ring.key_id());
    // end
}
struct settings {
    secret key{};
};
struct keyring {
    keyring(const char* service, const char* account);
    std::optional<std::string> load();
    void save(std::string_view bytes);
};
struct key_service {
    secret encrypt(std::string_view plain);
    secret decrypt(std::string_view wrapped);
};
inline void made() {
    // examples: key_source.hpp
    key_ring ring{make_key()};
    // end
}
inline void from_text(const settings& configuration) {
    // examples: key_source.hpp
    secret key = key_from_text(configuration.key);
    // end
}
inline void from_file() {
    // examples: key_source.hpp
    secret key = key_from_file("/etc/my-app/key");
    // end
}
inline void from_environment() {
    // examples: key_source.hpp
    secret key = key_from_environment("MY_APP_KEY");
    // end
}
inline void from_document() {
    // examples: key_source.hpp
    keyring item{"my-app", "key"};
    secret key = key_from_document(item);
    // end
}
inline void from_service(key_service& kms) {
    // examples: key_source.hpp
    text_file file{"tokens.key"};
    secret key = wrapped_key(file, [&](std::string_view plain) { return kms.encrypt(plain); },
                             [&](std::string_view wrapped) { return kms.decrypt(wrapped); });
    // end
}
}

namespace of_secret {
inline void call(std::FILE* file, const token& row) {
    // examples: secret.hpp
    tokenkeep::secret access = "at-1";
    std::string header = "Bearer " + std::string(access.reveal());
    auto password = tokenkeep::secret::build(64, [&](char* out) { return std::fread(out, 1, 64, file); });
    log("refreshed #" + row.refresh_token.fingerprint());
    // end
}
}

namespace of_session {
void retry_with(const secret& access);
inline void call(my_keeper& keep, int status) {
    // examples: session.hpp
    tokenkeep::session ada = keep.session({.user_name = "ada"});
    std::string header = "Bearer " + std::string(ada.access_token().reveal());
    if (status == 401) retry_with(ada.refresh());
    // end
}
}

namespace of_sql_connection {
inline void handle() {
    try {
        act();
    }
    // examples: sql_connection.hpp
    catch (const sql_error& failure) { log(failure.what()); }   // ends in "(MySQL error 2013)"
    // end
}
inline void fail() {
    // examples: sql_connection.hpp
    throw sql_error(sql_fault::bad_value, "MySQL error 1406");
    // end
}
inline void change(const sql_error& failure) {
    // examples: sql_connection.hpp
    throw failure.with(errc::not_saved);
    // end
}
struct my_connection {
    // examples: sql_connection.hpp
    static constexpr sql_dialect dialect{.bytes = "BYTEA", .key_bytes = "BYTEA", .for_update = " FOR UPDATE"};
    // end
};
// examples: sql_connection.hpp
using odbc_store = sql_store<odbc_connection>;
// end
}

namespace of_sql_schema {
// examples: sql_schema.hpp
struct my_schema : sql_schema { static constexpr std::string_view table = "my_tokens"; };
struct ours : defaults { using schema = my_schema; };
// end
static_assert(token_store<sql_store<odbc_connection, ours>>);
}

namespace of_any_store {
using stand_ins::postgres_store, stand_ins::sqlite_store;
inline void choose(bool is_test, my_transport transport, oauth2_provider provider) {
    // examples: any_store.hpp
    any_store store = is_test ? any_store(memory_store()) : any_store(file_store("tokens.tkj"));
    keeper keep{store, transport, provider};
    // end
}
inline void construct() {
    // examples: any_store.hpp
    any_store store{file_store("tokens.tkj")};
    // end
}
struct my_store : memory_store {
    explicit my_store(const char* name);
};
inline void construct_in_place() {
    // examples: any_store.hpp
    any_store store{std::in_place_type<my_store>, "tokens"};
    // end
}
void read_again();
inline void call(any_store& store, const token& row, const token& expected, const token& record) {
    // examples: any_store.hpp
    if (store.locks()) auto held = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + 5s);
    if (!store.replace_token(expected, record)) read_again();
    if (!store.remove_token(expected)) read_again();
    store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    // end
}
inline void seal_again(any_store& store) {
    // examples: any_store.hpp
    if (store.reseals()) reseal(store);
    // end
}
inline void seal_again_by_itself(any_store& store) {
    // examples: any_store.hpp
    const reseal_report report = store.reseal();
    // end
    (void)report;
}
struct settings {
    std::string token_store{};
};
inline void open(const settings& configuration) {
    // examples: any_store.hpp
    any_store store = open_store<file_store, json_file_store, sqlite_store>("sqlite:tokens.db");
    any_store other = open_store<memory_store, postgres_store>(configuration.token_store);
    // end
}
struct sealed : defaults { using sealer = my_sealer; };
secret read_key();
// examples: any_store.hpp
struct sealed_file : basic_file_store<sealed> {
    explicit sealed_file(std::string path) : basic_file_store(std::move(path), my_sealer{read_key()}) {}
};
// end
inline void open_sealed() {
    // examples: any_store.hpp
    any_store hidden = open_store<sealed_file, memory_store>("file:tokens.tkj");
    // end
}
namespace of_my_store {
// examples: any_store.hpp
struct my_store {
    static constexpr std::string_view scheme = "mine";
    static my_store from_url(std::string_view what_follows);   // if the constructor will not do
};
// end
}
}

namespace of_sql_store {
using stand_ins::basic_sqlite_store, stand_ins::sqlite_connection, stand_ins::sqlite_store;
using stand_ins::mysql_parameters, stand_ins::mysql_store, stand_ins::postgres_store;
inline void construct_sqlite() {
    // examples: sql_store.hpp
    sqlite_store    store{"tokens.db"};                                         // tokenkeep/sqlite.hpp
    // end
}
inline void construct_mysql(const secret& pw) {
    // examples: sql_store.hpp
    mysql_store     store{mysql_parameters{.host = "db.example", .database = "app", .user = "app", .password = pw}};
    // end
}
inline void construct_postgres() {
    // examples: sql_store.hpp
    postgres_store  store{"host=db.example dbname=app user=app sslmode=verify-full"};
    // end
}
inline void construct_another() {
    // examples: sql_store.hpp
    sql_store       store{odbc_connection{"Driver=SQLite3;Database=tokens.db"}};  // a connection of your own
    // end
}
inline void construct_from_arguments() {
    // examples: sql_store.hpp
    sqlite_store store{"tokens.db"};
    // end
}
inline void construct_sealed(const secret& key, memory_store& plain_store) {
    // examples: sql_store.hpp
    struct sealed : defaults { using sealer = my_sealer; };
    basic_sqlite_store<sealed> store{"tokens.db", my_sealer{key}};
    migrate(plain_store, store);                              // from plain to sealed: see migrate.hpp
    basic_sqlite_store<sealed> other{sqlite_connection{"tokens.db", "other_tokens"}, my_sealer{key}};
    // end
}
struct sealed : defaults { using sealer = my_sealer; };
void show(const std::string& id);
inline void reseal_one(basic_sqlite_store<sealed>& store, const std::optional<token>& ada) {
    // examples: sql_store.hpp
    for (const std::string& id : store.token_ids()) show(id);
    store.reseal_token(ada->id);
    // end
}
inline void call_until(sqlite_store& store, const token& record) {
    // examples: sql_store.hpp
    store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    // end
}
inline void call(sqlite_store& store) {
    // examples: sql_store.hpp
    std::optional<token> ada = store.find_token({.user_name = "ada"});
    store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    store.delete_token(ada->id);
    token next = *ada;  next.access_token = "at-2";
    bool done = store.replace_token(*ada, next);
    // end
    use(done);
}
}

namespace of_status {
inline void call(const token& row) {
    // examples: status.hpp
    const token_status status = read_status(row.status);
    if (status.kind == status_kind::refused && status.is_about(row.refresh_token)) ask_the_user_to_log_in();
    bool was_sent = status.is_about(row.refresh_token);
    // end
    use(was_sent);
    use(
    // examples: status.hpp
    read_status("dead 5f36 refused").kind == status_kind::refused
    // end
    );
}
}

namespace of_store {
inline void limit(file_store& store, const token& record) {
    // examples: store.hpp
    store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    // end
}
token changed(const token& row);
inline void replace(file_store& store, token row, token next) {
    // examples: store.hpp
    while (!store.replace_token(row, next)) next = changed(row = store.find_token_by_id(row.id).value());
    // end
}
struct leased {
    // examples: store.hpp
    static constexpr bool lock_may_lapse = true;
    // end
};
}

namespace of_text_file {
inline void call() {
    // examples: text_file.hpp
    text_file file{"tokens.json"};
    file.trust({.follows_link = true});
    auto guard = file.lock("import", std::chrono::steady_clock::now() + 5s);
    // end
}
}

namespace of_token {
inline void make(const secret& configured) {
    // examples: token.hpp
    tokenkeep::token record{.user_name = "ada", .refresh_token = configured};
    tokenkeep::token probe{.user_name = "ada"};
    // end
}
inline void empty(const field& f, token& row) {
    // examples: token.hpp
    f.visit([&](auto member) { row.*member = {}; });   // empties the field
    // end
}
inline void write() {
    use(
    // examples: token.hpp
    to_text(timestamp(1500ms)) == "1500"
    // end
    );
    use(
    // examples: token.hpp
    redacted({.user_name = "ada", .access_token = "at-1"}) == "user_name=\"ada\" access_token=#47c3d868"
    // end
    );
}
inline void change(const token& stored, timestamp soon) {
    // examples: token.hpp
    token row = merge(stored, {.access_token = "at-2", .expires_at = soon}); // user, refresh token and id stay
    // end
}
}

namespace of_client_endpoint {
inline void make() {
    // examples: oauth/client_endpoint.hpp
    client_endpoint login{.url = "https://login.example/token", .client_id = "app"};
    // end
}
}

namespace of_authorization {
void open_in_browser(const std::string& url);
inline void wish() {
    // examples: oauth/authorization.hpp
    authorization_wish wish{.probe = {.user_name = "ada"}, .redirect_url = "http://127.0.0.1:8080/", .scope = "mail"};
    // end
}
inline void begin(const oauth2_provider& provider, const std::string& here) {
    // examples: oauth/authorization.hpp
    authorization login = authorization_request(provider, {.probe = {.user_name = "ada"}, .redirect_url = here});
    open_in_browser(login.url);
    // end
}
inline void end(const std::string& redirected, authorization& login, my_keeper& keep) {
    // examples: oauth/authorization.hpp
    token ada = read_authorization_response(redirected, login);
    keep.access_token(ada);
    // end
}
inline void end_by_provider(const oauth2_provider& provider, const std::string& redirected, authorization& login) {
    // examples: oauth/authorization.hpp
    token ada = read_authorization_response(provider, redirected, login);
    // end
}
}

namespace of_metadata {
inline void request() {
    // examples: oauth/metadata.hpp
    http_request request = metadata_request("https://login.example");
    http_request other = metadata_request("https://login.example", {metadata_address::oauth_authorization_server});
    // end
}
inline void read(my_transport& transport, const std::string& issuer) {
    // examples: oauth/metadata.hpp
    oauth2_provider provider = read_metadata(transport(metadata_request(issuer)), issuer);
    provider.client_id = "app";
    // end
}
}

namespace of_exchange {
inline void at_endpoint(const client_endpoint& endpoint, const secret& code) {
    // examples: oauth/exchange.hpp
    http_request request = exchange_request(endpoint, {.grant_token = code});
    // end
}
inline void by_provider(const oauth2_provider& provider, const token& record) {
    // examples: oauth/exchange.hpp
    http_request request = exchange_request(provider, record);
    // end
}
}

namespace of_device {
inline void ask(const client_endpoint& endpoint) {
    // examples: oauth/device.hpp
    http_request request = device_authorization_request(endpoint, {.scope = "files.read"});
    // end
}
inline void ask_by_provider(const oauth2_provider& provider, const token& record) {
    // examples: oauth/device.hpp
    http_request request = device_authorization_request(provider, record);
    // end
}
inline void read(http_response (*transport)(const http_request&), const http_request& request, const token& record,
                 system_clock& clock) {
    // examples: oauth/device.hpp
    device_authorization authorization = read_device_authorization(transport(request), record, clock.now());
    // end
}
inline void read_by_provider(const oauth2_provider& provider, const http_response& response, const token& record,
                             timestamp sent) {
    // examples: oauth/device.hpp
    device_authorization authorization = read_device_authorization(provider, response, record, sent);
    // end
}
inline void show(const device_prompt& prompt) {
    // examples: oauth/device.hpp
    std::cout << "Open " << prompt.verification_url << " and type " << prompt.user_code << '\n';
    // end
}
inline void poll(const client_endpoint& endpoint, const device_authorization& authorization) {
    // examples: oauth/device.hpp
    http_request request = device_token_request(endpoint, {.grant_token = authorization.device_code});
    // end
}
inline void poll_by_provider(const oauth2_provider& provider, const token& record) {
    // examples: oauth/device.hpp
    http_request request = device_token_request(provider, record);
    // end
}
}

namespace of_client_credentials {
inline void at_endpoint(const client_endpoint& endpoint) {
    // examples: oauth/client_credentials.hpp
    http_request request = client_credentials_request(endpoint, {.scope = "reports.read"});
    // end
}
inline void by_provider(const oauth2_provider& provider, const token& record) {
    // examples: oauth/client_credentials.hpp
    http_request request = client_credentials_request(provider, record);
    // end
}
}

namespace of_provider {
inline void make() {
    // examples: oauth/provider.hpp
    oauth2_provider provider{.token_endpoint = "https://login.example/token", .client_id = "app"};
    struct my_provider : oauth2_provider {
        http_request refresh_request(const token& record) const {
            http_request request = oauth2_provider::refresh_request(record);
            request.body += "&audience=x";
            return request;
        }
    };
    my_provider mine{{.token_endpoint = "https://login.example/token", .client_id = "app"}};
    // end
    use(provider, mine);
}
using my_provider = oauth2_provider;
// examples: oauth/provider.hpp
static_assert(explain_authorization_provider<my_provider>());
// end
inline void call(my_provider& provider, http_request& request, const token& record) {
    // examples: oauth/provider.hpp
    provider.authorize(request, record);
    // end
}
}

namespace of_refresh {
inline void at_endpoint(const client_endpoint& endpoint, const token& record) {
    // examples: oauth/refresh.hpp
    http_request request = refresh_request(endpoint, record);
    // end
}
inline void by_provider(const oauth2_provider& provider, const token& record) {
    // examples: oauth/refresh.hpp
    http_request request = refresh_request(provider, record);
    // end
}
}

namespace of_response {
inline void read(const http_response& response, token record, timestamp sent) {
    // examples: oauth/response.hpp
    record = apply_response(record, read_token_response(response, record), sent);
    // end
}
inline void read_by_provider(const oauth2_provider& provider, const http_response& response, const token& record) {
    // examples: oauth/response.hpp
    token_response answer = read_token_response(provider, response, record);
    // end
}
}

namespace of_response_error {
void ask_for_less();
inline void handle() {
    try {
        act();
    }
    // examples: oauth/response_error.hpp
    catch (const response_error& failure) { if (failure.server_code() == "invalid_scope") ask_for_less(); }
    // end
}
inline void mean() {
    // examples: oauth/response_error.hpp
    error_meaning dead{"BAD_REFRESH_TOKEN", errc::reauthorization_required};
    // end
}
inline void fail() {
    // examples: oauth/response_error.hpp
    throw response_error(errc::throttled, "example: too many calls", {.certainly_refused = true});
    // end
}
}

namespace of_retry_after {
inline void call(const http_response& response) {
    // examples: oauth/retry_after.hpp
    std::chrono::milliseconds pause = find_retry_after(response);
    std::chrono::milliseconds pause_by_our_clock = find_retry_after(response, system_clock().now());
    // end
    use(pause, pause_by_our_clock);
}
}

namespace of_revoke {
inline void at_endpoint(const client_endpoint& endpoint, const token& record) {
    // examples: oauth/revoke.hpp
    http_request request = revoke_request(endpoint, record);
    // end
}
inline void by_provider(const oauth2_provider& provider, const token& record, my_transport& transport) {
    // examples: oauth/revoke.hpp
    if (std::optional<http_request> request = revoke_request(provider, record)) transport(*request);
    // end
}
inline void read(const oauth2_provider& provider, const http_request& request, my_transport& transport,
                 const http_response& response) {
    // examples: oauth/revoke.hpp
    read_revoke_response(transport(request));
    read_revoke_response(provider, response);
    // end
}
}

namespace of_token_response {
inline void call(const token& record, const token_response& answer, timestamp sent) {
    // examples: oauth/token_response.hpp
    token refreshed = apply_response(record, answer, sent);
    token logged_in = apply_response(record, answer, sent, grant_kind::authorization_code);
    // end
}
}

namespace of_fake_server {
inline void begin(file_store& store) {
    // examples: testing/fake_server.hpp
    testing::virtual_clock clock;
    testing::fake_server server{{.token_life = 60s}, clock};
    keeper keep{store, server, server.provider(), {}, ignore_events{}, clock};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    // end
}
using server_keeper = keeper<file_store, testing::fake_server, oauth2_provider, ignore_events, system_clock>;
inline void call(testing::fake_server& server, server_keeper& keep, text_file& file) {
    // examples: testing/fake_server.hpp
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    zoho::provider provider{server.data_center(), zoho::environment::production};
    keep.send({.method = "GET", .url = server.resource()}, {.user_name = "ada"});
    keep.log_in_with_device({.user_name = "ada"}, [&](const device_prompt& prompt) {
        server.approve(prompt.user_code, "ada");
    });
    server.next(testing::fault::http(503));
    server.next(testing::fault::kind::lost_answer);
    server.set_options({.rotate = false});
    CHECK(server.log().refreshes == 1);
    file.save(server.save_state().reveal());
    if (const auto state = file.load()) server.load_state(state->reveal());
    // end
}
}

namespace of_fake_server_options {
inline void make(testing::virtual_clock& clock) {
    const testing::member_changes changes =
    // examples: testing/fake_server_options.hpp
    {{"expires_in", ""}, {"refresh_token", "null"}}   // no expires_in; a refresh token that is null
    // end
    ;
    // examples: testing/fake_server_options.hpp
    testing::fake_server server{{.token_life = 60s, .grace = 10s}, clock};
    server.next({.what = testing::fault::kind::lost_answer, .latency = 5s});
    server.next(testing::fault::http(429, 30s));
    // end
}
}

namespace of_simulated_files {
using namespace testing;
void read_back(const simulated_files& after);
inline void begin() {
    // examples: testing/simulated_files.hpp
    struct simulated : tokenkeep::defaults { using files = tokenkeep::testing::simulated_files; };
    tokenkeep::testing::simulated_files disk;
    tokenkeep::basic_file_store<simulated> store{"tokens.tkj", {}, disk};
    disk.plan(7, disk_fault::flush_keeps_content); // the eighth changing call goes wrong
    disk.for_each_power_failure("tokens.tkj", 1, [](simulated_files after) { read_back(after); });
    // end
}
inline void plan(simulated_files& disk) {
    // examples: testing/simulated_files.hpp
    disk.plan(disk.calls(), disk_fault::fails); // the next one
    // end
}
}

namespace of_store_laws {
using my_store = memory_store;
using my_rules = default_rules;
inline void report_to_catch() {
    // examples: testing/store_laws.hpp
    testing::store_laws([] { return my_store(); }, [](std::string_view law, bool holds, const std::string& sentence) {
        INFO(law << ": " << sentence);
        CHECK(holds);
    });
    // end
}
inline void limit(my_store (*make)(), void (*report)(std::string_view, bool, const std::string&)) {
    // examples: testing/store_laws.hpp
    testing::store_laws<my_rules>(make, report, {.no_nul = true, .longest_id = 191});
    // end
}
}

namespace of_virtual_clock {
inline void begin(file_store& store, my_transport& transport, const oauth2_provider& provider) {
    // examples: testing/virtual_clock.hpp
    testing::virtual_clock clock;
    keeper keep{store, transport, provider, {}, ignore_events{}, clock};
    clock.advance(1h);
    clock.advance(59min);
    clock.jump(-1h);
    // end
}
}

namespace of_text {
using namespace tokenkeep::text;
inline void ascii() {
    use(
    // examples: text/ascii.hpp
    to_lower('A')   // 'a'
    // end
    );
    use(
    // examples: text/ascii.hpp
    to_lower(std::string("Bearer"))   // "bearer"
    // end
    );
    use(
    // examples: text/ascii.hpp
    hex_value('f')   // 15
    // end
    );
    use(
    // examples: text/ascii.hpp
    to_hex(sha256("")).substr(0, 4)   // "e3b0"
    // end
    );
    use(
    // examples: text/ascii.hpp
    equal_ignoring_case("Bearer", "bearer")   // true
    // end
    );
    use(
    // examples: text/ascii.hpp
    trim(" a b ")   // "a b"
    // end
    );
    use(
    // examples: text/ascii.hpp
    is_printable("a b")   // true
    // end
    );
    use(
    // examples: text/ascii.hpp
    is_visible("a b")   // false
    // end
    );
}
inline void date() {
    use(
    // examples: text/date.hpp
    parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")   // 784111777 s
    // end
    );
    use(
    // examples: text/date.hpp
    parse_date("2033-05-18T05:33:19+02:00")   // 1999999999 s
    // end
    );
}
inline void base64url() {
    use(
    // examples: text/base64url.hpp
    to_base64("ada")   // "YWRh"
    // end
    );
    use(
    // examples: text/base64url.hpp
    to_base64url("a")   // "YQ"
    // end
    );
    use(
    // examples: text/base64url.hpp
    from_base64url("YQ")   // "a"
    // end
    );
}
inline void form(const std::vector<form_pair>& pairs) {
    use(
    // examples: text/form.hpp
    form_encode("a b&c")   // "a+b%26c"
    // end
    );
    use(
    // examples: text/form.hpp
    to_form(pairs)   // "grant_type=refresh_token&scope=a+b"
    // end
    );
    use(
    // examples: text/form.hpp
    to_form({{"grant_type", "refresh_token"}, {"scope", "a b"}})   // "grant_type=refresh_token&scope=a+b"
    // end
    );
    use(
    // examples: text/form.hpp
    from_form("code=a%2Fb&state=1")   // {"code", "a/b"}, {"state", "1"}
    // end
    );
}
inline std::optional<json_value> json(std::string_view body) {
    // examples: text/json.hpp
    if (json_result read = parse_json(body)) return read.value.find("access_token");
    // end
    return std::nullopt;
}
inline void json_string(std::string& line) {
    // examples: text/json_string.hpp
    append_json_string(line, "ada");   // appends "ada", with the quotes
    // end
}
inline void json_member() {
    // examples: text/json_value.hpp
    std::optional<json_value> scope = parse_json(R"({"scope":"a"})").value.find("scope");
    // end
    use(scope);
    use(
    // examples: text/json_value.hpp
    parse_json("true").value.boolean()   // true
    // end
    );
    use(
    // examples: text/json_value.hpp
    parse_json("3600").value.integer()   // 3600
    // end
    );
    use(
    // examples: text/json_value.hpp
    parse_json(R"("a\nb")").value.text()   // "a", a line feed, "b"
    // end
    );
}
inline void json(const json_value& value) {
    // examples: text/json_value.hpp
    secret text = secret::build(value.text_size(), [&](char* out) { return value.copy_text(out); });
    if (value.is_text("Bearer")) use(value.raw());
    if (std::optional<json_value> scope = value.find("scope")) use(scope->text());
    value.for_each_member([](json_value name, json_value member) { use(name.text(), member.raw()); });
    value.for_each_element([](json_value element) { use(element.text()); });
    // end
}
inline void sha256_of_pieces() {
    // examples: text/sha256.hpp
    sha256_hash hash;
    hash.update("a").update("b");
    std::array<unsigned char, 32> digest = hash.finish();
    // end
    use(digest);
    use(
    // examples: text/sha256.hpp
    sha256_hex("").substr(0, 8)   // "e3b0c442"
    // end
    );
}
inline void hmac_of_pieces(const secret& key, const token& row) {
    // examples: text/hmac.hpp
    std::array<unsigned char, 32> mac = hmac_sha256(key.reveal(), {"at", ":", row.access_token.reveal()});
    // end
    use(mac);
}
inline void hmac() {
    // examples: text/hmac.hpp
    std::array<unsigned char, 32> mac = hmac_sha256("Jefe", "what do ya want for nothing?");
    // end
    use(mac);
}
inline void url() {
    use(
    // examples: text/url.hpp
    parse_url("https://a.example:8443/token")->port   // "8443"
    // end
    );
    use(
    // examples: text/url.hpp
    is_loopback("127.0.0.1")   // true
    // end
    );
    use(
    // examples: text/url.hpp
    port_of(*parse_url("https://a.example/"))   // "443"
    // end
    );
    use(
    // examples: text/url.hpp
    same_origin(*parse_url("https://a.example"), *parse_url("https://A.example:443/x"))   // true
    // end
    );
    use(
    // examples: text/url.hpp
    is_secure_url("http://127.0.0.1:8080/", true)   // true
    // end
    );
}
inline void utf8() {
    use(
    // examples: text/utf8.hpp
    is_utf8("\xff")   // false
    // end
    );
}
}

namespace of_zoho {
inline void csv() {
    // examples: zoho/csv.hpp
    basic_document_store<text_file, zoho::csv, zoho::policy> store{"tokens.csv"};
    // end
}
inline void unquoted_csv() {
    // examples: zoho/csv.hpp
    basic_document_store<text_file, zoho::unquoted_csv, zoho::policy> store{"tokens.csv"};
    // end
}
inline void data_center() {
    // examples: zoho/data_center.hpp
    zoho::data_center ae{.accounts = "https://accounts.zoho.ae", .api = "https://www.zohoapis.ae"};
    std::string url = zoho::eu.accounts + "/oauth/v2/auth";
    zoho::data_center mine = zoho::eu;
    // end
}
inline void api_domain() {
    using namespace zoho;
    use(
    // examples: zoho/data_center.hpp
    belongs_to("content.zohoapis.eu", zoho::eu)          // true
    // end
    );
    use(
    // examples: zoho/data_center.hpp
    belongs_to("https://zohoapis.eu.evil.com", zoho::eu) // false
    // end
    );
    use(
    // examples: zoho/data_center.hpp
    find_data_center("https://www.zohoapis.jp", zoho::eu) == zoho::jp   // true
    // end
    );
}
inline void numeric_id() {
    // examples: zoho/numeric_id.hpp
    std::string id = zoho::numeric_id{}();   // "384150027"
    // end
}
inline void provider(file_store& store, my_transport& transport) {
    // examples: zoho/provider.hpp
    keeper keep{store, transport, zoho::provider{zoho::eu, zoho::environment::production}};
    // end
}
inline void begin_login(const zoho::provider& zoho_provider, const authorization_wish& wish) {
    // examples: zoho/provider.hpp
    authorization login = zoho_provider.authorization_request(wish);
    // end
}
inline void end_login(const zoho::provider& zoho_provider, const std::string& redirected, authorization& login) {
    // examples: zoho/provider.hpp
    token ada = zoho_provider.read_authorization_response(redirected, login);
    // end
    // examples: zoho/provider.hpp
    std::optional<zoho::data_center> there = zoho::data_center_of_response(redirected);
    // end
}
// examples: zoho/rules.hpp
using grant_rule = same_client_id<zoho::needs_client_credentials<by_grant_token>>;
// end
static_assert(matching_rule<grant_rule>);
using stand_ins::mysql_connection, stand_ins::mysql_parameters, stand_ins::sqlite_connection;
inline void sqlite() {
    // examples: zoho/schema.hpp
    sql_store<sqlite_connection, zoho::policy> store{"zohooauth.db"};
    // end
}
inline void mysql() {
    // examples: zoho/schema.hpp
    sql_store<mysql_connection, zoho::policy> store{mysql_parameters{"localhost", "zohooauth", "oauthtoken", "root"}};
    // end
}
inline void shared_csv() {
    // examples: zoho/schema.hpp
    basic_document_store<text_file, zoho::csv, zoho::policy> store{"tokens.csv"};   // see zoho::csv
    // end
}
}

namespace of_providers {
inline void atlassian() {
    // examples: providers/atlassian.hpp
    auto atlassian = providers::atlassian();
    atlassian.client_id = "0123456789abcdef";
    // end
}
inline void auth0() {
    // examples: providers/auth0.hpp
    oauth2_provider auth0 = providers::auth0("example.eu.auth0.com", "https://api.example");
    auth0.client_id = "0123456789abcdef";
    // end
}
inline void box() {
    // examples: providers/box.hpp
    oauth2_provider box = providers::box();
    box.client_id = "0123456789abcdef";
    // end
}
inline void digitalocean() {
    // examples: providers/digitalocean.hpp
    auto digitalocean = providers::digitalocean();
    digitalocean.client_id = "0123456789abcdef";
    // end
}
inline void discord() {
    // examples: providers/discord.hpp
    oauth2_provider discord = providers::discord();
    discord.client_id = "157730590492196864";
    discord.headers.push_back({"User-Agent", "DiscordBot (https://app.example, 1.0)"});
    // end
}
inline void dropbox() {
    // examples: providers/dropbox.hpp
    auto dropbox = providers::dropbox();
    dropbox.client_id = "app-key";
    // end
}
inline void fitbit() {
    // examples: providers/fitbit.hpp
    oauth2_provider fitbit = providers::fitbit();
    fitbit.client_id = "23ABCD";
    // end
}
inline void github() {
    // examples: providers/github.hpp
    oauth2_provider github = providers::github();
    github.client_id = "Iv1.0123456789abcdef";
    // end
}
inline void gitlab() {
    // examples: providers/gitlab.hpp
    oauth2_provider gitlab = providers::gitlab("gitlab.example");
    gitlab.client_id = "0123456789abcdef";
    // end
}
inline void google() {
    // examples: providers/google.hpp
    oauth2_provider google = providers::google();
    google.client_id = "123456789012-abc.apps.googleusercontent.com";
    // end
}
inline void hubspot() {
    // examples: providers/hubspot.hpp
    oauth2_provider hubspot = providers::hubspot();
    hubspot.client_id = "01234567-89ab-cdef-0123-456789abcdef";
    // end
}
inline void keycloak() {
    // examples: providers/keycloak.hpp
    oauth2_provider keycloak = providers::keycloak("https://id.example", "staff");
    keycloak.client_id = "web";
    // end
}
inline void linkedin() {
    // examples: providers/linkedin.hpp
    auto linkedin = providers::linkedin();
    linkedin.client_id = "78abc";
    // end
}
inline void microsoft() {
    // examples: providers/microsoft.hpp
    auto microsoft = providers::microsoft("contoso.onmicrosoft.com");
    microsoft.client_id = "11112222-bbbb-3333-cccc-4444dddd5555";
    // end
}
inline void notion() {
    // examples: providers/notion.hpp
    auto notion = providers::notion();
    notion.client_id = "463558a3-725e-4f37-b6d3-0889894f68de";
    // end
}
inline void okta() {
    // examples: providers/okta.hpp
    oauth2_provider okta = providers::okta("example.okta.com", "default", std::chrono::seconds(60));
    okta.client_id = "0oa1";
    // end
}
inline void quickbooks() {
    // examples: providers/quickbooks.hpp
    auto quickbooks = providers::quickbooks();
    quickbooks.client_id = "Q0abc";
    // end
}
inline void reddit() {
    // examples: providers/reddit.hpp
    auto reddit = providers::reddit("linux:com.example.app:v1.2 (by /u/ada)");
    reddit.client_id = "p-jcoLKBynTLew";
    // end
}
inline void salesforce() {
    // examples: providers/salesforce.hpp
    auto salesforce = providers::salesforce();
    salesforce.client_id = "3MVG9";
    // end
}
inline void shopify() {
    // examples: providers/shopify.hpp
    auto shopify = providers::shopify("ada-shop");
    shopify.client_id = "c5d2";
    // end
}
inline void slack() {
    // examples: providers/slack.hpp
    auto slack = providers::slack();
    slack.client_id = "60503450.61416";
    // end
}
inline void spotify() {
    // examples: providers/spotify.hpp
    oauth2_provider spotify = providers::spotify();
    spotify.client_id = "0123456789abcdef0123456789abcdef";
    // end
}
inline void strava() {
    // examples: providers/strava.hpp
    auto strava = providers::strava();
    strava.client_id = "12345";
    // end
}
inline void tiktok() {
    // examples: providers/tiktok.hpp
    auto tiktok = providers::tiktok();
    tiktok.client_id = "aw0123456789abcd";
    // end
}
inline void twitch() {
    // examples: providers/twitch.hpp
    auto twitch = providers::twitch();
    twitch.client_id = "hof5gwx0su6owfnys0yan9c87zr6t";
    // end
}
inline void wechat() {
    // examples: providers/wechat.hpp
    auto wechat = providers::wechat();
    wechat.client_id = "wx0123456789abcdef";
    // end
}
inline void withings() {
    // examples: providers/withings.hpp
    auto withings = providers::withings();
    withings.client_id = "7573fd4a4c421ddd102dac406dc6e0e0e22f683c4a5e81ff0a5caf8b65abed67";
    // end
}
inline void x() {
    // examples: providers/x.hpp
    auto x = providers::x();
    x.client_id = "rG9n6402A3dbUJKzXTNX4oWHJ";
    // end
}
inline void xero() {
    // examples: providers/xero.hpp
    oauth2_provider xero = providers::xero();
    xero.client_id = "0123456789ABCDEF0123456789ABCDEF";
    // end
}
inline void zoom() {
    // examples: providers/zoom.hpp
    auto zoom = providers::zoom();
    zoom.client_id = "Wk9PTV9DTElFTlRfSUQ";
    // end
}
}

// clang-format on

} // namespace examples

namespace {

/// The code in a header's comments: their indented lines outside of Shapes, lists and tables, without the comment's
/// signs.
std::vector<std::string_view> indented_in(const std::vector<std::string>& header) {
    std::vector<std::string_view> found;
    bool in_shape = false, in_point = false;
    for (const std::string& line : header) {
        if (line == comments::shape_begin) in_shape = true;
        if (line == comments::shape_end) in_shape = false;
        const std::string_view comment = comments::trimmed(line);
        in_point = comment.starts_with("///   - ") || (in_point && comment.starts_with("///     "));
        if (in_shape || in_point || !comment.starts_with("///   ") || comment.find(" | ") != comment.npos) continue;
        found.push_back(comments::trimmed(comment.substr(3)));
    }
    return found;
}

/// Whether such a line is code: a statement, a brace, a comparison, or what has a comment behind it.
bool is_example(std::string_view line) {
    return line.find(" // ") != line.npos || line.find(" == ") != line.npos || line.ends_with(';') ||
           line.ends_with('{') || line.ends_with('}');
}

/// Headers that programs include, and for which no client library is needed.
bool is_tested(const std::string& header) {
    const std::string path = "/" + header;
    for (const char* other : {"/detail/", "/memory/", "/os/", "/sqlite.hpp", "/mysql.hpp", "/postgres.hpp",
                              "/redis.hpp", "/keyring.hpp", "/openssl_sealer.hpp", "/sodium_sealer.hpp"})
        if (path.find(other) != path.npos) return false;
    return true;
}

} // namespace

TEST_CASE("examples: every example in a header's comments is compiled by a test, word for word", "[examples]") {
    const std::vector<std::string> here = comments::lines_of(comments::tests / "examples.test.cpp");
    std::size_t seen = 0;
    for (const std::string& header : comments::headers()) {
        if (!is_tested(header)) continue;
        const std::vector<std::string> lines = comments::lines_of(comments::include / header);
        const std::vector<std::string_view> indented = indented_in(lines);
        const auto copies = comments::copies_in(here, "// examples: " + header);
        std::set<std::string_view> copied;
        for (const auto& copy : copies)
            for (const std::string& line : copy) copied.insert(comments::trimmed(line));

        CAPTURE(header);
        for (const std::string_view line : indented) {
            if (!is_example(line)) continue;
            CAPTURE(line);
            CHECK(copied.count(line) == 1); // the example is compiled here
            ++seen;
        }
        for (const std::string_view line : copied) {
            CAPTURE(line);
            CHECK(std::count(indented.begin(), indented.end(), line) >= 1); // the header has what is compiled here
        }
    }
    CHECK(seen >= 100);
}
