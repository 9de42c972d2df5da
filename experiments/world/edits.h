// Edits of the picture world: a scene, an instruction, and the scene that obeys it, which differ in
// exactly one attribute of one object.
//
//   world::Edit edit = world::edit(world::Split::kValidation, 17, /*seed=*/0);
//   edit.instruction.text();                     // "make the red star blue"
//   world::caption(edit.source), world::caption(edit.target)
//   world::render_source(edit, rgb), world::render_target(edit, rgb);
//   world::mask(edit, mask);                     // outside of it the two pictures are equal
//
// An edit is a pure function of (split, index, seed). Both its scenes belong to the split, so that
// no edit of one split shows what another has; kinds come equally often. The source is a scene of
// that split and seed. Both captions tell the attribute that changes, and differ; what else they
// tell is drawn as in every caption.
//
// How the rest looks is untold and stays: places, angles, hues, textures, the background. An object
// of another size stands where it stood, or as near as it fits. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "experiments/world/world.h"

namespace isocost::world {

enum class EditKind : int { kColour, kShape, kSize, kTexture, kPlace };
inline constexpr int kEditKinds = 5;
[[nodiscard]] std::string_view name(EditKind kind);  // "colour", ..., "place"

// An object as an instruction names it. No two of a scene share a colour.
struct Reference {
  Colour colour = Colour::kRed;
  Shape shape = Shape::kCircle;
  bool operator==(const Reference&) const = default;
};

// "make the red star blue", "turn the red star into a heart", "make the red star small",
// "make the red star dotted", "move the red star left of the blue circle".
struct Instruction {
  EditKind kind = EditKind::kColour;
  Reference object;
  int value = 0;    // of the colour, shape, size or texture; of the side: left, right, above, below
  Reference other;  // of a place alone: beside which

  [[nodiscard]] std::string text() const;
  bool operator==(const Instruction&) const = default;
};
// The scene after the instruction; its caption tells what it told before, and what has changed.
// Absent where there is no such object, where nothing would change, where two objects would share a
// colour, and where the place or size follows from the arrangement.
[[nodiscard]] std::optional<Scene> obeyed(const Scene& scene, const Instruction& instruction);

struct Edit {
  Instruction instruction;
  std::size_t object = 0;  // of the source, that changes
  Scene source;
  Scene target;  // its jitter is the source's; it is drawn by render_target alone
  Object after;  // the object in the target
  Pose before_pose, after_pose;
};
[[nodiscard]] Edit edit(Split split, std::uint64_t index, std::uint64_t seed);

// Fill `rgb` [kSide][kSide][3].
void render_source(const Edit& edit, std::uint8_t* rgb);
void render_target(const Edit& edit, std::uint8_t* rgb);
// Fills `mask` [kSide][kSide]: 1 where the object, its rim and its shadow may be before or after,
// 0 elsewhere, where source and target are equal to the byte.
inline constexpr std::size_t kMaskBytes = std::size_t{kSide} * kSide;
void mask(const Edit& edit, std::uint8_t* mask);

}  // namespace isocost::world
