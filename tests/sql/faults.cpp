// SPDX-License-Identifier: MIT
// What an sql_store does when one of its statements goes wrong, whichever: a change took place or it did not, nobody is
// told the other, and no row is harmed.
// databases: SQLite, MariaDB, Postgres
#include "sql/faulty.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::sql_fault;
using tokenkeep::token;

namespace {

template <class Backend>
using faulty_store = tokenkeep::sql_store<faulty_connection<Backend>, hasty>;

token record(const std::string& name) {
    return {.user_name = name,
            .client_id = "client",
            .client_secret = "S3NT1NEL-client-" + name,
            .refresh_token = "S3NT1NEL-refresh-" + name,
            .access_token = "S3NT1NEL-access-" + name,
            .expires_at = tokenkeep::timestamp(1'700'000'000'000ms),
            .id = "id of " + name};
}

token refreshed(token row) {
    row.access_token = "S3NT1NEL-refreshed";
    return row;
}

const token bystander = record("bystander"), subject = record("subject"), newcomer = record("newcomer");

/// All columns, so that nothing that changes goes unseen. The database makes up no ids here.
std::string as_text(const token& row) {
    std::string text;
    for (const tokenkeep::field& f : tokenkeep::fields)
        text += f.visit([&](auto member) -> std::string {
            if constexpr (std::is_same_v<decltype(member), std::optional<tokenkeep::timestamp> token::*>)
                return row.*member ? tokenkeep::to_text(*(row.*member)) : "NULL";
            else
                return (row.*member).empty() ? "NULL" : std::string(tokenkeep::detail::view_of(row.*member));
        }) + "|";
    text.pop_back();
    return text;
}

using rows = std::vector<std::string>;

rows as_texts(const std::vector<token>& tokens) {
    rows texts;
    for (const token& row : tokens) texts.push_back(as_text(row));
    std::sort(texts.begin(), texts.end());
    return texts;
}

/// An operation, on a table with `subject` and `bystander`, and what it makes of that.
template <class Backend>
struct operation {
    std::string name;
    std::function<void(faulty_store<Backend>&)> act; ///< Throws std::logic_error if it is told something wrong.
    std::vector<token> after;
    bool writes = true;
};

void require_told(bool holds) {
    if (!holds) throw std::logic_error("the operation tells what is not so");
}

template <class Backend>
std::vector<operation<Backend>> every_operation() {
    using store = faulty_store<Backend>;
    const std::vector<token> unchanged{subject, bystander};
    return {
        {"save_token, new", [](store& s) { s.save_token(newcomer); }, {subject, bystander, newcomer}},
        {"save_token", [](store& s) { s.save_token(refreshed(subject)); }, {refreshed(subject), bystander}},
        {"replace_token",
         [](store& s) { require_told(s.replace_token(subject, refreshed(subject))); },
         {refreshed(subject), bystander}},
        {"remove_token", [](store& s) { require_told(s.remove_token(subject)); }, {bystander}},
        {"delete_token", [](store& s) { s.delete_token(subject.id); }, {bystander}},
        {"delete_tokens", [](store& s) { s.delete_tokens(); }, {}},
        {"find_token",
         [](store& s) {
             const token probe{.user_name = subject.user_name, .client_id = subject.client_id};
             require_told(s.find_token(probe) == subject);
         },
         unchanged, false},
        {"find_token_by_id", [](store& s) { require_told(s.find_token_by_id(subject.id) == subject); }, unchanged,
         false},
        {"get_tokens",
         [&](store& s) {
             require_told(as_texts(s.get_tokens()) == as_texts({subject, bystander}));
         },
         unchanged, false},
    };
}

/// What an operation has come to.
struct outcome {
    std::optional<errc> code{}; ///< Nothing: it has returned.
    std::vector<std::string> said{};
};

void note(const std::exception& fault, outcome& seen) {
    seen.said.emplace_back(fault.what());
    try {
        std::rethrow_if_nested(fault);
    } catch (const std::exception& cause) {
        note(cause, seen);
    }
}

template <class Act>
outcome outcome_of(Act act) {
    outcome seen;
    try {
        act();
    } catch (const tokenkeep::error& fault) {
        seen.code = static_cast<errc>(fault.code().value());
        note(fault, seen);
    }
    return seen;
}

/// A table with two rows, a store that suffers, and an independent observer.
template <class Backend>
class trial {
  public:
    trial() {
        auto store = store_on<Backend>(table_);
        store.save_token(subject);
        store.save_token(bystander);
        observer_.execute("CREATE TABLE " + table_ + "_kept AS SELECT * FROM " + table_);
    }

