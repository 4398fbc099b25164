// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TOKENKEEP_HPP
#define TOKENKEEP_TOKENKEEP_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// tokenkeep keeps OAuth 2.0 tokens: it stores them where the program chooses, and it keeps them fresh, however many
// threads, processes and machines share them.
//
// This is the table of contents, in reading order. A program that is in a hurry reads token.hpp, keeper.hpp and the
// header of its store.
//
// Folders that are not listed: text/ reads and writes JSON, forms and URLs; memory/ wipes and allocates memory; os/
// asks the operating system; the folders detail/ hold the parts of the headers beside them. Programs include none of
// memory/, os/ and detail/.

// clang-format off

// ---- The record ----
#include <tokenkeep/fwd.hpp>                 // every public class, declared only
#include <tokenkeep/version.hpp>             // the version of the library
#include <tokenkeep/compilation.hpp>         // header-only, or compiled once: src.hpp says how
#include <tokenkeep/secret.hpp>              // text that never prints and that wipes its memory
#include <tokenkeep/token.hpp>               // the record of one login, and the table of its fields
#include <tokenkeep/status.hpp>              // the field that says what is being done to a refresh token
#include <tokenkeep/error.hpp>               // what can go wrong

// ---- Which row a probe means ----
#include <tokenkeep/rules.hpp>               // matching rules, and chains of them
#include <tokenkeep/identity_key.hpp>        // the name under which an identity is locked

// ---- Stores ----
#include <tokenkeep/store.hpp>               // what a store is: six operations, and optional abilities
#include <tokenkeep/policy.hpp>              // what stores are made with, in one bundle
#include <tokenkeep/row_rules.hpp>           // what a save, a look-up and a replacement mean, for authors of stores
#include <tokenkeep/row_codec.hpp>           // a row as named texts, for stores over a network
#include <tokenkeep/migrate.hpp>             // copies all tokens from one store into another
#include <tokenkeep/store_sweep.hpp>         // deletes what is over
#include <tokenkeep/reseal.hpp>              // gives a sealed store another key

// A store in memory, over any container.
#include <tokenkeep/basic_store.hpp>         // the store
#include <tokenkeep/container.hpp>           // what can be its container
#include <tokenkeep/indexed.hpp>             // a container in which every look-up takes the same time

// A store in a file that survives crashes and that processes share.
#include <tokenkeep/file_store.hpp>          // the store
#include <tokenkeep/sealer.hpp>              // where encryption at rest is put in
#include <tokenkeep/file_system.hpp>         // where the operating system's files are put in
#include <tokenkeep/file_identity.hpp>       // which file a path names

// Keys for sealers. openssl_sealer.hpp and sodium_sealer.hpp bring sealers.
#include <tokenkeep/key_ring.hpp>            // one key or several, and what is made with them
#include <tokenkeep/key_source.hpp>          // where keys come from

// A store that keeps all its tokens in one document.
#include <tokenkeep/document_store.hpp>      // the store
#include <tokenkeep/document.hpp>            // what a document and its format are
#include <tokenkeep/text_file.hpp>           // a document that is a file
#include <tokenkeep/json_codec.hpp>          // the document's content as JSON

// A store that the program chooses at run time.
#include <tokenkeep/any_store.hpp>           // the store, and how a URL opens one

// A store in a table of a database. sqlite.hpp, mysql.hpp and postgres.hpp bring connections. redis.hpp has a store in
// Redis.
#include <tokenkeep/sql_store.hpp>           // the store
#include <tokenkeep/sql_connection.hpp>      // what a connection to a database is
#include <tokenkeep/sql_schema.hpp>          // the table

// ---- The protocol, without any I/O ----
#include <tokenkeep/http.hpp>                // requests and responses, and what a transport is
#include <tokenkeep/oauth/provider.hpp>      // what is peculiar to an authorization server
#include <tokenkeep/oauth/client_endpoint.hpp> // an endpoint of the server, and how the client says who it is
#include <tokenkeep/oauth/authorization.hpp> // a login in the user's browser, which brings a grant token
#include <tokenkeep/oauth/metadata.hpp>      // a provider from what the server publishes about itself
#include <tokenkeep/oauth/device.hpp>        // login with a code that the user types in on another device
#include <tokenkeep/oauth/exchange.hpp>      // a grant token for tokens
#include <tokenkeep/oauth/refresh.hpp>       // a refresh token for tokens
#include <tokenkeep/oauth/client_credentials.hpp> // a token of the client itself, without a user
#include <tokenkeep/oauth/response.hpp>      // reads what a token endpoint answers
#include <tokenkeep/oauth/token_response.hpp> // what such an answer brings
#include <tokenkeep/oauth/response_error.hpp> // what an answer means that brings no token
#include <tokenkeep/oauth/retry_after.hpp>   // how long a server asks to wait
#include <tokenkeep/oauth/revoke.hpp>        // the end of a session at the server

// ---- The keeper ----
#include <tokenkeep/keeper.hpp>              // hands out valid access tokens for any probe
#include <tokenkeep/session.hpp>             // the same for one identity, at the cost of one counter and the clock
#include <tokenkeep/keeper_options.hpp>      // every wait and margin
#include <tokenkeep/refresh_due.hpp>         // what refreshes in the background have done
#include <tokenkeep/describe.hpp>            // an error in one line, and whether trying later can help
#include <tokenkeep/rotation_not_saved.hpp>  // the error that carries tokens which could not be saved
#include <tokenkeep/event.hpp>               // what an observer is told
#include <tokenkeep/clock.hpp>               // the time, so that tests can own it

// ---- Zoho ----
#include <tokenkeep/zoho/provider.hpp>       // Zoho's authorization server
#include <tokenkeep/zoho/data_center.hpp>    // its regions
#include <tokenkeep/zoho/schema.hpp>         // the policy of stores that are shared with Zoho's SDKs, and their table
#include <tokenkeep/zoho/rules.hpp>          // the matching rules of that policy
#include <tokenkeep/zoho/numeric_id.hpp>     // its ids
#include <tokenkeep/zoho/csv.hpp>            // the SDKs' file

// clang-format on

#endif
