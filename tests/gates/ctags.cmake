# SPDX-License-Identifier: MIT
# Universal Ctags, on which editors and code browsers are built, finds the definition of every class that fwd.hpp
# declares, and the keeper's members. -DCTAGS=the program -DINCLUDE=the folder.
cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers ${INCLUDE}/*.hpp)
execute_process(COMMAND ${CTAGS} -x --c++-kinds=csf ${headers} OUTPUT_VARIABLE tags COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${INCLUDE}/tokenkeep/fwd.hpp declared REGEX "^(class|struct) ")
set(missing "")
foreach(line IN LISTS declared)
  string(REGEX REPLACE "^[a-z]+ ([a-z0-9_]+).*" "\\1" name "${line}")
  if(NOT "\n${tags}" MATCHES "\n${name} +(class|struct) ")
    list(APPEND missing ${name})
  endif()
endforeach()
foreach(name IN ITEMS access_token record send session revoke)
  if(NOT "\n${tags}" MATCHES "\n${name} +function +[0-9]+ [^\n]*/keeper\\.hpp ")
    list(APPEND missing keeper::${name})
  endif()
endforeach()
if(missing OR NOT declared)
  message(FATAL_ERROR "ctags finds no definition of: ${missing}")
endif()
