// SPDX-License-Identifier: MIT
#include <tokenkeep/error.hpp>

#include "support/catch.hpp"

#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>

using namespace tokenkeep;

namespace {

static_assert(std::is_error_code_enum_v<errc>);
static_assert(std::is_base_of_v<std::system_error, error> && std::is_base_of_v<error, transport_error>);
static_assert(std::is_nothrow_copy_constructible_v<error>, "exceptions are copied while others fly");

constexpr int first = static_cast<int>(errc::storage_failure), last = static_cast<int>(errc::unknown_data_center);

} // namespace

TEST_CASE("errc: none is zero, and each has words of its own", "[error]") {
    CHECK(first == 1);
    std::set<std::string> words;
    for (int code = first; code <= last; ++code) {
        words.insert(error_category().message(code));
        CHECK(static_cast<bool>(std::error_code(static_cast<errc>(code))));
    }
    CHECK(words.size() == static_cast<std::size_t>(last));
    CHECK(!words.contains(error_category().message(last + 1)));
    CHECK(error_category().message(0) == error_category().message(-1));
    CHECK(error_category().name() == std::string("tokenkeep"));
}

TEST_CASE("errc: a code of another shared object, with a category of its own, compares as one of this", "[error]") {
    static const struct : std::error_category {
        const char* name() const noexcept override { return "tokenkeep"; }
        std::string message(int) const override { return {}; }
    } theirs;
    static const struct : std::error_category {
        const char* name() const noexcept override { return "tokenkeep2"; }
        std::string message(int) const override { return {}; }
    } others;
    const int number = static_cast<int>(errc::ambiguous);
    const std::error_code code(number, theirs), foreign(number, others);
    const std::error_condition here(number, error_category());
    CHECK(code == errc::ambiguous);
    CHECK(errc::ambiguous == code);
    CHECK(code != errc::not_saved);
    CHECK(code == here);
    CHECK(make_error_code(errc::ambiguous) == std::error_condition(number, theirs));
    CHECK(make_error_code(errc::not_saved) != std::error_condition(number, theirs));
    CHECK(foreign != errc::ambiguous);
    CHECK(errc::ambiguous != foreign);
    CHECK(foreign != here);
}

TEST_CASE("error: its code compares with errc, and with no other category", "[error]") {
    const error fault(errc::ambiguous, "tokenkeep: two rows");
    CHECK(fault.code() == errc::ambiguous);
    CHECK(fault.code() != errc::invalid_record);
    CHECK(fault.code() != std::error_code(fault.code().value(), std::generic_category()));
    CHECK_THAT(fault.what(), ContainsSubstring("two rows") && ContainsSubstring("ambiguous"));
    CHECK(fault.retry_after() == std::chrono::milliseconds(0));
    CHECK(error(errc::throttled, "wait", std::chrono::seconds(2)).retry_after() == std::chrono::milliseconds(2'000));
}

TEST_CASE("transport_error: unless told otherwise the request may have been sent", "[error]") {
    CHECK(transport_error("lost").may_have_been_sent());
    CHECK(!transport_error("no connection", false).may_have_been_sent());
    CHECK(transport_error("lost").code() == errc::transport_failure);
    CHECK_THROWS_AS(throw transport_error("lost"), std::system_error);
}

TEST_CASE("file_error: it has the step and the system's code, and says both", "[error]") {
    const file_error fault(errc::storage_failure, "write", "/a/tokens.tkj", ENOSPC);
    CHECK(fault.code() == errc::storage_failure);
    CHECK(fault.stage() == std::string("write"));
    CHECK(fault.cause() == std::errc::no_space_on_device);
    CHECK_THAT(fault.what(), ContainsSubstring("cannot write /a/tokens.tkj: ") &&
                                 ContainsSubstring(fault.cause().message()) && ContainsSubstring("storage failure"));

    const file_error known = fault.with(errc::not_saved);
    CHECK(known.code() == errc::not_saved);
    CHECK(known.stage() == std::string("write"));
    CHECK(known.cause() == fault.cause());
    CHECK_THAT(known.what(), ContainsSubstring("cannot write /a/tokens.tkj: ") && ContainsSubstring("not saved"));
    CHECK_THROWS_AS(throw known, error);
}

TEST_CASE("file_error: where one can do something about it, it says what", "[error]") {
    CHECK_THAT(file_error(errc::not_saved, "rename", "t", EBUSY).what(), ContainsSubstring("mount its directory"));
    CHECK_THAT(file_error(errc::not_saved, "write", "t", EBUSY).what(), !ContainsSubstring("mount"));
    CHECK_THAT(file_error(errc::storage_failure, "lock", "t", ENOLCK).what(), ContainsSubstring("network file system"));
}
