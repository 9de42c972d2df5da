// The degradation of Real-ESRGAN (Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind
// Super-Resolution with Pure Synthetic Data", section 3): twice blur, resize, noise and JPEG, then
// a sinc filter, with the options of train_realesrgan_x4plus.yml.
//
//   Result<io::Picture> low = real_esrgan(picture, {.factor = 4, .seed = 0, .item = 17});
//
// Two things differ from that code: JPEG is libjpeg-turbo's, 4:2:0, of a whole quality, on bytes,
// where upstream has a differentiable one (docs/adr/0011); and the large picture is not sharpened
// first. Computed in float64.
//
// A pure function of picture and key: what it draws is keyed by (seed, item, purpose). Any thread.
// Requires: sides that are multiples of the factor. Fails with: a picture that could become larger
// on the way than pictures may be (io::kPictureSideMax, io::kPicturePixelsMax), whatever is drawn.
#pragma once

#include "base/io/picture.h"
#include "base/result.h"

namespace isocost::diffusion {

struct DegradationKey {
  int factor = 4;  // the sides become so many times shorter
  std::uint64_t seed = 0;
  std::uint64_t item = 0;
};
[[nodiscard]] Result<io::Picture> real_esrgan(const io::Picture& picture,
                                              const DegradationKey& key);

}  // namespace isocost::diffusion
