// SPDX-License-Identifier: MIT
#include "transports/curl.hpp"

#include "transports.hpp"

static_assert(tokenkeep::http_transport<const curl_transport>);
static_assert(curl_transport::max_answer == 1024 * 1024);

any_transport make_curl_transport(const std::string& ca_file) { return curl_transport{ca_file}; }