    /// On a store that has not connected yet.
    outcome run_anew(const operation<Backend>& op, ordeal suffers) {
        store_.emplace(faulty_connection<Backend>(table_, suffered));
        return run(op, std::move(suffers));
    }
    /// On the store of the run before.
    outcome run(const operation<Backend>& op, ordeal suffers) {
        *suffered = std::move(suffers);
        return outcome_of([&] { op.act(*store_); });
    }

    rows now() { return observer_.ask(select(), std::size(tokenkeep::fields)); }
    std::string table() const { return table_; }

    /// Everything is as at first. Whoever has left a transaction open is in the way here.
    void restore() {
        observer_.execute(std::string(Backend::connection_type::dialect.begin));
        observer_.execute("UPDATE tokenkeep_schema SET version = version WHERE name = '" + table_ + "'");
        observer_.execute("DELETE FROM " + table_);
        observer_.execute("INSERT INTO " + table_ + " SELECT * FROM " + table_ + "_kept");
        observer_.execute("COMMIT");
    }

    /// The store works after what it went through, and keeps nobody else waiting.
    void recover(const operation<Backend>& op) {
        *suffered = {};
        if (op.writes) restore();
        CHECK(store_->find_token_by_id(subject.id) == subject);
    }

    void execute(const std::string& sql) { observer_.execute(sql); }

    const std::shared_ptr<ordeal> suffered = std::make_shared<ordeal>();

  private:
    std::string select() const {
        std::string columns;
        for (const tokenkeep::field& f : tokenkeep::fields) columns.append(columns.empty() ? "" : ", ").append(f.name);
        return "SELECT " + columns + " FROM " + table_ + " ORDER BY id";
    }

    std::string table_ = new_table();
    visitor<Backend> observer_{};
    std::optional<faulty_store<Backend>> store_{std::in_place, faulty_connection<Backend>(table_, suffered)};
};

/// No text holds a secret, or what a database would say.
void check_discreet(const outcome& seen) {
    for (const std::string& text : seen.said)
        for (const char* indiscretion : {"S3NT1NEL", "tokens_", "SELECT", "INSERT", "UPDATE", "key", "Duplicate",
                                         "terminating", "gone away", "closed the connection"}) {
            CAPTURE(text);
            CHECK(text.find(indiscretion) == std::string::npos);
        }
}

/// Whether the change was made, and only erasing what is left of it went wrong; see sql_store.
template <class Backend>
bool is_erasing(const ordeal& suffered) {
    constexpr auto erase = Backend::connection_type::dialect.erase;
    return !erase.empty() && (suffered.asked.back() == erase || suffered.asked.back() == "connect");
}

/// What holds whatever has happened.
template <class Backend>
void check_truth(trial<Backend>& seen, const operation<Backend>& op, const outcome& told) {
    const rows now = seen.now(), before = as_texts({subject, bystander}), after = as_texts(op.after);
    check_discreet(told);
    std::size_t harms = 0, losses = 0;
    bool lost_commit = false;
    for (const auto& [statement, suffered] : seen.suffered->harms) {
        if (statement > seen.suffered->asked.size()) continue;
        ++harms;
        if (suffered.how == harm::refused && suffered.fault != sql_fault::connection_lost) continue;
        ++losses;
        lost_commit = lost_commit || seen.suffered->asked[statement - 1] == "COMMIT";
    }
    if (seen.suffered->asked.size() >= seen.suffered->unreachable_from) ++harms;
    if (op.writes && told.code == errc::storage_failure) {
        CHECK(is_erasing<Backend>(*seen.suffered));
        CHECK(now == after);
    } else if (!told.code) {
        CHECK(now == after);
    } else if (told.code == errc::indeterminate) {
        CHECK((now == before || now == after));
        CHECK(lost_commit);
        CHECK(harms > 1);
    } else {
        CHECK(now == before);
    }
    if (losses == 1 && harms == 1 && told.code != errc::storage_failure) CHECK(!told.code);
}

std::string as_text(const ordeal& suffered) {
    std::string text;
    for (std::size_t n = 1; n <= suffered.asked.size(); ++n) {
        text += "\n  " + std::to_string(n) + " " + suffered.asked[n - 1].substr(0, 60);
        if (const auto found = suffered.harms.find(n); found != suffered.harms.end())
            text += std::array{"  <- refused", "  <- killed", "  <- unheard", "  <- misreported"}.at(
                static_cast<std::size_t>(found->second.how));
    }
    return text;
}

} // namespace

