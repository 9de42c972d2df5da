#include <algorithm>
#include <cstring>

#include "worker/diffusion/fast/network.h"

namespace isocost::diffusion::fast {
namespace {

const float* data(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

std::size_t bytes(std::int64_t floats) { return static_cast<std::size_t>(floats) * sizeof(float); }

std::int64_t padded_size(const Pictures& x) { return x.n * (x.h + 2) * (x.w + 2) * x.c; }

// Copies pictures into the middle of padded ones, whose borders become zero; `scale` 2 doubles each
// pixel, and `source` rows and columns beyond the source's last repeat it.
void pad(const Pictures& source, float* out, const Pictures& shape, std::int64_t scale) {
  const auto row = (shape.w + 2) * shape.c;
  for (std::int64_t n = 0; n < shape.n; ++n) {
    float* picture = out + n * (shape.h + 2) * row;
    std::memset(picture, 0, bytes(row));
    std::memset(picture + (shape.h + 1) * row, 0, bytes(row));
    for (std::int64_t y = 0; y < shape.h; ++y) {
      float* line = picture + (y + 1) * row;
      const float* from = source.data + (n * source.h + y / scale) * source.w * source.c;
      std::memset(line, 0, bytes(shape.c));
      std::memset(line + row - shape.c, 0, bytes(shape.c));
      if (scale == 1) {
        std::memcpy(line + shape.c, from, bytes(shape.w * shape.c));
        continue;
      }
      for (std::int64_t x = 0; x < shape.w; ++x)
        std::memcpy(line + (x + 1) * shape.c, from + x / scale * shape.c, bytes(shape.c));
    }
  }
}

// How many tiles of Winograd's algorithm go through its three stages together: few enough that they
// stay in the second cache, enough that the weights are worth fetching.
std::int64_t tiles_together(std::int64_t channels) {
  constexpr std::int64_t kFloats = std::int64_t{1} << 17;  // 512 KiB
  return std::clamp<std::int64_t>(kFloats / (16 * channels) / 24 * 24, 24, 120);
}

}  // namespace

FastResnet packed(const ResnetBlock& resnet) {
  FastResnet fast;
  fast.norm1 = norm_of(resnet->norm1);
  fast.norm2 = norm_of(resnet->norm2);
  fast.conv1 = packed(resnet->conv1);
  fast.conv2 = packed(resnet->conv2);
  if (resnet->conv_shortcut) fast.shortcut = packed(resnet->conv_shortcut);
  return fast;
}

const std::int32_t* OffsetTables::get(const Pictures& x, Grid grid) {
  auto& table = tables_[{x.n, x.h, x.w, x.c, grid.stride, grid.border}];
  if (!table.empty()) return table.data();
  const auto width = x.w + 2 * grid.border;
  const auto height = x.h + 2 * grid.border;
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t y = 0; y < x.h; y += grid.stride)
      for (std::int64_t column = 0; column < x.w; column += grid.stride)
        table.push_back(static_cast<std::int32_t>(((n * height + y) * width + column) * x.c));
  return table.data();
}

Pictures Layers::make(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return {arena_.take(n * h * w * c), n, h, w, c};
}

void Layers::product(const float* a, const Packed& weights, const float* residual,
                     const Rows& out) {
  GemmArgs args;
  args.a = a;
  args.row_stride = args.segment_length = weights.k;
  args.weights = weights.matrix();
  args.bias = data(weights.bias);
  args.residual = residual;
  args.out = out.data;
  args.out_stride = out.width;
  args.rows = out.count;
  kernels().gemm(args);
}

void Layers::padded_product(const float* padded, const Pictures& shape, std::int64_t stride,
                            const Packed& weights, const float* bias, const float* residual,
                            const Pictures& out) {
  const bool is_tiled = stride == 1 && shape.h % 2 == 0 && shape.w % 2 == 0;
  if (is_tiled && weights.winograd.defined())
    return winograd_product(padded, shape, weights, bias, residual, out);
  GemmArgs args;
  args.a = padded;
  args.row_offsets = offsets_.get(shape, {.stride = stride, .border = 1});
  args.segments = 3;
  args.segment_stride = (shape.w + 2) * shape.c;
  args.segment_length = 3 * shape.c;
  args.weights = weights.matrix();
  args.bias = bias;
  args.residual = residual;
  args.out = out.data;
  args.out_stride = out.c;
  args.rows = out.rows();
  kernels().gemm(args);
}

void Layers::winograd_product(const float* padded, const Pictures& shape, const Packed& weights,
                              const float* bias, const float* residual, const Pictures& out) {
  const auto mark = arena_.mark();
  const auto tiles = shape.rows() / 4;
  const auto together = std::min(tiles, tiles_together(shape.c + out.c));
  float* windows = arena_.take(16 * together * shape.c);
  float* products = arena_.take(16 * together * out.c);
  const std::int32_t* window_offsets = offsets_.get(shape, {.stride = 2, .border = 1});
  const std::int32_t* out_offsets = offsets_.get(out, {.stride = 2, .border = 0});
  for (std::int64_t begin = 0; begin < tiles; begin += together) {
    const auto count = std::min(together, tiles - begin);
    const auto row = (shape.w + 2) * shape.c;
    kernels().winograd_input({padded, window_offsets + begin, row, windows, count, shape.c});
    for (std::int64_t element = 0; element < 16; ++element) {
      GemmArgs args;
      args.a = windows + element * count * shape.c;
      args.row_stride = args.segment_length = shape.c;
      args.weights = weights.winograd_matrix(element);
      args.out = products + element * count * out.c;
      args.out_stride = out.c;
      args.rows = count;
      args.segments = 1;
      kernels().gemm(args);
    }
    kernels().winograd_output(
        {products, out_offsets + begin, out.w * out.c, bias, residual, out.data, count, out.c});
  }
  arena_.release(mark);
}

void Layers::convolution(const Pictures& x, const Packed& weights, const Pictures& out) {
  const auto mark = arena_.mark();
  float* padded = arena_.take(padded_size(x));
  pad(x, padded, x, 1);
  padded_product(padded, x, 1, weights, data(weights.bias), nullptr, out);
  arena_.release(mark);
}

void Layers::downsample(const Pictures& x, const Packed& weights, const Pictures& out) {
  const auto mark = arena_.mark();
  float* padded = arena_.take(padded_size(x));
  pad(x, padded, x, 1);
  padded_product(padded, x, 2, weights, data(weights.bias), nullptr, out);
  arena_.release(mark);
}

void Layers::upsample(const Pictures& x, const Packed& weights, const Pictures& out) {
  const auto mark = arena_.mark();
  const Pictures large{nullptr, x.n, out.h, out.w, x.c};
  float* padded = arena_.take(padded_size(large));
  pad(x, padded, large, 2);
  padded_product(padded, large, 1, weights, data(weights.bias), nullptr, out);
  arena_.release(mark);
}

void Layers::group_norm(const Pictures& x, const Norm& norm, const NormShape& shape, float* out) {
  const auto mark = arena_.mark();
  GroupNormArgs args;
  args.weight = data(norm.weight);
  args.bias = data(norm.bias);
  args.scratch = arena_.take(2 * x.c);
  args.h = x.h;
  args.w = x.w;
  args.c = x.c;
  args.groups = norm.groups;
  args.border = shape.border;
  args.eps = norm.eps;
  args.has_silu = shape.has_silu;
  const auto out_size = (x.h + 2 * shape.border) * (x.w + 2 * shape.border) * x.c;
  for (std::int64_t n = 0; n < x.n; ++n) {
    args.x = x.data + n * x.pixels() * x.c;
    args.out = out + n * out_size;
    kernels().group_norm(args);
  }
  arena_.release(mark);
}

void Layers::norm_convolution(const Pictures& x, const Norm& norm, const Packed& weights,
                              const float* bias, const float* residual, const Pictures& out) {
  const auto mark = arena_.mark();
  float* padded = arena_.take(padded_size(x));
  group_norm(x, norm, {.border = 1, .has_silu = true}, padded);
  padded_product(padded, x, 1, weights, bias, residual, out);
  arena_.release(mark);
}

void Layers::pointwise(const Pictures& x, const Packed& weights, const Pictures& out) {
  product(x.data, weights, nullptr, {out.data, out.rows(), out.c});
}

void Layers::spatial_attention(const Pictures& x, const Norm& norm,
                               const FastAttention& attention) {
  const auto mark = arena_.mark();
  float* normed = arena_.take(x.size());
  group_norm(x, norm, {}, normed);
  self_attention(x, attention, 1, normed);
  arena_.release(mark);
}

Pictures Layers::resnet(const Pictures& x, const FastResnet& layer) {
  const auto out = make(x.n, x.h, x.w, layer.conv2.n);
  const auto mark = arena_.mark();
  const auto hidden = make(x.n, x.h, x.w, layer.conv1.n);
  norm_convolution(x, layer.norm1, layer.conv1, time_biases_ + layer.time_offset, nullptr, hidden);
  const float* residual = x.data;
  if (layer.shortcut.n > 0) {
    product(x.data, layer.shortcut, nullptr, {out.data, out.rows(), out.c});
    residual = out.data;
  }
  norm_convolution(hidden, layer.norm2, layer.conv2, data(layer.conv2.bias), residual, out);
  arena_.release(mark);
  return out;
}

Pictures Layers::concatenated(const Pictures& a, const Pictures& b) {
  const auto out = make(a.n, a.h, a.w, a.c + b.c);
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    std::memcpy(out.data + r * out.c, a.data + r * a.c, bytes(a.c));
    std::memcpy(out.data + r * out.c + a.c, b.data + r * b.c, bytes(b.c));
  }
  return out;
}

