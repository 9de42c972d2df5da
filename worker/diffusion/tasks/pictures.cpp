#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {

Result<void> check_source_size(const SampleSpec& spec, const Group& group) {
  const auto height = group.sources.size(2), width = group.sources.size(3);
  if (height == spec.height && width == spec.width) return {};
  return fail("items", c10::str("the sources have ", height, " x ", width, " pixels"),
              c10::str(spec.height, " x ", spec.width, ", as the sample has"));
}

Result<std::size_t> call_of_strength(const SampleSpec& spec, const Stepper& stepper) {
  const auto strength = spec.parameters.at("strength").get<double>();
  const std::size_t first = tasks::first_call(stepper.steps(), strength);
  if (first < stepper.timesteps().size()) return first;
  return fail("sample.parameters.strength",
              c10::str("a strength of ", strength, " leaves none of ", stepper.steps(), " steps"),
              c10::str("at least ", 1.0 / stepper.steps()));
}

at::Tensor signed_pictures(const at::Tensor& pictures) { return 2 * pictures - 1; }

at::Tensor resized_bicubic(const at::Tensor& pictures, std::int64_t height, std::int64_t width) {
  return at::upsample_bicubic2d(pictures, {height, width}, false);
}

at::Tensor kept_of(const at::Tensor& signed_pictures, const at::Tensor& masks) {
  return signed_pictures * (1 - masks);
}

at::Tensor mask_of_latents(const at::Tensor& masks, std::int64_t height, std::int64_t width) {
  return at::upsample_nearest2d(masks, {height, width});
}

at::Tensor sampled_latents(WarmModel& model, const at::Tensor& signed_pictures,
                           const at::Tensor& noise) {
  const double scaling = model.pipeline.vae_config().scaling_factor;
  return scaling * model.pipeline.autoencoder().posterior(signed_pictures).sample(noise);
}

}  // namespace isocost::diffusion