TEMPLATE_LIST_TEST_CASE("sql_store: whichever statement fails, a change took place or it did not, as the store says",
                        "[sql]", every_backend) {
    trial<TestType> seen;
    const auto operations = every_operation<TestType>();
    const auto sweep = [&](const operation<TestType>& op, bool anew, const harmed& suffered, auto check) {
        for (std::size_t statement = 1;; ++statement) {
            const ordeal suffers{.harms = {{statement, suffered}}};
            const outcome told = anew ? seen.run_anew(op, suffers) : seen.run(op, suffers);
            INFO(op.name << as_text(*seen.suffered));
            check_truth(seen, op, told);
            const bool was_harmed = seen.suffered->asked.size() >= statement;
            if (was_harmed)
                check(told, seen.suffered->asked[statement - 1]);
            else
                CHECK(!told.code);
            seen.recover(op);
            if (!was_harmed) return;
        }
    };
    const auto sweep_all = [&](const operation<TestType>& op, bool anew) {
        for (const harm how : {harm::killed, harm::unheard})
            sweep(op, anew, {.how = how}, [](const outcome&, const std::string&) {});
        const errc failed = op.writes ? errc::not_saved : errc::storage_failure;
        for (const auto& [fault, code] : {std::pair(sql_fault::conflict, errc::lock_timeout),
                                          {sql_fault::already_exists, failed},
                                          {sql_fault::bad_value, errc::invalid_record},
                                          {sql_fault::denied, errc::permissions},
                                          {sql_fault::corrupt, errc::storage_corrupt},
                                          {sql_fault::other, failed}}) {
            const bool is_slow = anew && !std::is_same_v<TestType, sqlite_backend>; // to connect
            if (is_slow && fault != sql_fault::other) continue;
            sweep(op, anew, {.how = harm::refused, .fault = fault},
                  [&, wanted = code](const outcome& told, const std::string& statement) {
                      // It may be that nothing is amiss: there is no table yet, or the next attempt goes well.
                      if (told.code && statement != TestType::connection_type::dialect.erase)
                          CHECK(told.code == (statement == "COMMIT" ? errc::not_saved : wanted));
                  });
        }
    };
    SECTION("of a store that is connected") {
        for (const operation<TestType>& op : operations) sweep_all(op, false);
    }
    SECTION("of a store that has to connect") {
        for (const operation<TestType>& op : operations)
            if (op.name == "save_token") sweep_all(op, true);
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a change is not guessed, whatever goes wrong after its commit was lost", "[sql]",
                        every_backend) {
    trial<TestType> seen;
    const bool is_slow = !std::is_same_v<TestType, sqlite_backend>; // to connect
    std::size_t unknown = 0;
    const auto check = [&](const operation<TestType>& op, const ordeal& suffers) {
        const outcome told = seen.run(op, suffers);
        INFO(op.name << as_text(*seen.suffered));
        check_truth(seen, op, told);
        unknown += told.code == errc::indeterminate ? 1u : 0u;
        const bool all = seen.suffered->harms.rbegin()->first <= seen.suffered->asked.size();
        seen.recover(op);
        return all;
    };
    for (const operation<TestType>& op : every_operation<TestType>()) {
        if (!op.writes) continue;
        const auto sweep_after = [&](const harmed& commit, const harmed& later) {
            std::size_t place = 1;
            while (check(op, {.from_commit = {{0, commit}, {place, later}}})) ++place;
        };
        for (const harm first : {harm::killed, harm::unheard}) {
            check(op, {.from_commit = {{0, {first}}}, .unreachable_after_commit = true});
            if (is_slow && op.name != "save_token") continue;
            sweep_after({first}, {harm::killed});
            sweep_after({first}, {harm::refused, sql_fault::conflict});
            if (is_slow) continue;
            sweep_after({first}, {harm::unheard});
            sweep_after({first}, {harm::refused, sql_fault::other});
        }
    }
    CHECK(unknown > 0);
}

TEMPLATE_LIST_TEST_CASE("sql_store: a change whose commit is said to have failed is looked up, whatever the failure",
                        "[sql]", every_backend) {
    trial<TestType> seen;
    for (const operation<TestType>& op : every_operation<TestType>()) {
        if (!op.writes || op.name == "delete_tokens") continue; // of which there is no one row to look at
        for (const sql_fault fault : {sql_fault::conflict, sql_fault::other}) {
            const ordeal suffers{.from_commit = {{0, {harm::misreported, fault}}}};
            const outcome told = seen.run(op, suffers);
            INFO(op.name << as_text(*seen.suffered));
            CHECK(told.code == std::nullopt);
            CHECK(seen.now() == as_texts(op.after));
            CHECK(std::count(seen.suffered->asked.begin(), seen.suffered->asked.end(), "COMMIT") == 1);
            seen.recover(op);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a second loss in one call is told as what it is", "[sql]", every_backend) {
    trial<TestType> seen;
    const std::size_t stride = std::is_same_v<TestType, sqlite_backend> ? 2 : 4; // as servers take time to connect
    const auto check = [&](const operation<TestType>& op, const ordeal& suffers) {
        const outcome told = seen.run(op, suffers);
        INFO(op.name << as_text(*seen.suffered));
        check_truth(seen, op, told);
        const bool all = suffers.harms.rbegin()->first <= seen.suffered->asked.size();
        seen.recover(op);
        return all;
    };
    for (const operation<TestType>& op : every_operation<TestType>()) {
        if (stride != 2 && op.name != "find_token" && op.name != "delete_tokens") continue;
        for (std::size_t early = 1; check(op, {.harms = {{early, {}}}, .unreachable_from = early + 1}); ++early)
            for (const harm second : {harm::killed, harm::unheard})
                for (std::size_t later = early + 1; check(op, {.harms = {{early, {}}, {later, {second}}}});)
                    later += stride;
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: what somebody else does between a lost commit and the looking up is respected",
                        "[sql]", every_backend) {
    trial<TestType> seen;
    visitor<TestType> other;
    const auto operations = every_operation<TestType>();
    const auto told = [&](const std::string& name, harm how, const std::string& sql) {
        const auto op = std::find_if(operations.begin(), operations.end(), [&](auto& o) { return o.name == name; });
        seen.restore();
        const outcome result = seen.run(*op, {.from_commit = {{0, {.how = how, .then = [&] { other.execute(sql); }}}}});
        CHECK(seen.suffered->has_committed);
        check_discreet(result);
        return result.code;
    };
    const std::string of = " WHERE id = '", change = "UPDATE " + seen.table() + " SET scope = 'other'" + of,
                      removal = "DELETE FROM " + seen.table() + of;
    token others = subject;
    others.scope = "other";

    for (const harm how : {harm::killed, harm::unheard}) {
        CAPTURE(static_cast<int>(how));
        const bool took_place = how == harm::unheard;
        for (const std::string name : {"save_token", "replace_token"}) {
            CHECK(told(name, how, change + subject.id + "'") == errc::indeterminate);
            token both = took_place ? refreshed(others) : others;
            CHECK(seen.now() == as_texts({both, bystander}));
            CHECK(told(name, how, removal + subject.id + "'") == errc::indeterminate);
            CHECK(seen.now() == as_texts({bystander})); // it does not come back
        }
        for (const std::string name : {"remove_token", "delete_token"}) {
            const auto code = told(name, how, change + subject.id + "'");
            CHECK(code == (took_place ? std::optional<errc>() : errc::indeterminate));
            CHECK(seen.now() == (took_place ? as_texts({bystander}) : as_texts({others, bystander})));
        }
        const std::string back =
            "INSERT INTO " + seen.table() + " (id, user_name) VALUES ('" + subject.id + "', 'new')";
        if (took_place) CHECK(told("delete_token", how, back) == errc::indeterminate);
        // What happens to other rows does not matter.
        CHECK(told("save_token", how, removal + bystander.id + "'") == std::nullopt);
        CHECK(seen.now() == as_texts({refreshed(subject)}));
        // A new row that was saved and deleted, and one that was never saved, look the same: it is saved.
        CHECK(told("save_token, new", how, removal + newcomer.id + "'") == std::nullopt);
        CHECK(seen.now() == as_texts({subject, bystander, newcomer}));
    }
}

TEMPLATE_LIST_TEST_CASE("sql_store: a database that repeats values in what it says is not quoted", "[sql]",
                        every_backend) {
    const std::string table = new_table();
    auto store = store_on<TestType, hasty>(table);
    store.save_token(subject);
    const bool is_mysql = std::is_same_v<TestType, mysql_backend>;
    visitor<TestType>().execute("CREATE UNIQUE INDEX " + table + "_only ON " + table + " (access_token" +
                                (is_mysql ? "(100))" : ")"));
    token twin = newcomer;
    twin.access_token = subject.access_token;
    const outcome told = outcome_of([&] { store.save_token(twin); });
    CHECK(told.code == errc::not_saved);
    check_discreet(told);
    CHECK(store.get_tokens().size() == 1);
}

#ifdef TOKENKEEP_TEST_SQLITE
TEST_CASE("sqlite_store: a change that cannot open the file says why", "[sql]") {
    const temporary_directory folder;
    CHECK(::chmod((folder / "").c_str(), 0777) == 0);
    tokenkeep::sqlite_store store{folder / "tokens.db"};
    CHECK(code_of([&] { store.save_token(subject); }) == errc::permissions);
    CHECK(code_of([&] { store.delete_token(subject.id); }) == errc::permissions);
    CHECK(::chmod((folder / "").c_str(), 0700) == 0);
    store.save_token(subject);
    CHECK(store.find_token_by_id(subject.id) == subject);
}
#endif
