#include "worker/diffusion/fast/packed.h"

#include <algorithm>

namespace isocost::diffusion::fast {
namespace {

// As gemm walks them: panels of the full width, then one of half the width, or of 8 columns.
std::int64_t next_panel(std::int64_t left) {
  const auto full = kernels().panel_width;
  if (left > full / 2) return full;
  return left > 8 ? full / 2 : 8;
}

}  // namespace

std::int64_t padded_width(std::int64_t n) {
  std::int64_t width = 0;
  while (width < n) width += next_panel(n - width);
  return width;
}

Packed pack(const at::Tensor& weight, const at::Tensor& bias) {
  const auto rows = weight.to(at::kFloat).contiguous();
  Packed packed;
  packed.n = rows.size(0);
  packed.k = rows.size(1);
  std::vector<at::Tensor> panels;
  for (std::int64_t column = 0; column < packed.n;) {
    const auto width = next_panel(packed.n - column);
    const auto count = std::min(width, packed.n - column);
    auto panel = at::zeros({packed.k, width});
    panel.slice(1, 0, count).copy_(rows.slice(0, column, column + count).t());
    panels.push_back(panel.flatten());
    column += width;
  }
  packed.panels = at::cat(panels);
  packed.bias = at::zeros({padded_width(packed.n)});
  if (bias.defined()) packed.bias.slice(0, 0, packed.n).copy_(bias);
  return packed;
}

Packed pack_convolution(const at::Tensor& weight, const at::Tensor& bias) {
  return pack(weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1}), bias);
}

Packed packed(const torch::nn::Linear& layer) { return pack(layer->weight, layer->bias); }

Packed packed(const torch::nn::Conv2d& layer) {
  return pack_convolution(layer->weight, layer->bias);
}

float* Arena::take(std::int64_t count) {
  constexpr std::int64_t kLine = 16;                      // floats in 64 bytes
  constexpr std::int64_t kBlock = std::int64_t{1} << 21;  // floats in a block: 8 MiB
  count = (count + kLine - 1) / kLine * kLine;
  while (mark_.block < blocks_.size() && mark_.used + count > blocks_[mark_.block].numel())
    mark_ = {mark_.block + 1, 0};
  if (mark_.block == blocks_.size()) blocks_.push_back(at::empty({std::max(kBlock, count)}));
  float* taken = blocks_[mark_.block].mutable_data_ptr<float>() + mark_.used;
  mark_.used += count;
  return taken;
}

}  // namespace isocost::diffusion::fast
