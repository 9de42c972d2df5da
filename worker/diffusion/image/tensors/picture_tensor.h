// Pictures as tensors of bytes, and back.
//
//   at::Tensor bytes = picture_tensor(picture);          // uint8 [3, H, W] on the CPU
//   io::Picture same = picture_of(bytes);
//
// Copies. Pure, any thread.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "base/io/picture.h"

namespace isocost::diffusion {

[[nodiscard]] at::Tensor picture_tensor(const io::Picture& picture);
// Side by side: [B, 3, H, W]. Requires: one at least, all of one size.
[[nodiscard]] at::Tensor picture_batch(const std::vector<io::Picture>& pictures);
// Requires: uint8 [3, H, W].
[[nodiscard]] io::Picture picture_of(const at::Tensor& bytes);

}  // namespace isocost::diffusion
