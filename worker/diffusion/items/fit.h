// Pictures made as large as a sample's: schema/items.h names the ways. Those of one item move
// together: what is cut of a target is cut of its source and its mask.
//
//   const auto frame = frame_of("crop", {.height = 480, .width = 640}, {64, 64}, "a.png");
//   if (!frame) return fail(...);                       // the picture is too small
//   io::Picture cut = fitted(picture, *frame);
//
// Pure, any thread.
#pragma once

#include "worker/diffusion/items/items.h"

namespace isocost::diffusion {

// Resized to this size where it is another, then cut out from (top, left).
struct Frame {
  PictureSize resized{};
  int top = 0;
  int left = 0;
  PictureSize cut{};
};

// Of a source; a target `factor` times as large has the frame scaled(frame, factor).
// Fails with: what the picture has, and what was expected. `name`: of the picture.
[[nodiscard]] Result<Frame> frame_of(const std::string& fit, PictureSize picture,
                                     PictureSize wanted, const std::string& name);
[[nodiscard]] Frame scaled(const Frame& frame, int factor);

[[nodiscard]] io::Picture fitted(const io::Picture& picture, const Frame& frame);
// Nearest pixels, as PIL's NEAREST takes them.
[[nodiscard]] Mask fitted(const Mask& mask, const Frame& frame);

}  // namespace isocost::diffusion
