// SPDX-License-Identifier: MIT
#include <tokenkeep/rules.hpp>
#include <tokenkeep/zoho/rules.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

static_assert(matching_rule<by_id> && matching_rule<by_user> && matching_rule<by_access_token> &&
              matching_rule<by_grant_token> && matching_rule<by_refresh_token> && matching_rule<by_seed>);
static_assert(matching_rule<same_client<by_user>> && matching_rule<same_client<needs_client<by_seed>>>);
static_assert(matching_rules<default_rules> && matching_rules<first_applicable<by_user>>);
static_assert(!matching_rule<default_rules> && !matching_rules<by_user>);

static_assert(matching_rule<archetypes::rule<0>> && matching_rules<first_applicable<archetypes::rule<0>>>);
static_assert(!matching_rule<archetypes::rule<1>> && !matching_rule<archetypes::rule<2>> &&
              !matching_rule<archetypes::rule<3>> && !matching_rule<archetypes::rule<4>> &&
              !matching_rule<archetypes::rule<5>>);
static_assert(matching_rule<archetypes::rule<6>>, "agrees is optional");
static_assert(matching_rules<archetypes::chain<0>>);
static_assert(!matching_rules<archetypes::chain<1>> && !matching_rules<archetypes::chain<2>>);

/// The rows that a probe means under a chain, by their ids.
template <class Rules>
std::string meant(const token& probe, const std::vector<token>& rows) {
    return Rules::find(probe, [&](auto rule) {
        std::string ids;
        for (const token& row : rows)
            if (matches<decltype(rule)>(probe, row)) ids += row.id;
        return ids;
    });
}

const std::vector<token> rows{
    {.user_name = "ada",
     .client_id = "app",
     .refresh_token = "R1",
     .access_token = "A1",
     .grant_token = "G1",
     .api_domain = "eu",
     .seed = "S1",
     .id = "1"},
    {.user_name = "ada",
     .client_id = "other",
     .refresh_token = "R2",
     .access_token = "A2",
     .grant_token = "G2",
     .seed = "S2",
     .id = "2"},
    {.user_name = "bob", .refresh_token = "R3", .access_token = "A3", .id = "3"},
    {.client_id = "app", .refresh_token = "R4", .access_token = "A4", .id = "4"},
};

struct question {
    token probe;
    const char* ids;
};

} // namespace

TEST_CASE("matches: an empty key matches nothing, and a key matches byte for byte", "[rules]") {
    CHECK(!matches<by_user>({}, {}));
    CHECK(!matches<by_refresh_token>({}, {}));
    CHECK(!matches<by_user>({.user_name = "ada"}, {}));
    CHECK(!matches<by_user>({}, {.user_name = "ada"}));
    CHECK(matches<by_user>({.user_name = "ada"}, {.user_name = "ada"}));
    for (const char* other : {"Ada", "ada ", "ad", "adaa"})
        CHECK(!matches<by_user>({.user_name = "ada"}, {.user_name = other}));
    CHECK(!matches<by_user>({.user_name = "a"}, {.user_name = std::string("a\0", 2)}));
    CHECK(matches<by_refresh_token>({.refresh_token = "r"}, {.refresh_token = "r", .access_token = "a"}));
}

TEST_CASE("rules: each applies where its field is named, and looks at that field", "[rules]") {
    CHECK((by_id::key == &token::id && by_user::key == &token::user_name &&
           by_access_token::key == &token::access_token));
    CHECK((by_grant_token::key == &token::grant_token && by_refresh_token::key == &token::refresh_token));
    CHECK(by_seed::key == &token::seed);
    CHECK((by_id::applies({.id = "7"}) && !by_id::applies({.user_name = "7"})));
    CHECK((by_user::applies({.user_name = "7"}) && !by_user::applies({.id = "7"})));
    CHECK((by_grant_token::applies({.grant_token = "7"}) && !by_grant_token::applies({.refresh_token = "7"})));
    CHECK((by_refresh_token::applies({.refresh_token = "7"}) && !by_refresh_token::applies({.grant_token = "7"})));
    CHECK((by_seed::applies({.seed = "7"}) && !by_seed::applies({.refresh_token = "7"})));
}

