// What a worker says of its device.
//
// Device class: isocost's numerics revision, LibTorch's version, the instruction set (or the GPU
// model), and the number of threads. Results are equal to the bit within one class. Thread: any.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "base/json.h"

namespace isocost::diffusion {

[[nodiscard]] std::string device_class_name(at::Device device, int threads);
[[nodiscard]] Json device_description(at::Device device, int threads);
// Of the GPU, or of the host.
[[nodiscard]] std::uint64_t device_memory_bytes(at::Device device);

// The most memory that was in use on the device since this was made: allocated by LibTorch on a
// GPU, resident in this process on the CPU (0 where the system does not tell).
class PeakMemory {
 public:
  explicit PeakMemory(at::Device device);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  at::Device device_;
};

}  // namespace isocost::diffusion
