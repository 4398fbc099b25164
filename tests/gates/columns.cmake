# SPDX-License-Identifier: MIT
# No line with a comment in include/, tests/ or examples/ of SOURCE has more than 120 columns; clang-format minds the code
# only. A line `// expect: ` has what a compiler prints, and may be longer.
cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/include/*.hpp ${SOURCE}/tests/*.[ch]pp ${SOURCE}/examples/*.[ch]pp)
if(NOT files)
  message(FATAL_ERROR "There are no files in ${SOURCE}.")
endif()
foreach(file IN LISTS files)
  file(STRINGS ${SOURCE}/${file} lines LENGTH_MINIMUM 121 REGEX "(^| )//")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^// expect: ")
      message(SEND_ERROR "${file}: ${line}")
    endif()
  endforeach()
endforeach()
