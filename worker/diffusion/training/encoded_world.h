// The world as a U-Net sees it: latents and text states, computed once and kept in the cache.
//
//   Result<EncodedWorld> data =
//       encode_world(places, {.split = world::Split::kTrain, .count = 131072, .misdescribed =
//       0.04});
//
// The cache file is named after the weights that made it. Fails with: no finished autoencoder, text
// encoder or tokenizer in the family. Throws on I/O faults. Thread: one at a time.
#pragma once

#include <ATen/ATen.h>

#include "experiments/world/world.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {

struct EncodedWorld {
  at::Tensor latents;     // means times scaling_factor, float16 [N, Z, h, w]
  at::Tensor text;        // float16 [N, L, C]
  at::Tensor empty_text;  // of the empty prompt, float16 [L, C]
};

struct WorldChoice {
  world::Split split = world::Split::kTrain;
  std::uint64_t count = 0;
  double misdescribed = 0;  // share of the captions that have a word wrong
};
[[nodiscard]] Result<EncodedWorld> encode_world(const TrainingPlaces& places,
                                                const WorldChoice& choice);

}  // namespace isocost::diffusion
