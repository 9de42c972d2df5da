#include "worker/diffusion/tasks/task.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "worker/diffusion/samplers/noise.h"

namespace isocost::diffusion {

#define ISOCOST_ROW(name) Task name##_task();
#include "worker/diffusion/tasks/rows.inc"
#undef ISOCOST_ROW

namespace {

// a_b is called a-b.
std::string task_name(std::string row) {
  std::replace(row.begin(), row.end(), '_', '-');
  return row;
}

const std::map<std::string, Task>& engine_table() {
#define ISOCOST_ROW(name) {task_name(#name), name##_task()},
  static const std::map<std::string, Task> kTasks = {
#include "worker/diffusion/tasks/rows.inc"
  };
#undef ISOCOST_ROW
  return kTasks;
}

}  // namespace

const Task* find_engine_task(const std::string& name) {
  const auto found = engine_table().find(name);
  return found == engine_table().end() ? nullptr : &found->second;
}

std::vector<std::string> engine_tasks() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : engine_table()) names.push_back(name);
  return names;
}

std::vector<std::int64_t> latent_shape(const WarmModel& model, const SampleSpec& spec) {
  const auto& vae = model.pipeline.vae_config();
  return {vae.latent_channels, spec.height / vae.factor(), spec.width / vae.factor()};
}

Result<void> check_group(const tasks::TaskKind& kind, const Group& group) {
  const auto batch = static_cast<std::int64_t>(group.images.size());
  Failure failure;
  const auto check = [&](tasks::Slot slot, const at::Tensor& pictures, std::int64_t colours) {
    const std::string name(tasks::slot_name(slot));
    if (!tasks::has_slot(kind, slot)) return;
    if (!pictures.defined()) {
      failure.add("items", "they have no " + name, "one an image, which " + kind.name + " needs");
    } else if (pictures.dim() != 4 || pictures.size(0) != batch || pictures.size(1) != colours ||
               pictures.numel() == 0) {
      failure.add("items", c10::str("the shape of ", name, " is ", pictures.sizes()),
                  c10::str("[", batch, ", ", colours, ", height, width]"));
    }
  };
  check(tasks::Slot::kSource, group.sources, 3);
  check(tasks::Slot::kMask, group.masks, 1);
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

at::Tensor noise_of(const SampleSpec& spec, const Group& group, std::uint32_t draw,
                    const std::vector<std::int64_t>& shape) {
  return group.noise ? group.noise(draw, shape) : keyed_noise(spec.seed, group.images, draw, shape);
}

Draw later_noise(const SampleSpec& spec, const Group& group,
                 const std::vector<std::int64_t>& shape) {
  return [seed = spec.seed, images = group.images, noise = group.noise, shape](int k) {
    const auto draw = kStepNoise + static_cast<std::uint32_t>(k);
    return noise ? noise(draw, shape) : keyed_noise(seed, images, draw, shape);
  };
}

at::Tensor prompt_states(WarmModel& model, const Group& group) {
  return model.encode(group.prompts, group.clip_skip);
}

at::Tensor negative_states(WarmModel& model, const SampleSpec& spec, const Group& group) {
  if (!group.negatives.empty()) return model.encode(group.negatives);
  const auto batch = static_cast<std::int64_t>(group.prompts.size());
  return model.encode({spec.negative_prompt}).expand({batch, -1, -1});
}

std::vector<Branch> prompted(WarmModel& model, const SampleSpec& spec, const Group& group,
                             const at::Tensor& channels, const UNetExtras& extras) {
  const at::Tensor negative =
      spec.guidance > 1 ? negative_states(model, spec, group) : at::Tensor();
  auto branches = guided(negative, prompt_states(model, group), spec.guidance);
  for (Branch& branch : branches) {
    branch.channels = channels;
    branch.extras = extras;
  }
  return branches;
}

Result<RowInput> end_with_pictures(WarmModel& model, const SampleSpec& spec, const Group& group,
                                   const at::Tensor& latents) {
  const auto* kind = tasks::find_task(spec.task);
  ISOCOST_CHECK(kind != nullptr, "who begins a task has seen its row");
  auto pictures = model.pipeline.autoencoder().render(latents, kind->scaling_factor);
  if (!pictures) return fail(pictures.error());
  return RowInput{.pictures = std::move(*pictures), .prompts = group.prompts, .items = group.items};
}

}  // namespace isocost::diffusion
