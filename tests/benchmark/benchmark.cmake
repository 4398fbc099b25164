# SPDX-License-Identifier: MIT
# What things cost. The tests only show that the programs run, in their quick form. The figures come from the workflow
# `benchmark`, which optimises: its target tokenkeep_page runs all programs and prints the table of page.cpp.
set(folder ${CMAKE_CURRENT_LIST_DIR})
set(quick ${build}/benchmark/quick)
set(full ${build}/benchmark/full)
file(MAKE_DIRECTORY ${quick} ${full})

# These benchmarks are also run under callgrind, once. They tell it which calls it is to count.
set(counted_memory_store "^(find_by_user|look|save)/(ours/|unordered_map/1000/)")
set(counted_keeper "^(clock|session|find_token|fresh_token|access_token)/")
set(counted_token_response "^read/(ours|simdjson)/")
set(callgrind "")
if(TARGET tokenkeep_need_valgrind)
  set(callgrind ${TOKENKEEP_TEST_VALGRIND} --quiet --tool=callgrind --instr-atstart=no
               --callgrind-out-file=counts)
else()
  tokenkeep_skip(benchmark/callgrind "valgrind is not installed")
endif()

set(programs "")
set(commands "")
foreach(name IN ITEMS memory_store keeper file_store sql_store token_response compile)
  tokenkeep_test(
    benchmark/${name} FILES ${folder}/${name}.cpp NEEDS benchmark LABEL benchmark TIMEOUT 120
    DEFINES TOKENKEEP_TEST_COMPILER="${CMAKE_CXX_COMPILER}" TOKENKEEP_TEST_SOURCE="${source}"
    WITH --quick --benchmark_out=${quick}/${name}.json)
  set(program tokenkeep_benchmark_${name})
  if(TARGET ${program})
    set_tests_properties(benchmark/${name} PROPERTIES FIXTURES_SETUP benchmark)
    list(APPEND programs $<TARGET_FILE:${program}>)
    list(APPEND commands COMMAND ${program} --benchmark_out=${full}/${name}.json)
    if(callgrind AND counted_${name})
      list(APPEND commands COMMAND ${callgrind} $<TARGET_FILE:${program}> --benchmark_filter=${counted_${name}}
                                   --benchmark_out=${full}/${name}.callgrind.json)
    endif()
  endif()
endforeach()
if(callgrind AND TARGET tokenkeep_benchmark_keeper)
  add_test(NAME benchmark/callgrind
           COMMAND ${callgrind} $<TARGET_FILE:tokenkeep_benchmark_keeper> --quick
                   --benchmark_filter=${counted_keeper} --benchmark_out=${quick}/keeper.callgrind.json
           WORKING_DIRECTORY ${quick})
  set_tests_properties(benchmark/callgrind PROPERTIES FIXTURES_SETUP benchmark LABELS benchmark TIMEOUT 360)
endif()

tokenkeep_test(benchmark/page FILES ${folder}/page.cpp LIBRARY tokenkeep_development LABEL benchmark
               NEEDS benchmark nlohmann_json gnuplot WITH ${quick} ${programs})
if(TARGET tokenkeep_benchmark_page)
  set_tests_properties(benchmark/page PROPERTIES FIXTURES_REQUIRED benchmark)
  add_custom_target(tokenkeep_page ${commands} COMMAND tokenkeep_benchmark_page ${full} ${programs}
                    WORKING_DIRECTORY ${full} USES_TERMINAL VERBATIM)
  add_dependencies(tokenkeep_page tokenkeep_benchmark)
endif()

# These print what they measure, for those who change the stores. Their figures are not in the table.
foreach(name IN ITEMS any_store sealed stores)
  tokenkeep_test(benchmark/${name} FILES ${folder}/${name}.cpp NEEDS SQLite LABEL benchmark TIMEOUT 120 WITH --quick)
endforeach()
