// SPDX-License-Identifier: MIT
// What stores promise, kept by redis_store over a real server.
// databases: Redis
#include <tokenkeep/redis.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "redis/server.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace tests;
using namespace tokenkeep;

namespace {

redis_server& server() {
    static redis_server one;
    return one;
}
std::string new_table() {
    static int number = 0;
    return "table " + std::to_string(++number);
}

} // namespace

TEST_CASE("redis_store: keeps every law, also through an any_store", "[redis]") {
    const auto check = [](auto make) {
        const law_findings found = findings_about(make);
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines +
                                  std::set<std::string>{"L1'", "L3'"});
    };
    check([] { return redis_store{server().parameters(new_table())}; });
    check([] { return open_store<redis_store>("redis://?socket=" + server().socket() + "&table=" + new_table()); });
}
