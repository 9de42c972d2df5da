#include "worker/diffusion/tasks/pictures.h"

#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"

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

at::Tensor enlarged_by_pillow(const at::Tensor& bytes, int height, int width) {
  std::vector<io::Picture> pictures;
  pictures.reserve(static_cast<std::size_t>(bytes.size(0)));
  for (const auto& one : bytes.unbind())
    pictures.push_back(resize_u8(picture_of(one), width, height, Filter::kBicubic));
  return picture_batch(pictures);
}

at::Tensor kept_of(const at::Tensor& signed_pictures, const at::Tensor& masks) {
  return signed_pictures * (1 - masks);
}

at::Tensor mask_of_latents(const at::Tensor& masks, std::int64_t height, std::int64_t width) {
  return at::upsample_nearest2d(masks, {height, width});
}

std::vector<Branch> guided_by_both(const at::Tensor& negative, const at::Tensor& text,
                                   const at::Tensor& picture, const TwoScales& scales) {
  if (!(scales.text > 1)) return {{.text = text, .channels = picture, .extras = {}}};
  return {{.text = negative, .channels = at::zeros_like(picture), .extras = {}},
          {.text = negative, .channels = picture, .extras = {}, .scale = scales.picture},
          {.text = text, .channels = picture, .extras = {}, .scale = scales.text}};
}

at::Tensor sampled_latents(WarmModel& model, const at::Tensor& signed_pictures,
                           const at::Tensor& noise) {
  const double scaling = model.pipeline.vae_config().scaling_factor;
  return scaling * model.pipeline.autoencoder().posterior(signed_pictures).sample(noise);
}

}  // namespace isocost::diffusion
