#include "worker/diffusion/image/degrade.h"

#include <array>

#include "base/check.h"
#include "worker/diffusion/image/resize.h"

namespace isocost::diffusion {
namespace {

io::Picture degraded_bicubic(const io::Picture& picture, const DegradationKey& key) {
  ISOCOST_CHECK(
      key.factor >= 1 && picture.width % key.factor == 0 && picture.height % key.factor == 0,
      "the sides of a picture are multiples of the factor");
  return resize_u8(picture, picture.width / key.factor, picture.height / key.factor,
                   Filter::kBicubic);
}

constexpr std::array<Degradation, 2> kDegradations = {
    {{"bicubic", "PIL's antialiased bicubic resize", degraded_bicubic},
     {"real-esrgan", "twice blur, resize, noise and JPEG, then a sinc filter",
      degraded_as_real_esrgan}}};

}  // namespace

const Degradation* find_degradation(std::string_view name) {
  for (const auto& one : kDegradations)
    if (one.name == name) return &one;
  return nullptr;
}

std::vector<std::string> degradation_names() {
  std::vector<std::string> names;
  names.reserve(kDegradations.size());
  for (const auto& one : kDegradations) names.emplace_back(one.name);
  return names;
}

}  // namespace isocost::diffusion
