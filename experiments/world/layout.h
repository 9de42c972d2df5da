// Streams of a scene's jitter: what each part of it draws from, so that a change of one part leaves
// the others as they are. For the renderer alone.
#pragma once

#include <cstdint>

#include "experiments/world/world.h"

namespace isocost::world {

inline constexpr std::uint64_t kLayoutStream = 1;
inline constexpr std::uint64_t kBackgroundStream = 2;
inline constexpr std::uint64_t kPoseStream = 16;    // and the object's number
inline constexpr std::uint64_t kColourStream = 32;  // and the object's number
inline constexpr std::uint64_t kTextureStream = 48;  // and the object's number
inline constexpr std::uint64_t kTearStream = 64;

}  // namespace isocost::world
