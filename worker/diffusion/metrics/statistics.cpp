#include "worker/diffusion/metrics/statistics.h"

#include "base/check.h"

namespace isocost::diffusion {

Moments::Moments(std::int64_t dimensions)
    : sum_(at::zeros({dimensions}, at::kDouble)),
      outer_(at::zeros({dimensions, dimensions}, at::kDouble)) {}

void Moments::add(const at::Tensor& rows) {
  ISOCOST_CHECK(rows.dim() == 2 && rows.size(1) == sum_.size(0), "rows of features have one width");
  for (std::int64_t begin = 0; begin < rows.size(0); begin += kBlockRows) {
    const at::Tensor block = rows.slice(0, begin, begin + kBlockRows).to(at::kDouble).contiguous();
    sum_ += block.sum(0);
    outer_ += at::mm(block.t(), block);
  }
  n_ += rows.size(0);
}

void Moments::merge(const Moments& other) {
  sum_ += other.sum_;
  outer_ += other.outer_;
  n_ += other.n_;
}

Moments Moments::without(const Moments& part) const {
  Moments rest(sum_.size(0));
  rest.sum_ = sum_ - part.sum_;
  rest.outer_ = outer_ - part.outer_;
  rest.n_ = n_ - part.n_;
  return rest;
}

Statistics Moments::finish() const {
  ISOCOST_CHECK(n_ >= 2, "a covariance needs two rows");
  const auto n = static_cast<double>(n_);
  const at::Tensor mean = sum_ / n;
  return {n_, mean, (outer_ - n * at::outer(mean, mean)) / (n - 1)};
}

Statistics statistics_of(const at::Tensor& rows) {
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments.finish();
}

}  // namespace isocost::diffusion
