// Mean and covariance of rows of features, in float64, from parts that can be merged.
//
//   Moments moments(rows.size(1));
//   moments.add(rows);                      // [n, D] float32 or float64, in the images' order
//   moments.merge(other);                   // parts in a fixed order give the same bits
//   Statistics statistics = moments.finish();
//
// Rows are summed in blocks of kBlockRows from the first on, so that the result depends on the rows
// alone. Pictures of a study are always added whole and in order; merging is for data too large for
// one process. Requires: finish() after at least two rows. Thread: one.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace isocost::diffusion {

struct Statistics {
  std::int64_t n = 0;     // 0 when nobody knows (published statistics do not say)
  at::Tensor mean;        // [D] float64
  at::Tensor covariance;  // [D, D] float64, divided by n - 1
};

class Moments {
 public:
  static constexpr std::int64_t kBlockRows = 1024;

  explicit Moments(std::int64_t dimensions);
  void add(const at::Tensor& rows);
  void merge(const Moments& other);
  // What remains without the rows that `part` saw.
  [[nodiscard]] Moments without(const Moments& part) const;
  [[nodiscard]] Statistics finish() const;
  [[nodiscard]] std::int64_t n() const { return n_; }

 private:
  std::int64_t n_ = 0;
  at::Tensor sum_;    // [D]
  at::Tensor outer_;  // [D, D]: the sum of x x^T
};

[[nodiscard]] Statistics statistics_of(const at::Tensor& rows);

}  // namespace isocost::diffusion
