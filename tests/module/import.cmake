# SPDX-License-Identifier: MIT
# Compiles the module with COMPILER, and the program that imports it, and runs that. -DSOURCE=the project -DFOLDER
cmake_minimum_required(VERSION 3.25)
# The module's <memory> uses what C++20 calls deprecated.
set(compile ${COMPILER} -std=c++20 -pthread -Wall -Wextra -Werror -Wno-deprecated-declarations)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
foreach(command IN ITEMS "-I${SOURCE}/include --precompile ${SOURCE}/module/tokenkeep.cppm -o tokenkeep.pcm"
                         "-c tokenkeep.pcm -o tokenkeep.o"
                         "-fmodule-file=tokenkeep=tokenkeep.pcm ${SOURCE}/tests/module/import.cpp tokenkeep.o -o import")
  separate_arguments(command UNIX_COMMAND "${command}")
  execute_process(COMMAND ${compile} ${command} WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${FOLDER}/import WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
