#include "worker/diffusion/tasks/task.h"

#include <algorithm>
#include <map>

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

at::Tensor first_noise(const SampleSpec& spec, const Group& group,
                       const std::vector<std::int64_t>& shape) {
  return keyed_noise(spec.seed, group.images, 0, shape);
}

Draw later_noise(const SampleSpec& spec, const Group& group,
                 const std::vector<std::int64_t>& shape) {
  return [seed = spec.seed, images = group.images, shape](int k) {
    return keyed_noise(seed, images, static_cast<std::uint32_t>(k) + 1, shape);
  };
}

}  // namespace isocost::diffusion
