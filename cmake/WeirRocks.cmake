# SPDX-License-Identifier: Apache-2.0
# The engine "rocksdb" is a module of its own, made where librocksdb is: the library itself needs libc alone.
# WEIR_ROCKSDB: AUTO (if it is found), ON (it must be), OFF.
set(WEIR_ROCKSDB AUTO CACHE STRING "Build the engine rocksdb: AUTO, ON or OFF")
if(WEIR_ROCKSDB STREQUAL "OFF")
  return()
endif()
find_path(ROCKSDB_INCLUDE rocksdb/c.h)
find_library(ROCKSDB_LIBRARY rocksdb)
if(NOT ROCKSDB_INCLUDE OR NOT ROCKSDB_LIBRARY)
  if(WEIR_ROCKSDB STREQUAL "ON")
    message(FATAL_ERROR "librocksdb is not here: install librocksdb-dev, or set WEIR_ROCKSDB=OFF")
  endif()
  message(STATUS "librocksdb not found: no engine rocksdb in this build")
  return()
endif()

file(GLOB rocks_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/state/rocks/*.c)
list(FILTER rocks_sources EXCLUDE REGEX "/module\\.c$")
add_library(engine_rocks OBJECT ${rocks_sources})
target_link_libraries(engine_rocks PRIVATE weir_flags)
target_include_directories(engine_rocks SYSTEM PRIVATE ${ROCKSDB_INCLUDE})

# It links no library of weir's: weir_* come from the program that loads it. What it uses of base it has a copy of,
# seen by nobody else.
set(base ${CMAKE_SOURCE_DIR}/src/base)
add_library(weir-rocksdb MODULE ${CMAKE_SOURCE_DIR}/src/state/rocks/module.c $<TARGET_OBJECTS:engine_rocks>
  ${base}/buffer.c ${base}/check.c ${base}/fail.c ${base}/memory.c)
set_target_properties(weir-rocksdb PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_libraries(weir-rocksdb PRIVATE weir_flags ${ROCKSDB_LIBRARY})
target_include_directories(weir-rocksdb SYSTEM PRIVATE ${ROCKSDB_INCLUDE})
target_link_options(weir-rocksdb PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/weir-module.map)
set_property(TARGET weir-rocksdb APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/weir-module.map)
install(TARGETS weir-rocksdb LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir)
