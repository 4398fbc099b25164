// SPDX-License-Identifier: MIT
#include <tokenkeep/describe.hpp>

#include "support/catch.hpp"

#include <exception>
#include <stdexcept>
#include <string>

using namespace tokenkeep;

namespace {

/// `outer` with `cause` nested in it, described.
template <class Outer, class Cause>
std::string described(const Outer& outer, const Cause& cause) {
    try {
        try {
            throw cause;
        } catch (...) {
            std::throw_with_nested(outer);
        }
    } catch (const std::exception& failure) {
        return describe(failure);
    }
}

} // namespace

TEST_CASE("describe: an error and its causes in one line", "[error]") {
    CHECK(describe(std::runtime_error("plain")) == "plain");
    CHECK(described(std::runtime_error("outer"), std::runtime_error("in\nner\t\x7f!")) == "outer: in ner  !");
    CHECK(described(std::runtime_error("outer"), 7) == "outer");
    const error unknown(errc::outcome_unknown, "no answer");
    CHECK_THAT(described(unknown, std::runtime_error("reset by peer")), ContainsSubstring(": reset by peer"));
}

TEST_CASE("describe: the server's code is named once", "[error]") {
    const response_error unexplained(errc::request_rejected, "it refuses", {.server_code = "home_made"});
    CHECK_THAT(describe(unexplained), ContainsSubstring(" (home_made)"));
    const response_error known(errc::reauthorization_required, "it refuses: invalid_grant",
                               {.server_code = "invalid_grant"});
    CHECK_THAT(describe(known), !ContainsSubstring("(invalid_grant)"));
}

TEST_CASE("describe: is_passing says whether trying later can help", "[error]") {
    for (const errc code : {errc::storage_failure, errc::not_saved, errc::indeterminate, errc::lock_timeout,
                            errc::throttled, errc::server_unavailable, errc::transport_failure, errc::outcome_unknown,
                            errc::rotation_not_saved, errc::malformed_response})
        CHECK(is_passing(error(code, "x")));
    for (const errc code :
         {errc::storage_corrupt, errc::store_gone, errc::permissions, errc::unsupported_version, errc::ambiguous,
          errc::invalid_record, errc::token_not_found, errc::reauthorization_required, errc::client_rejected,
          errc::request_rejected, errc::unknown_data_center})
        CHECK_FALSE(is_passing(error(code, "x")));
    CHECK_FALSE(is_passing(lost_login_error()));
    CHECK_FALSE(is_passing(std::runtime_error("x")));
}
