# add_engramd_module(NAME USES other modules... LINK libraries... [EXCLUDE regex...])
#   Declares the static library engramd_NAME from every .cpp below the calling folder.
#   USES is the list the layer test reads the includes against (tests/layers): a module may
#   include only itself and what it uses. LINK is for third-party libraries, kept private so that
#   their headers cannot leak upwards.
function(add_engramd_module name)
  cmake_parse_arguments(ARG "" "" "USES;LINK;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  add_library(engramd_${name} STATIC ${sources})
  target_link_libraries(engramd_${name} PUBLIC engramd_flags Threads::Threads)
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(engramd_${name} PUBLIC engramd_${used})
  endforeach()
  target_link_libraries(engramd_${name} PRIVATE ${ARG_LINK})
endfunction()

# add_engramd_test(NAME LINK targets...)
#   Declares the Catch2 program test_NAME from tests/NAME/*.cpp and registers each case with ctest.
function(add_engramd_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE test_support ${ARG_LINK})
  catch_discover_tests(test_${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT 300 LABELS ${name})
endfunction()
