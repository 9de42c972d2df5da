// Instructions as texts, and what a scene becomes that obeys them.
#include <algorithm>
#include <utility>

#include "experiments/world/edits.h"
#include "experiments/world/layout.h"

namespace isocost::world {
namespace {

constexpr std::array<std::string_view, kEditKinds> kKindNames = {"colour", "shape", "size",
                                                                 "texture", "place"};
constexpr std::array<std::string_view, 4> kSides = {"left of", "right of", "above", "below"};

std::string reference_text(const Reference& object) {
  return "the " + std::string(name(object.colour)) + " " + std::string(name(object.shape));
}

bool has_colour(const Scene& scene, Colour colour) {
  return std::any_of(scene.objects.begin(), scene.objects.end(),
                     [colour](const Object& object) { return object.colour == colour; });
}

std::optional<Scene> moved_scene(Scene scene, std::size_t object, const Instruction& instruction) {
  if (scene.arrangement != Arrangement::kBeside && scene.arrangement != Arrangement::kAbove)
    return std::nullopt;
  if (object_of(scene, instruction.other) != 1 - object) return std::nullopt;
  const auto side = static_cast<Side>(instruction.value);
  const bool is_upright = side == Side::kAbove || side == Side::kBelow;
  const bool is_first = side == Side::kLeft || side == Side::kAbove;
  const auto arrangement = is_upright ? Arrangement::kAbove : Arrangement::kBeside;
  if (arrangement == scene.arrangement && is_first == (object == 0)) return std::nullopt;
  scene.arrangement = arrangement;
  if (is_first != (object == 0)) swap_objects(scene);
  scene.told |= AttributeSet{1} << kArrangementAttribute;
  return scene;
}

}  // namespace

int values_of(EditKind kind) {
  constexpr std::array<int, kEditKinds> kValues = {kColours, kShapes, kSizes, kTextures,
                                                   static_cast<int>(kSides.size())};
  return kValues.at(static_cast<std::size_t>(kind));
}

std::optional<std::size_t> object_of(const Scene& scene, const Reference& name) {
  for (std::size_t i = 0; i < scene.objects.size(); ++i)
    if (scene.objects[i].colour == name.colour && scene.objects[i].shape == name.shape) return i;
  return std::nullopt;
}

std::string_view name(EditKind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

std::string Instruction::text() const {
  const auto who = reference_text(object);
  switch (kind) {
    case EditKind::kColour:
      return "make " + who + " " + std::string(name(static_cast<Colour>(value)));
    case EditKind::kShape:
      return "turn " + who + " into a " + std::string(name(static_cast<Shape>(value)));
    case EditKind::kSize:
      return "make " + who + " " + std::string(name(static_cast<Size>(value)));
    case EditKind::kTexture:
      return "make " + who + " " + std::string(name(static_cast<Texture>(value)));
    case EditKind::kPlace:
      return "move " + who + " " + std::string(kSides.at(static_cast<std::size_t>(value))) + " " +
             reference_text(other);
  }
  return {};
}

std::optional<Scene> obeyed(const Scene& scene, const Instruction& instruction) {
  const auto object = object_of(scene, instruction.object);
  if (!object || instruction.value < 0 || instruction.value >= values_of(instruction.kind))
    return std::nullopt;
  if (instruction.kind == EditKind::kPlace) return moved_scene(scene, *object, instruction);
  auto after = scene;
  auto& changed = after.objects[*object];
  switch (instruction.kind) {
    case EditKind::kColour:
      changed.colour = static_cast<Colour>(instruction.value);
      if (has_colour(scene, changed.colour)) return std::nullopt;
      break;
    case EditKind::kShape:
      changed.shape = static_cast<Shape>(instruction.value);
      break;
    case EditKind::kSize:
      if (scene.arrangement == Arrangement::kInside) return std::nullopt;
      changed.size = static_cast<Size>(instruction.value);
      break;
    case EditKind::kTexture:
      changed.texture = static_cast<Texture>(instruction.value);
      break;
    case EditKind::kPlace:
      break;
  }
  if (changed == scene.objects[*object]) return std::nullopt;
  const auto attribute = static_cast<ObjectAttribute>(instruction.kind);
  after.told |= AttributeSet{1} << attribute_of(*object, attribute);
  return after;
}

}  // namespace isocost::world