void Layers::transformer(const Pictures& all, const FastTransformer& layer) {
  // A few pictures at a time, so that everything between the two projections stays in the first
  // caches.
  constexpr std::int64_t kRows = 96;
  const auto together = std::max<std::int64_t>(1, kRows / all.pixels());
  const auto first_image = first_image_;
  for (std::int64_t begin = 0; begin < all.n; begin += together) {
    first_image_ = first_image + begin;
    const auto mark = arena_.mark();
    const Pictures x{all.data + begin * all.pixels() * all.c, std::min(together, all.n - begin),
                     all.h, all.w, all.c};
    const auto h = make(x.n, x.h, x.w, x.c);
    float* normed = arena_.take(x.size());
    group_norm(x, layer.norm, {}, normed);
    product(normed, layer.in, nullptr, {h.data, h.rows(), h.c});
    for (const auto& block : layer.blocks) transformer_block(h, block, layer.heads);
    product(h.data, layer.out, x.data, {x.data, x.rows(), x.c});
    arena_.release(mark);
  }
  first_image_ = first_image;
}

void Layers::transformer_block(const Pictures& x, const FastTransformerBlock& block,
                               std::int64_t heads) {
  const auto mark = arena_.mark();
  const auto& fast = kernels();
  float* normed = arena_.take(x.size());
  fast.layer_norm(x.data, data(block.norm_weights[0]), data(block.norm_biases[0]), normed, x.rows(),
                  x.c);
  self_attention(x, block.self, heads, normed);
  fast.layer_norm(x.data, data(block.norm_weights[1]), data(block.norm_biases[1]), normed, x.rows(),
                  x.c);
  cross_attention(x, block.cross, heads, normed);
  fast.layer_norm(x.data, data(block.norm_weights[2]), data(block.norm_biases[2]), normed, x.rows(),
                  x.c);
  float* wide = arena_.take(x.rows() * 8 * x.c);
  float* gated = arena_.take(x.rows() * 4 * x.c);
  product(normed, block.gate, nullptr, {wide, x.rows(), 8 * x.c});
  fast.geglu(wide, gated, x.rows(), 4 * x.c);
  product(gated, block.feed_out, x.data, {x.data, x.rows(), x.c});
  arena_.release(mark);
}

