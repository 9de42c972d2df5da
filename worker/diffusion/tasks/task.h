// A task as the engine runs it: how a group of images begins and how it ends. Between the two the
// one driver steps the sampler (Pipeline::denoise).
//
//   const Task* task = find_engine_task(spec.task);
//   auto begun = task->begin(model, spec, group, *stepper);
//   Tensor latents = model.pipeline.denoise(*stepper, *begun);
//   auto rendered = task->end(model, spec, group, latents);
//
// To add one called a-b: a_b.cpp here with `Task a_b_task()`, its word in CMakeLists.txt, and its
// row in schema/tasks. No task knows a sampler, no sampler a task. Thread: one at a time.
#pragma once

#include <string>
#include <vector>

#include "schema/spec.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/tasks/model_cache.h"

namespace isocost::diffusion {

// The images of one group: all of them, also those beyond the range that is asked for.
struct Group {
  std::vector<std::uint64_t> images;
  std::vector<std::string> prompts;
};

struct Task {
  // Latents to begin with, the call to begin at, the branches of each call. Fails with: items that
  // do not fit the model.
  Result<Denoising> (*begin)(WarmModel& model, const SampleSpec& spec, const Group& group,
                             const Stepper& stepper) = nullptr;
  // The pictures, and what metrics of this task need beside them. Fails with: latents or pictures
  // that are not finite.
  Result<RowInput> (*end)(WarmModel& model, const SampleSpec& spec, const Group& group,
                          const at::Tensor& latents) = nullptr;
};

// Null when this engine has no such task.
[[nodiscard]] const Task* find_engine_task(const std::string& name);
// What this engine runs, which a test holds against schema/tasks.
[[nodiscard]] std::vector<std::string> engine_tasks();

// Of the latents of spec's pictures: [Z, h, w].
[[nodiscard]] std::vector<std::int64_t> latent_shape(const WarmModel& model,
                                                     const SampleSpec& spec);
// Noise of the group's images, keyed by the sample's seed: of x_T, and of what samplers draw.
[[nodiscard]] at::Tensor first_noise(const SampleSpec& spec, const Group& group,
                                     const std::vector<std::int64_t>& shape);
[[nodiscard]] Draw later_noise(const SampleSpec& spec, const Group& group,
                               const std::vector<std::int64_t>& shape);

}  // namespace isocost::diffusion
