# Compiler settings shared by every target of ours (never by generated grammars).
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(ENGRAMD_WERROR "treat warnings as errors (on in CI)" OFF)
option(ENGRAMD_USE_CUDA "compile engine/cuda when nvcc is found" ON)
set(ENGRAMD_SANITIZE "" CACHE STRING "sanitizers, for instance address,undefined or thread")

add_library(engramd_flags INTERFACE)
target_compile_options(engramd_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers>)
# g++ 12 sees overlapping copies in `string = "*"` that are not there (GCC bug 105651).
target_compile_options(engramd_flags INTERFACE
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
if(ENGRAMD_WERROR)
  target_compile_options(engramd_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
target_include_directories(engramd_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(engramd_flags INTERFACE ENGRAMD_VERSION="${PROJECT_VERSION}")

if(ENGRAMD_SANITIZE)
  # Global, because a grammar or the runtime can be the one that is handed a bad pointer.
  add_compile_options(-fsanitize=${ENGRAMD_SANITIZE} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${ENGRAMD_SANITIZE})
  # With sanitizers g++ cannot follow what is initialised (its manual says so of this warning).
  add_compile_options(-Wno-maybe-uninitialized)
  if(ENGRAMD_SANITIZE MATCHES thread)
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
