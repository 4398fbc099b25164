// SPDX-License-Identifier: MIT
// The document of examples/documents/etcd.hpp over an etcd that runs.
#include "documents/etcd.hpp"

#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

deadline in(std::chrono::milliseconds wait) { return std::chrono::steady_clock::now() + wait; }

const tests::etcd_server& server() {
    static const tests::etcd_server only;
    return only;
}

token row_of(const std::string& user) { return {.user_name = user, .client_id = "app", .access_token = "of " + user}; }

} // namespace

TEST_CASE("etcd: the store laws hold", "[etcd][store_laws]") {
    int made = 0;
    const auto make = [&] { return basic_document_store(server().document("laws/" + std::to_string(made++))); };
    const law_findings found = findings_about(make, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + std::set<std::string>{"L1'", "L3'"} +
                              laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("etcd: a document of the whole capacity can be saved and read", "[etcd]") {
    auto document = server().document("large");
    const std::string large(document.capacity(), 'x');
    CHECK(document.save(large, 0));
    const auto [read, version] = document.load_versioned();
    CHECK(read == secret(large));
    CHECK(document.save("small", version));
}

TEST_CASE("etcd: processes that share a key lose no change", "[etcd]") {
    const auto document = server().document("shared");
    CHECK(run_together(4, [&](int n) {
        basic_document_store store(document);
        for (int i = 0; i < 10; ++i) store.save_token(row_of(std::to_string(100 * n + i)));
    }));
    CHECK(basic_document_store(document).get_tokens().size() == 40);
}

TEST_CASE("etcd: the lock of a process that was killed ends with its lease", "[etcd]") {
    auto document = server().document("killed", {}, 1s);
    {
        holding_process holder([&] { return document.lock("ada", in(10s)); });
        CHECK(code_of([&] { (void)document.lock("ada", in(50ms)); }) == errc::lock_timeout);
        CHECK(!code_of([&] { (void)document.lock("bob", in(10s)); }));
    }
    const auto held = document.lock("ada", in(30s)); // not before the lease has ended, and not for ever
    CHECK(code_of([&] { (void)document.lock("ada", in(50ms)); }) == errc::lock_timeout);
}

TEST_CASE("etcd: while it is away calls fail as storage_failure, and afterwards everything is there", "[etcd]") {
    tests::etcd_server own;
    basic_document_store store(own.document("tokens"));
    store.save_token(row_of("ada"));
    auto held = std::optional(store.lock_token("key", in(10s)));
    own.stop();
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::storage_failure);
    CHECK(code_of([&] { store.save_token(row_of("bob")); }) == errc::storage_failure);
    CHECK(code_of([&] { (void)store.lock_token("key", in(50ms)); }) == errc::storage_failure);
    held.reset(); // throws nothing
    own.start();
    CHECK(store.get_tokens().size() == 1);
    store.save_token(row_of("bob"));
    CHECK(store.get_tokens().size() == 2);
}

TEST_CASE("etcd: without a token, or with a wrong one, calls fail as permissions", "[etcd]") {
    const tests::etcd_server own;
    auto open = own.document("tokens");
    CHECK(open.save("before", 0));
    REQUIRE(own.ask("/v3/auth/user/add", R"({"name":"root","password":"hush"})").status == 200);
    REQUIRE(own.ask("/v3/auth/user/grant", R"({"user":"root","role":"root"})").status == 200);
    REQUIRE(own.ask("/v3/auth/enable", "{}").status == 200);
    CHECK(code_of([&] { (void)open.load_versioned(); }) == errc::permissions);
    CHECK(code_of([&] { (void)open.save("more", 2); }) == errc::permissions);
    CHECK(code_of([&] { (void)own.document("tokens", "wrong").load_versioned(); }) == errc::permissions);

    const http_response login = own.ask("/v3/auth/authenticate", R"({"name":"root","password":"hush"})");
    const std::string token = text::parse_json(login.body).value.find("token").value().text();
    auto document = own.document("tokens", token);
    CHECK(document.load_versioned().first == secret("before"));
    CHECK(document.save("after", document.load_versioned().second));
    REQUIRE(own.ask("/v3/auth/user/add", R"({"name":"guest","password":"guest"})", token).status == 200);
    const http_response guest = own.ask("/v3/auth/authenticate", R"({"name":"guest","password":"guest"})");
    auto forbidden = own.document("tokens", text::parse_json(guest.body).value.find("token").value().text());
    CHECK(code_of([&] { (void)forbidden.load_versioned(); }) == errc::permissions);
}
