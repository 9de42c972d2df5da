#include "worker/diffusion/items/fit.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "worker/diffusion/image/resize.h"

namespace isocost::diffusion {
namespace {

// A picture's values, a pixel `channels` of them.
std::vector<std::uint8_t> cut_out(const std::vector<std::uint8_t>& values, int width,
                                  std::size_t channels, const Frame& frame) {
  std::vector<std::uint8_t> out;
  out.reserve(channels * static_cast<std::size_t>(frame.cut.width) *
              static_cast<std::size_t>(frame.cut.height));
  for (int y = frame.top; y < frame.top + frame.cut.height; ++y) {
    const std::size_t begin =
        channels * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                    static_cast<std::size_t>(frame.left));
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(begin);
    out.insert(out.end(), from,
               from + static_cast<std::ptrdiff_t>(channels) * std::ptrdiff_t{frame.cut.width});
  }
  return out;
}

// Out of the middle.
Frame centred(PictureSize picture, PictureSize wanted) {
  return {picture, (picture.height - wanted.height) / 2, (picture.width - wanted.width) / 2,
          wanted};
}

// The smallest size of the picture's shape that covers what is wanted, edges rounded.
PictureSize covering(PictureSize picture, PictureSize wanted) {
  const double scale = std::max(static_cast<double>(wanted.height) / picture.height,
                                static_cast<double>(wanted.width) / picture.width);
  const auto side = [&](int length, int least) {
    return std::clamp(static_cast<int>(std::lround(length * scale)), least,
                      static_cast<int>(io::kPictureSideMax));
  };
  return {side(picture.height, wanted.height), side(picture.width, wanted.width)};
}

}  // namespace

Result<Frame> frame_of(const std::string& fit, PictureSize picture, PictureSize wanted,
                       const std::string& name) {
  if (picture == wanted) return Frame{picture, 0, 0, wanted};
  const std::string has = "the picture has " + text_of(picture) + " pixels";
  if (fit == kFitResize) return Frame{wanted, 0, 0, wanted};
  if (fit == kFitResizeCrop) return centred(covering(picture, wanted), wanted);
  if (fit == kFitCrop) {
    if (picture.height >= wanted.height && picture.width >= wanted.width)
      return centred(picture, wanted);
    return fail(name, has, text_of(wanted) + " or more, which is cut out of it");
  }
  return fail(name, has, text_of(wanted) + ", or a 'fit' that makes it so");
}

Frame scaled(const Frame& frame, int factor) {
  return {{frame.resized.height * factor, frame.resized.width * factor},
          frame.top * factor,
          frame.left * factor,
          {frame.cut.height * factor, frame.cut.width * factor}};
}

io::Picture fitted(const io::Picture& picture, const Frame& frame) {
  const bool is_resized =
      picture.width != frame.resized.width || picture.height != frame.resized.height;
  io::Picture resized =
      is_resized ? resize_u8(picture, frame.resized.width, frame.resized.height, Filter::kBicubic)
                 : picture;
  if (frame.cut == frame.resized) return resized;
  return {frame.cut.width, frame.cut.height, cut_out(resized.rgb, resized.width, 3, frame)};
}

Mask fitted(const Mask& mask, const Frame& frame) {
  const auto width = static_cast<std::size_t>(frame.resized.width);
  Mask resized{frame.resized.width, frame.resized.height, {}};
  resized.values.reserve(width * static_cast<std::size_t>(frame.resized.height));
  const auto nearest = [](int i, int out, int in) {
    return std::min(static_cast<int>((i + 0.5) * in / out), in - 1);
  };
  for (int y = 0; y < resized.height; ++y) {
    const auto row = static_cast<std::size_t>(nearest(y, resized.height, mask.height)) *
                     static_cast<std::size_t>(mask.width);
    for (int x = 0; x < resized.width; ++x)
      resized.values.push_back(
          mask.values[row + static_cast<std::size_t>(nearest(x, resized.width, mask.width))]);
  }
  return {frame.cut.width, frame.cut.height, cut_out(resized.values, resized.width, 1, frame)};
}

}  // namespace isocost::diffusion
