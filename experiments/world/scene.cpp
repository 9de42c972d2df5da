#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "base/check.h"
#include "experiments/world/chance.h"
#include "experiments/world/layout.h"
#include "experiments/world/world.h"

namespace isocost::world {
namespace {

constexpr std::array<std::string_view, 3> kSplitNames = {"train", "validation", "test"};
constexpr std::array<std::string_view, kColours> kColourNames = {
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "black"};
constexpr std::array<std::string_view, kShapes> kShapeNames = {"circle", "square", "triangle",
                                                               "star",   "heart",  "cross"};
constexpr std::array<std::string_view, kSizes> kSizeNames = {"small", "large"};
constexpr std::array<std::string_view, kTextures> kTextureNames = {"plain", "striped", "dotted"};
constexpr std::array<std::string_view, kBackgrounds> kBackgroundNames = {"sky",   "sand",  "grass",
                                                                         "night", "paper", "sea"};
constexpr std::array<std::string_view, kArrangements> kArrangementNames = {"alone", "beside",
                                                                           "above", "inside"};

constexpr int kAttemptsMax = 4096;  // a split holds a tenth of all scenes at least
constexpr double kTold = 0.6;       // of the attributes, each by itself

template <class Names, class Enum>
std::string_view nth(const Names& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

Arrangement draw_arrangement(Chance& chance) {
  const auto percent = chance.below(100);
  if (percent < 20) return Arrangement::kAlone;
  if (percent < 52) return Arrangement::kBeside;
  return percent < 84 ? Arrangement::kAbove : Arrangement::kInside;
}

AttributeSet attributes_of_objects(std::size_t count) {
  return (AttributeSet{1} << attribute_of(count, ObjectAttribute::kColour)) - 1;
}

AttributeSet draw_told(const Scene& scene, Chance& chance) {
  AttributeSet told = 0;
  for (std::size_t k = 0; k < kAttributes; ++k)
    if (chance.uniform() < kTold) told |= AttributeSet{1} << k;
  // How many objects there are is always told, and of one object that says how it stands.
  if (scene.arrangement == Arrangement::kAlone) told |= AttributeSet{1} << kArrangementAttribute;
  return told & attributes_of_objects(scene.objects.size());
}

Scene draw_scene(Chance chance) {
  Scene scene;
  scene.arrangement = draw_arrangement(chance);
  scene.background = static_cast<Background>(chance.below(kBackgrounds));
  std::array<int, kColours> colours{};
  for (std::size_t i = 0; i < colours.size(); ++i) colours.at(i) = static_cast<int>(i);
  const auto count = static_cast<std::uint32_t>(objects_in(scene.arrangement));
  for (std::uint32_t i = 0; i < count; ++i) {
    std::swap(colours.at(i), colours.at(i + chance.below(kColours - i)));
    Object object;
    object.colour = static_cast<Colour>(colours.at(i));
    object.shape = static_cast<Shape>(chance.below(kShapes));
    object.size = static_cast<Size>(chance.below(kSizes));
    object.texture = static_cast<Texture>(chance.below(kTextures));
    // What surrounds is large and what it surrounds is small, or it would not fit.
    if (scene.arrangement == Arrangement::kInside)
      object.size = i == 0 ? Size::kLarge : Size::kSmall;
    scene.objects.push_back(object);
  }
  scene.told = draw_told(scene, chance);
  scene.phrasing = chance.below(kPhrasings);
  scene.jitter = chance.bits();
  return scene;
}

}  // namespace

std::string_view split_name(Split split) { return nth(kSplitNames, split); }
std::string_view name(Colour colour) { return nth(kColourNames, colour); }
std::string_view name(Shape shape) { return nth(kShapeNames, shape); }
std::string_view name(Size size) { return nth(kSizeNames, size); }
std::string_view name(Texture texture) { return nth(kTextureNames, texture); }
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

std::size_t objects_in(Arrangement arrangement) {
  switch (arrangement) {
    case Arrangement::kAlone:
      return 1;
    case Arrangement::kBeside:
    case Arrangement::kAbove:
    case Arrangement::kInside:
      return 2;
  }
  return 0;
}

bool Scene::shows_the_same_as(const Scene& other) const {
  return arrangement == other.arrangement && background == other.background &&
         objects == other.objects;
}

std::string canonical_description(const Scene& scene) {
  std::string text(name(scene.arrangement));
  text += "|" + std::string(name(scene.background));
  for (const auto& object : scene.objects) {
    text += "|" + std::string(name(object.size)) + " " + std::string(name(object.colour)) + " " +
            std::string(name(object.texture)) + " " + std::string(name(object.shape));
  }
  return text;
}

void swap_objects(Scene& scene) {
  constexpr AttributeSet kOne = (AttributeSet{1} << kObjectAttributes) - 1;
  const auto first = attribute_of(0, ObjectAttribute::kColour);
  const auto second = attribute_of(1, ObjectAttribute::kColour);
  const AttributeSet told_1 = (scene.told >> first) & kOne, told_2 = (scene.told >> second) & kOne;
  std::swap(scene.objects[0], scene.objects[1]);
  scene.told &= ~((kOne << first) | (kOne << second));
  scene.told |= (told_2 << first) | (told_1 << second);
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
