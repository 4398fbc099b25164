// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_EXAMPLES_CLI_ZOHO_CSV_STORE_HPP
#define TOKENKEEP_EXAMPLES_CLI_ZOHO_CSV_STORE_HPP

#include <tokenkeep/tokenkeep.hpp>

namespace cli {

/// The file of Zoho's SDKs, for URLs that begin with zoho-csv:.
using zoho_csv_store =
    tokenkeep::basic_document_store<tokenkeep::text_file, tokenkeep::zoho::csv, tokenkeep::zoho::policy>;

} // namespace cli

#endif
