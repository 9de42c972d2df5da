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

std::filesystem::path named_place(const std::string& name, const std::filesystem::path& base) {
  if (!name.starts_with(kMiniPrefix)) return base / name;  // an absolute one as it is
  const std::string rest = name.substr(kMiniPrefix.size());
  const bool is_model = rest != "features" && rest != "clip";
  return mini_folder() / (is_model ? "models/" + rest : rest);
}

}  // namespace isocost::experiments
