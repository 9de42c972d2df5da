// The mini family that tests look at: the shipped one, or the folder that $ISOCOST_MINI names.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace isocost::testing {

inline std::filesystem::path mini_family() {
  const char* named = std::getenv("ISOCOST_MINI");
  return named != nullptr && *named != '\0'
             ? std::filesystem::path(named)
             : std::filesystem::path(ISOCOST_SOURCE_DIR) / "experiments/mini";
}

}  // namespace isocost::testing
