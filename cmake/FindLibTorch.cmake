# LibTorch out of a PyTorch wheel, without the CUDA toolkit that its own TorchConfig.cmake asks for.
#
# Looks in ISOCOST_TORCH (an installed PyTorch, .../site-packages/torch, 2.7 or newer), else in the cache that
# script/bootstrap fills. Makes the target LibTorch::cpu: torch_cpu and c10. libtorch_cuda.so is loaded at run time
# where a GPU is present, so one binary serves both kinds of machine.

set(ISOCOST_TORCH_VERSION 2.15.0)
if(ISOCOST_TORCH)
  set(_torch ${ISOCOST_TORCH})
else()
  if(DEFINED ENV{ISOCOST_TORCH} AND NOT "$ENV{ISOCOST_TORCH}" STREQUAL "")
    set(_torch $ENV{ISOCOST_TORCH})
  elseif(DEFINED ENV{ISOCOST_CACHE})
    set(_torch $ENV{ISOCOST_CACHE}/libtorch-${ISOCOST_TORCH_VERSION}/torch)
  else()
    set(_torch $ENV{HOME}/.cache/isocost/libtorch-${ISOCOST_TORCH_VERSION}/torch)
  endif()
endif()

if(NOT EXISTS ${_torch}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch: no lib/libtorch_cpu.so under ${_torch}; expected the folder torch of an installed "
                      "PyTorch 2.7 or newer. Run script/bootstrap, or set ISOCOST_TORCH=.../site-packages/torch.")
endif()
file(READ ${_torch}/version.py _version_text)
string(REGEX MATCH "__version__ = '([0-9]+)\\.([0-9]+)" _ "${_version_text}")
if("${CMAKE_MATCH_1}.${CMAKE_MATCH_2}" VERSION_LESS 2.7)
  message(FATAL_ERROR "LibTorch: ${_torch} holds PyTorch ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}; expected 2.7 or newer, "
                      "since older wheels have another C++ ABI.")
endif()

add_library(LibTorch::cpu INTERFACE IMPORTED GLOBAL)
set_target_properties(LibTorch::cpu PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_torch}/include;${_torch}/include/torch/csrc/api/include"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_torch}/include;${_torch}/include/torch/csrc/api/include"
  # torch_cpu names CUPTI and the CUDA runtime, which lie beside it in the wheels and which nothing here calls.
  INTERFACE_LINK_OPTIONS "-Wl,--no-as-needed;-Wl,-rpath,${_torch}/lib;-Wl,--allow-shlib-undefined;-Wl,--unresolved-symbols=ignore-in-shared-libs"
  INTERFACE_LINK_LIBRARIES "${_torch}/lib/libtorch_cpu.so;${_torch}/lib/libc10.so")
set(LibTorch_FOUND TRUE)
set(LibTorch_DIR ${_torch} CACHE INTERNAL "")
message(STATUS "LibTorch ${CMAKE_MATCH_1}.${CMAKE_MATCH_2} in ${_torch}")
