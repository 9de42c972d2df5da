// The pictures of a group's items, as tensors.
//
//   if (const auto filled = fill_items(*items, {spec.height, spec.width}, group); !filled) ...
//
// Image i has item i modulo their number. Sources and targets become float32 [B, 3, h, w] in [0,
// 1], masks [B, 1, h, w], on the CPU; what items lack stays undefined. Fails with: items that
// cannot be read or do not fit, every one of the group. Thread: any, each set one at a time.
#pragma once

#include "worker/diffusion/items/items.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {

[[nodiscard]] Result<void> fill_items(const ItemSet& items, PictureSize size, Group& group);

}  // namespace isocost::diffusion
