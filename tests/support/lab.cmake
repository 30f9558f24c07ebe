# SPDX-License-Identifier: Apache-2.0
# The one-thread run of whole jobs (lab), and what is proven on it. Jobs are the examples themselves, with
# their main renamed so that both fit into one program.
file(GLOB lab_support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/common*.c)
foreach(job sequence_sum wordcount)
  add_library(lab_job_${job} OBJECT ${CMAKE_SOURCE_DIR}/examples/${job}.c)
  target_link_libraries(lab_job_${job} PRIVATE weir_flags)
  target_compile_definitions(lab_job_${job} PRIVATE weir_job_main=${job}_main weir_job_abi=${job}_abi)
endforeach()
set(lab_sources)
foreach(part lab lab_run lab_judge lab_judge_lines lab_judge_view lab_judge_windows window_job relay_job)
  list(APPEND lab_sources ${CMAKE_SOURCE_DIR}/tests/support/${part}.c)
endforeach()
add_library(lab OBJECT ${lab_sources} ${lab_support})
target_link_libraries(lab PRIVATE weir_flags)
target_include_directories(lab PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/tests/support)

function(lab_program name)
  weir_room_objects(lab_objects ${WEIR_ROOMS})
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:lab> $<TARGET_OBJECTS:lab_job_sequence_sum>
    $<TARGET_OBJECTS:lab_job_wordcount> ${lab_objects})
  target_link_libraries(${name} PRIVATE weir_flags)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

