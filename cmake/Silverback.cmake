# Options for all of our own code, and the shape of a library and of a test.
set(SB_SANITIZE "" CACHE STRING "'address,undefined' or 'thread'")
option(SB_FUZZ "build the libFuzzer targets (clang)" OFF)

add_library(silverback_options INTERFACE)
target_include_directories(silverback_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(silverback_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Werror
  # Results must not depend on fused multiply-add (PromQL answers are bit-exact).
  -ffp-contract=off -march=x86-64-v2
  # Paths in assertions and logs are relative to the repository.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_compile_definitions(silverback_options INTERFACE BOOST_ASIO_NO_DEPRECATED)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes Asio's coroutine frames for mismatched (false alarm at -O2).
  target_compile_options(silverback_options INTERFACE -fcoroutines -Wno-mismatched-new-delete)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(silverback_options INTERFACE -Wthread-safety)
endif()
if(SB_SANITIZE)
  target_compile_options(silverback_options INTERFACE -fsanitize=${SB_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(silverback_options INTERFACE -fsanitize=${SB_SANITIZE})
  if(SB_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(silverback_options INTERFACE -Wno-tsan)  # Asio's fences
  endif()
endif()
if(SB_FUZZ)
  # -fno-sanitize=function: clang 14 fails on coroutine files with it.
  target_compile_options(silverback_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function)
  target_link_options(silverback_options INTERFACE -fsanitize=address,undefined)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS link=1)
set(CMAKE_JOB_POOL_LINK link)

# silverback_library(<folder> DEPS ... [EXCLUDE file...]): every .cc of the folder and below.
function(silverback_library folder)
  cmake_parse_arguments(ARG "" "" "DEPS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  foreach(file ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/${folder}/${file})
  endforeach()
  list(TRANSFORM ARG_DEPS REPLACE "^(base|model|storage|promql|tsdb|scrape|rules)$" "silverback_\\1")
  if(sources)
    add_library(silverback_${folder} STATIC ${sources})
    target_link_libraries(silverback_${folder} PUBLIC ${ARG_DEPS} silverback_options)
  else()
    add_library(silverback_${folder} INTERFACE)
    target_link_libraries(silverback_${folder} INTERFACE ${ARG_DEPS} silverback_options)
  endif()
endfunction()
