// SPDX-License-Identifier: MIT
// A second unit for the programs of the SQL stores: everything is included, and whole stores are made, in both. A
// database takes part if it is there (see sql/backends.hpp).
#ifdef TOKENKEEP_TEST_MARIADB
#include <tokenkeep/mysql.hpp>
#endif
#ifdef TOKENKEEP_TEST_POSTGRES
#include <tokenkeep/postgres.hpp>
#endif
#ifdef TOKENKEEP_TEST_SQLITE
#include <tokenkeep/sqlite.hpp>
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
