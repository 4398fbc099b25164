# SPDX-License-Identifier: MIT
# The gate rooms.cmake refuses an include that goes up, one that enters a detail room by no door, a header without a
# floor, and a public header that the umbrella does not list. -DINCLUDE=the folder -DFOLDER=where mistakes are made.
cmake_minimum_required(VERSION 3.25)

function(expect_refusal sentence header line)
  file(REMOVE_RECURSE ${FOLDER})
  file(COPY ${INCLUDE}/tokenkeep DESTINATION ${FOLDER})
  file(APPEND ${FOLDER}/tokenkeep/${header} "\n${line}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DINCLUDE=${FOLDER} -P ${CMAKE_CURRENT_LIST_DIR}/rooms.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(FIND "${said}" "${sentence}" at)
  if(result EQUAL 0 OR at EQUAL -1)
    message(SEND_ERROR "The gate should refuse `${line}` in ${header} with: ${sentence}\nIt said: ${said}")
  endif()
endfunction()

expect_refusal("includes upwards: keeper" token.hpp "#include <tokenkeep/keeper.hpp>")
expect_refusal("is no door of detail/sql/" file_store.hpp "#include <tokenkeep/detail/sql/text.hpp>")
expect_refusal("stray.hpp has no floor" stray.hpp "")
expect_refusal("does not list zoho/stray.hpp" zoho/stray.hpp "")
