# SPDX-License-Identifier: MIT
# Prepares for check.cmake, in FOLDER: COMPILER precompiles the standard headers of the library in INCLUDE. With them a
# mistake takes half of the time to compile, and the compiler says of it what it says without them.
# Then every file compiles without its mistake: all in one unit, each in a namespace of its own; but a file that
# specializes a template of the library is a unit by itself.
cmake_minimum_required(VERSION 3.25)

set(command ${COMPILER} -std=c++20 -Wall -Wextra -Wpedantic -Werror -I${INCLUDE})

# Sets `result` to what these files include in angle brackets, one a line.
function(read_includes result pattern)
  set(all "")
  foreach(file IN LISTS ARGN)
    file(STRINGS ${file} lines REGEX "^#include <${pattern}>")
    list(APPEND all ${lines})
  endforeach()
  list(SORT all)
  list(REMOVE_DUPLICATES all)
  list(JOIN all "\n" all)
  set(${result} "${all}\n" PARENT_SCOPE)
endfunction()

function(compile)
  execute_process(COMMAND ${command} ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "It must compile without mistakes.")
  endif()
endfunction()

file(GLOB_RECURSE library ${INCLUDE}/tokenkeep/*.hpp)
list(FILTER library EXCLUDE REGEX "/testing/")
read_includes(standard "[a-z_]+" ${library})
file(WRITE ${FOLDER}/standard.hpp "${standard}")
compile(-x c++-header ${FOLDER}/standard.hpp -o ${FOLDER}/standard.hpp.gch)

set(alone "")
file(GLOB files ${CMAKE_CURRENT_LIST_DIR}/*.[ch]pp)
read_includes(unit ".*" ${files})
list(FILTER files INCLUDE REGEX "\\.cpp$")
foreach(file IN LISTS files)
  cmake_path(GET file STEM name)
  file(STRINGS ${file} specializes REGEX "^struct tokenkeep::")
  if(specializes)
    list(APPEND alone ${file})
  else()
    string(APPEND unit "namespace ${name} {\n#include \"${file}\"\n}\n")
  endif()
endforeach()
file(WRITE ${FOLDER}/without_mistakes.cpp "${unit}")
compile(-include ${FOLDER}/standard.hpp -fsyntax-only ${FOLDER}/without_mistakes.cpp ${alone})
