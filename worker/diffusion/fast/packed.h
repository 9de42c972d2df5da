// Weights in the order in which the kernels read them, and the memory of activations. Internal.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <vector>

#include "worker/diffusion/fast/kernels.h"

namespace isocost::diffusion::fast {

// A matrix [n, k] (one row an output) cut into panels, with its bias (zeros where undefined).
struct Packed {
  at::Tensor panels;
  at::Tensor winograd;  // a convolution's 16 matrices [n, k / 9] in panels, where that is faster
  at::Tensor bias;      // padded like the last panel
  std::int64_t k = 0;
  std::int64_t n = 0;

  [[nodiscard]] PackedMatrix matrix() const { return {panels.const_data_ptr<float>(), k, n}; }
  // Requires: winograd is defined.
  [[nodiscard]] PackedMatrix winograd_matrix(std::int64_t element) const;
};
[[nodiscard]] Packed pack(const at::Tensor& weight, const at::Tensor& bias);
[[nodiscard]] Packed packed(const torch::nn::Linear& layer);
// A convolution's [out, in, kernel, kernel] as [out, (y, x, in)].
[[nodiscard]] Packed packed(const torch::nn::Conv2d& layer);
[[nodiscard]] std::int64_t padded_width(std::int64_t n);

// Memory that is taken and given back like a stack, 64-byte aligned. What was taken never moves.
class Arena {
 public:
  struct Mark {
    std::size_t block = 0;
    std::int64_t used = 0;
  };
  [[nodiscard]] float* take(std::int64_t count);
  [[nodiscard]] Mark mark() const { return mark_; }
  // Gives back everything taken since.
  void release(Mark mark) { mark_ = mark; }

 private:
  std::vector<at::Tensor> blocks_;
  Mark mark_;
};

}  // namespace isocost::diffusion::fast
