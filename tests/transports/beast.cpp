// SPDX-License-Identifier: MIT
#include "transports/beast.hpp"

#include "transports.hpp"

static_assert(tokenkeep::http_transport<const beast_transport>);
static_assert(beast_transport::max_answer == 1024 * 1024);

any_transport make_beast_transport(const std::string& ca_file) { return beast_transport{ca_file}; }
