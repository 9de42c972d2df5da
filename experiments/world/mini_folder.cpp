#include "experiments/world/mini_folder.h"

#include <cstdlib>
#include <system_error>

namespace isocost::experiments {

std::filesystem::path mini_folder() {
  if (const char* given = std::getenv("ISOCOST_MINI"); given != nullptr && *given != '\0')
    return given;
  std::error_code error;
  std::filesystem::path place =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  while (!error && place.has_relative_path()) {
    if (std::filesystem::exists(place / "experiments" / "mini"))
      return place / "experiments" / "mini";
    if (std::filesystem::exists(place / "share" / "isocost" / "experiments" / "mini"))
      return place / "share/isocost/experiments/mini";
    place = place.parent_path();
  }
  return std::filesystem::path("experiments") / "mini";
}

}  // namespace isocost::experiments
