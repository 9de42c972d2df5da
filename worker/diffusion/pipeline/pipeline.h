// Stable Diffusion's parts put together: prompts in, latents and pictures out.
//
//   auto pipeline = Pipeline::load(*arch::ModelFolder::open("models/mini-32"));
//   Tensor text = pipeline->encode(ids);                               // ids from the tokenizer
//   Result<Tensor> pictures = pipeline->draw({sampler, guidance, text, negative}, start);
//   // uint8 [B, 3, H, W]; or in two steps, pipeline->denoise() and pipeline->decode()
//
// The text's keys and values and the projections of each timestep are computed once a denoise call,
// not once a step. No gradients. Thread: one at a time per object.
#pragma once

#include <memory>

#include "schema/arch/model_folder.h"
#include "schema/io/inputs.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/samplers/sampler.h"

namespace isocost::diffusion {

class FastDecoder;
class FastUNet;

struct Guidance {
  double scale = 1.0;  // w in e_u + w (e_c - e_u); at most 1 is a single call without guidance
  double rescale =
      0.0;  // guidance_rescale: how far the result takes the conditional prediction's deviation
};

// e_u + w (e_c - e_u), rescaled (Lin et al. 2023, section 3.4).
[[nodiscard]] Tensor guide(const Tensor& unconditional, const Tensor& conditional,
                           const Guidance& guidance);

struct DenoiseRequest {
  sampling::SamplerConfig sampler;
  Guidance guidance;
  Tensor text;           // [B, S, D]
  Tensor negative_text;  // [B, S, D]; not looked at without guidance
};

class Pipeline {
 public:
  struct Folders {
    io::Place unet;
    io::Place vae;
    io::Place text_encoder;
  };
  struct Device {
    at::Device device = at::kCPU;
    at::ScalarType dtype =
        at::kFloat;  // of the U-Net; text encoder and autoencoder stay in float32
  };

  [[nodiscard]] static Result<Pipeline> load(const Folders& folders, const Device& device);
  [[nodiscard]] static Result<Pipeline> load(const Folders& folders) {
    return load(folders, Device{});
  }
  // Fails with: a component is missing, widths that do not fit together.
  [[nodiscard]] static Result<Pipeline> load(const arch::ModelFolder& model, const Device& device);
  [[nodiscard]] static Result<Pipeline> load(const arch::ModelFolder& model) {
    return load(model, Device{});
  }

  // Requires: ids int64 [B, L], L at most the encoder's positions, and clip_skip at most its
  // layers.
  [[nodiscard]] Tensor encode(const Tensor& ids, std::int64_t clip_skip = 0);  // [B, L, D]
  // Final latents, float32 on the CPU, before the division by the scaling factor.
  [[nodiscard]] Tensor denoise(const DenoiseRequest& request, const Trajectory& start);
  // What the decoder gives for final latents, float32 on the CPU, not clamped.
  [[nodiscard]] Tensor decode(const Tensor& latents);
  // Both, as bytes: uint8 [B, 3, H, W] on the CPU. Fails with: latents or pictures that are not
  // finite, which as bytes would look like a picture.
  [[nodiscard]] Result<Tensor> draw(const DenoiseRequest& request, const Trajectory& start);

  [[nodiscard]] const arch::UNetConfig& unet_config() const { return unet_->config; }
  [[nodiscard]] const arch::VaeConfig& vae_config() const { return vae_->config; }
  [[nodiscard]] const arch::ClipTextConfig& text_config() const { return text_encoder_->config; }

 private:
  // The network's raw output for x [B, C, H, W] at a timestep, the text bound.
  using Network = std::function<Tensor(const Tensor& x, double t)>;
  [[nodiscard]] Network bind(const Tensor& context, const Tensor& like);
  Pipeline(UNet unet, Autoencoder vae, ClipText text_encoder, const Device& device);

  UNet unet_;
  Autoencoder vae_;
  ClipText text_encoder_;
  Device device_;
  std::shared_ptr<FastUNet> fast_;             // made when a size first asks for it
  std::shared_ptr<FastDecoder> fast_decoder_;  // likewise
};

}  // namespace isocost::diffusion
