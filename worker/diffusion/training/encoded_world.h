// The world as a U-Net sees it: latents and text states, computed once and kept in the cache.
//
//   Result<EncodedWorld> data = encode_world(places, world::Split::kTrain, 24576);
//
// The cache file is named after the weights that made it. Fails with: no finished autoencoder, text
// encoder or tokenizer in the family. Throws on I/O faults. Thread: one at a time.
#pragma once

#include <ATen/ATen.h>

#include "experiments/world/world.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {

struct EncodedWorld {
  at::Tensor latents;     // means times scaling_factor, [N, 4, 8, 8]
  at::Tensor text;        // [N, L, C]
  at::Tensor empty_text;  // of the empty prompt, [L, C]
};

[[nodiscard]] Result<EncodedWorld> encode_world(const TrainingPlaces& places, world::Split split,
                                                std::uint64_t count);

}  // namespace isocost::diffusion
