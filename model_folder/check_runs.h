// Whether a task runs with a model, told before anything does: by plan, run and submit with all
// that the folder says, and once more by a worker with the networks that it was given.
//
//   Result<void> runs = check_runs(*model, *tasks::find_task("text-to-image"));
//
// Fails with every reason, each with the file that it lies in and what the model is for where that
// can be told. Thread: any.
#pragma once

#include "model_folder/model_folder.h"
#include "schema/tasks/task.h"

namespace isocost::arch {

// The pipeline's class, its components and their kinds, and check_networks() where all of them
// could be read.
[[nodiscard]] Result<void> check_runs(const ModelFolder& model, const tasks::TaskKind& task);

// The networks that a task puts together. `where`: the folder that holds them.
struct Networks {
  const UNetConfig& unet;
  const VaeConfig& vae;
  const ClipTextConfig& text;
  std::string where;
};
// The channels that the U-Net takes, embeddings beside the prompt, widths that do not meet. What
// fails here would be an exception deep inside a network.
[[nodiscard]] Result<void> check_networks(const Networks& networks, const tasks::TaskKind& task);

// Of a class in diffusers: "inpainting"; empty where its name does not tell.
[[nodiscard]] std::string_view purpose_of(std::string_view pipeline_class);

}  // namespace isocost::arch
