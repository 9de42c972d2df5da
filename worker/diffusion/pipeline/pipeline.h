// Stable Diffusion's parts put together: prompts in, latents and pictures out.
//
//   auto pipeline = Pipeline::load(*arch::ModelFolder::open("models/mini-32"));
//   Tensor text = pipeline->encode(ids);                               // ids from the tokenizer
//   auto stepper = make_stepper(sampler);
//   Result<Tensor> pictures = pipeline->draw(*stepper, {start, guided(negative, text, 7.5)});
//   // uint8 [B, 3, H, W]; or in two steps, pipeline->denoise() and
//   pipeline->autoencoder().decode()
//
// The fast network of small models computes the text's keys and values once a denoise call, the one
// of LibTorch at every step. No gradients. Thread: one at a time per object.
#pragma once

#include <memory>

#include "base/io/inputs.h"
#include "model_folder/model_folder.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/pipeline/shared_autoencoder.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {

class FastUNet;

// One evaluation of the network within a step. Branches stand from the weakest condition to the
// strongest; guidance is e_0 + sum over i > 0 of scale_i (e_i - e_(i-1)): classifier-free guidance
// with two of them, guidance by text and picture (Brooks et al. 2023, equation 3) with three.
struct Branch {
  Tensor text;         // [B, S, D]
  Tensor channels;     // [B, Z, H, W], joined to x; undefined: none
  UNetExtras extras;   // class labels, sizes, pooled text
  double scale = 1.0;  // not looked at of the first
};

// {negative, text} at scale w above 1; text alone at 1 and below, which is no guidance.
[[nodiscard]] std::vector<Branch> guided(const Tensor& negative_text, const Tensor& text, double w);

// The branches' outputs put together, then taken towards the deviation of the last one's by
// `rescale` (Lin et al. 2023, section 3.4). Requires: one output at least, as many as branches.
[[nodiscard]] Tensor combine(const std::vector<Tensor>& outputs,
                             const std::vector<Branch>& branches, double rescale);

struct Denoising {
  Trajectory start;
  std::vector<Branch> branches;
  double guidance_rescale = 0;
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
  // Networks that are loaded, and may serve other pipelines too: a U-Net those of its dtype alone,
  // an autoencoder those of its device.
  struct Parts {
    UNet unet{nullptr};
    std::shared_ptr<SharedAutoencoder> vae;
    ClipText text_encoder{nullptr};
  };
  // Fails with: widths that do not fit together. `where`: the folder of the U-Net, for messages.
  [[nodiscard]] static Result<Pipeline> join(Parts parts, const Device& device,
                                             const std::string& where);
  // Fails with: a component is missing, widths that do not fit together.
  [[nodiscard]] static Result<Pipeline> load(const arch::ModelFolder& model, const Device& device);
  [[nodiscard]] static Result<Pipeline> load(const arch::ModelFolder& model) {
    return load(model, Device{});
  }

  // Requires: ids int64 [B, L], L at most the encoder's positions, and clip_skip at most its
  // layers.
  [[nodiscard]] Tensor encode(const Tensor& ids, std::int64_t clip_skip = 0);  // [B, L, D]
  // Final latents, float32 on the CPU, before the division by the scaling factor.
  [[nodiscard]] Tensor denoise(Stepper& stepper, const Denoising& denoising);
  // Pictures to latents and back.
  [[nodiscard]] SharedAutoencoder& autoencoder() { return *vae_; }
  // denoise() and autoencoder().render().
  [[nodiscard]] Result<Tensor> draw(Stepper& stepper, const Denoising& denoising);

  [[nodiscard]] const arch::UNetConfig& unet_config() const { return unet_->config; }
  [[nodiscard]] const arch::VaeConfig& vae_config() const { return vae_->config(); }
  [[nodiscard]] const arch::ClipTextConfig& text_config() const { return text_encoder_->config; }

 private:
  // The network's raw output for x [N B, C, H, W] of all N branches at a timestep, text and extras
  // bound.
  using Network = std::function<Tensor(const Tensor& x, double t)>;
  [[nodiscard]] Network bind(const std::vector<Branch>& branches, const Tensor& like);
  Pipeline(Parts parts, const Device& device);

  UNet unet_;
  std::shared_ptr<SharedAutoencoder> vae_;
  ClipText text_encoder_;
  Device device_;
  std::shared_ptr<FastUNet> fast_;  // made when a size first asks for it
};

}  // namespace isocost::diffusion
