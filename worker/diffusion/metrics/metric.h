// The metrics themselves, one file each. For score.cpp and the tests; everybody else calls score().
//
// To add one called a_b: a_b.cpp here with `score_a_b`, its word in CMakeLists.txt, and its row in
// schema/metrics.
#pragma once

#include "worker/diffusion/metrics/score.h"

namespace isocost::diffusion {

inline constexpr double kLevel = 0.95;
inline constexpr double kNormalQuantile = 1.959963984540054;  // of 0.975

// Frechet distance of two Gaussians in the symmetric form, float64:
// |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S2^1/2 S1 S2^1/2)^1/2.
[[nodiscard]] double frechet_distance(const Statistics& statistics, const Reference& reference);

// The three sums of kernel values that KID is made of, k(x, y) = (x.y / D + 1)^3.
struct KernelSums {
  at::Tensor own;             // [n]: of image i, the sum over the other images
  at::Tensor cross;           // [n]: of image i, the sum over the reference
  double reference_mean = 0;  // over pairs of different reference rows
};
[[nodiscard]] KernelSums kernel_sums(const at::Tensor& rows, const at::Tensor& reference_rows);
// With the reference_mean of these reference rows, which is most of the work.
[[nodiscard]] KernelSums kernel_sums(const at::Tensor& rows, const at::Tensor& reference_rows,
                                     double reference_mean);
// Over pairs of different rows. Requires: two rows or more.
[[nodiscard]] double mean_kernel(const at::Tensor& rows);
// MMD^2 without bias: from whole samples.
[[nodiscard]] double unbiased_mmd(const KernelSums& sums, std::int64_t reference_n);

// Of every metric in schema/metrics, score_<its name>. Rows, reference, number of images and
// protocol are as the metric's row wants them; the protocol is whole.
#define ISOCOST_ROW(name) \
  [[nodiscard]] Result<Json> score_##name(const ScoreInput& input, const Json& protocol);
#include "worker/diffusion/metrics/rows.inc"
#undef ISOCOST_ROW

}  // namespace isocost::diffusion
