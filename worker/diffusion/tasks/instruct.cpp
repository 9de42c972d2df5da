// Editing by instructions: the source's latents beside those that are drawn, and guidance by
// picture and text apart.
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

Result<Denoising> begin_instruct(WarmModel& model, const SampleSpec& spec, const Group& group,
                                 const Stepper& stepper) {
  if (const auto fits = check_source_size(spec, group); !fits) return fail(fits.error());
  const auto shape = latent_shape(model, spec);
  // The posterior's mean, which these networks are trained to see without its scaling.
  const at::Tensor source =
      model.pipeline.autoencoder().posterior(signed_pictures(group.sources)).mean;
  Trajectory start;
  start.x = stepper.init_sigma() * noise_of(spec, group, kStartNoise, shape);
  start.draw = later_noise(spec, group, shape);
  const at::Tensor text = prompt_states(model, group);
  if (!(spec.guidance > 1))
    return Denoising{std::move(start), guided_by_both({}, text, source, {})};
  const auto image_guidance = spec.parameters.at("image_guidance").get<double>();
  return Denoising{std::move(start), guided_by_both(negative_states(model, spec, group), text,
                                                    source, {spec.guidance, image_guidance})};
}

}  // namespace

Task instruct_task() { return {begin_instruct, end_with_pictures}; }

}  // namespace isocost::diffusion
