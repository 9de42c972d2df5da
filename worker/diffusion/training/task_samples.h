// What a member for super-resolution or editing makes of the world's items, for the family's
// report.
//
//   auto samples = draw_task_samples(family, family / "models/w16-sr", {.count = 256});
//   samples->made, samples->items.targets
//
// The items are those of the validation split: small pictures made by real-esrgan, and edits with
// their own masks. Fails with: a folder for no task that networks are finetuned for, parts that do
// not load. Thread: one at a time.
#pragma once

#include <filesystem>

#include "schema/samplers/config.h"
#include "worker/diffusion/training/task_items.h"

namespace isocost::diffusion {

struct TaskSampling {
  sampling::SamplerConfig sampler;
  double guidance = 1;        // of the text; super-resolution has none, as in Mei et al. 2024
  double image_guidance = 1;  // of tasks that guide by the picture apart
  std::uint64_t count = 0;
};

struct TaskSamples {
  std::string task;
  TaskItems items;
  at::Tensor given;  // uint8 [N, 3, 64, 64]: the small picture enlarged (Pillow's bicubic), the
                     // target with grey where the mask is, or the source
  at::Tensor made;   // uint8 [N, 3, 64, 64]
  // What they were drawn with: 1 where the task has none.
  double guidance = 1;
  double image_guidance = 1;
};

// The task that the member of this folder was finetuned for; empty: text-to-image.
[[nodiscard]] Result<std::string> task_of_member(const std::filesystem::path& model);
[[nodiscard]] Result<TaskSamples> draw_task_samples(const std::filesystem::path& family,
                                                    const std::filesystem::path& model,
                                                    const TaskSampling& sampling);

}  // namespace isocost::diffusion
