// How close a decoded picture comes: the loss that the autoencoder learns from, and the measure.
//
// Thread: one at a time.
#pragma once

#include "base/json_reader.h"
#include "worker/diffusion/models/autoencoder.h"

namespace isocost::diffusion {

struct ReconstructionWeights {
  double squared = 1;
  double edges = 0.5;
  double objects = 1;  // how much more a pixel of an object counts than one of the background
};
// Reads "squared", "edges" and "objects".
[[nodiscard]] ReconstructionWeights reconstruction_weights(JsonReader& reader);

// An L1 and a squared error, and the L1 of horizontal and vertical differences: edges stay sharp.
// `objects` is 1 where objects are and 0 elsewhere, float [B, 1, H, W].
[[nodiscard]] at::Tensor reconstruction_loss(const at::Tensor& made, const at::Tensor& wanted,
                                             const at::Tensor& objects,
                                             const ReconstructionWeights& weights);

// Of bytes, in dB, over all pictures together.
[[nodiscard]] double peak_signal_to_noise(const at::Tensor& made, const at::Tensor& wanted);

struct Reconstruction {
  at::Tensor made;     // uint8 [N, 3, 64, 64]: the pictures as they come back
  at::Tensor latents;  // means, not scaled
  double psnr = 0;     // dB, over all bytes together
};
// Pictures through encoder and decoder: uint8 [N, 3, 64, 64].
[[nodiscard]] Result<Reconstruction> reconstruct(Autoencoder& vae, const at::Tensor& pictures);

}  // namespace isocost::diffusion
