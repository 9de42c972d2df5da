#include "worker/diffusion/pipeline/shared_autoencoder.h"

#include "base/check.h"
#include "worker/diffusion/fast/fast_decoder.h"
#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {

SharedAutoencoder::SharedAutoencoder(Autoencoder loaded, at::Device device)
    : network_(std::move(loaded)), device_(device) {
  network_->to(device_);
}

Posterior SharedAutoencoder::posterior(const Tensor& pictures) {
  const c10::InferenceMode guard;
  ISOCOST_CHECK(pictures.dim() == 4 && pictures.size(1) == config().in_channels,
                "pictures are those that this autoencoder takes");
  const auto encoded = network_->encode(pictures.to(device_));
  return {encoded.mean.to(at::kCPU), encoded.logvar.to(at::kCPU)};
}

Tensor SharedAutoencoder::decode(const Tensor& latents, double scaling_factor) {
  const c10::InferenceMode guard;
  ISOCOST_CHECK(latents.dim() == 4 && latents.size(1) == config().latent_channels,
                "latents are those of this autoencoder");
  const auto z =
      latents.to(device_) / (scaling_factor > 0 ? scaling_factor : config().scaling_factor);
  if (device_.is_cpu() && FastDecoder::supports(config(), z.size(2), z.size(3))) {
    if (!fast_) fast_ = std::make_shared<FastDecoder>(network_);
    return fast_->decode(z);
  }
  return network_->decode(z).to(at::kCPU);
}

Result<Tensor> SharedAutoencoder::render(const Tensor& latents, double scaling_factor) {
  const auto is_finite = [](const Tensor& values) {
    return at::isfinite(values).all().item<bool>();
  };
  if (!is_finite(latents))
    return fail("the U-Net", "the latents are not finite", "weights and options that stay finite");
  const Tensor decoded = decode(latents, scaling_factor);
  if (!is_finite(decoded))
    return fail("the autoencoder", "the decoded pictures are not finite",
                "weights that stay finite");
  return to_bytes(decoded).contiguous();
}

}  // namespace isocost::diffusion
