// What a group's items have, as tensors and texts.
//
//   if (const auto filled = fill_items(*items, {spec.height, spec.width}, group); !filled) ...
//   say_what_is_wanted(kind, group);
//
// Image i has item i modulo their number. For tasks sources become float32 [B, 3, h, w] in [0, 1]
// and masks [B, 1, h, w], on the CPU; for metrics all of them what Items says. What items lack
// stays undefined or empty. Fails with: items that cannot be read or do not fit, every one of the
// group. Thread: any, each set one at a time.
#pragma once

#include "worker/diffusion/items/items.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {

// Bytes as float32 in [0, 1].
[[nodiscard]] at::Tensor unit_range(const at::Tensor& bytes);

[[nodiscard]] Result<void> fill_items(const ItemSet& items, PictureSize size, Group& group);

// The group's prompts are what is wanted, where they are no instructions and the items do not say
// it otherwise.
void say_what_is_wanted(const tasks::TaskKind& kind, Group& group);

}  // namespace isocost::diffusion
