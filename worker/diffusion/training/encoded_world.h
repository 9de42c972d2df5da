// The world as a U-Net sees it: latents and text states, and what joins the latents for a task,
// computed once and kept in the cache.
//
//   Result<EncodedWorld> data =
//       encode_world(places, {.split = world::Split::kTrain, .count = 131072, .misdescribed =
//       0.04});
//
// The cache file is named after the weights that made it. Of several processes that want the same
// one encodes, and the others wait for it. Fails with: no finished autoencoder, text
// encoder or tokenizer in the family. Throws on I/O faults. Thread: one at a time.
#pragma once

#include <ATen/ATen.h>

#include "worker/diffusion/training/task_items.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {

struct EncodedWorld {
  at::Tensor latents;     // means times scaling_factor, float16 [N, Z, h, w]
  at::Tensor text;        // float16 [N, L, C]
  at::Tensor empty_text;  // of the empty prompt, float16 [L, C]
  at::Tensor channels;    // beside noisy latents, float16 [N, K, h, w]; undefined without a task
  std::string made_by;    // the digest of the parts that encoded it
};

// Requires: a task that find_item_task() knows, or none; degradations that are known.
[[nodiscard]] Result<EncodedWorld> encode_world(const TrainingPlaces& places,
                                                const WorldChoice& choice);

}  // namespace isocost::diffusion