TEST_CASE("by_access_token: it applies only where the probe names no client", "[rules]") {
    CHECK(by_access_token::applies({.access_token = "a"}));
    CHECK(!by_access_token::applies({.client_id = "app", .access_token = "a"}));
    CHECK(!by_access_token::applies({.client_secret = "s", .access_token = "a"}));
    CHECK(!by_access_token::applies({.client_id = "app"}));
}

TEST_CASE("same_client: a client that the probe names binds; a domain binds where both name one", "[rules]") {
    using rule = same_client<by_user>;
    const token row{.user_name = "ada", .client_id = "app", .api_domain = "eu"};
    CHECK(matches<rule>({.user_name = "ada"}, row));
    CHECK(matches<rule>({.user_name = "ada", .client_id = "app"}, row));
    CHECK(!matches<rule>({.user_name = "ada", .client_id = "other"}, row));
    CHECK(!matches<rule>({.user_name = "ada", .client_id = "app"}, {.user_name = "ada"}));
    CHECK(matches<rule>({.user_name = "ada", .api_domain = "eu"}, row));
    CHECK(!matches<rule>({.user_name = "ada", .api_domain = "us"}, row));
    CHECK(matches<rule>({.user_name = "ada", .api_domain = "us"}, {.user_name = "ada"}));
    CHECK(!matches<rule>({.user_name = "bob"}, row));
    CHECK(!rule::applies({.client_id = "app"}));
}

TEST_CASE("same_client: a label that the probe names binds; a save compares labels both ways", "[rules]") {
    using rule = same_client<by_user>;
    const token plain{.user_name = "ada"}, eu{.user_name = "ada", .label = "eu"}, us{.user_name = "ada", .label = "us"};
    CHECK(matches<rule>(plain, plain));
    CHECK(matches<rule>(plain, eu));
    CHECK(matches<rule>(eu, eu));
    CHECK(!matches<rule>(eu, us));
    CHECK(!matches<rule>(eu, plain));
    CHECK(saves_over<rule>(plain, plain));
    CHECK(!saves_over<rule>(plain, eu));
    CHECK(saves_over<rule>(eu, eu));
    CHECK(!saves_over<rule>(eu, us));
    CHECK(!saves_over<rule>(eu, plain));
    CHECK(!saves_over<rule>({.user_name = "bob", .label = "eu"}, eu));
    CHECK(!saves_over<rule>({.user_name = "ada", .client_id = "app", .label = "eu"}, eu));
}

TEST_CASE("same_client_id: labels do not count, neither do they by id or in Zoho's rules", "[rules]") {
    const token plain{.user_name = "ada", .id = "1"}, eu{.user_name = "ada", .label = "eu", .id = "1"};
    CHECK(matches<same_client_id<by_user>>(eu, plain));
    CHECK(saves_over<same_client_id<by_user>>(eu, plain));
    CHECK(saves_over<by_id>(eu, plain));
    CHECK(!matches<same_client_id<by_user>>({.user_name = "ada", .client_id = "app"}, plain));
    zoho::rules::list::for_each([&](auto rule) {
        using Rule = decltype(rule);
        const token all{.user_name = "u",
                        .client_id = "c",
                        .client_secret = "s",
                        .refresh_token = "r",
                        .access_token = "a",
                        .grant_token = "g",
                        .label = "eu",
                        .id = "1"};
        token other = all;
        other.label = "us";
        CHECK(saves_over<Rule>(all, other));
    });
}

TEST_CASE("same_client: what a wrapped rule says about saves still counts", "[rules]") {
    struct keeps_old_rows : by_user {
        static bool saves_over(const token&, const token& row) { return row.status.empty(); }
    };
    using rule = same_client<keeps_old_rows>;
    CHECK(saves_over<rule>({.user_name = "ada"}, {.user_name = "ada"}));
    CHECK(!saves_over<rule>({.user_name = "ada"}, {.user_name = "ada", .status = "x"}));
    CHECK(!saves_over<keeps_old_rows>({.user_name = "ada"}, {.user_name = "ada", .status = "x"}));
    CHECK(matches<rule>({.user_name = "ada"}, {.user_name = "ada", .status = "x"}));
}

TEST_CASE("same_client: what the wrapped rule asks besides still counts", "[rules]") {
    struct only_live : by_user {
        static bool agrees(const token&, const token& row) { return row.status.empty(); }
    };
    CHECK(matches<same_client<only_live>>({.user_name = "ada"}, {.user_name = "ada"}));
    CHECK(!matches<same_client<only_live>>({.user_name = "ada"}, {.user_name = "ada", .status = "dead"}));
    CHECK(!matches<same_client<same_client<by_user>>>({.user_name = "ada", .client_id = "a"}, {.user_name = "ada"}));
}

