// SPDX-License-Identifier: MIT
#include <tokenkeep/store.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/stores.hpp"

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenkeep;

namespace {

static_assert(token_store<archetypes::store<0>>);
static_assert(!token_store<archetypes::store<1>> && !token_store<archetypes::store<2>> &&
              !token_store<archetypes::store<3>> && !token_store<archetypes::store<4>> &&
              !token_store<archetypes::store<5>> && !token_store<archetypes::store<6>> &&
              !token_store<archetypes::store<7>> && !token_store<archetypes::store<8>> &&
              !token_store<archetypes::store<9>>);
static_assert(!locking_store<archetypes::store<0>> && !comparing_store<archetypes::store<0>>);

static_assert(locking_store<archetypes::locking<0>> && !comparing_store<archetypes::locking<0>>);
static_assert(!locking_store<archetypes::locking<1>> && !locking_store<archetypes::locking<2>> &&
              !locking_store<archetypes::locking<3>> && !locking_store<archetypes::locking<4>> &&
              !locking_store<archetypes::locking<5>> && !locking_store<archetypes::locking<6>>);

static_assert(comparing_store<archetypes::comparing<0>> && !locking_store<archetypes::comparing<0>>);
static_assert(!comparing_store<archetypes::comparing<1>> && !comparing_store<archetypes::comparing<2>> &&
              !comparing_store<archetypes::comparing<3>> && !comparing_store<archetypes::comparing<4>>);

/// Parameters by value and by view, results of other kinds: all of it is a store.
struct relaxed {
    std::optional<token> find_token(token probe) const;
    int save_token(token record);
    bool delete_token(std::string_view id);
    std::list<token> get_tokens() const;
    std::string delete_tokens();
    std::optional<token> find_token_by_id(std::string id) const;

    std::unique_ptr<archetypes::guard> lock_token(std::string_view key, archetypes::time_point deadline);
    int replace_token(token expected, token record);
    int remove_token(const token& expected);
};
static_assert(token_store<relaxed> && locking_store<relaxed> && comparing_store<relaxed>);
static_assert(detail::explain_token_store<relaxed>());
static_assert(detail::explain_token_store<archetypes::store<0>>());
static_assert(detail::explain_token_store<users::plain_store>());

// Whether a store names an ability is seen whatever the member looks like.
struct overloaded : archetypes::store<0> {
    void lock_token();
    void lock_token(int);

  private:
    bool replace_token;
    template <class T>
    void remove_token(T);
};
struct last final : archetypes::store<0> {
    void lock_token();
};
static_assert(detail::names_lock_token<overloaded> && detail::names_replace_token<overloaded> &&
              detail::names_remove_token<overloaded>);
static_assert(!detail::names_lock_token<archetypes::store<0>> && !detail::names_remove_token<archetypes::store<0>>);
static_assert(!detail::names_lock_token<last>, "final classes cannot be asked");

struct maybe_locked {
    explicit operator bool() const { return locked; }
    bool locked;
};

} // namespace

TEST_CASE("require_locked: a guard that converts to false is lock_timeout, never permission", "[store]") {
    CHECK(detail::require_locked(maybe_locked{true}).locked);
    CHECK_THROWS_AS(detail::require_locked(maybe_locked{false}), error);
    try {
        detail::require_locked(std::shared_ptr<int>());
        FAIL("an empty pointer passed for a lock");
    } catch (const error& fault) {
        CHECK(fault.code() == errc::lock_timeout);
    }
}

TEST_CASE("store laws: a store written by hand can keep them all", "[store][store_laws]") {
    const law_findings found = findings_about<users::plain_rules>([] { return users::plain_store(); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store);
}
