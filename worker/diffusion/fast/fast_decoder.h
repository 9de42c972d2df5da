// An autoencoder's decoder for sampling on a CPU, by the kernels of the fast U-Net.
//
//   if (FastDecoder::supports(vae->config, h, w)) pictures = FastDecoder(vae).decode(z);
//
// Holds packed copies of the weights. A picture's bits do not depend on its batch. Thread: one at a
// time per object.
#pragma once

#include <memory>

#include "worker/diffusion/models/autoencoder.h"

namespace isocost::diffusion {

class FastDecoder {
 public:
  // Whether the kernels take this network and win: widths divisible by 8, latents of few pixels.
  [[nodiscard]] static bool supports(const arch::VaeConfig& config, std::int64_t height,
                                     std::int64_t width);

  // Requires: supports(vae->config, ...), weights on the CPU in float32.
  explicit FastDecoder(Autoencoder vae);
  ~FastDecoder();

  // What Autoencoder::decode gives, for z float32 on the CPU.
  [[nodiscard]] Tensor decode(const Tensor& z);

 private:
  struct Network;
  std::unique_ptr<Network> network_;
};

}  // namespace isocost::diffusion