TEST_CASE("first_applicable: a rule that applies and finds nothing is final", "[rules]") {
    using chain = first_applicable<by_user, by_access_token>;
    CHECK(meant<chain>({.user_name = "nobody", .access_token = "A1"}, rows).empty());
    CHECK(meant<chain>({.access_token = "A1"}, rows) == "1");
    CHECK(meant<chain>({.user_name = "bob", .access_token = "A1"}, rows) == "3");
    CHECK(meant<chain>({.refresh_token = "R1"}, rows).empty());
    CHECK(meant<chain>({}, rows).empty());
}

TEST_CASE("first_applicable: one rule at most is asked for, and the list has them all", "[rules]") {
    int asked = 0;
    const token probe{.user_name = "a", .client_id = "c", .refresh_token = "r", .access_token = "b", .id = "1"};
    CHECK(default_rules::find(probe, [&](auto) { return ++asked; }) == 1);
    CHECK(asked == 1);
    CHECK(default_rules::find({}, [&](auto) { return ++asked; }) == 0);
    CHECK(asked == 1);
    int listed = 0;
    default_rules::list::for_each([&](auto) { ++listed; });
    CHECK(listed == 6);
}

TEST_CASE("default_rules: what each probe means", "[rules]") {
    const question table[] = {
        {{}, ""},
        {{.client_id = "app"}, ""},
        {{.client_secret = "s"}, ""},
        {{.api_domain = "eu"}, ""},
        {{.id = "2"}, "2"},
        {{.id = "9"}, ""},
        {{.user_name = "ada", .id = "3"}, "3"},
        {{.client_id = "nobody's", .id = "3"}, "3"},
        {{.user_name = "ada"}, "12"},
        {{.user_name = "ada", .client_id = "app"}, "1"},
        {{.user_name = "ada", .client_id = "nobody's"}, ""},
        {{.user_name = "bob"}, "3"},
        {{.user_name = "bob", .client_id = "app"}, ""},
        {{.user_name = "ada", .api_domain = "us"}, "2"},
        {{.user_name = "ada", .client_id = "app", .api_domain = "us"}, ""},
        {{.user_name = "nobody", .access_token = "A1"}, ""},
        {{.access_token = "A1"}, "1"},
        {{.client_id = "app", .access_token = "A1"}, ""},
        {{.client_secret = "s", .access_token = "A1"}, ""},
        {{.access_token = "A1", .api_domain = "us"}, ""},
        {{.refresh_token = "R1"}, ""},
        {{.client_id = "app", .refresh_token = "R1"}, "1"},
        {{.client_id = "other", .refresh_token = "R1"}, ""},
        {{.client_secret = "s", .refresh_token = "R1"}, ""},
        {{.client_id = "app", .refresh_token = "R4"}, "4"},
        {{.client_id = "app", .refresh_token = "R3"}, ""},
        {{.grant_token = "G1"}, ""},
        {{.client_id = "app", .grant_token = "G1"}, "1"},
        {{.client_id = "other", .grant_token = "G1"}, ""},
        {{.client_id = "app", .refresh_token = "R1", .grant_token = "new"}, ""},
        {{.client_id = "app", .refresh_token = "new", .grant_token = "G1"}, "1"},
        {{.seed = "S1"}, ""},
        {{.client_id = "app", .seed = "S1"}, "1"},
        {{.client_id = "other", .seed = "S1"}, ""},
        {{.client_id = "app", .refresh_token = "R1", .seed = "S2"}, "1"},
        {{.refresh_token = "R1", .access_token = "A2"}, "2"},
    };
    for (const question& one : table) {
        CAPTURE(redacted(one.probe));
        CHECK(meant<default_rules>(one.probe, rows) == one.ids);
    }
}

TEST_CASE("rules: a chain is named by inheritance", "[rules]") {
    struct ours : first_applicable<same_client<by_user>> {};
    CHECK(meant<ours>({.user_name = "bob"}, rows) == "3");
    CHECK(meant<ours>({.id = "3"}, rows).empty());
    STATIC_REQUIRE(matching_rules<ours>);
}
