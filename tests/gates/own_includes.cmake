# SPDX-License-Identifier: MIT
# For the gates that look at the library's includes. Names are paths below tokenkeep/, without .hpp.
file(GLOB_RECURSE files RELATIVE ${INCLUDE}/tokenkeep ${INCLUDE}/tokenkeep/*.hpp)
list(TRANSFORM files REPLACE "\\.hpp$" "" OUTPUT_VARIABLE headers)
if(NOT headers)
  message(FATAL_ERROR "There are no headers in ${INCLUDE}/tokenkeep.")
endif()

# Sets `result` to the headers of the library that this one includes.
function(read_own_includes result header)
  file(STRINGS ${INCLUDE}/tokenkeep/${header}.hpp lines REGEX "^#include <tokenkeep/")
  list(TRANSFORM lines REPLACE "^#include <tokenkeep/([^>]*)\\.hpp>[^;]*" "\\1")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()
