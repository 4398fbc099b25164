// SPDX-License-Identifier: MIT
// A second unit for the programs of the SQL stores: everything is included, and whole stores are made, in both.
#include <tokenkeep/mysql.hpp>
#include <tokenkeep/postgres.hpp>
#include <tokenkeep/sqlite.hpp>
#include <tokenkeep/tokenkeep.hpp>

template class tokenkeep::sql_store<tokenkeep::sqlite_connection>;
template class tokenkeep::sql_store<tokenkeep::mysql_connection, tokenkeep::zoho::policy>;
template class tokenkeep::sql_store<tokenkeep::postgres_connection>;
