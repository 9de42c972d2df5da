#include "experiments/world/edits.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "experiments/world/chance.h"
#include "experiments/world/layout.h"

namespace isocost::world {
namespace {

constexpr std::uint64_t kEditKey = 0x65646974;  // apart from what the scenes draw from
constexpr std::uint64_t kEditAttemptsMax = 1U << 16U;

Reference reference_to(const Object& object) { return {object.colour, object.shape}; }

// Every instruction of this kind for each object of the scene, obeyable or not.
std::vector<Instruction> instructions_for(const Scene& scene, EditKind kind) {
  std::vector<Instruction> all;
  for (std::size_t i = 0; i < scene.objects.size(); ++i)
    for (int value = 0; value < values_of(kind); ++value) {
      Instruction one{kind, reference_to(scene.objects[i]), value, {}};
      if (kind == EditKind::kPlace && scene.objects.size() > 1)
        one.other = reference_to(scene.objects[1 - i]);
      all.push_back(one);
    }
  return all;
}

// Where the object stands afterwards; absent where it does not fit.
std::optional<Pose> pose_after(const Scene& scene, std::size_t object,
                               const Instruction& instruction) {
  Chance chance(scene.jitter, kEditStream);
  switch (instruction.kind) {
    case EditKind::kSize:
      return resized(scene, object, static_cast<Size>(instruction.value), chance);
    case EditKind::kPlace:
      return moved(scene, object, static_cast<Side>(instruction.value), chance);
    case EditKind::kShape:
      if (!has_room_as(scene, object, static_cast<Shape>(instruction.value))) return std::nullopt;
      break;
    case EditKind::kColour:
    case EditKind::kTexture:
      break;
  }
  return poses(scene).at(object);
}

// What changes is told in the source's caption too, where it is about that object.
void tell_change(Scene& source, std::size_t object, EditKind kind) {
  const auto told = kind == EditKind::kPlace
                        ? kArrangementAttribute
                        : attribute_of(object, static_cast<ObjectAttribute>(kind));
  source.told |= AttributeSet{1} << told;
}

std::optional<Edit> edit_of(const Scene& source, const Instruction& instruction) {
  const auto target = obeyed(source, instruction);
  if (!target || split_of(*target) != split_of(source)) return std::nullopt;
  const std::size_t object = object_of(source, instruction.object).value();
  const auto after = pose_after(source, object, instruction);
  if (!after) return std::nullopt;
  Edit edit{instruction, object, source, *target, source.objects[object], {}, *after};
  edit.before_pose = poses(source).at(object);
  tell_change(edit.source, object, instruction.kind);
  // Two things that are told alike may change places, and the captions say the same.
  if (caption(edit.source) == caption(edit.target)) return std::nullopt;
  // A place leaves the object as it is; else the target has it at the same number.
  if (instruction.kind != EditKind::kPlace) edit.after = target->objects.at(object);
  return edit;
}

}  // namespace

Edit edit(Split split, std::uint64_t index, std::uint64_t seed) {
  Chance kinds(mix(seed ^ kEditKey), index ^ (static_cast<std::uint64_t>(split) << 62U));
  const auto kind = static_cast<EditKind>(kinds.below(kEditKinds));
  for (std::uint64_t attempt = 0; attempt < kEditAttemptsMax; ++attempt) {
    // The scene of this number, unless it has no such edit.
    const auto source = scene(split, index + (attempt << 32U), seed);
    auto candidates = instructions_for(source, kind);
    for (std::size_t i = candidates.size(); i > 1; --i)
      std::swap(candidates[i - 1], candidates[kinds.below(static_cast<std::uint32_t>(i))]);
    for (const auto& candidate : candidates)
      if (auto found = edit_of(source, candidate)) return *found;
  }
  check_failed(__FILE__, __LINE__, "attempt < kEditAttemptsMax", "a split without edits");
}

void render_source(const Edit& edit, std::uint8_t* rgb) { render(edit.source, rgb); }

void render_target(const Edit& edit, std::uint8_t* rgb) {
  auto drawn = edit.source;
  auto places = poses(edit.source);
  drawn.objects.at(edit.object) = edit.after;
  places.at(edit.object) = edit.after_pose;
  render_at(drawn, places, rgb);
}

void mask(const Edit& edit, std::uint8_t* mask) {
  std::fill_n(mask, kMaskBytes, std::uint8_t{0});
  mark_reach(edit.source.objects.at(edit.object).shape, edit.before_pose, mask);
  mark_reach(edit.after.shape, edit.after_pose, mask);
}

}  // namespace isocost::world
