// The table of devices that `isocost plan` knows: what their data sheets say of them, and how much
// of that this engine is taken to reach.
//
//   Result<const Device*> device = find_device("H100");       // or fails with those that fit
//   double gflops = gflops_per_second(**device, "bfloat16");
//
// Speeds are dense, without sparsity, in TFLOP/s of 2 FLOPs a multiply-add, as prices of units are
// (schema/spec.h). A data sheet's peak is not what a network reaches: shares are assumed, since no
// GPU was at hand to measure (docs/commands.md); a calibration or a study's own database says
// better. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isocost::devices {

struct Device {
  std::string_view name;      // as its driver calls it, without the maker
  double float32_tflops = 0;  // of its units for float32, without TF32
  double half_tflops = 0;     // of its tensor units, accumulating in float32
  double memory_gb = 0;
  bool has_bfloat16 = true;  // its tensor units compute in it
  std::string_view source;   // of the numbers
};

// What a network reaches of a data sheet's peak, and the least time of a call on any GPU: so long
// it takes to start a network's kernels one by one. Assumed.
inline constexpr double kShareOfFloat32 = 0.4;
inline constexpr double kShareOfHalf = 0.25;
inline constexpr double kCallSecondsMin = 0.02;

// One core of a current server processor on the mini family's U-Nets, measured by script/bench
// engine (docs/results-mini.md); larger networks reach more.
inline constexpr double kCoreGflopsPerSecond = 40;

[[nodiscard]] const std::vector<Device>& all();
// By its name or a part of it, however it is written: "H100", "NVIDIA H100 80GB HBM3", "rtx4090".
// What is called otherwise in a word that tells products apart ("Ti", "Laptop", "40GB") is another.
// Fails with: none or several fit, which are named.
[[nodiscard]] Result<const Device*> find_device(std::string_view text);
// What a network computed in this dtype (a SampleSpec's) is taken to reach.
[[nodiscard]] double gflops_per_second(const Device& device, std::string_view dtype);

}  // namespace isocost::devices
