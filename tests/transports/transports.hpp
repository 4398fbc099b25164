// SPDX-License-Identifier: MIT
// The transports of examples/transports/, each compiled in a unit of its own.
#ifndef TOKENKEEP_TESTS_TRANSPORTS_TRANSPORTS_HPP
#define TOKENKEEP_TESTS_TRANSPORTS_TRANSPORTS_HPP

#include <tokenkeep/http.hpp>

#include <array>
#include <functional>
#include <string>

using any_transport = std::function<tokenkeep::http_response(const tokenkeep::http_request&)>;

any_transport make_curl_transport(const std::string& ca_file);
any_transport make_httplib_transport(const std::string& ca_file);
any_transport make_beast_transport(const std::string& ca_file);
any_transport make_own_transport(const std::string& ca_file);

/// A transport, and what its client library does otherwise than the others.
struct example_transport {
    const char* name;
    /// An empty ca_file means the certificates of the system.
    any_transport (*make)(const std::string& ca_file);
    const char* too_large;          ///< What it says of an answer that is too large.
    bool keeps_every_header = true; ///< Also an empty value, and the rest of a folded one.
    bool skips_provisional = true;  ///< Takes the answer after a provisional one for the answer.
    bool limits_headers = true;     ///< In size. If not, only the time ends them.
};

inline constexpr std::array<example_transport, 4> example_transports{{
    {.name = "curl", .make = make_curl_transport, .too_large = "the answer is too large"},
    {.name = "httplib",
     .make = make_httplib_transport,
     .too_large = "the answer is too large",
     .keeps_every_header = false,
     .skips_provisional = false,
     .limits_headers = false},
    {.name = "beast", .make = make_beast_transport, .too_large = "body limit exceeded"},
    {.name = "own_client", .make = make_own_transport, .too_large = "no reply"},
}};

#endif
