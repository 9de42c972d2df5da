// The resizes that evaluation protocols name, each to the last bit of its reference, since a metric
// changes with them.
//
//   io::Picture small = resize_u8(picture, 224, 280, Filter::kBicubic);        // PIL's
//   Image.resize on 8 bits FloatPicture clean = resize_float(picture, 299, 299, Filter::kBicubic);
//   // PIL on floats, as clean-fid does
//
// Requires: a picture with pixels, and sides from 1 to io::kPictureSideMax. Thread: any.
#pragma once

#include <vector>

#include "base/io/picture.h"

namespace isocost::diffusion {

enum class Filter { kBilinear, kBicubic };

struct FloatPicture {
  int width = 0;
  int height = 0;
  std::vector<float> rgb;  // [height][width][3], in 0..255 or a little beyond
};

// PIL's resize of 8-bit pictures: antialiased when shrinking, coefficients of 22 bits, rounded and
// clipped to 8 bits after the horizontal and again after the vertical pass. Bicubic has a = -0.5.
[[nodiscard]] io::Picture resize_u8(const io::Picture& picture, int width, int height,
                                    Filter filter);

// PIL's resize of 32-bit float channels: nothing is rounded or clipped. clean-fid clips the result
// to 0..255.
[[nodiscard]] FloatPicture resize_float(const io::Picture& picture, int width, int height,
                                        Filter filter);

// TensorFlow 1's bilinear resize, as the original FID: source = target * in / out, no antialias.
[[nodiscard]] FloatPicture resize_tf1_bilinear(const io::Picture& picture, int width, int height);

// PyTorch's interpolate(mode="bilinear", align_corners=False): half-pixel centres, no antialias.
[[nodiscard]] FloatPicture resize_torch_bilinear(const io::Picture& picture, int width, int height);

void clip_to_byte_range(FloatPicture& picture);

}  // namespace isocost::diffusion
