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

#include <functional>
#include <string>
#include <vector>

#include "schema/spec.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/tasks/model_cache.h"

namespace isocost::diffusion {

// What noise is for, by its number in the keyed noise (samplers/noise.h): do not change.
inline constexpr std::uint32_t kStartNoise = 0;  // x_T, or what a picture's latents begin with
inline constexpr std::uint32_t kStepNoise = 1;   // and above: what the sampler draws
inline constexpr std::uint32_t kTaskNoise = 1U << 31U;        // and above: what tasks draw besides
inline constexpr std::uint32_t kPosteriorNoise = kTaskNoise;  // of the source
inline constexpr std::uint32_t kMaskedPosteriorNoise = kTaskNoise + 1;  // of its kept part
inline constexpr std::uint32_t kLowResolutionNoise = kTaskNoise + 2;    // over a small picture

// Standard normals [B, shape...], float32, for one of these.
using NoiseOf = std::function<at::Tensor(std::uint32_t draw, at::IntArrayRef shape)>;

// The images of one group: all of them, also those beyond the range that is asked for.
struct Group {
  std::vector<std::uint64_t> images;
  std::vector<std::string> prompts;
  // Of its items, in [0, 1], float32 on the CPU; undefined where they have none.
  at::Tensor sources{};  // [B, 3, h, w]
  at::Tensor masks{};    // [B, 1, h, w]; from 0.5 on is repainted
  Items items{};         // the same and what else they have, as metrics take them
  // What a replay of a stored reference says otherwise than a cell does.
  std::vector<std::string> negatives{};  // empty: the sample's negative prompt for every image
  std::int64_t clip_skip = 0;            // of the prompts; the negative ones take the last layer
  NoiseOf noise{};                       // empty: keyed by the sample's seed
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

// Whether the group has the pictures that items of this task have.
[[nodiscard]] Result<void> check_group(const tasks::TaskKind& kind, const Group& group);

// Of the latents of spec's pictures: [Z, h, w].
[[nodiscard]] std::vector<std::int64_t> latent_shape(const WarmModel& model,
                                                     const SampleSpec& spec);
// Noise of the group's images: of one purpose, and of what samplers draw.
[[nodiscard]] at::Tensor noise_of(const SampleSpec& spec, const Group& group, std::uint32_t draw,
                                  const std::vector<std::int64_t>& shape);
[[nodiscard]] Draw later_noise(const SampleSpec& spec, const Group& group,
                               const std::vector<std::int64_t>& shape);
// States of the group's prompts and of what stands against them, [B, S, D].
[[nodiscard]] at::Tensor prompt_states(WarmModel& model, const Group& group);
[[nodiscard]] at::Tensor negative_states(WarmModel& model, const SampleSpec& spec,
                                         const Group& group);
// {negative, prompt} with guidance, {prompt} without, each with these channels and conditions.
[[nodiscard]] std::vector<Branch> prompted(WarmModel& model, const SampleSpec& spec,
                                           const Group& group, const at::Tensor& channels = {},
                                           const UNetExtras& extras = {});
// What most tasks end with: the latents, decoded.
[[nodiscard]] Result<RowInput> end_with_pictures(WarmModel& model, const SampleSpec& spec,
                                                 const Group& group, const at::Tensor& latents);

}  // namespace isocost::diffusion
