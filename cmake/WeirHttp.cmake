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

weir_module(weir-http weir-http.map SOURCES ${CMAKE_SOURCE_DIR}/cli/client/http_module.c
  LIBRARIES ${CURL_LIBRARY} INCLUDES ${CURL_HEADERS})
