// The kernels' bodies, included once by each kernels_<instruction set>.cpp, which says how wide its
// vectors are: ISOCOST_LANES (16 or 8), ISOCOST_ROWS (of a tile). Everything here has internal
// linkage, so that no other unit can end up with code for an instruction set that its processor
// lacks; nothing of the standard library is called.
#pragma once

#include <cstddef>

#include "worker/diffusion/fast/kernels.h"

namespace isocost::diffusion::fast {
namespace {

using V8 = float __attribute__((vector_size(32)));
using I8 = std::int32_t __attribute__((vector_size(32)));
#if ISOCOST_LANES == 16
using V16 = float __attribute__((vector_size(64)));
using I16 = std::int32_t __attribute__((vector_size(64)));
using Wide = V16;
#else
using Wide = V8;
#endif

template <class V>
struct Integers {
  using Type = I8;
};
#if ISOCOST_LANES == 16
template <>
struct Integers<V16> {
  using Type = I16;
};
#endif

template <class V>
constexpr std::int64_t kLanes = static_cast<std::int64_t>(sizeof(V) / sizeof(float));

template <class V>
inline V load(const float* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof(V));
  return v;
}
template <class V>
inline void store(float* p, V v) {
  __builtin_memcpy(p, &v, sizeof(V));
}
template <class V>
inline V spread(float x) {
  return x - V{};
}
template <class V>
inline V greater_of(V a, V b) {
  return a > b ? a : b;
}
inline float sum_of(V8 v) {
  return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

inline float root(float x) { return __builtin_sqrtf(x); }

// e^x to about 1e-7 of its value (Cody-Waite reduction, Taylor series of degree 6 on half a binade
// each side).
template <class V>
inline V exponential(V x) {
  using I = typename Integers<V>::Type;
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  x = x < -87.0F ? spread<V>(-87.0F) : x;
  x = x > 88.0F ? spread<V>(88.0F) : x;
  const V t = x * 1.44269504088896341F + kMagic;
  const V n = t - kMagic;
  V r = x - n * 0.693359375F;
  r = r + n * 2.12194440e-4F;
  V p = spread<V>(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const I power = (__builtin_convertvector(n, I) + 127) << 23;
  V scale;
  __builtin_memcpy(&scale, &power, sizeof(V));
  return p * scale;
}

template <class V>
inline V silu(V x) {
  return x / (1.0F + exponential<V>(-x));
}

// x Phi(x), the error function by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
template <class V>
inline V gelu(V x) {
  const V z = (x < 0.0F ? -x : x) * 0.70710678118654752F;
  const V t = 1.0F / (1.0F + 0.3275911F * z);
  V p = spread<V>(1.061405429F);
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const V tail = p * t * exponential<V>(-z * z);  // 1 - erf(z)
  return 0.5F * x * (x < 0.0F ? tail : 2.0F - tail);
}

// ----------------------------------------------------------------------------------------------
// matrix product

// One tile: `kRows` rows by kVectors vectors of columns, accumulated in registers.
template <class V, int kRows, int kVectors>
inline void tile(const GemmArgs& g, const float* panel, std::int64_t row, std::int64_t column) {
  constexpr auto kWidth = kLanes<V> * kVectors;
  const float* a[std::size_t{kRows}];
  V sums[std::size_t{kRows}][std::size_t{kVectors}];
  for (int m = 0; m < kRows; ++m) {
    a[m] = g.a + (g.row_offsets != nullptr ? g.row_offsets[row + m] : (row + m) * g.row_stride);
    for (int j = 0; j < kVectors; ++j)
      sums[m][j] = g.bias == nullptr ? V{} : load<V>(g.bias + column + j * kLanes<V>);
  }
  const float* b = panel;
  for (std::int64_t s = 0; s < g.segments; ++s) {
    const auto begin = s * g.segment_stride;
    for (std::int64_t k = begin; k < begin + g.segment_length; ++k) {
      V weights[std::size_t{kVectors}];
      for (int j = 0; j < kVectors; ++j) weights[j] = load<V>(b + j * kLanes<V>);
      b += kWidth;
      for (int m = 0; m < kRows; ++m)
        for (int j = 0; j < kVectors; ++j) sums[m][j] += a[m][k] * weights[j];
    }
  }
  for (int m = 0; m < kRows; ++m) {
    const auto at = (row + m) * g.out_stride + column;
    for (int j = 0; j < kVectors; ++j) {
      const auto left = g.weights.n - column - j * kLanes<V>;
      float* out = g.out + at + j * kLanes<V>;
      const float* residual = g.residual == nullptr ? nullptr : g.residual + at + j * kLanes<V>;
      if (left >= kLanes<V>) {
        store<V>(out, residual == nullptr ? sums[m][j] : sums[m][j] + load<V>(residual));
      } else {
        for (std::int64_t i = 0; i < left; ++i)
          out[i] = sums[m][j][i] + (residual == nullptr ? 0.0F : residual[i]);
      }
    }
  }
}

template <class V, int kVectors>
inline void panel_rows(const GemmArgs& g, const float* panel, std::int64_t begin, std::int64_t end,
                       std::int64_t column) {
  std::int64_t row = begin;
  for (; row + ISOCOST_ROWS <= end; row += ISOCOST_ROWS)
    tile<V, ISOCOST_ROWS, kVectors>(g, panel, row, column);
  for (; row + 2 <= end; row += 2) tile<V, 2, kVectors>(g, panel, row, column);
  for (; row < end; ++row) tile<V, 1, kVectors>(g, panel, row, column);
}

void gemm(const GemmArgs& g) {
  constexpr std::int64_t kBlock =
      96;  // rows whose inputs stay in the first cache while the panels pass
  for (std::int64_t begin = 0; begin < g.rows; begin += kBlock) {
    const auto end = begin + kBlock < g.rows ? begin + kBlock : g.rows;
    const float* panel = g.weights.panels;
    std::int64_t column = 0;
    while (column < g.weights.n) {
      const auto left = g.weights.n - column;
      if (left > kLanes<Wide>) {
        panel_rows<Wide, 2>(g, panel, begin, end, column);
        panel += 2 * kLanes<Wide> * g.weights.k;
        column += 2 * kLanes<Wide>;
      } else if (left > 8) {
        panel_rows<Wide, 1>(g, panel, begin, end, column);
        panel += kLanes<Wide> * g.weights.k;
        column += kLanes<Wide>;
      } else {
        panel_rows<V8, 1>(g, panel, begin, end, column);
        panel += 8 * g.weights.k;
        column += 8;
      }
    }
  }
}

// ----------------------------------------------------------------------------------------------
// Winograd's transforms

// B^T d B of one tile, kLanes<V> channels from `from` on.
template <class V>
inline void transform_window(const float* from, std::int64_t row, std::int64_t c, float* out,
                             std::int64_t element) {
  V t[4][4];
  for (int x = 0; x < 4; ++x) {
    const V d0 = load<V>(from + x * c);
    const V d1 = load<V>(from + row + x * c);
    const V d2 = load<V>(from + 2 * row + x * c);
    const V d3 = load<V>(from + 3 * row + x * c);
    t[0][x] = d0 - d2;
    t[1][x] = d1 + d2;
    t[2][x] = d2 - d1;
    t[3][x] = d1 - d3;
  }
  for (int y = 0; y < 4; ++y, out += 4 * element) {
    store<V>(out, t[y][0] - t[y][2]);
    store<V>(out + element, t[y][1] + t[y][2]);
    store<V>(out + 2 * element, t[y][2] - t[y][1]);
    store<V>(out + 3 * element, t[y][1] - t[y][3]);
  }
}

void winograd_input(const WinogradInputArgs& g) {
  const auto element = g.tiles * g.c;
  for (std::int64_t tile = 0; tile < g.tiles; ++tile) {
    const float* from = g.padded + g.tile_offsets[tile];
    float* out = g.out + tile * g.c;
    std::int64_t i = 0;
    for (; i + kLanes<Wide> <= g.c; i += kLanes<Wide>)
      transform_window<Wide>(from + i, g.row, g.c, out + i, element);
    for (; i < g.c; i += 8) transform_window<V8>(from + i, g.row, g.c, out + i, element);
  }
}

// A^T m A of one tile, and what is added to its four pixels.
template <class V>
inline void transform_products(const WinogradOutputArgs& g, std::int64_t tile, std::int64_t i) {
  const auto element = g.tiles * g.c;
  const float* from = g.products + tile * g.c + i;
  V t[2][4];
  for (int x = 0; x < 4; ++x) {
    const V m0 = load<V>(from + x * element);
    const V m1 = load<V>(from + (4 + x) * element);
    const V m2 = load<V>(from + (8 + x) * element);
    const V m3 = load<V>(from + (12 + x) * element);
    t[0][x] = m0 + m1 + m2;
    t[1][x] = m1 - m2 - m3;
  }
  const V bias = load<V>(g.bias + i);
  for (int y = 0; y < 2; ++y) {
    const auto at = g.tile_offsets[tile] + y * g.row + i;
    V left = t[y][0] + t[y][1] + t[y][2] + bias;
    V right = t[y][1] - t[y][2] - t[y][3] + bias;
    if (g.residual != nullptr) {
      left += load<V>(g.residual + at);
      right += load<V>(g.residual + at + g.c);
    }
    store<V>(g.out + at, left);
    store<V>(g.out + at + g.c, right);
  }
}

void winograd_output(const WinogradOutputArgs& g) {
  for (std::int64_t tile = 0; tile < g.tiles; ++tile) {
    std::int64_t i = 0;
    for (; i + kLanes<Wide> <= g.c; i += kLanes<Wide>) transform_products<Wide>(g, tile, i);
    for (; i < g.c; i += 8) transform_products<V8>(g, tile, i);
  }
}

// ----------------------------------------------------------------------------------------------
// norms

// Sums over the picture of x - shift, or of its square.
template <bool kIsSquared>
inline void channel_sums(const GroupNormArgs& g, const float* shift, float* sums) {
  const auto pixels = g.h * g.w;
  for (std::int64_t c = 0; c < g.c; c += 8) {
    V8 sum = {};
    const V8 offset = shift == nullptr ? V8{} : load<V8>(shift + c);
    for (std::int64_t p = 0; p < pixels; ++p) {
      const V8 d = load<V8>(g.x + p * g.c + c) - offset;
      sum += kIsSquared ? d * d : d;
    }
    store<V8>(sums + c, sum);
  }
}

// Every channel gets the mean of its group's sums.
inline void average_groups(const GroupNormArgs& g, float* sums) {
  const auto per_group = g.c / g.groups;
  const auto count = static_cast<float>(g.h * g.w * per_group);
  for (std::int64_t group = 0; group < g.groups; ++group) {
    float total = 0;
    for (std::int64_t i = 0; i < per_group; ++i) total += sums[group * per_group + i];
    for (std::int64_t i = 0; i < per_group; ++i) sums[group * per_group + i] = total / count;
  }
}

inline void zero_border(const GroupNormArgs& g) {
  const auto row = (g.w + 2 * g.border) * g.c;
  const auto side = g.border * g.c;
  for (std::int64_t y = 0; y < g.h + 2 * g.border; ++y) {
    const bool is_outside = y < g.border || y >= g.h + g.border;
    float* begin = g.out + y * row;
    for (std::int64_t i = 0; i < (is_outside ? row : side); ++i) begin[i] = 0;
    for (std::int64_t i = row - side; i < row; ++i) begin[i] = 0;
  }
}

void group_norm(const GroupNormArgs& g) {
  float* scale = g.scratch + g.c;
  float* mean = g.scratch;
  channel_sums<false>(g, nullptr, mean);
  average_groups(g, mean);
  channel_sums<true>(g, mean, scale);
  average_groups(g, scale);
  for (std::int64_t c = 0; c < g.c; ++c) {
    scale[c] = g.weight[c] / root(scale[c] + g.eps);
    mean[c] = g.bias[c] - mean[c] * scale[c];
  }
  zero_border(g);
  const auto out_row = (g.w + 2 * g.border) * g.c;
  for (std::int64_t y = 0; y < g.h; ++y) {
    const float* x = g.x + y * g.w * g.c;
    float* out = g.out + (y + g.border) * out_row + g.border * g.c;
    for (std::int64_t i = 0; i < g.w; ++i)
      for (std::int64_t c = 0; c < g.c; c += 8) {
        const V8 v = load<V8>(x + i * g.c + c) * load<V8>(scale + c) + load<V8>(mean + c);
        store<V8>(out + i * g.c + c, g.has_silu ? silu<V8>(v) : v);
      }
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float* out,
                std::int64_t rows, std::int64_t c) {
  for (std::int64_t r = 0; r < rows; ++r, x += c, out += c) {
    V8 sum = {};
    for (std::int64_t i = 0; i < c; i += 8) sum += load<V8>(x + i);
    const float mean = sum_of(sum) / static_cast<float>(c);
    V8 squares = {};
    for (std::int64_t i = 0; i < c; i += 8) {
      const V8 d = load<V8>(x + i) - mean;
      squares += d * d;
    }
    const float scale = 1.0F / root(sum_of(squares) / static_cast<float>(c) + 1e-5F);
    for (std::int64_t i = 0; i < c; i += 8)
      store<V8>(out + i,
                (load<V8>(x + i) - mean) * scale * load<V8>(weight + i) + load<V8>(bias + i));
  }
}

void geglu(const float* x, float* out, std::int64_t rows, std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r, x += 2 * width, out += width)
    for (std::int64_t i = 0; i < width; i += 8)
      store<V8>(out + i, load<V8>(x + i) * gelu<V8>(load<V8>(x + width + i)));
}

// ----------------------------------------------------------------------------------------------
// attention

// One head, as many queries as a vector has lanes: each lane is a query, so that keys and values
// are read as they lie.
template <class V>
inline void attend(const AttentionArgs& g, std::int64_t head, std::int64_t first) {
  constexpr auto kQueries = kLanes<V>;
  const auto d = g.head_width;
  const auto count = g.queries - first < kQueries ? g.queries - first : kQueries;
  float* scores = g.scratch;
  float* query = scores + g.keys * kQueries;
  float* mixed = query + d * kQueries;
  const float scale = 1.0F / root(static_cast<float>(d));
  for (std::int64_t lane = 0; lane < kQueries; ++lane) {
    const float* q = g.q + (first + (lane < count ? lane : 0)) * g.q_stride + head * d;
    for (std::int64_t i = 0; i < d; ++i) query[i * kQueries + lane] = q[i] * scale;
  }
  V greatest = spread<V>(-3.0e38F);
  for (std::int64_t j = 0; j < g.keys; ++j) {
    const float* key = g.k + j * g.kv_stride + head * d;
    V score = {};
    for (std::int64_t i = 0; i < d; ++i) score += load<V>(query + i * kQueries) * key[i];
    store<V>(scores + j * kQueries, score);
    greatest = greater_of<V>(greatest, score);
  }
  V total = {};
  for (std::int64_t j = 0; j < g.keys; ++j) {
    const V p = exponential<V>(load<V>(scores + j * kQueries) - greatest);
    store<V>(scores + j * kQueries, p);
    total += p;
  }
  std::int64_t i = 0;
  for (; i + 4 <= d; i += 4) {
    V a = {}, b = {}, c = {}, e = {};
    const float* value = g.v + head * d + i;
    for (std::int64_t j = 0; j < g.keys; ++j, value += g.kv_stride) {
      const V p = load<V>(scores + j * kQueries);
      a += p * value[0];
      b += p * value[1];
      c += p * value[2];
      e += p * value[3];
    }
    store<V>(mixed + i * kQueries, a / total);
    store<V>(mixed + (i + 1) * kQueries, b / total);
    store<V>(mixed + (i + 2) * kQueries, c / total);
    store<V>(mixed + (i + 3) * kQueries, e / total);
  }
  for (; i < d; ++i) {
    V a = {};
    for (std::int64_t j = 0; j < g.keys; ++j)
      a += load<V>(scores + j * kQueries) * g.v[j * g.kv_stride + head * d + i];
    store<V>(mixed + i * kQueries, a / total);
  }
  for (std::int64_t lane = 0; lane < count; ++lane) {
    float* out = g.out + (first + lane) * g.out_stride + head * d;
    for (i = 0; i < d; ++i) out[i] = mixed[i * kQueries + lane];
  }
}

void attention(const AttentionArgs& g) {
  for (std::int64_t head = 0; head < g.heads; ++head) {
    std::int64_t first = 0;
    for (; g.queries - first > 8; first += kLanes<Wide>) attend<Wide>(g, head, first);
    for (; first < g.queries; first += 8) attend<V8>(g, head, first);
  }
}

// The table of the kernels above, under the name of the instruction set that they are built for.
constexpr Kernels kernels_called(const char* name) {
  return {name,
          std::int64_t{2} * ISOCOST_LANES,
          gemm,
          winograd_input,
          winograd_output,
          group_norm,
          layer_norm,
          geglu,
          attention};
}

}  // namespace
}  // namespace isocost::diffusion::fast
