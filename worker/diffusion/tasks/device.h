// The device that a worker computes on, and the switches that make its results repeatable.
//
// Device class: isocost's numerics revision, LibTorch's version, the instruction set (or the GPU
// model), and the number of threads. Results are equal to the bit within one class. Thread: before
// any computing starts.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "schema/json.h"
#include "schema/result.h"

namespace isocost::diffusion {

// "auto" takes cuda:0 where LibTorch sees a GPU, else the CPU. Loads libtorch_cuda.so at run time
// if it is there. Fails with: an unknown name, a GPU that is not there.
[[nodiscard]] Result<at::Device> find_device(const std::string& name);

// Threads, deterministic algorithms, no autotuning, no TF32.
void set_determinism(at::Device device, int threads);

[[nodiscard]] std::string device_class_name(at::Device device, int threads);
[[nodiscard]] Json device_description(at::Device device, int threads);

}  // namespace isocost::diffusion
