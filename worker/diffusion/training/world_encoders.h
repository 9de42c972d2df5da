// The frozen halves of the family that turn the world into what a U-Net sees: pictures into
// latents, texts into states. For the sources of this folder.
//
//   auto encoders = load_encoders(places.family);
//   at::Tensor latents = encoders->latents_of(to_unit_range(world_pictures(scenes)));
//   at::Tensor states = encoders->states_of(captions);
//
// Fails with: no finished autoencoder, text encoder or tokenizer in the family. Thread: one at a
// time.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "worker/diffusion/models/autoencoder.h"
#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {

inline constexpr std::size_t kEncodedTogether = 64;

struct Encoders {
  Autoencoder vae{nullptr};
  ClipText text{nullptr};
  Tokenizer tokenizer;

  // Of pictures in [-1, 1], [B, 3, H, W]: float32.
  [[nodiscard]] Posterior posterior(const at::Tensor& pictures);
  // The posterior's mean times the scaling factor, float16 [B, Z, h, w].
  [[nodiscard]] at::Tensor latents_of(const at::Tensor& pictures);
  // float16 [N, L, C]. Requires: texts that fit.
  [[nodiscard]] at::Tensor states_of(const std::vector<std::string>& texts);
};

[[nodiscard]] Result<Encoders> load_encoders(const std::filesystem::path& family);

}  // namespace isocost::diffusion
