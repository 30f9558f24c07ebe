# SPDX-License-Identifier: Apache-2.0
# How the command line asks a running job: a module of its own, made where libcurl is, loaded by the verbs that ask.
# WEIR_HTTP: AUTO (if it is found), ON (it must be), OFF.
set(WEIR_HTTP AUTO CACHE STRING "Build the command line's HTTP client: AUTO, ON or OFF")
if(WEIR_HTTP STREQUAL "OFF")
  return()
endif()
find_path(CURL_HEADERS curl/curl.h)
find_library(CURL_LIBRARY curl)
if(NOT CURL_HEADERS OR NOT CURL_LIBRARY)
  if(WEIR_HTTP STREQUAL "ON")
    message(FATAL_ERROR "libcurl is not here: install libcurl4-openssl-dev, or set WEIR_HTTP=OFF")
  endif()
  message(STATUS "libcurl not found: list, stop, savepoint and so on will not work in this build")
  return()
endif()

add_library(weir-http MODULE ${CMAKE_SOURCE_DIR}/cli/client/http_module.c)
set_target_properties(weir-http PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_libraries(weir-http PRIVATE weir_flags ${CURL_LIBRARY})
target_include_directories(weir-http SYSTEM PRIVATE ${CURL_HEADERS})
target_link_options(weir-http PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/weir-http.map)
set_property(TARGET weir-http APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/weir-http.map)
install(TARGETS weir-http LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir)
