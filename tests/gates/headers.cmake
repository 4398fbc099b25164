# SPDX-License-Identifier: MIT
# Every header of INCLUDE compiles where it is included first and alone: with COMPILER, whose OPTIONS are the warnings.
#
# One unit can show that of several headers: those in which each header includes the one before, itself or through
# others. What stands before a header is then only what it includes, and it compiles as it does alone. For the same
# reason a unit whose first header includes oauth/provider.hpp may begin with that one, precompiled. Not tested are
# the headers that need a library (of a database, a keyring, a cipher), and those of one platform; gates/clang++ compiles
# them. src.hpp is tested in tests/separate/.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/own_includes.cmake)
separate_arguments(OPTIONS)

# Sets below_HEADER to all that it includes, itself or through others.
function(look_below header)
  if(NOT DEFINED below_${header})
    read_own_includes(all ${header})
    foreach(other IN LISTS all)
      look_below(${other})
      list(APPEND all ${below_${other}})
    endforeach()
    list(REMOVE_DUPLICATES all)
    set(below_${header} "${all}" CACHE INTERNAL "")
  endif()
endfunction()

list(FILTER headers EXCLUDE REGEX "^(src|sqlite|mysql|postgres|redis|keyring|openssl_sealer|sodium_sealer|detail/sql/(mysql|postgres)_[a-z]+|detail/redis/[a-z]+|os/posix[a-z_]*)$")
set(by_size "")
foreach(header IN LISTS headers)
  look_below(${header})
  list(LENGTH below_${header} size)
  math(EXPR size "${size} + 1000")
  list(APPEND by_size "${size} ${header}")
endforeach()
list(SORT by_size ORDER DESCENDING)
list(TRANSFORM by_size REPLACE "^[0-9]+ " "")

set(shared oauth/provider)
set(compile ${COMPILER} -std=c++20 ${OPTIONS} -I${INCLUDE})
file(WRITE ${FOLDER}/shared.hpp "#include <tokenkeep/${shared}.hpp>\n")
execute_process(COMMAND ${compile} -x c++-header ${FOLDER}/shared.hpp -o ${FOLDER}/shared.hpp.gch
                COMMAND_ERROR_IS_FATAL ANY)

# From the headers that include most each unit goes down, to the one below that includes most of those that are left.
set(left ${by_size})
set(units 0)
foreach(header IN LISTS by_size)
  set(unit "")
  while(header IN_LIST left)
    list(REMOVE_ITEM left ${header})
    string(PREPEND unit "#include <tokenkeep/${header}.hpp>\n")
    foreach(next IN LISTS left)
      if(next IN_LIST below_${header})
        set(header ${next})
        break()
      endif()
    endforeach()
  endwhile()
  if(unit)
    set(before "")
    if(shared IN_LIST below_${header})
      set(before -include ${FOLDER}/shared.hpp)
    endif()
    file(WRITE ${FOLDER}/unit.cpp "${unit}")
    execute_process(COMMAND ${compile} -fsyntax-only ${before} ${FOLDER}/unit.cpp RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(SEND_ERROR "These do not compile:\n${unit}")
    endif()
    math(EXPR units "${units} + 1")
  endif()
endforeach()
if(left)
  message(SEND_ERROR "These are in no unit: ${left}")
endif()
message(STATUS "Every header compiles alone, as ${units} units show.")
