// Streams of a scene's jitter: what each part of it draws from, so that a change of one part leaves
// the others as they are; and what edits do to a scene. For sources of the world alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "experiments/world/chance.h"
#include "experiments/world/edits.h"
#include "experiments/world/world.h"

namespace isocost::world {

inline constexpr std::uint64_t kLayoutStream = 1;
inline constexpr std::uint64_t kBackgroundStream = 2;
inline constexpr std::uint64_t kPoseStream = 16;     // and the object's number
inline constexpr std::uint64_t kColourStream = 32;   // and the object's number
inline constexpr std::uint64_t kTextureStream = 48;  // and the object's number
inline constexpr std::uint64_t kTearStream = 64;
inline constexpr std::uint64_t kEditStream = 65;

// What edits of one object do to how it stands. Absent where it then would not fit into the
// picture, or would not stand to the other as the arrangement says.
//
// With another size, where it was, or as near to that as it fits.
[[nodiscard]] std::optional<Pose> resized(const Scene& scene, std::size_t object, Size size,
                                          Chance& chance);
// On that side of the other one. Requires: two objects.
enum class Side : int { kLeft, kRight, kAbove, kBelow };
[[nodiscard]] std::optional<Pose> moved(const Scene& scene, std::size_t object, Side side,
                                        Chance& chance);
// Whether what is inside it still lies on it when it has another shape.
[[nodiscard]] bool has_room_as(const Scene& scene, std::size_t object, Shape shape);

// How many values an instruction of this kind may have.
[[nodiscard]] int values_of(EditKind kind);
// The number of the object that is named so; absent where there is none.
[[nodiscard]] std::optional<std::size_t> object_of(const Scene& scene, const Reference& name);

// Exchanges two objects, with what is told of them. Requires: two objects.
void swap_objects(Scene& scene);

// Parts of render(): the scene's objects at these places.
void render_at(const Scene& scene, const std::vector<Pose>& places, std::uint8_t* rgb);
// Sets in `mask` [kSide][kSide] every pixel that an object of this shape there may change, rim and
// shadow included: a circle, so that it tells nothing of the shape but how far it reaches.
void mark_reach(Shape shape, const Pose& pose, std::uint8_t* mask);

}  // namespace isocost::world
