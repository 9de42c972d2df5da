# What every target shares: flags, output folders, ccache, and two functions that make a library and a test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Asserts of third parties off in Release as usual; our own ISOCOST_CHECK stays on everywhere.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(ISOCOST_CCACHE ccache)
if(ISOCOST_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers go through ccache only when it may ignore their time stamps. What a source includes ccache takes
  # from the compiler's own list (CCACHE_DEPEND) and not from a pass of the preprocessor over each new file.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 ${ISOCOST_CCACHE})
endif()

add_library(isocost_flags INTERFACE)
target_compile_options(isocost_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused -Wnull-dereference -Wdouble-promotion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(isocost_flags INTERFACE
    -Wduplicated-cond -Wlogical-op
    # g++ 12 reports false positives of these in optimised standard library code.
    -Wno-error=null-dereference -Wno-null-dereference -Wno-error=maybe-uninitialized
    -Wno-error=restrict -Wno-error=stringop-overflow -Wno-error=array-bounds -Wno-error=dangling-pointer
    -fpch-preprocess
    # Compiled together, a source looks like a header to this one.
    $<$<BOOL:${ISOCOST_UNITY}>:-Wno-subobject-linkage>)
else()
  # clang sees what std::stable_sort of g++ 12's library uses; g++, which builds all of this too, warns of what we use.
  target_compile_options(isocost_flags INTERFACE -Wno-deprecated-declarations)
endif()
if(ISOCOST_SANITIZE)
  # What a sanitizer prints needs lines alone (-g1), and they take less time to write than variables and types.
  add_compile_options(-fsanitize=${ISOCOST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  # Simulations draw fewer seeds where each takes many times as long.
  add_compile_definitions(ISOCOST_SANITIZED)
  add_link_options(-fsanitize=${ISOCOST_SANITIZE})
endif()

if(ISOCOST_DEPS)
  list(PREPEND CMAKE_PREFIX_PATH ${ISOCOST_DEPS})
  include_directories(SYSTEM ${ISOCOST_DEPS}/include)
endif()

# Sources of one target are compiled together: most of a file's time goes into the headers that all of them include.
function(isocost_unite name)
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${ISOCOST_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# isocost_library(NAME SOURCES a.cpp ... [DEPS targets that its headers show] [PRIVATE_DEPS targets of its sources alone])
function(isocost_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  isocost_unite(${name})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_DEPS} PRIVATE isocost_flags ${arg_PRIVATE_DEPS})
endfunction()

# isocost_exact(NAME): bytes of this library are in keys, results and trained weights, so that they must not depend on
# whether a machine's compiler fuses a multiplication with an addition. (x86-64 does not without -mfma; others do.)
function(isocost_exact name)
  target_compile_options(${name} PRIVATE -ffp-contract=off)
endfunction()

# isocost_table(NAME a b_c ...): rows of a table, a file each: a.cpp, b_c.cpp join the library NAME, and the generated
# FOLDER/rows.inc holds ISOCOST_ROW(a) ISOCOST_ROW(b_c) ..., so that a new row is a file and a word in a CMake list.
function(isocost_table name)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(rows "")
  foreach(row IN LISTS ARGN)
    target_sources(${name} PRIVATE ${row}.cpp)
    string(APPEND rows "ISOCOST_ROW(${row})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${folder}/rows.inc CONTENT "${rows}" @ONLY)
  target_include_directories(${name} PUBLIC ${CMAKE_BINARY_DIR}/generated)
endfunction()

# isocost_program(NAME SOURCES main.cpp ... DEPS ...)
function(isocost_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  isocost_unite(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE isocost_flags ${arg_DEPS})
endfunction()

# LibTorch's headers are compiled once, with isocost_models, for everything that includes them.
function(isocost_use_torch_headers name)
  # A precompiled header serves only code of the same kind, and that one is position-independent library code.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM isocost_models)
endfunction()

# isocost_test(NAME SOURCES a_test.cpp ... DEPS ... [LABELS unit|sim|golden|e2e|gpu|slow] [THREADS]): one gtest program, each test its own ctest entry.
# THREADS: there are several threads or processes of ours in it, so script/check runs it many times.
function(isocost_test name)
  cmake_parse_arguments(arg "THREADS" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(arg_THREADS)
    # The discovery of tests would take a list apart: one label of two words, found by either.
    set(arg_LABELS "${arg_LABELS} threads")
  endif()
  add_executable(${name} ${arg_SOURCES})
  isocost_unite(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE isocost_flags ${arg_DEPS} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE
    ISOCOST_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ISOCOST_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()

# The Python of the reference environment that script/bootstrap --tests makes.
if(DEFINED ENV{ISOCOST_CACHE})
  set(ISOCOST_REFERENCE_PYTHON $ENV{ISOCOST_CACHE}/reference-venv/bin/python)
else()
  set(ISOCOST_REFERENCE_PYTHON $ENV{HOME}/.cache/isocost/reference-venv/bin/python)
endif()
