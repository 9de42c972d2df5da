// The layers of the fast U-Net over packed weights. Internal to the folder.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "worker/diffusion/fast/fast_unet.h"
#include "worker/diffusion/fast/packed.h"

namespace isocost::diffusion::fast {

// Wider layers are a general library's: there its own overhead no longer counts.
inline constexpr std::int64_t kWidthMax = 512;

// Some pictures, [n, h, w, c].
struct Pictures {
  float* data = nullptr;
  std::int64_t n = 0, h = 0, w = 0, c = 0;
  [[nodiscard]] std::int64_t pixels() const { return h * w; }
  [[nodiscard]] std::int64_t rows() const { return n * h * w; }
  [[nodiscard]] std::int64_t size() const { return rows() * c; }
};

struct Norm {
  at::Tensor weight, bias;
  std::int64_t groups = 1;
  float eps = 1e-5F;
};

[[nodiscard]] inline Norm norm_of(const torch::nn::GroupNorm& norm) {
  return {norm->weight.contiguous(), norm->bias.contiguous(), norm->options.num_groups(),
          static_cast<float>(norm->options.eps())};
}

struct FastResnet {
  Norm norm1, norm2;
  Packed conv1, conv2, shortcut;  // shortcut.n == 0: none
  std::int64_t time_offset = 0;   // of conv1's bias with the time projection in the step's biases
};

// But for its place among the step's biases.
[[nodiscard]] FastResnet packed(const ResnetBlock& resnet);

// Keys and values of the bound text, [B, S, 2 c]: keys first.
struct FastAttention {
  Packed qkv;  // self: q, k and v in one product; cross: q alone
  Packed out;
  Packed text;  // cross: k and v of the text
  at::Tensor bound;
};

struct FastTransformerBlock {
  at::Tensor norm_weights[3], norm_biases[3];
  FastAttention self, cross;
  Packed gate, feed_out;
};

struct FastTransformer {
  Norm norm;
  Packed in, out;
  std::vector<FastTransformerBlock> blocks;
  std::int64_t heads = 1;
};

struct FastLevel {
  std::vector<FastResnet> resnets;
  std::vector<FastTransformer> transformers;
  Packed resampler;  // n == 0: none
};

// Where every pixel, or every second one each way, lies in pictures that may have a border.
class OffsetTables {
 public:
  struct Grid {
    std::int64_t stride = 1;
    std::int64_t border = 0;  // pixels on each side, which are skipped
  };
  [[nodiscard]] const std::int32_t* get(const Pictures& pictures, Grid grid);

 private:
  std::map<std::array<std::int64_t, 6>, std::vector<std::int32_t>> tables_;
};

// Computes layers. All outputs and temporaries come from the arena.
class Layers {
 public:
  Layers(Arena& arena, OffsetTables& offsets) : arena_(arena), offsets_(offsets) {}

  // First picture of the batch that the pictures are, and the step's biases.
  void begin(std::int64_t first_image, const float* time_biases) {
    first_image_ = first_image;
    time_biases_ = time_biases;
  }

  [[nodiscard]] Pictures make(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c);
  void convolution(const Pictures& x, const Packed& weights, const Pictures& out);  // 3x3
  void downsample(const Pictures& x, const Packed& weights, const Pictures& out);   // 3x3, stride 2
  void upsample(const Pictures& x, const Packed& weights, const Pictures& out);     // nearest, 3x3
  void norm_convolution(const Pictures& x, const Norm& norm, const Packed& weights,
                        const float* bias, const float* residual,
                        const Pictures& out);  // GroupNorm, SiLU, 3x3
  [[nodiscard]] Pictures resnet(const Pictures& x, const FastResnet& layer);
  void transformer(const Pictures& x, const FastTransformer& layer);  // in place
  // One head over all pixels, inside a residual, in place.
  void spatial_attention(const Pictures& x, const Norm& norm, const FastAttention& attention);
  void pointwise(const Pictures& x, const Packed& weights, const Pictures& out);  // 1x1
  [[nodiscard]] Pictures concatenated(const Pictures& a, const Pictures& b);

 private:
  struct Rows {
    float* data;
    std::int64_t count;
    std::int64_t width;
  };
  struct NormShape {
    std::int64_t border = 0;
    bool has_silu = false;
  };
  void group_norm(const Pictures& x, const Norm& norm, const NormShape& shape, float* out);
  void product(const float* a, const Packed& weights, const float* residual, const Rows& out);
  void padded_product(const float* padded, const Pictures& shape, std::int64_t stride,
                      const Packed& weights, const float* bias, const float* residual,
                      const Pictures& out);
  void winograd_product(const float* padded, const Pictures& shape, const Packed& weights,
                        const float* bias, const float* residual, const Pictures& out);
  void transformer_block(const Pictures& x, const FastTransformerBlock& block, std::int64_t heads);
  void self_attention(const Pictures& x, const FastAttention& attention, std::int64_t heads,
                      const float* normed);
  void cross_attention(const Pictures& x, const FastAttention& attention, std::int64_t heads,
                       const float* normed);

  Arena& arena_;
  OffsetTables& offsets_;
  std::int64_t first_image_ = 0;
  const float* time_biases_ = nullptr;
};

}  // namespace isocost::diffusion::fast
