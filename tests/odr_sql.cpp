// SPDX-License-Identifier: MIT
// A second unit for the programs of the stores over databases: everything is included, and whole stores are made, in
// both. A database takes part if it is there. For the gates, the keyring and the
// sealers do too.
#ifdef TOKENKEEP_TEST_MARIADB
#include <tokenkeep/mysql.hpp>
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
#include <tokenkeep/postgres.hpp>
#endif
#ifdef TOKENKEEP_TEST_REDIS
#include <tokenkeep/redis.hpp>
#endif
#ifdef TOKENKEEP_TEST_SQLITE
#include <tokenkeep/sqlite.hpp>
#endif
#ifdef TOKENKEEP_TEST_LIBSECRET
#include <tokenkeep/keyring.hpp>
#endif
#ifdef TOKENKEEP_TEST_LIBSODIUM
#include <tokenkeep/sodium_sealer.hpp>
#endif
#ifdef TOKENKEEP_TEST_OPENSSL
#include <tokenkeep/openssl_sealer.hpp>
#endif
#include <tokenkeep/tokenkeep.hpp>

#ifdef TOKENKEEP_TEST_SQLITE
template class tokenkeep::sql_store<tokenkeep::sqlite_connection>;
#endif
#ifdef TOKENKEEP_TEST_MARIADB
template class tokenkeep::sql_store<tokenkeep::mysql_connection, tokenkeep::zoho::policy>;
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
template class tokenkeep::sql_store<tokenkeep::postgres_connection>;
#endif
#ifdef TOKENKEEP_TEST_REDIS
template class tokenkeep::basic_redis_store<>;
#endif
#ifdef TOKENKEEP_TEST_LIBSECRET
template class tokenkeep::basic_document_store<tokenkeep::keyring>;
#endif
