// Captions as the text encoder sees them, and what they tell.
//
// Pure; thread: any.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <vector>

#include "experiments/world/world.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {

struct EncodedCaptions {
  at::Tensor ids;   // int64 [N, kTokensMax]
  at::Tensor told;  // int64 [N, attributes]: labels in the order of the text, kNotAsked elsewhere
};
// Requires: an encoder of the world's words, as read_caption_encoder() makes sure of.
[[nodiscard]] EncodedCaptions encode_captions(const CaptionEncoder& encoder,
                                              const std::vector<world::Scene>& scenes);

// Draws embeddings of tokens and places anew, small: those of unit size would drown everything
// else.
void small_embeddings(torch::nn::Module& module);

}  // namespace isocost::diffusion