void Layers::self_attention(const Pictures& x, const FastAttention& attention, std::int64_t heads,
                            const float* normed) {
  const auto mark = arena_.mark();
  float* qkv = arena_.take(x.rows() * 3 * x.c);
  float* mixed = arena_.take(x.size());
  product(normed, attention.qkv, nullptr, {qkv, x.rows(), 3 * x.c});
  AttentionArgs args;
  args.queries = args.keys = x.pixels();
  args.heads = heads;
  args.head_width = x.c / heads;
  args.q_stride = args.kv_stride = 3 * x.c;
  args.out_stride = x.c;
  args.scratch = arena_.take(16 * (args.keys + 2 * args.head_width));
  for (std::int64_t n = 0; n < x.n; ++n) {
    args.q = qkv + n * x.pixels() * 3 * x.c;
    args.k = args.q + x.c;
    args.v = args.q + 2 * x.c;
    args.out = mixed + n * x.pixels() * x.c;
    kernels().attention(args);
  }
  product(mixed, attention.out, x.data, {x.data, x.rows(), x.c});
  arena_.release(mark);
}

void Layers::cross_attention(const Pictures& x, const FastAttention& attention, std::int64_t heads,
                             const float* normed) {
  const auto mark = arena_.mark();
  float* q = arena_.take(x.size());
  float* mixed = arena_.take(x.size());
  product(normed, attention.qkv, nullptr, {q, x.rows(), x.c});
  AttentionArgs args;
  args.queries = x.pixels();
  args.keys = attention.bound.size(1);
  args.heads = heads;
  args.head_width = x.c / heads;
  args.q_stride = args.out_stride = x.c;
  args.kv_stride = 2 * x.c;
  args.scratch = arena_.take(16 * (args.keys + 2 * args.head_width));
  for (std::int64_t n = 0; n < x.n; ++n) {
    args.q = q + n * x.pixels() * x.c;
    args.k = data(attention.bound) + (first_image_ + n) * args.keys * 2 * x.c;
    args.v = args.k + x.c;
    args.out = mixed + n * x.pixels() * x.c;
    kernels().attention(args);
  }
  product(mixed, attention.out, x.data, {x.data, x.rows(), x.c});
  arena_.release(mark);
}

}  // namespace isocost::diffusion::fast
