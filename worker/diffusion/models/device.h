// Where a model computes, and the settings that make it compute the same each time.
//
//   const auto device = open_device("cuda:0");
//
// libtorch_cuda.so is loaded when a GPU is asked for and never linked, so the program starts where
// there is none. Deterministic algorithms, no autotuning, no TF32, for the whole process. Thread:
// before any computing starts.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::diffusion {

// "cpu", "cuda", "cuda:N", or "auto": the first GPU where there is one. Fails with: another text, a
// GPU that LibTorch does not find.
[[nodiscard]] Result<at::Device> open_device(const std::string& text);

// All GPUs that LibTorch finds, or else the CPU.
[[nodiscard]] std::vector<at::Device> devices();

}  // namespace isocost::diffusion
