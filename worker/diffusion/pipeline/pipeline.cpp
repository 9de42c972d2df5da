#include "worker/diffusion/pipeline/pipeline.h"

#include "base/check.h"
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

std::vector<Branch> guided(const Tensor& negative_text, const Tensor& text, double w) {
  if (!(w > 1)) return {{.text = text, .channels = {}, .extras = {}}};
  return {{.text = negative_text, .channels = {}, .extras = {}},
          {.text = text, .channels = {}, .extras = {}, .scale = w}};
}

Tensor combine(const std::vector<Tensor>& outputs, const std::vector<Branch>& branches,
               double rescale) {
  ISOCOST_CHECK(!outputs.empty() && outputs.size() == branches.size(), "an output a branch");
  Tensor guided = outputs.front();
  for (std::size_t i = 1; i < outputs.size(); ++i)
    guided = guided + branches[i].scale * (outputs[i] - outputs[i - 1]);
  if (rescale <= 0) return guided;
  std::vector<std::int64_t> all_but_batch;
  for (std::int64_t i = 1; i < guided.dim(); ++i) all_but_batch.push_back(i);
  const auto wanted = outputs.back().std(all_but_batch, true, true);
  const auto have = guided.std(all_but_batch, true, true);
  return rescale * (guided * (wanted / have)) + (1 - rescale) * guided;
}

Pipeline::Pipeline(Parts parts, const Device& device)
    : unet_(std::move(parts.unet)),
      vae_(std::move(parts.vae)),
      text_encoder_(std::move(parts.text_encoder)),
      device_(device) {
  unet_->to(device_.device, device_.dtype);
  text_encoder_->to(device_.device);
}

Result<Pipeline> Pipeline::join(Parts parts, const Device& device, const std::string& where) {
  ISOCOST_CHECK(!parts.unet.is_empty() && parts.vae && !parts.text_encoder.is_empty(),
                "a pipeline has all of its parts");
  const auto fit =
      arch::check_fit(parts.unet->config, parts.vae->config(), parts.text_encoder->config, where);
  if (!fit) return fail(fit.error());
  return Pipeline(std::move(parts), device);
}

Result<Pipeline> Pipeline::load(const Folders& folders, const Device& device) {
  auto unet = load_unet(folders.unet.path, folders.unet.variant);
  auto vae = load_autoencoder(folders.vae.path, folders.vae.variant);
  auto text = load_clip_text(folders.text_encoder.path, folders.text_encoder.variant);
  Failure failure;
  if (!unet) failure.add(unet.error());
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return join(
      {std::move(*unet), std::make_shared<SharedAutoencoder>(std::move(*vae), device.device),
       std::move(*text)},
      device, folders.unet.path.parent_path().string());
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
  ISOCOST_CHECK(ids.dim() == 2 && ids.scalar_type() == at::kLong &&
                    ids.size(1) <= text_config().max_position_embeddings,
                "ids are rows of tokens that the encoder has positions for");
  const c10::InferenceMode guard;
  return text_encoder_->condition(ids.to(device_.device), clip_skip);
}

namespace {

// Side by side along the batch; undefined where no branch has one.
Tensor joined(const std::vector<Branch>& branches, Tensor (*part)(const Branch&)) {
  std::vector<Tensor> parts;
  for (const auto& branch : branches)
    if (const Tensor one = part(branch); one.defined()) parts.push_back(one);
  return parts.empty() ? Tensor() : at::cat(parts);
}

// x once a branch, each with the branch's channels beside it.
Tensor with_channels(const Tensor& x, const std::vector<Branch>& branches) {
  std::vector<Tensor> inputs;
  inputs.reserve(branches.size());
  for (const auto& branch : branches)
    inputs.push_back(branch.channels.defined() ? at::cat({x, branch.channels}, 1) : x);
  return at::cat(inputs);
}

}  // namespace

Pipeline::Network Pipeline::bind(const std::vector<Branch>& branches, const Tensor& like) {
  const auto context = joined(branches, [](const Branch& branch) { return branch.text; });
  const bool is_fast = device_.device.is_cpu() && device_.dtype == at::kFloat &&
                       FastUNet::supports(unet_->config, like.size(2), like.size(3));
  if (is_fast) {
    if (!fast_) fast_ = std::make_shared<FastUNet>(unet_);
    fast_->bind(context);
    return [this](const Tensor& x, double t) { return fast_->forward(x, t); };
  }
  const auto text = context.to(device_.device, device_.dtype);
  UNetExtras extras;
  const auto bound = [&](Tensor (*part)(const Branch&)) {
    const auto all = joined(branches, part);
    return all.defined() ? all.to(device_.device) : all;
  };
  extras.class_labels = bound([](const Branch& branch) { return branch.extras.class_labels; });
  extras.text_embeds = bound([](const Branch& branch) { return branch.extras.text_embeds; });
  extras.time_ids = bound([](const Branch& branch) { return branch.extras.time_ids; });
  return [this, text, extras](const Tensor& x, double t) {
    const auto timesteps =
        at::full({x.size(0)}, t, at::TensorOptions().device(device_.device).dtype(at::kFloat));
    return unet_->forward(x.to(device_.device, device_.dtype), timesteps, text, extras)
        .to(at::kCPU, at::kFloat);
  };
}

Tensor Pipeline::denoise(Stepper& stepper, const Denoising& denoising) {
  const c10::InferenceMode guard;
  const auto& branches = denoising.branches;
  ISOCOST_CHECK(!branches.empty(), "a task evaluates one branch at least");
  for (const auto& branch : branches)
    ISOCOST_CHECK(branch.text.defined() && branch.text.size(0) == denoising.start.x.size(0),
                  "a branch has a text an image");
  const auto network = bind(branches, denoising.start.x);
  const Predict predict = [&](const Tensor& x, double t) {
    const auto count = static_cast<std::int64_t>(branches.size());
    const auto outputs = network(with_channels(x, branches), t).chunk(count);
    return combine(outputs, branches, denoising.guidance_rescale);
  };
  return run(stepper, predict, denoising.start);
}

Result<Tensor> Pipeline::draw(Stepper& stepper, const Denoising& denoising) {
  return vae_->render(denoise(stepper, denoising));
}

}  // namespace isocost::diffusion
