// How a small, bad picture is made of a large, good one: what super-resolution is asked to undo.
//
//   const Degradation* degradation = find_degradation("real-esrgan");
//   io::Picture low = degradation->apply(picture, {.factor = 4, .seed = 0, .item = 17});
//
// bicubic       PIL's antialiased bicubic resize of 8-bit pictures; draws nothing
// real-esrgan   twice blur, resize, noise and JPEG, then a sinc filter (Wang et al. 2021, "Real-
//               ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
//               section 3 and the options of train_realesrgan_x4plus.yml). Two things differ from
//               that code: JPEG is libjpeg-turbo's, 4:2:0, of a whole quality, on bytes, where
//               upstream has a differentiable one (docs/adr/0010); and the large picture is not
//               sharpened first.
//
// Each is a pure function of picture and key: what it draws is keyed by (seed, item, purpose). Any
// thread.
//
// Requires: sides that are multiples of the factor, and no longer than io::kPictureSideMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/io/picture.h"

namespace isocost::diffusion {

struct DegradationKey {
  int factor = 4;  // the sides become so many times shorter
  std::uint64_t seed = 0;
  std::uint64_t item = 0;
};

struct Degradation {
  std::string_view name;
  std::string_view explanation;
  io::Picture (*apply)(const io::Picture& picture, const DegradationKey& key) = nullptr;
};

// Null when none is called so.
[[nodiscard]] const Degradation* find_degradation(std::string_view name);
[[nodiscard]] std::vector<std::string> degradation_names();

// real_esrgan.cpp
[[nodiscard]] io::Picture degraded_as_real_esrgan(const io::Picture& picture,
                                                  const DegradationKey& key);

}  // namespace isocost::diffusion
