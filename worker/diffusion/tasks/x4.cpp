// Super-resolution: the small picture, with noise over it, beside latents of its own size, and the
// level of that noise as the network's class.
#include <cmath>

#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

// As high and wide as the latents, which diffusers' pipeline makes of them, and a multiple of the
// autoencoder's factor, down to which it would resize them.
Failure check_small_pictures(const WarmModel& model, const SampleSpec& spec, const Group& group) {
  const auto shape = latent_shape(model, spec);
  const auto factor = model.pipeline.vae_config().factor();
  const auto height = group.sources.size(2), width = group.sources.size(3);
  Failure failure;
  if (height != shape[1] || width != shape[2])
    failure.add("items", c10::str("the sources have ", height, " x ", width, " pixels"),
                c10::str(shape[1], " x ", shape[2], ", of which the autoencoder makes ",
                         spec.height, " x ", spec.width));
  if (height % factor != 0 || width % factor != 0)
    failure.add("items", c10::str("the sources have ", height, " x ", width, " pixels"),
                c10::str("multiples of ", factor));
  const auto level = spec.parameters.at("noise_level").get<std::int64_t>();
  const auto classes = model.pipeline.unet_config().num_class_embeds;
  if (classes > 0 && level >= classes)
    failure.add("sample.parameters.noise_level", c10::str("this is ", level),
                c10::str("below ", classes, ", the classes that the U-Net has"));
  return failure;
}

Result<Denoising> begin_x4(WarmModel& model, const SampleSpec& spec, const Group& group,
                           const Stepper& stepper) {
  if (Failure failure = check_small_pictures(model, spec, group); !failure.is_empty())
    return fail(std::move(failure));
  const auto shape = latent_shape(model, spec);
  const auto alpha_bar = spec.parameters.at("low_res_alpha_bar").get<double>();
  const std::vector<std::int64_t> picture = {group.sources.size(1), shape[1], shape[2]};
  const at::Tensor channels =
      std::sqrt(alpha_bar) * signed_pictures(group.sources) +
      std::sqrt(1 - alpha_bar) * noise_of(spec, group, kLowResolutionNoise, picture);
  UNetExtras extras;
  extras.class_labels =
      at::full({group.sources.size(0)}, spec.parameters.at("noise_level").get<std::int64_t>(),
               at::TensorOptions().dtype(at::kLong));
  Trajectory start;
  start.x = stepper.init_sigma() * noise_of(spec, group, kStartNoise, shape);
  start.draw = later_noise(spec, group, shape);
  return Denoising{std::move(start), prompted(model, spec, group, channels, extras)};
}

}  // namespace

Task x4_task() { return {begin_x4, end_with_pictures}; }

}  // namespace isocost::diffusion
