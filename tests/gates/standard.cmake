# SPDX-License-Identifier: MIT
# A compiler of an older language standard says one sentence, whichever public header, or single header, comes first.
# -DINCLUDE=the folder -DCOMPILER=the compiler. The single header of names goes with the whole library.
cmake_minimum_required(VERSION 3.25)

set(ENV{LC_ALL} C)
set(single ${INCLUDE}/../single_include)
file(GLOB_RECURSE headers ${INCLUDE}/*.hpp ${single}/*.hpp)
list(FILTER headers EXCLUDE REGEX "/tokenkeep/(memory|os)/|/detail/")
foreach(header IN LISTS headers)
  execute_process(COMMAND ${COMPILER} -std=c++17 -fsyntax-only -I ${INCLUDE} -x c++ ${header}
                  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX MATCHALL "\n" lines "${said}")
  list(LENGTH lines lines)
  if(result EQUAL 0 OR NOT said MATCHES "^[^\n]*tokenkeep needs C\\+\\+20: compile with -std=c\\+\\+20" OR lines GREATER 8)
    message(SEND_ERROR "${header} says, in ${lines} lines:\n${said}")
  endif()
endforeach()
if(NOT headers)
  message(FATAL_ERROR "There are no headers in ${INCLUDE}.")
endif()

execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I ${single} -include tokenkeep/fwd.hpp -x c++
                        ${single}/tokenkeep/tokenkeep.hpp COMMAND_ERROR_IS_FATAL ANY)
