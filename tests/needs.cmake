# SPDX-License-Identifier: MIT
# What tests and examples need of the system. What is there is a target, tokenkeep_need_NAME, to be linked.

function(tokenkeep_need name target)
  if(TARGET ${target})
    add_library(tokenkeep_need_${name} INTERFACE)
    target_link_libraries(tokenkeep_need_${name} INTERFACE ${target})
  endif()
endfunction()

# The client library of a database, which is known by a header and a library, and its server.
function(tokenkeep_need_database name header library folder server)
  find_path(TOKENKEEP_${name}_INCLUDE ${header} PATH_SUFFIXES ${folder})
  find_library(TOKENKEEP_${name}_LIBRARY ${library} PATH_SUFFIXES ${folder})
  find_program(TOKENKEEP_${name}_SERVER ${server} PATHS ${ARGN})
  if(TOKENKEEP_${name}_INCLUDE AND TOKENKEEP_${name}_LIBRARY)
    add_library(tokenkeep_client_${name} UNKNOWN IMPORTED)
    set_target_properties(
      tokenkeep_client_${name} PROPERTIES IMPORTED_LOCATION "${TOKENKEEP_${name}_LIBRARY}"
                                          INTERFACE_INCLUDE_DIRECTORIES "${TOKENKEEP_${name}_INCLUDE}")
    tokenkeep_need(${name} tokenkeep_client_${name})
  endif()
endfunction()

find_package(Catch2 QUIET)
find_package(nlohmann_json QUIET)
find_package(CURL QUIET)
find_package(ODBC QUIET)
find_package(SQLite3 QUIET)
tokenkeep_need(Catch2 Catch2::Catch2)
tokenkeep_need(nlohmann_json nlohmann_json::nlohmann_json)
tokenkeep_need(CURL CURL::libcurl)
tokenkeep_need(ODBC ODBC::ODBC)
tokenkeep_need(SQLite SQLite::SQLite3)
file(GLOB postgres_programs /usr/lib/postgresql/*/bin)
tokenkeep_need_database(MariaDB mysql.h mariadb mariadb mariadbd /usr/sbin /usr/libexec /usr/local/sbin)
tokenkeep_need_database(Redis hiredis/hiredis.h hiredis "" redis-server)
tokenkeep_need_database(Postgres libpq-fe.h pq postgresql initdb ${postgres_programs} /usr/local/pgsql/bin)

# Those of these needs that are not there, as words; empty if all are.
function(tokenkeep_find_missing result)
  foreach(need IN LISTS ARGN)
    if(TARGET tokenkeep_need_${need})
      list(REMOVE_ITEM ARGN ${need})
    endif()
  endforeach()
  list(JOIN ARGN ", " missing)
  set(${result} "${missing}" PARENT_SCOPE)
endfunction()

# A test that cannot run here is reported as skipped, by name. In CI nothing may be missing.
function(tokenkeep_skip name reason)
  if(NOT "$ENV{CI}" MATCHES "^(|0|false|no|off)$")
    message(FATAL_ERROR "${name} cannot run: ${reason}")
  endif()
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${reason}")
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: ")
endfunction()
