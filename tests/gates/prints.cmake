# SPDX-License-Identifier: MIT
# Runs PROGRAM in an empty folder, and compares its output with the end of SOURCE: the lines after `// prints:`, without
# their `// `. `...` in such a line stands for anything within the line.
cmake_minimum_required(VERSION 3.25)

file(READ ${SOURCE} text)
string(FIND "${text}" "\n// prints:\n" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${SOURCE} has no line `// prints:`.")
endif()
math(EXPR at "${at} + 11")
string(SUBSTRING "${text}" ${at} -1 expected)
string(REGEX REPLACE "\n// ?" "\n" expected "${expected}")
string(STRIP "${expected}" expected)

file(REMOVE_RECURSE ${PROGRAM}.folder)
file(MAKE_DIRECTORY ${PROGRAM}.folder)
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${PROGRAM}.folder OUTPUT_VARIABLE printed ERROR_VARIABLE errors RESULT_VARIABLE result TIMEOUT 60)
if(NOT result EQUAL 0)
  message("${printed}${errors}")
  message(FATAL_ERROR "It ended with ${result}.")
endif()
string(STRIP "${printed}" printed)

string(REGEX REPLACE "([][+.*?^$(){}|\\\\])" "\\\\\\1" pattern "${expected}")
string(REPLACE "\\.\\.\\." "[^\n]*" pattern "${pattern}")
string(REGEX MATCH "^${pattern}$" match "${printed}")
if(NOT "x${match}" STREQUAL "x${printed}" OR "x${printed}" STREQUAL "x")
  message("It should print\n${expected}\n\nand printed\n${printed}")
  message(FATAL_ERROR "The output is not what the end of ${SOURCE} says.")
endif()
