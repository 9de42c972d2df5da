// Super-resolution: the latents of the small picture, enlarged, beside those that are drawn.
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

Result<Denoising> begin_concat_sr(WarmModel& model, const SampleSpec& spec, const Group& group,
                                  const Stepper& stepper) {
  const auto height = group.sources.size(2), width = group.sources.size(3);
  if (height > spec.height || width > spec.width)
    return fail(
        "items", c10::str("the sources have ", height, " x ", width, " pixels"),
        c10::str("at most ", spec.height, " x ", spec.width, ", to which they are enlarged"));
  const auto shape = latent_shape(model, spec);
  const at::Tensor enlarged = resized_bicubic(group.sources, spec.height, spec.width);
  const at::Tensor channels =
      model.pipeline.vae_config().scaling_factor *
      model.pipeline.autoencoder().posterior(signed_pictures(enlarged)).mean;
  Trajectory start;
  start.x = stepper.init_sigma() * noise_of(spec, group, kStartNoise, shape);
  start.draw = later_noise(spec, group, shape);
  return Denoising{std::move(start), prompted(model, spec, group, channels)};
}

}  // namespace

Task concat_sr_task() { return {begin_concat_sr, end_with_pictures}; }

}  // namespace isocost::diffusion
