// A picture from noise, as its prompt says, or a mixture of it with a second one: two branches with
// guidance, one without.
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

// The last branch is that of the prompt, whether or not there is guidance.
void mix_in(WarmModel& model, const Json& parameters, Branch& branch) {
  const auto a = parameters.at("prompt_weight").get<double>();
  const at::Tensor second = model.encode({parameters.at("second_prompt").get<std::string>()});
  branch.text = a * branch.text + (1 - a) * second;
}

Result<Denoising> begin_text_to_image(WarmModel& model, const SampleSpec& spec, const Group& group,
                                      const Stepper& stepper) {
  const auto shape = latent_shape(model, spec);
  Trajectory start;
  start.x = stepper.init_sigma() * noise_of(spec, group, kStartNoise, shape);
  start.draw = later_noise(spec, group, shape);
  auto branches = prompted(model, spec, group);
  if (spec.parameters.contains("prompt_weight")) mix_in(model, spec.parameters, branches.back());
  return Denoising{std::move(start), std::move(branches)};
}

}  // namespace

Task text_to_image_task() { return {begin_text_to_image, end_with_pictures}; }

}  // namespace isocost::diffusion
