# SPDX-License-Identifier: MIT
# The architecture as a test: a header includes from its own floor and from those below, and from a detail room only if
# it is in that room or is one of its doors. -DINCLUDE=the folder. A new header needs a place in this table.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/own_includes.cmake)

set(floor_0 version compilation fwd error clock event file_identity memory/)
set(floor_1 text/)
set(floor_2 secret http)
set(floor_3 token sealer os/)
set(floor_4 status identity_key rules store container policy file_system sql_schema sql_connection document json_codec
            text_file keeper_options rotation_not_saved row_codec migrate key_ring)
set(floor_5 row_rules detail/store/ detail/journal/ detail/sql/ oauth/ oauth/detail/)
set(floor_6 key_source indexed basic_store document_store file_store sql_store any_store describe reseal store_sweep refresh_due zoho/ providers/)
set(floor_7 detail/keeper/ detail/sealer/ session keeper)
set(floor_8 tokenkeep sqlite mysql postgres redis keyring openssl_sealer sodium_sealer detail/redis/)
set(floor_9 src testing testing/ testing/detail/)

# Who may enter a detail room from outside.
set(doors_of_detail/store/ keeper any_store basic_store indexed document_store file_store sql_store mysql redis key_source row_rules store_sweep
                            detail/journal/ detail/sql/ detail/redis/ detail/keeper/)
set(doors_of_detail/journal/ file_store)
set(doors_of_detail/sql/ sql_store sqlite mysql postgres)
set(doors_of_detail/redis/ redis)
set(doors_of_detail/sealer/ openssl_sealer sodium_sealer)
set(doors_of_detail/keeper/ keeper session)
set(doors_of_oauth/detail/ oauth/)
set(doors_of_testing/detail/ testing/)

# The floor of a header (its path below tokenkeep/, without .hpp), and the entry of the table that says so: the header
# itself or its folder.
function(look_up header floor entry)
  cmake_path(GET header PARENT_PATH folder)
  foreach(n RANGE 9)
    foreach(candidate IN ITEMS ${header} ${folder}/)
      if(candidate IN_LIST floor_${n})
        set(${floor} ${n} PARENT_SCOPE)
        set(${entry} ${candidate} PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
  message(FATAL_ERROR "${header}.hpp has no floor: give it a place in the table of ${CMAKE_CURRENT_LIST_FILE}.")
endfunction()

set(arrows 0)
set(used "")
foreach(header IN LISTS headers)
  look_up(${header} floor entry)
  list(APPEND used ${entry})
  read_own_includes(others ${header})
  foreach(other IN LISTS others)
    look_up(${other} other_floor other_entry)
    if(other_floor GREATER floor)
      message(SEND_ERROR "${header} (floor ${floor}) includes upwards: ${other} (floor ${other_floor}).")
    elseif(other_entry MATCHES "detail/" AND NOT entry STREQUAL other_entry AND NOT entry IN_LIST doors_of_${other_entry})
      message(SEND_ERROR "${header} is no door of ${other_entry} and includes ${other}. Doors: ${doors_of_${other_entry}}.")
    endif()
    math(EXPR arrows "${arrows} + 1")
  endforeach()
endforeach()
# The table names nothing that is not there.
foreach(n RANGE 9)
  foreach(entry IN LISTS floor_${n})
    if(NOT entry IN_LIST used)
      message(SEND_ERROR "The table has ${entry} on floor ${n}, and there is no such header.")
    endif()
  endforeach()
endforeach()

# The umbrella is the table of contents: it includes every public header.
read_own_includes(contents tokenkeep)
foreach(header IN LISTS headers)
  if(NOT header MATCHES "^(memory|text|os|testing|providers)/|detail/|^(tokenkeep|src|testing|sqlite|mysql|postgres|redis|keyring|openssl_sealer|sodium_sealer)$"
     AND NOT header IN_LIST contents)
    message(SEND_ERROR "tokenkeep.hpp does not list ${header}.hpp.")
  endif()
endforeach()
message(STATUS "${arrows} includes keep to the floors and doors.")
