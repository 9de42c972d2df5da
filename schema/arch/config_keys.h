// Keys that configurations may have without an effect on what this engine computes: the one table
// of them, a list a file. The keys that have an effect are those that the file's reader asks for
// (config.cpp, clip_config.cpp), and for a scheduler the options of schema/samplers.
//
//   is_without_effect(ConfigFile::kUNet, "dropout")            // true: nothing is trained here
//   is_without_effect(ConfigFile::kUNet, "motion_max_length")  // false: nobody knows
//
// A key goes into a list only with a reason, which stands beside it. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace isocost::arch {

enum class ConfigFile {
  kUNet,
  kVae,
  kClipText,
  kClipVision,
  kClip,
  kScheduler,
  kPipeline,  // model_index.json
};

[[nodiscard]] bool is_without_effect(ConfigFile file, std::string_view key);

// Keys of a scheduler_config.json, and members of a model_index.json, that nothing here knows. A
// pipeline's component that is absent, [null, null], is known. Requires: an object.
[[nodiscard]] std::vector<std::string> unknown_scheduler_keys(const Json& config);
[[nodiscard]] std::vector<std::string> unknown_pipeline_members(const Json& index);

}  // namespace isocost::arch
