// A row of the table of tasks: what a cell does, and everything about it that needs no LibTorch.
// The engine has a pair of functions under the same name, how it begins and how it ends
// (worker/diffusion/tasks).
//
// To add one called a-b: a_b.cpp here with `TaskKind a_b_row()`, its word in CMakeLists.txt, and
// the same in the engine. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/options.h"
#include "schema/samplers/config.h"

namespace isocost::tasks {

// What image i of a task is made from, or judged with.
enum class Slot : int { kPrompt = 1, kSource = 2, kMask = 3, kTarget = 4 };
[[nodiscard]] std::string_view slot_name(Slot slot);

// The network's calls for one image, known before anything runs.
struct Calls {
  std::size_t first_call = 0;  // of the sampler's; those before are left out
  std::size_t calls = 0;       // that are made
  std::size_t branches = 1;    // evaluations of the network in each
  [[nodiscard]] std::size_t evaluations() const { return calls * branches; }
};

struct TaskKind {
  std::string name;   // in grids, keys and the database: do not change
  std::string label;  // for people
  std::string explanation;
  std::vector<Option> parameters;       // set by a task or an axis, besides the usual ones
  std::vector<Slot> slots;              // of its items
  std::vector<std::string> components;  // of the model's folder
  // The diffusers pipelines whose folders it runs with, and the one that it computes as.
  std::vector<std::string> pipelines;
  std::string runs_as;
  // What its branches give beside a prompt's states: a class (UNetConfig.num_class_embeds), sizes
  // and pooled text (text_time).
  bool gives_class_labels = false;
  bool gives_sizes = false;
  // How often, for an image, besides the network's calls.
  std::uint64_t encodes = 0;
  std::uint64_t decodes = 1;
  std::uint64_t texts = 1;

  // The channels that the network takes, for an autoencoder with so many latent channels.
  std::int64_t (*input_channels)(std::int64_t latent_channels) = nullptr;
  // Guidance is the scale w of classifier-free guidance.
  Calls (*calls)(const sampling::SamplerConfig& sampler, double guidance,
                 const Json& parameters) = nullptr;
};

[[nodiscard]] const std::vector<TaskKind>& task_kinds();
// Null when no task is called so.
[[nodiscard]] const TaskKind* find_task(std::string_view name);
[[nodiscard]] std::vector<std::string> task_names();

}  // namespace isocost::tasks
