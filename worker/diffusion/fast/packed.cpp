#include "worker/diffusion/fast/packed.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::diffusion::fast {
namespace {

// As gemm walks them: panels of the full width, then one of half the width, or of 8 columns.
std::int64_t next_panel(std::int64_t left) {
  const auto full = kernels().panel_width;
  if (left > full / 2) return full;
  return left > 8 ? full / 2 : 8;
}

at::Tensor panels_of(const at::Tensor& rows) {
  std::vector<at::Tensor> panels;
  for (std::int64_t column = 0; column < rows.size(0);) {
    const auto width = next_panel(rows.size(0) - column);
    const auto count = std::min(width, rows.size(0) - column);
    auto panel = at::zeros({rows.size(1), width});
    panel.slice(1, 0, count).copy_(rows.slice(0, column, column + count).t());
    panels.push_back(panel.flatten());
    column += width;
  }
  return at::cat(panels);
}

// Below this many channels the transforms cost more than the products save.
constexpr std::int64_t kWinogradChannelsMin = 16;

bool is_faster_by_winograd(const torch::nn::Conv2d& layer) {
  const auto takes = [](std::int64_t channels) {
    return channels % 8 == 0 && channels >= kWinogradChannelsMin;
  };
  const auto& weight = layer->weight;
  return weight.size(2) == 3 && weight.size(3) == 3 && layer->options.stride()->at(0) == 1 &&
         takes(weight.size(0)) && takes(weight.size(1));
}

// G g G^T of every window g, as 16 matrices [out, in], in panels.
at::Tensor winograd_panels(const at::Tensor& weight) {
  const auto G = at::tensor({1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.0, 0.0, 1.0},
                            at::TensorOptions().dtype(at::kDouble))
                     .view({4, 3});
  const auto elements = at::matmul(at::matmul(G, weight.to(at::kDouble)), G.t())
                            .to(at::kFloat)
                            .permute({2, 3, 0, 1})
                            .reshape({16, weight.size(0), weight.size(1)});
  std::vector<at::Tensor> panels;
  panels.reserve(16);
  for (std::int64_t i = 0; i < 16; ++i) panels.push_back(panels_of(elements[i]));
  return at::cat(panels);
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
  packed.panels = panels_of(rows);
  packed.bias = at::zeros({padded_width(packed.n)});
  if (bias.defined()) packed.bias.slice(0, 0, packed.n).copy_(bias);
  return packed;
}

PackedMatrix Packed::winograd_matrix(std::int64_t element) const {
  ISOCOST_CHECK(winograd.defined() && element >= 0 && element < 16, "one of its 16 matrices");
  const auto panel = winograd.numel() / 16;
  return {winograd.const_data_ptr<float>() + element * panel, k / 9, n};
}

Packed packed(const torch::nn::Linear& layer) { return pack(layer->weight, layer->bias); }

Packed packed(const torch::nn::Conv2d& layer) {
  const auto& weight = layer->weight;
  auto packed = pack(weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1}), layer->bias);
  if (is_faster_by_winograd(layer)) packed.winograd = winograd_panels(weight);
  return packed;
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
