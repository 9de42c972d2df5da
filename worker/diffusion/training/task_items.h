// What networks for super-resolution and editing are finetuned on: the world's items, and the
// channels that join the noisy latents of each, exactly as the engine's task of that name joins
// them when it samples (worker/diffusion/tasks).
//
//   const ItemTask* task = find_item_task("concat-sr");
//   TaskItems items = task->items(choice, {0, 64});
//   at::Tensor channels = task->channels(encoders, items);
//
//   concat-sr   scenes and their captions, beside a small picture of each; picture i has been made
//               smaller by degradation i modulo their number
//   inpaint     targets of edits and their captions, each with a mask: half of them the edit's own,
//               a quarter a rectangle, a quarter everything; outside the training split all are the
//               edit's own
//   instruct    targets of edits and their instructions, beside the sources
//
// Pure but for `channels`, which takes one thread.
#pragma once

#include "experiments/world/world.h"
#include "worker/diffusion/training/world_encoders.h"

namespace isocost::diffusion {

struct WorldChoice {
  world::Split split = world::Split::kTrain;
  std::uint64_t count = 0;
  double misdescribed = 0;                  // share of the captions that have a word wrong
  std::string task;                         // empty: text-to-image
  std::vector<std::string> degradations{};  // of small pictures
  // So many are kept on the way, for a later call to go on from: seconds of work, a minute on a
  // busy machine. A multiple of kEncodedTogether, so that no bit depends on it.
  std::uint64_t kept_every = 4096;
};

struct ItemRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct TaskItems {
  std::uint64_t first = 0;           // the number of the first
  at::Tensor targets;                // uint8 [B, 3, 64, 64]: what the network learns to draw
  at::Tensor sources;                // float32 in [0, 1], [B, 3, h, w]; undefined without
  at::Tensor masks;                  // float32, 0 or 1, [B, 1, 64, 64]; undefined without
  std::vector<std::string> prompts;  // or instructions
  std::vector<world::Scene> shown;   // the targets
};

struct ItemTask {
  std::string name;                   // in schema/tasks
  bool is_of_small_pictures = false;  // made by degradations
  bool guides_by_picture = false;     // and by text apart
  TaskItems (*items)(const WorldChoice& choice, const ItemRange& range) = nullptr;
  // float16 [B, K, h, w]
  at::Tensor (*channels)(Encoders& encoders, const TaskItems& items) = nullptr;
};
// Null when no network is finetuned for that.
[[nodiscard]] const ItemTask* find_item_task(const std::string& name);
[[nodiscard]] std::vector<std::string> item_task_names();

// What the posterior of an item's masked picture is sampled with.
[[nodiscard]] at::Tensor masked_latents_noise(std::int64_t item, at::IntArrayRef shape);
// The caption of a scene, wrong in a word for so large a share of all scenes.
[[nodiscard]] std::string training_caption(const world::Scene& scene, double misdescribed);

}  // namespace isocost::diffusion
