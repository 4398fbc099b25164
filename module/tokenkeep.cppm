// SPDX-License-Identifier: MIT
// The library as a module: `import tokenkeep;`. It exports the public names of tokenkeep.hpp and of text/. Macros are not
// exported. The opt-in headers, such as sqlite.hpp, are included: before the import.
module;
#include <tokenkeep/tokenkeep.hpp>
export module tokenkeep;

export namespace tokenkeep { inline namespace v1 {

using v1::library_version;

using v1::secret;

using v1::field;
using v1::fields;
using v1::merge;
using v1::redacted;
using v1::timestamp_from_text;
using v1::to_text;
using v1::token;

using v1::read_status;
using v1::status_kind;
using v1::to_status;
using v1::token_status;

using v1::errc;
using v1::error;
using v1::error_category;
using v1::file_error;
using v1::make_error_code;
using v1::transport_error;
using v1::operator==;
using v1::lost_login_error;

using v1::by_access_token;
using v1::by_grant_token;
using v1::by_id;
using v1::by_refresh_token;
using v1::by_seed;
using v1::by_user;
using v1::default_rules;
using v1::first_applicable;
using v1::matches;
using v1::matching_rule;
using v1::matching_rules;
using v1::needs_client;
using v1::rule_list;
using v1::same_client;
using v1::same_client_id;
using v1::saves_over;

using v1::identity_key;

using v1::comparing_store;
using v1::deadline_store;
using v1::locking_store;
using v1::token_store;

using v1::defaults;
using v1::null_mutex;
using v1::random_id;

using v1::row_rules;

using v1::decode_row;
using v1::encode_row;
using v1::row_cell;

using v1::migrate;
using v1::migration_report;

using v1::sweep;
using v1::sweep_policy;
using v1::sweep_report;

using v1::reseal;
using v1::reseal_report;
using v1::resealing_store;

using v1::basic_store;
using v1::list_store;
using v1::map_store;
using v1::memory_store;

using v1::container_traits;

using v1::indexed;

using v1::basic_file_store;
using v1::file_store;
using v1::salvage_report;

using v1::fingerprinting_sealer;
using v1::no_seal;
using v1::sealer;

using v1::file_system;

using v1::file_identity;

using v1::key_ring;

using v1::key_from_document;
using v1::key_from_environment;
using v1::key_from_file;
using v1::key_from_text;
using v1::make_key;
using v1::wrapped_key;

using v1::basic_document_store;
using v1::json_file_store;

using v1::document;
using v1::document_codec;

using v1::text_file;

using v1::json_codec;

using v1::any_store;
using v1::open_store;

using v1::sql_store;

using v1::sql_connection;
using v1::sql_dialect;
using v1::sql_error;
using v1::sql_fault;

using v1::sql_schema;

using v1::erase_header;
using v1::find_header;
using v1::form_field;
using v1::http_header;
using v1::http_request;
using v1::http_response;
using v1::http_transport;

using v1::authorization_provider;
using v1::explain_authorization_provider;
using v1::oauth2_provider;

using v1::client_authentication;
using v1::client_endpoint;

using v1::authorization;
using v1::authorization_request;
using v1::authorization_wish;
using v1::login_provider;
using v1::read_authorization_response;

using v1::metadata_address;
using v1::metadata_options;
using v1::metadata_request;
using v1::read_metadata;

using v1::device_authorization;
using v1::device_authorization_request;
using v1::device_prompt;
using v1::device_token_request;
using v1::read_device_authorization;

using v1::exchange_request;

using v1::refresh_request;

using v1::client_credentials_request;

using v1::read_token_response;

using v1::apply_response;
using v1::grant_kind;
using v1::token_response;

using v1::error_meaning;
using v1::response_error;
using v1::response_reason;

using v1::find_retry_after;

using v1::read_revoke_response;
using v1::revoke_request;

using v1::keeper;

using v1::session;

using v1::keeper_options;

using v1::refresh_due_report;

using v1::describe;
using v1::is_passing;

using v1::rotation_not_saved_error;

using v1::event;
using v1::event_kind;
using v1::ignore_events;

using v1::clock;
using v1::deadline;
using v1::system_clock;
using v1::timestamp;

namespace text {
using text::equal_ignoring_case;
using text::hex_value;
using text::is_digit;
using text::is_letter;
using text::is_printable;
using text::is_visible;
using text::to_hex;
using text::to_lower;
using text::trim;

using text::from_base64url;
using text::to_base64;
using text::to_base64url;

using text::parse_date;
using text::parse_http_date;

using text::form_encode;
using text::form_pair;
using text::from_form;
using text::to_form;

using text::hmac_sha256;

using text::json_result;
using text::parse_json;

using text::json_depth_limit;

using text::json_fault;

using text::append_json_string;

using text::json_kind;
using text::json_value;

using text::sha256;
using text::sha256_hash;
using text::sha256_hex;

using text::is_loopback;
using text::is_secure_url;
using text::parse_url;
using text::port_of;
using text::same_origin;
using text::url_parts;

using text::is_utf8;
} // namespace text

namespace zoho {
using zoho::data_center_of_response;
using zoho::provider;

using zoho::au;
using zoho::belongs_to;
using zoho::ca;
using zoho::cn;
using zoho::constant_url;
using zoho::data_center;
using zoho::environment;
using zoho::eu;
using zoho::find_data_center;
using zoho::in;
using zoho::jp;
using zoho::known_data_center;
using zoho::sa;
using zoho::uk;
using zoho::us;

using zoho::policy;

using zoho::needs_client_credentials;
using zoho::rules;

using zoho::numeric_id;

using zoho::csv;
using zoho::unquoted_csv;
} // namespace zoho

}} // namespace tokenkeep::v1
