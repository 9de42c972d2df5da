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
  auto unet = load_unet(folders.unet.path, folders.unet.variant);
  auto vae = load_autoencoder(folders.vae.path, folders.vae.variant);
  auto text = load_clip_text(folders.text_encoder.path, folders.text_encoder.variant);
  Failure failure;
  if (!unet) failure.add(unet.error());
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (failure.is_empty()) {
    if (const auto fit = arch::check_fit((*unet)->config, (*vae)->config, (*text)->config,
                                         folders.unet.path.parent_path().string());
        !fit)
      failure.add(fit.error());
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return Pipeline(std::move(*unet), std::move(*vae), std::move(*text), device);
}

Result<Pipeline> Pipeline::load(const arch::ModelFolder& model, const Device& device) {
  auto missing = component_missing(model);
  if (!missing.is_empty()) return fail(std::move(missing));
  const auto place = [](const auto& component) {
    return io::Place{component.folder, component.weights.variant};
  };
  return load({place(*model.unet), place(*model.vae), place(*model.text_encoder)}, device);
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

Result<Tensor> Pipeline::draw(const DenoiseRequest& request, const Trajectory& start) {
  const auto is_finite = [](const Tensor& values) {
    return at::isfinite(values).all().item<bool>();
  };
  const Tensor latents = denoise(request, start);
  if (!is_finite(latents))
    return fail("the U-Net", "the latents are not finite", "weights and options that stay finite");
  const Tensor decoded = decode(latents);
  if (!is_finite(decoded))
    return fail("the autoencoder", "the decoded pictures are not finite",
                "weights that stay finite");
  return to_bytes(decoded).contiguous();
}

}  // namespace isocost::diffusion
