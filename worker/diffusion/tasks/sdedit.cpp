// A picture noised to where its strength says, and drawn from there.
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

Result<Denoising> begin_sdedit(WarmModel& model, const SampleSpec& spec, const Group& group,
                               const Stepper& stepper) {
  if (const auto fits = check_source_size(spec, group); !fits) return fail(fits.error());
  const auto first = call_of_strength(spec, stepper);
  if (!first) return fail(first.error());
  const auto shape = latent_shape(model, spec);
  const at::Tensor z = sampled_latents(model, signed_pictures(group.sources),
                                       noise_of(spec, group, kPosteriorNoise, shape));
  Trajectory start;
  start.x = stepper.noised(*first, z, noise_of(spec, group, kStartNoise, shape));
  start.first_call = *first;
  start.draw = later_noise(spec, group, shape);
  return Denoising{std::move(start), prompted(model, spec, group)};
}

}  // namespace

Task sdedit_task() { return {begin_sdedit, end_with_pictures}; }

}  // namespace isocost::diffusion
