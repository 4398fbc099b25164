// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TOKENKEEP_HPP
#define TOKENKEEP_TOKENKEEP_HPP

// tokenkeep keeps OAuth 2.0 tokens: it stores them where the program chooses and keeps them fresh, however many
// threads, processes and machines share them. This is the table of contents, in reading order.

#include <tokenkeep/fwd.hpp>
#include <tokenkeep/version.hpp>

// The record.
#include <tokenkeep/secret.hpp> // text that never prints and wipes itself
#include <tokenkeep/status.hpp> // the field that says what is being done to a refresh token
#include <tokenkeep/token.hpp>  // the record, and the one table of its fields

// Which row a probe means, and where rows lie.
#include <tokenkeep/container.hpp>    // what basic_store can keep rows in
#include <tokenkeep/identity_key.hpp> // the name under which an identity is locked
#include <tokenkeep/policy.hpp>       // what stores are made with, in one bundle
#include <tokenkeep/rules.hpp>        // matching rules and chains of them
#include <tokenkeep/store.hpp>        // what a store is: six operations, and two abilities

// The stores.
#include <tokenkeep/basic_store.hpp>    // in memory, over any container
#include <tokenkeep/document_store.hpp> // the whole list in one document, such as a text_file
#include <tokenkeep/file_store.hpp>     // for programs: in a file that survives crashes and that processes share
#include <tokenkeep/file_system.hpp>    // the seam between file_store and the platform
#include <tokenkeep/migrate.hpp>        // from one store into another
#include <tokenkeep/sealer.hpp>         // the seam for encryption at rest
#include <tokenkeep/sql_connection.hpp> // what a database is to a store; see sqlite.hpp, mysql.hpp and postgres.hpp
#include <tokenkeep/sql_schema.hpp>     // its table
#include <tokenkeep/sql_store.hpp>      // in a table of a database that machines share

// The stores of Zoho's SDKs, to share.
#include <tokenkeep/zoho/csv.hpp>        // their file
#include <tokenkeep/zoho/numeric_id.hpp> // ids that they can read
#include <tokenkeep/zoho/schema.hpp>     // their table, and the policy for sharing

// The protocol, without any I/O.
#include <tokenkeep/http.hpp>           // requests, responses, and what a transport is
#include <tokenkeep/oauth/exchange.hpp> // a grant token for tokens
#include <tokenkeep/oauth/provider.hpp> // what is peculiar to an authorization server
#include <tokenkeep/oauth/refresh.hpp>  // a refresh token for tokens
#include <tokenkeep/oauth/response.hpp> // what a token endpoint answers
#include <tokenkeep/oauth/revoke.hpp>   // the end
#include <tokenkeep/zoho/data_center.hpp>
#include <tokenkeep/zoho/provider.hpp>
#include <tokenkeep/zoho/rules.hpp>

// Where they meet.
#include <tokenkeep/clock.hpp>          // time, for tests to own
#include <tokenkeep/error.hpp>          // what can go wrong
#include <tokenkeep/event.hpp>          // what an observer is told
#include <tokenkeep/keeper.hpp>         // valid access tokens for any probe
#include <tokenkeep/keeper_options.hpp> // every wait and margin
#include <tokenkeep/rotation_not_saved.hpp>
#include <tokenkeep/session.hpp> // the hot path for one identity

#endif
