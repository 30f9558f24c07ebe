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

weir_module(weir-rocksdb weir-module.map
  SOURCES ${CMAKE_SOURCE_DIR}/src/state/rocks/module.c $<TARGET_OBJECTS:engine_rocks> ${WEIR_MODULE_BASE}
  LIBRARIES ${ROCKSDB_LIBRARY} INCLUDES ${ROCKSDB_INCLUDE})
