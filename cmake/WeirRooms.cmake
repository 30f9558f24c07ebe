# SPDX-License-Identifier: Apache-2.0

# weir_room(NAME): the object library room_NAME of all sources below src/NAME. Rooms kept as modules
# of their own (state/rocks, serve) are not globbed here.
function(weir_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "/src/state/rocks/")
  if(NOT sources)
    return()
  endif()
  add_library(room_${name} OBJECT ${sources})
  target_link_libraries(room_${name} PRIVATE weir_flags)
endfunction()

# weir_room_objects(OUT ROOM...): the objects of those rooms that have any.
function(weir_room_objects out)
  set(objects)
  foreach(room IN LISTS ARGN)
    if(TARGET room_${room})
      list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
    endif()
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

# weir_library(NAME ROOM...): libNAME.so.0 and libNAME.a from the same objects. Only weir_* leaves the
# shared one.
function(weir_library name)
  weir_room_objects(objects ${ARGN})
  if(NOT objects)
    return()
  endif()
  add_library(${name} SHARED ${objects})
  set_target_properties(${name} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(${name} PRIVATE weir_flags)
  target_link_options(${name} PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/weir.map
    -Wl,-Bsymbolic-functions)
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/weir.map)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  find_package(Threads REQUIRED)
  add_library(${name}-static STATIC ${objects})
  target_link_libraries(${name}-static INTERFACE Threads::Threads)
  set_target_properties(${name}-static PROPERTIES OUTPUT_NAME ${name}
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_include_directories(${name}-static PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# weir_module(NAME MAP SOURCES ... LIBRARIES ... INCLUDES ...): libNAME.so, loaded when it is asked for. It shows what MAP
# says and links no library of weir's: weir_* come from the program that loads it.
function(weir_module name map)
  cmake_parse_arguments(M "" "" "SOURCES;LIBRARIES;INCLUDES" ${ARGN})
  add_library(${name} MODULE ${M_SOURCES})
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(${name} PRIVATE weir_flags ${M_LIBRARIES})
  target_include_directories(${name} SYSTEM PRIVATE ${M_INCLUDES})
  target_link_options(${name} PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/${map})
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/${map})
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir)
endfunction()

# What a module uses of base it has a copy of, seen by nobody else.
set(WEIR_MODULE_BASE)
foreach(file buffer check fail memory)
  list(APPEND WEIR_MODULE_BASE ${CMAKE_SOURCE_DIR}/src/base/${file}.c)
endforeach()
