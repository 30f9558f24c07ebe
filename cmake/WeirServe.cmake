# SPDX-License-Identifier: Apache-2.0
# The REST server is a module of its own, made where libmicrohttpd and jansson are: the library itself needs libc
# alone. WEIR_SERVE: AUTO (if they are found), ON (they must be), OFF.
set(WEIR_SERVE AUTO CACHE STRING "Build the REST server: AUTO, ON or OFF")
if(WEIR_SERVE STREQUAL "OFF")
  return()
endif()
find_path(MICROHTTPD_INCLUDE microhttpd.h)
find_library(MICROHTTPD_LIBRARY microhttpd)
find_path(JANSSON_INCLUDE jansson.h)
find_library(JANSSON_LIBRARY jansson)
if(NOT MICROHTTPD_INCLUDE OR NOT MICROHTTPD_LIBRARY OR NOT JANSSON_INCLUDE OR NOT JANSSON_LIBRARY)
  if(WEIR_SERVE STREQUAL "ON")
    message(FATAL_ERROR "libmicrohttpd or jansson is not here: install libmicrohttpd-dev and libjansson-dev, or set WEIR_SERVE=OFF")
  endif()
  message(STATUS "libmicrohttpd or jansson not found: no REST server in this build")
  return()
endif()

file(GLOB serve_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/serve/*.c)
list(FILTER serve_sources EXCLUDE REGEX "/module\\.c$")
add_library(serve_objects OBJECT ${serve_sources})
target_link_libraries(serve_objects PRIVATE weir_flags)
target_compile_definitions(serve_objects PRIVATE WR_VERSION="${PROJECT_VERSION}")
target_include_directories(serve_objects SYSTEM PRIVATE ${MICROHTTPD_INCLUDE} ${JANSSON_INCLUDE})

weir_module(weir-serve weir-serve.map
  SOURCES ${CMAKE_SOURCE_DIR}/src/serve/module.c $<TARGET_OBJECTS:serve_objects> ${WEIR_MODULE_BASE}
  LIBRARIES ${MICROHTTPD_LIBRARY} ${JANSSON_LIBRARY} INCLUDES ${MICROHTTPD_INCLUDE} ${JANSSON_INCLUDE})
