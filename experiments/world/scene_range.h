// The scenes of the world that a key names: the first `count` of a split and seed.
//
//   {"split": "validation", "count": 4096, "seed": 0, "world": 2}
//
// The last is the world's revision, so that what an earlier world showed is not taken for the same.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "experiments/world/world.h"

namespace isocost::world {

struct SceneRange {
  Split split = Split::kTrain;
  std::uint64_t count = 0;  // 1 to kScenesMax
  std::uint64_t seed = 0;
};

// `split` as split_name() has it.
[[nodiscard]] Json scene_options(const std::string& split, std::uint64_t count, std::uint64_t seed);
// Fails with: what is missing, unknown or out of range, a revision that this build does not draw.
// `where` for messages.
[[nodiscard]] Result<SceneRange> scene_range(const Json& options, const std::string& where);

}  // namespace isocost::world
