#include "worker/diffusion/samplers/noise.h"

#include <limits>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

// Counter layout: position in blocks of four values, draw, image (64 bits). Two Box-Muller pairs a
// block.
void fill(std::uint64_t seed, std::uint64_t image, std::uint32_t draw, float* out,
          std::int64_t count) {
  const PhiloxKey key = philox_key(seed);
  for (std::int64_t begin = 0; begin < count; begin += 4) {
    const PhiloxCounter bits =
        philox4x32_10({static_cast<std::uint32_t>(begin / 4), draw,
                       static_cast<std::uint32_t>(image), static_cast<std::uint32_t>(image >> 32U)},
                      key);
    for (std::int64_t pair = 0; pair < 2; ++pair) {
      const auto p = static_cast<std::size_t>(pair) * 2;
      const auto normals = normal_pair(bits[p], bits[p + 1]);
      const std::int64_t i = begin + 2 * pair;
      if (i < count) out[i] = static_cast<float>(normals[0]);
      if (i + 1 < count) out[i + 1] = static_cast<float>(normals[1]);
    }
  }
}

}  // namespace

at::Tensor keyed_noise(std::uint64_t seed, const std::vector<std::uint64_t>& images,
                       std::uint32_t draw, at::IntArrayRef shape) {
  std::vector<std::int64_t> sizes = {static_cast<std::int64_t>(images.size())};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  at::Tensor noise = at::empty(sizes, at::kFloat);
  // A block's number has 32 bits: beyond it values would come again.
  ISOCOST_CHECK(images.empty() || noise.numel() / static_cast<std::int64_t>(images.size()) / 4 <=
                                      std::numeric_limits<std::uint32_t>::max(),
                "an image has no more values than the generator has");
  const std::int64_t count =
      images.empty() ? 0 : noise.numel() / static_cast<std::int64_t>(images.size());
  for (std::size_t row = 0; row < images.size(); ++row) {
    fill(seed, images[row], draw,
         noise.mutable_data_ptr<float>() + static_cast<std::int64_t>(row) * count, count);
  }
  return noise;
}

}  // namespace isocost::diffusion
