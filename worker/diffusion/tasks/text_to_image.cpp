// A picture from noise, as its prompt says: two branches with guidance, one without.
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

Result<Denoising> begin_text_to_image(WarmModel& model, const SampleSpec& spec, const Group& group,
                                      const Stepper& stepper) {
  const auto shape = latent_shape(model, spec);
  Trajectory start;
  start.x = stepper.init_sigma() * noise_of(spec, group, kStartNoise, shape);
  start.draw = later_noise(spec, group, shape);
  return Denoising{std::move(start), prompted(model, spec, group)};
}

}  // namespace

Task text_to_image_task() { return {begin_text_to_image, end_with_pictures}; }

}  // namespace isocost::diffusion
