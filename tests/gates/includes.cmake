# SPDX-License-Identifier: MIT
# Fails if a header includes a standard header whose cost was measured and found too high (-DINCLUDE=the folder), or
# uses a quoted include. The test kit may include what it likes.
cmake_minimum_required(VERSION 3.25)

set(costly "regex|iostream|filesystem|fstream|random|future|functional|ranges|format|sstream|iomanip")
file(GLOB_RECURSE headers RELATIVE ${INCLUDE} ${INCLUDE}/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "There are no headers in ${INCLUDE}.")
endif()
list(FILTER headers EXCLUDE REGEX "^tokenkeep/testing/")
foreach(header IN LISTS headers)
  file(STRINGS ${INCLUDE}/${header} lines REGEX "^[ \t]*#[ \t]*include[ \t]*(<(${costly})>|\")")
  foreach(line IN LISTS lines)
    message(SEND_ERROR "${header}: ${line}")
  endforeach()
endforeach()
