#include "worker/diffusion/pipeline/pipeline.h"

#include "worker/diffusion/fast/fast_decoder.h"
#include "worker/diffusion/fast/fast_unet.h"

namespace isocost::diffusion {
namespace {

Failure component_missing(const arch::ModelFolder& model) {
  Failure failure;
  const auto root = model.root.string();
  if (!model.unet) failure.add(root, "there is no unet/config.json", "a text-to-image pipeline");
  if (!model.vae) failure.add(root, "there is no vae/config.json", "a text-to-image pipeline");
  if (!model.text_encoder)
    failure.add(root, "there is no text_encoder/config.json", "a text-to-image pipeline");
  return failure;
}

// Parts that were made for different models.
Failure misfits(const arch::UNetConfig& unet, const arch::VaeConfig& vae,
                const arch::ClipTextConfig& text, const std::string& where) {
  Failure failure;
  const auto context = unet.context_width();
  if (context != 0 && context != text.tower.hidden_size)
    failure.add(where,
                "the text encoder's states are " + std::to_string(text.tower.hidden_size) + " wide",
                "the U-Net's cross_attention_dim, " + std::to_string(context));
  if (unet.out_channels != vae.latent_channels)
    failure.add(where, "the U-Net gives " + std::to_string(unet.out_channels) + " channels",
                "the autoencoder's latent_channels, " + std::to_string(vae.latent_channels));
  return failure;
}

}  // namespace

Tensor guide(const Tensor& unconditional, const Tensor& conditional, const Guidance& guidance) {
  const auto guided = unconditional + guidance.scale * (conditional - unconditional);
  if (guidance.rescale <= 0) return guided;
  std::vector<std::int64_t> all_but_batch;
  for (std::int64_t i = 1; i < guided.dim(); ++i) all_but_batch.push_back(i);
  const auto wanted = conditional.std(all_but_batch, true, true);
  const auto have = guided.std(all_but_batch, true, true);
  return guidance.rescale * (guided * (wanted / have)) + (1 - guidance.rescale) * guided;
}

Pipeline::Pipeline(UNet unet, Autoencoder vae, ClipText text_encoder, const Device& device)
    : unet_(std::move(unet)),
      vae_(std::move(vae)),
      text_encoder_(std::move(text_encoder)),
      device_(device) {
  unet_->to(device_.device, device_.dtype);
  vae_->to(device_.device);
  text_encoder_->to(device_.device);
}

Result<Pipeline> Pipeline::load(const Folders& folders, const Device& device) {
  auto unet = load_unet(folders.unet, folders.variant);
  auto vae = load_autoencoder(folders.vae, folders.variant);
  auto text = load_clip_text(folders.text_encoder, folders.variant);
  Failure failure;
  if (!unet) failure.add(unet.error());
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (failure.is_empty())
    failure.add(misfits((*unet)->config, (*vae)->config, (*text)->config,
                        folders.unet.parent_path().string()));
  if (!failure.is_empty()) return fail(std::move(failure));
  return Pipeline(std::move(*unet), std::move(*vae), std::move(*text), device);
}

Result<Pipeline> Pipeline::load(const arch::ModelFolder& model, const Device& device) {
  auto missing = component_missing(model);
  if (!missing.is_empty()) return fail(std::move(missing));
  return load({model.unet->folder, model.vae->folder, model.text_encoder->folder, model.variant},
              device);
}

Tensor Pipeline::encode(const Tensor& ids, std::int64_t clip_skip) {
  const c10::InferenceMode guard;
  return text_encoder_->condition(ids.to(device_.device), clip_skip);
}

Pipeline::Network Pipeline::bind(const Tensor& context, const Tensor& like) {
  const bool is_fast = device_.device.is_cpu() && device_.dtype == at::kFloat &&
                       FastUNet::supports(unet_->config, like.size(2), like.size(3));
  if (is_fast) {
    if (!fast_) fast_ = std::make_shared<FastUNet>(unet_);
    fast_->bind(context);
    return [this](const Tensor& x, double t) { return fast_->forward(x, t); };
  }
  const auto text = context.to(device_.device, device_.dtype);
  return [this, text](const Tensor& x, double t) {
    const auto timesteps =
        at::full({x.size(0)}, t, at::TensorOptions().device(device_.device).dtype(at::kFloat));
    return unet_->forward(x.to(device_.device, device_.dtype), timesteps, text)
        .to(at::kCPU, at::kFloat);
  };
}

Tensor Pipeline::denoise(const DenoiseRequest& request, const Trajectory& start) {
  const c10::InferenceMode guard;
  const bool is_guided = request.guidance.scale > 1;
  const auto network =
      bind(is_guided ? at::cat({request.negative_text, request.text}) : request.text, start.x_T);
  const Predict predict = [&](const Tensor& x, double t) {
    if (!is_guided) return network(x, t);
    const auto halves = network(at::cat({x, x}), t).chunk(2);
    return guide(halves[0], halves[1], request.guidance);
  };
  return sample(request.sampler, predict, start);
}

Tensor Pipeline::decode(const Tensor& latents) {
  const c10::InferenceMode guard;
  const auto& config = vae_->config;
  const auto z = latents.to(device_.device) / config.scaling_factor;
  if (device_.device.is_cpu() && FastDecoder::supports(config, z.size(2), z.size(3))) {
    if (!fast_decoder_) fast_decoder_ = std::make_shared<FastDecoder>(vae_);
    return fast_decoder_->decode(z);
  }
  return vae_->decode(z).to(at::kCPU);
}

}  // namespace isocost::diffusion
