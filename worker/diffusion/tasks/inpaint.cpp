// A picture drawn anew inside its mask. A network that takes the mask and what is outside of it
// gets both beside its latents; any other draws freely, and after every step what is outside is put
// back as it stands at that step.
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

// [B, 1 + Z, h, w]: the mask, and the latents of the source where it is not set.
at::Tensor masked_channels(WarmModel& model, const SampleSpec& spec, const Group& group,
                           const at::Tensor& mask) {
  const auto shape = latent_shape(model, spec);
  const at::Tensor kept = kept_of(signed_pictures(group.sources), mask);
  const at::Tensor latents =
      sampled_latents(model, kept, noise_of(spec, group, kMaskedPosteriorNoise, shape));
  return at::cat({mask_of_latents(mask, shape[1], shape[2]), latents}, 1);
}

Result<void> check_masks(const Group& group) {
  if (group.masks.sizes().slice(2) == group.sources.sizes().slice(2)) return {};
  return fail("items", c10::str("the shape of the masks is ", group.masks.sizes()),
              c10::str("as high and wide as the sources, ", group.sources.sizes()));
}

Result<Denoising> begin_inpaint(WarmModel& model, const SampleSpec& spec, const Group& group,
                                const Stepper& stepper) {
  const auto size_fits = check_source_size(spec, group);
  const auto masks_fit = check_masks(group);
  const auto first = call_of_strength(spec, stepper);
  Failure failure;
  if (!size_fits) failure.add(size_fits.error());
  if (!masks_fit) failure.add(masks_fit.error());
  if (!first) failure.add(first.error());
  if (!failure.is_empty()) return fail(std::move(failure));

  const auto shape = latent_shape(model, spec);
  const bool takes_mask = model.pipeline.unet_config().in_channels > shape[0];
  const bool begins_in_noise = spec.parameters.at("strength").get<double>() == 1;
  const at::Tensor mask = (group.masks >= 0.5).to(at::kFloat);
  const at::Tensor noise = noise_of(spec, group, kStartNoise, shape);
  at::Tensor z;
  if (!takes_mask || !begins_in_noise)
    z = sampled_latents(model, signed_pictures(group.sources),
                        noise_of(spec, group, kPosteriorNoise, shape));
  Trajectory start;
  start.x = begins_in_noise ? stepper.init_sigma() * noise : stepper.noised(*first, z, noise);
  start.first_call = *first;
  start.draw = later_noise(spec, group, shape);
  if (takes_mask) {
    const at::Tensor channels = masked_channels(model, spec, group, mask);
    return Denoising{std::move(start), prompted(model, spec, group, channels)};
  }
  start.after_step = [&stepper, z, noise, m = mask_of_latents(mask, shape[1], shape[2])](
                         std::size_t k, at::Tensor& x) {
    x = (1 - m) * stepper.noised(k + 1, z, noise) + m * x;
  };
  return Denoising{std::move(start), prompted(model, spec, group)};
}

}  // namespace

Task inpaint_task() { return {begin_inpaint, end_with_pictures}; }

}  // namespace isocost::diffusion
