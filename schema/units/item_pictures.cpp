#include "schema/units/item_pictures.h"

#include <charconv>

#include "schema/units/unit.h"

namespace isocost {

std::string item_artifact(tasks::Slot slot, std::uint64_t image) {
  return std::string(tasks::slot_key(slot)) + "/" + std::to_string(image);
}

std::optional<ItemArtifact> item_of_artifact(std::string_view artifact) {
  const std::size_t slash = artifact.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view number = artifact.substr(slash + 1);
  std::uint64_t image = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), image);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  for (const tasks::Slot slot : kPictureSlots)
    if (tasks::slot_key(slot) == artifact.substr(0, slash)) return ItemArtifact{slot, image};
  return std::nullopt;
}

bool is_for_people(std::string_view artifact) {
  return image_of_picture(artifact) || item_of_artifact(artifact);
}

}  // namespace isocost
