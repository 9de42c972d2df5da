#include <algorithm>
#include <cstddef>
#include <string>

#include "base/check.h"
#include "experiments/world/chance.h"
#include "experiments/world/world.h"

namespace isocost::world {
namespace {

constexpr std::array<std::string_view, 3> kSplitNames = {"train", "validation", "test"};
constexpr std::array<std::string_view, kColours> kColourNames = {
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "black"};
constexpr std::array<std::string_view, kShapes> kShapeNames = {"circle", "square", "triangle",
                                                               "star",   "heart",  "cross"};
constexpr std::array<std::string_view, kSizes> kSizeNames = {"small", "large"};
constexpr std::array<std::string_view, kBackgrounds> kBackgroundNames = {"sky", "sand", "grass",
                                                                         "night", "paper"};
constexpr std::array<std::string_view, kArrangements> kArrangementNames = {
    "beside", "above", "inside", "row", "column"};

constexpr int kAttemptsMax = 4096;  // a split holds a tenth of all scenes at least

template <class Names, class Enum>
std::string_view nth(const Names& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

Arrangement draw_arrangement(Chance& chance) {
  const auto percent = chance.below(100);
  if (percent < 33) return Arrangement::kBeside;
  if (percent < 66) return Arrangement::kAbove;
  if (percent < 82) return Arrangement::kInside;
  return percent < 91 ? Arrangement::kRow : Arrangement::kColumn;
}

bool has_three(Arrangement arrangement) {
  return arrangement == Arrangement::kRow || arrangement == Arrangement::kColumn;
}

Scene draw_scene(Chance chance) {
  Scene scene;
  scene.arrangement = draw_arrangement(chance);
  scene.background = static_cast<Background>(chance.below(kBackgrounds));
  std::array<int, kColours> colours{};
  for (std::size_t i = 0; i < colours.size(); ++i) colours.at(i) = static_cast<int>(i);
  const std::uint32_t count = has_three(scene.arrangement) ? 3 : 2;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::swap(colours.at(i), colours.at(i + chance.below(kColours - i)));
    Object object;
    object.colour = static_cast<Colour>(colours.at(i));
    object.shape = static_cast<Shape>(chance.below(kShapes));
    object.size = static_cast<Size>(chance.below(kSizes));
    // What surrounds is large and what it surrounds is small, or it would not fit.
    if (scene.arrangement == Arrangement::kInside)
      object.size = i == 0 ? Size::kLarge : Size::kSmall;
    scene.objects.push_back(object);
  }
  scene.phrasing = chance.below(kPhrasings);
  scene.jitter = chance.bits();
  return scene;
}

}  // namespace

std::string_view split_name(Split split) { return nth(kSplitNames, split); }
std::string_view name(Colour colour) { return nth(kColourNames, colour); }
std::string_view name(Shape shape) { return nth(kShapeNames, shape); }
std::string_view name(Size size) { return nth(kSizeNames, size); }
std::string_view name(Background background) { return nth(kBackgroundNames, background); }
std::string_view name(Arrangement arrangement) { return nth(kArrangementNames, arrangement); }

std::optional<Split> parse_split(std::string_view text) {
  for (const auto split : {Split::kTrain, Split::kValidation, Split::kTest})
    if (split_name(split) == text) return split;
  return std::nullopt;
}

std::vector<std::string> split_names() {
  std::vector<std::string> names;
  for (const auto split : {Split::kTrain, Split::kValidation, Split::kTest})
    names.emplace_back(split_name(split));
  return names;
}

bool Scene::means_the_same_as(const Scene& other) const {
  return arrangement == other.arrangement && background == other.background &&
         objects == other.objects;
}

std::string canonical_description(const Scene& scene) {
  std::string text(name(scene.arrangement));
  text += "|" + std::string(name(scene.background));
  for (const auto& object : scene.objects) {
    text += "|" + std::string(name(object.size)) + " " + std::string(name(object.colour)) + " " +
            std::string(name(object.shape));
  }
  return text;
}

Split split_of(const Scene& scene) {
  std::uint64_t hash = 0;
  for (const char letter : canonical_description(scene))
    hash = mix(hash ^ static_cast<unsigned char>(letter));
  const auto tenth = hash % 10;
  if (tenth == 0) return Split::kTest;
  return tenth == 1 ? Split::kValidation : Split::kTrain;
}

Scene scene(Split split, std::uint64_t index, std::uint64_t seed) {
  const auto key = mix(seed) ^ mix(index ^ (static_cast<std::uint64_t>(split) << 62U));
  for (std::uint64_t attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto found = draw_scene(Chance(key, attempt));
    if (split_of(found) == split) return found;
  }
  check_failed(__FILE__, __LINE__, "attempt < kAttemptsMax", "a split without scenes");
}

}  // namespace isocost::world
