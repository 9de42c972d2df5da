// The pictures of items that a generate unit leaves beside its own: what image i was made from, and
// what it is held against.
//
//   item_artifact(tasks::Slot::kMask, 3)     // "mask/3"
//   item_of_artifact("mask/3")->image        // 3
//
// They are for people, as the pictures are: nothing computes with them, no key and no digest knows
// of them, and a result without them is whole. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/tasks/task.h"

namespace isocost {

// Slots that are pictures, in the order in which they are shown.
inline constexpr std::array kPictureSlots = {tasks::Slot::kSource, tasks::Slot::kMask,
                                             tasks::Slot::kTarget};

struct ItemArtifact {
  tasks::Slot slot = tasks::Slot::kSource;
  std::uint64_t image = 0;
  bool operator==(const ItemArtifact&) const = default;
};
[[nodiscard]] std::string item_artifact(tasks::Slot slot, std::uint64_t image);
// Absent: it is no picture of an item.
[[nodiscard]] std::optional<ItemArtifact> item_of_artifact(std::string_view artifact);

// Whether nothing computes with it: a picture of an image or of an item.
[[nodiscard]] bool is_for_people(std::string_view artifact);

}  // namespace isocost
