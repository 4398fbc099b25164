// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FWD_HPP
#define TOKENKEEP_FWD_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Every public class, declared but not defined: for headers that only mention the names. It includes no other header.
//   #include <tokenkeep/fwd.hpp>
//   void set_up(tokenkeep::file_store& store);

namespace tokenkeep { inline namespace v1 {

enum class errc : int;
class error;
class file_error;
class transport_error;
class sql_error;
class rotation_not_saved_error;

class secret;
struct token;
struct field;

struct row_cell;

struct http_header;
struct http_request;
struct http_response;

struct system_clock;

struct default_rules;
struct random_id;
struct null_mutex;
struct defaults;
struct indexed;
template <class Container>
struct container_traits;

template <class Container, class Policy = defaults>
class basic_store;
using memory_store = basic_store<indexed>;

class text_file;
struct json_codec;
template <class Document, class Codec = json_codec, class Policy = defaults>
class basic_document_store;
using json_file_store = basic_document_store<text_file>;

struct no_seal;
class key_ring;
template <class Policy = defaults>
class basic_file_store;
using file_store = basic_file_store<>;

struct sql_schema;
template <class Connection, class Policy = defaults>
class sql_store;

class any_store;

struct oauth2_provider;

struct event;
struct ignore_events;
struct keeper_options;
class session;
template <class Store, class Transport, class Provider, class Observer = ignore_events, class Clock = system_clock>
class keeper;

namespace zoho {
struct csv;
struct data_center;
struct numeric_id;
struct policy;
struct rules;
struct unquoted_csv;
} // namespace zoho

}} // namespace tokenkeep::v1

#endif
