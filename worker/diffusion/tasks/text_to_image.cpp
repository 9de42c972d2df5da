// A picture from noise, as its prompt says: two branches with guidance, one without.
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

Result<Denoising> begin_text_to_image(WarmModel& model, const SampleSpec& spec, const Group& group,
                                      const Stepper& stepper) {
  const auto shape = latent_shape(model, spec);
  const at::Tensor text = model.encode(group.prompts);
  at::Tensor negative;
  if (spec.guidance > 1) negative = model.encode({spec.negative_prompt}).expand_as(text);
  Trajectory start;
  start.x = stepper.init_sigma() * first_noise(spec, group, shape);
  start.draw = later_noise(spec, group, shape);
  return Denoising{std::move(start), guided(negative, text, spec.guidance)};
}

Result<RowInput> end_text_to_image(WarmModel& model, const SampleSpec&, const Group& group,
                                   const at::Tensor& latents) {
  auto pictures = model.pipeline.render(latents);
  if (!pictures) return fail(pictures.error());
  return RowInput{.pictures = std::move(*pictures), .prompts = group.prompts};
}

}  // namespace

Task text_to_image_task() { return {begin_text_to_image, end_text_to_image}; }

}  // namespace isocost::diffusion
