# SPDX-License-Identifier: MIT
# Runs the quickstart as its README says: twice, and with --revoke, in an empty folder; and compares what it prints,
# the counts of the server's own log among it.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})

function(run expected)
  execute_process(COMMAND ${PROGRAM} ${ARGN} WORKING_DIRECTORY ${FOLDER} OUTPUT_VARIABLE printed ERROR_VARIABLE errors
                  RESULT_VARIABLE result TIMEOUT 60)
  if(NOT result EQUAL 0 OR NOT "${printed}" MATCHES "^${expected}$")
    message(FATAL_ERROR "quickstart ${ARGN} ended with ${result}. It should print\n${expected}\nand printed\n${printed}${errors}")
  endif()
  foreach(file IN ITEMS quickstart-tokens.json quickstart-server.json)
    file(STRINGS ${FOLDER}/${file} secrets REGEX "(at|rt|code)-[0-9a-f]+")
    string(REGEX MATCHALL "(at|rt|code)-[0-9a-f]+" secrets "${secrets}")
    foreach(secret IN LISTS secrets)
      string(FIND "${printed}${errors}" "${secret}" at)
      if(NOT at EQUAL -1)
        message(FATAL_ERROR "quickstart ${ARGN} printed a secret.")
      endif()
    endforeach()
  endforeach()
endfunction()

set(calls "First API call: status 200\\.\nWaiting until the access token has expired \\.\\.\\.\nSecond API call: status 200\\.\n")
set(log "The server's log of this run: ")
run("No session yet: Ada logs in, and the grant token she brings is exchanged\\.\n${calls}${log}1 login\\(s\\), 1 refresh\\(es\\), 0 refused, 2 API call\\(s\\), 0 of them refused\\.\n")
run("Found Ada's session in the token file; she need not log in\\.\n${calls}${log}0 login\\(s\\), [12] refresh\\(es\\), 0 refused, 2 API call\\(s\\), 0 of them refused\\.\n")
run("The session is ended: the server has forgotten it, and so has the token file\\.\n" --revoke)
execute_process(COMMAND ${PROGRAM} --revoke WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE result ERROR_VARIABLE errors TIMEOUT 60)
if(result EQUAL 0 OR NOT errors MATCHES "token not found")
  message(FATAL_ERROR "A second --revoke should say that there is no session, and said: ${errors}")
endif()
