// LPIPS: how far apart two pictures are in the features of AlexNet or VGG16, weighted a channel as
// people judge (Zhang et al. 2018, version 0.1; lpips 0.1.4 gives the same).
//
//   Result<Perceptual> network = load_perceptual_network("models/lpips-alex");
//   Tensor distance = (*network)->distance(x, y);        // [B, 3, H, W] in [-1, 1] -> [B]
//
// Folders are those of schema/arch/perceptual.h. Fails with every fault of configuration and
// weights. Thread: one at a time.
#pragma once

#include <filesystem>

#include "schema/arch/perceptual.h"
#include "worker/diffusion/models/layers.h"

namespace isocost::diffusion {

struct PerceptualImpl : torch::nn::Module {
  explicit PerceptualImpl(arch::PerceptualConfig config);
  // Requires: equal sizes, kPerceptualSideMin pixels a side or more.
  [[nodiscard]] Tensor distance(const Tensor& x, const Tensor& y);
  // What the measured layers give, each of unit length a pixel.
  [[nodiscard]] std::vector<Tensor> features(const Tensor& x);

  arch::PerceptualConfig config;
  std::vector<torch::nn::Conv2d> convolutions;  // in the order of the layers
  std::vector<Tensor> heads;                    // lin0 ... [C]
};
TORCH_MODULE(Perceptual);

[[nodiscard]] Result<Perceptual> load_perceptual_network(const std::filesystem::path& folder);

}  // namespace isocost::diffusion
