# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where; tests/install builds a consumer against it.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Weir)
install(TARGETS weir weir-state weir-static weir-state-static EXPORT WeirTargets)
install(EXPORT WeirTargets NAMESPACE Weir:: DESTINATION ${package_dir})
configure_package_config_file(cmake/WeirConfig.cmake.in WeirConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(WeirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/WeirConfig.cmake ${CMAKE_BINARY_DIR}/WeirConfigVersion.cmake
  DESTINATION ${package_dir})

file(RELATIVE_PATH WEIR_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" WEIR_PC_PREFIX ${WEIR_PC_PREFIX})
foreach(name weir weir-state)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

install(DIRECTORY include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(TARGET weir-cli)
  install(TARGETS weir-cli)
endif()
install(DIRECTORY ${CMAKE_BINARY_DIR}/examples DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir
  FILES_MATCHING PATTERN "*.so" PATTERN CMakeFiles EXCLUDE)

# What it takes to run jobs here: for `make demo`.
add_custom_target(runnable)
foreach(part weir weir-rocksdb weir-serve weir-http)
  if(TARGET ${part})
    add_dependencies(runnable ${part})
  endif()
endforeach()
foreach(directory cli examples)
  get_property(parts DIRECTORY ${CMAKE_SOURCE_DIR}/${directory} PROPERTY BUILDSYSTEM_TARGETS)
  add_dependencies(runnable ${parts})
endforeach()

# What is installed and nothing else, neither tests nor benches: for `make install` and packages.
add_custom_target(installed)
foreach(part weir weir-state weir-static weir-state-static weir-rocksdb weir-serve weir-http)
  if(TARGET ${part})
    add_dependencies(installed ${part})
  endif()
endforeach()
foreach(directory cli examples)
  get_property(parts DIRECTORY ${CMAKE_SOURCE_DIR}/${directory} PROPERTY BUILDSYSTEM_TARGETS)
  add_dependencies(installed ${parts})
endforeach()
