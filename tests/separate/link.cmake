# SPDX-License-Identifier: MIT
# Links the program of main.cpp and part.cpp: header-only, and over the library compiled once. If its files do not fit
# each other, the linker must say so. suite/asan links the single headers so. -DCOMPILER -DINCLUDE -DFOLDER
cmake_minimum_required(VERSION 3.25)
set(ENV{LC_ALL} C)
set(separate -DTOKENKEEP_SEPARATE_COMPILATION)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER}/other/tokenkeep)

# Runs the compiler; `expected` is empty if it must succeed, and else what it must say.
function(compile expected)
  execute_process(COMMAND ${COMPILER} -std=c++20 ${ARGN} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE result
                  OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(expected STREQUAL "" AND NOT result EQUAL 0)
    message(SEND_ERROR "${ARGN}: it failed:\n${said}")
  elseif(NOT expected STREQUAL "" AND result EQUAL 0)
    message(SEND_ERROR "${ARGN}: nothing was refused.")
  elseif(NOT said MATCHES "${expected}")
    message(SEND_ERROR "${ARGN}: it should say ${expected}:\n${said}")
  endif()
endfunction()
# Makes OBJECT.o of FILE.cpp.
function(make object file)
  compile("" ${ARGN} -I${INCLUDE} -c ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${file}.cpp -o ${object}.o)
endfunction()

# A part of another version.
file(READ ${INCLUDE}/tokenkeep/version.hpp version)
string(REGEX REPLACE "VERSION_PATCH [0-9]+" "VERSION_PATCH 999" version "${version}")
file(WRITE ${FOLDER}/other/tokenkeep/version.hpp "${version}")

make(main main)
make(part part)
make(main_separate main ${separate})
make(part_separate part ${separate})
make(part_other part ${separate} -I${FOLDER}/other)
make(source source ${separate})

set(missing "compiled_by_the_file_that_includes_src_hpp")
set(mixed "compiled_with_and_without_TOKENKEEP_SEPARATE_COMPILATION")
compile("" main.o part.o -o header_only -pthread)
compile("" main_separate.o part_separate.o source.o -o separate -pthread)
foreach(program IN ITEMS header_only separate)
  execute_process(COMMAND ${FOLDER}/${program} WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
compile(${missing} main_separate.o part_separate.o -o program -pthread)
compile(${missing} main.o part_separate.o -o program -pthread)
compile(${missing} main_separate.o part_other.o source.o -o program -pthread)
compile(${mixed} main.o part_separate.o source.o -o program -pthread)
compile(${mixed} source.o main_separate.o part.o -o program -pthread)
set(source -I${INCLUDE} -fsyntax-only ${CMAKE_CURRENT_LIST_DIR}/source.cpp)
compile("define TOKENKEEP_SEPARATE_COMPILATION for every file" ${source})
compile("include it before every other header" ${separate} -DMISTAKE ${source})

# The journal of file_store is compiled in source.o, and not where the store is used.
foreach(object IN ITEMS part source part_separate)
  file(STRINGS ${FOLDER}/${object}.o names_${object} REGEX "shared_journal")
endforeach()
if(NOT names_part OR NOT names_source OR names_part_separate)
  message(SEND_ERROR "The journal is compiled in the wrong object files.")
endif()
