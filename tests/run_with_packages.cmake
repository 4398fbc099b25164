# SPDX-License-Identifier: MIT
# Installs the npm packages of the folder PACKAGES into FOLDER, if they are not there yet, and its scripts, and runs
# the program that the last word names, which starts one. The versions are those of the lock file, and no package runs
# scripts of its own.
cmake_minimum_required(VERSION 3.25)

file(MAKE_DIRECTORY ${FOLDER})
set(lock ${PACKAGES}/package-lock.json)
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${lock} ${FOLDER}/installed.json
                RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
if(NOT result EQUAL 0)
  file(COPY ${PACKAGES}/package.json ${lock} DESTINATION ${FOLDER})
  execute_process(COMMAND npm ci --ignore-scripts --no-audit --no-fund
                  WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0)
    if(NOT "$ENV{CI}" MATCHES "^(|0|false|no|off)$")
      message("${said}")
      message(FATAL_ERROR "The packages of ${PACKAGES} cannot be installed with npm (${result}).")
    endif()
    message(NOTICE "skipped: the packages of ${PACKAGES} cannot be installed with npm (${result})\n${said}")
    return()
  endif()
  file(GLOB node ${FOLDER}/node_modules/node-*/bin/node) # the one for this machine; npm 9 makes no link to it
  if(NOT node)
    unset(node) # or find_program takes the empty list for an answer
    find_program(node node)
  endif()
  file(CREATE_LINK ${node} ${FOLDER}/node SYMBOLIC)
  file(COPY_FILE ${lock} ${FOLDER}/installed.json)
endif()
file(GLOB scripts ${PACKAGES}/*.mjs)
file(COPY ${scripts} DESTINATION ${FOLDER})

math(EXPR last "${CMAKE_ARGC} - 1")
execute_process(COMMAND ${CMAKE_ARGV${last}} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "It ended with ${result}.")
endif()
