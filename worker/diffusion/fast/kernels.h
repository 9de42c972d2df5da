// The inner loops of the fast U-Net: float32, pictures as [n, y, x, channel], compiled once for
// each instruction set.
//
// Each output element is summed in one fixed order, whatever the batch or the tile it falls in: an
// image's bits depend neither on its neighbours nor on how a batch was cut. Requires: channel
// counts divisible by 8 where said. Pure.
#pragma once

#include <cstdint>

namespace isocost::diffusion::fast {

// Weights of a matrix product in panels: for each panel [K][width], width 32, 16 or 8 columns, the
// last ones padded with zeros; the bias is padded alike.
struct PackedMatrix {
  const float* panels = nullptr;
  std::int64_t k = 0;
  std::int64_t n = 0;
};

// out[r, :] = sum over segments s and k of a_row(r)[s * segment_stride + k] * w[s * segment_length
// + k, :] + bias
// (+ residual[r, :]). A 3x3 convolution over a padded picture is three segments, the rows of its
// window.
struct GemmArgs {
  const float* a = nullptr;
  const std::int32_t* row_offsets =
      nullptr;  // of each row in `a`; null: row r begins at r * row_stride
  std::int64_t row_stride = 0;
  std::int64_t segments = 1;
  std::int64_t segment_stride = 0;
  std::int64_t segment_length = 0;
  PackedMatrix weights;
  const float* bias = nullptr;      // null: none
  const float* residual = nullptr;  // rows as far apart as those of `out`; null: none
  float* out = nullptr;
  std::int64_t out_stride = 0;
  std::int64_t rows = 0;
};

// GroupNorm over one picture, then SiLU where asked; written with a border of `border` pixels,
// which it zeroes.
struct GroupNormArgs {
  const float* x = nullptr;  // [h, w, c]
  float* out = nullptr;      // [h + 2 border, w + 2 border, c]
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* scratch = nullptr;          // 2 c
  std::int64_t h = 0, w = 0, c = 0;  // c divisible by 8
  std::int64_t groups = 1;
  std::int64_t border = 0;
  float eps = 1e-5F;
  bool has_silu = false;
};

// The two transforms of Winograd's F(2x2, 3x3) (Lavin and Gray 2016, "Fast Algorithms for
// Convolutional Neural Networks", section 4.1). Between them lie 16 products, one an element of a
// tile: 16 multiplications for four pixels where the window itself takes 36. A tile is 2x2 pixels
// of the output; its window 4x4 of the padded input.
struct WinogradInputArgs {
  const float* padded = nullptr;               // pictures with a border of one pixel
  const std::int32_t* tile_offsets = nullptr;  // of each tile's window in `padded`
  std::int64_t row = 0;                        // from one row of `padded` to the next
  float* out = nullptr;                        // [16, tiles, c]
  std::int64_t tiles = 0, c = 0;               // c divisible by 8
};
struct WinogradOutputArgs {
  const float* products = nullptr;             // [16, tiles, c]
  const std::int32_t* tile_offsets = nullptr;  // of each tile's first pixel in `out`
  std::int64_t row = 0;                        // from one row of `out` to the next
  const float* bias = nullptr;
  const float* residual = nullptr;  // laid out as `out`
  float* out = nullptr;             // may be `residual`
  std::int64_t tiles = 0, c = 0;    // c divisible by 8
};

struct AttentionArgs {
  const float* q = nullptr;  // [queries, c], rows q_stride apart
  const float* k = nullptr;  // [keys, c], rows kv_stride apart
  const float* v = nullptr;
  float* out = nullptr;      // [queries, c]
  float* scratch = nullptr;  // 16 (keys + 2 head width)
  std::int64_t queries = 0, keys = 0, heads = 1, head_width = 0;
  std::int64_t q_stride = 0, kv_stride = 0, out_stride = 0;
};

struct Kernels {
  const char* name;
  std::int64_t panel_width;  // the widest panel that gemm takes: 32 or 16
  void (*gemm)(const GemmArgs& args);
  void (*winograd_input)(const WinogradInputArgs& args);
  void (*winograd_output)(const WinogradOutputArgs& args);
  void (*group_norm)(const GroupNormArgs& args);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float* out,
                     std::int64_t rows, std::int64_t c);
  void (*geglu)(const float* x, float* out, std::int64_t rows,
                std::int64_t width);  // [rows, 2 width] -> [rows, width]
  void (*attention)(const AttentionArgs& args);
};

// The best for this processor.
[[nodiscard]] const Kernels& kernels();

extern const Kernels kKernelsAvx512;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsGeneric;

}  // namespace isocost::diffusion::fast
