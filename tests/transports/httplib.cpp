// SPDX-License-Identifier: MIT
#include "transports/httplib.hpp"

#include "transports.hpp"

static_assert(tokenkeep::http_transport<const httplib_transport>);
static_assert(httplib_transport::max_answer == 1024 * 1024);

any_transport make_httplib_transport(const std::string& ca_file) { return httplib_transport{ca_file}; }
