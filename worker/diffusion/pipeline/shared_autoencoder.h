// An autoencoder as pipelines share it: pictures to latents and back.
//
//   SharedAutoencoder vae(network, at::kCPU);
//   Tensor z = vae.config().scaling_factor * vae.posterior(pictures).mean;
//   Result<Tensor> bytes = vae.render(z);                              // uint8 [B, 3, H, W]
//
// Small networks on a CPU are decoded by a fast path of their own, made when a size first asks for
// it. No gradients. Thread: one at a time per object.
#pragma once

#include <memory>

#include "base/result.h"
#include "worker/diffusion/models/autoencoder.h"

namespace isocost::diffusion {

class FastDecoder;

class SharedAutoencoder {
 public:
  SharedAutoencoder(Autoencoder loaded, at::Device device);

  // What the encoder says of pictures in [-1, 1], [B, 3, H, W]: float32 on the CPU, not scaled.
  [[nodiscard]] Posterior posterior(const Tensor& pictures);
  // What the decoder gives for final latents, float32 on the CPU, not clamped. `scaling_factor`: by
  // which they are divided; 0: the autoencoder's own.
  [[nodiscard]] Tensor decode(const Tensor& latents, double scaling_factor = 0);
  // As bytes: uint8 [B, 3, H, W] on the CPU. Fails with: latents or pictures that are not finite,
  // which as bytes would look like a picture.
  [[nodiscard]] Result<Tensor> render(const Tensor& latents, double scaling_factor = 0);

  [[nodiscard]] const arch::VaeConfig& config() const { return network_->config; }

 private:
  Autoencoder network_;
  at::Device device_;
  std::shared_ptr<FastDecoder> fast_;
};

}  // namespace isocost::diffusion
