# SPDX-License-Identifier: MIT
# No header of INCLUDE calls min or max in a way that the macros of windows.h would take: the name is in parentheses,
# such as (std::min)(a, b).
cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers RELATIVE ${INCLUDE} ${INCLUDE}/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "There are no headers in ${INCLUDE}.")
endif()
foreach(header IN LISTS headers)
  file(STRINGS ${INCLUDE}/${header} lines REGEX "(^|[^A-Za-z0-9_])(min|max)[ \t]*\\(")
  foreach(line IN LISTS lines)
    message(SEND_ERROR "${header}: ${line}")
  endforeach()
endforeach()
