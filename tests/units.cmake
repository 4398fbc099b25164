# SPDX-License-Identifier: MIT
# Several test files as one unit for the compiler, so that what they share is compiled once. Each is included in a
# namespace of its own, below everything that they include: their names do not meet. A file that specialises a template
# of the library cannot be in a namespace, and stays a unit.

# RESULT is what to compile in place of the files: units of SIZE files, which are made in FOLDER, and those that stay.
function(tokenkeep_units result folder size)
  set(units "")
  set(count 0)
  set(last -1)
  foreach(file IN LISTS ARGN)
    file(STRINGS ${file} specialisation REGEX "^(template <> )?struct tokenkeep::")
    if(specialisation)
      list(APPEND units ${file})
      continue()
    endif()
    math(EXPR last "${count} / ${size}")
    math(EXPR count "${count} + 1")
    file(STRINGS ${file} includes REGEX "^#include ")
    list(APPEND includes_of_${last} ${includes})
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE name)
    string(MAKE_C_IDENTIFIER "${name}" name)
    string(APPEND namespaces_of_${last} "namespace ${name} {\n#include \"${file}\"\n}\n")
  endforeach()
  foreach(n RANGE ${last})
    list(REMOVE_DUPLICATES includes_of_${n})
    list(JOIN includes_of_${n} "\n" includes)
    file(CONFIGURE OUTPUT ${folder}/unit_${n}.cpp CONTENT "${includes}\n${namespaces_of_${n}}" @ONLY)
    list(APPEND units ${folder}/unit_${n}.cpp)
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN}) # their lines are read
  set(${result} ${units} PARENT_SCOPE)
endfunction()
