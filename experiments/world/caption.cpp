// The grammar. A caption has two parts in either order; what is not told is left out:
//
//   caption  = where "," objects | objects [where]        where = "in the sky" | "on sand" | ...
//   objects  = object [relation object]
//   object   = ("a" | "an") [size] [colour] [texture] (shape | "thing")
//   relation = "left of" | "to the left of" | "right of" | ... | "inside" | "around" | "and"
//
// `phrasing` is three bits: 1 says the background first, 2 names the last object first ("right of"
// for "left of"), 4 takes the longer relation (for two objects beside or above each other). "and"
// says that there is another object, not how they stand.
#include <algorithm>
#include <sstream>

#include "experiments/world/world.h"
#include "schema/prompts.h"

namespace isocost::world {
namespace {

constexpr std::uint32_t kBackgroundFirst = 1;
constexpr std::uint32_t kReversed = 2;
constexpr std::uint32_t kLong = 4;

constexpr std::string_view kAnyShape = "thing";
constexpr std::string_view kUntoldRelation = "and";
constexpr std::array<std::string_view, kBackgrounds> kPlaces = {
    "in the sky", "on sand", "on grass", "at night", "on paper", "at sea"};

struct Relation {
  std::string_view text;
  bool is_vertical;
  bool is_inside;
  std::uint32_t phrasing;
};
constexpr std::array<Relation, 10> kRelations = {{
    {"left of", false, false, 0},
    {"right of", false, false, kReversed},
    {"to the left of", false, false, kLong},
    {"to the right of", false, false, kReversed | kLong},
    {"above", true, false, 0},
    {"below", true, false, kReversed},
    {"right above", true, false, kLong},
    {"right below", true, false, kReversed | kLong},
    {"around", false, true, 0},
    {"inside", false, true, kReversed},
}};

std::string object_text(const Scene& scene, std::size_t i) {
  const auto& object = scene.objects[i];
  const auto tells = [&](ObjectAttribute which) { return scene.tells(attribute_of(i, which)); };
  std::string text;
  const auto add = [&](std::string_view word) { text += " " + std::string(word); };
  if (tells(ObjectAttribute::kSize)) add(name(object.size));
  if (tells(ObjectAttribute::kColour)) add(name(object.colour));
  if (tells(ObjectAttribute::kTexture)) add(name(object.texture));
  add(tells(ObjectAttribute::kShape) ? name(object.shape) : kAnyShape);
  return (text.starts_with(" orange") ? "an" : "a") + text;
}

std::string_view relation_text(const Scene& scene) {
  if (!scene.tells(kArrangementAttribute)) return kUntoldRelation;
  const bool is_vertical = scene.arrangement == Arrangement::kAbove;
  const bool is_inside = scene.arrangement == Arrangement::kInside;
  auto wanted = scene.phrasing & (kReversed | kLong);
  if (is_inside) wanted &= kReversed;  // that has no longer form
  for (const auto& relation : kRelations)
    if (relation.is_vertical == is_vertical && relation.is_inside == is_inside &&
        relation.phrasing == wanted)
      return relation.text;
  return {};
}

// Takes words off the front of a text.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  // Whole words only.
  bool take(std::string_view words) {
    if (!rest_.starts_with(words)) return false;
    const auto after = rest_.substr(words.size());
    if (!after.empty() && after.front() != ' ' && after.front() != ',') return false;
    rest_ = after;
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return true;
  }
  bool take_comma() {
    if (!rest_.starts_with(", ")) return false;
    rest_.remove_prefix(2);
    return true;
  }
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

template <class Enum>
std::optional<Enum> take_name(Words& words, int count) {
  for (int i = 0; i < count; ++i)
    if (words.take(name(static_cast<Enum>(i)))) return static_cast<Enum>(i);
  return std::nullopt;
}

std::optional<Background> take_place(Words& words) {
  for (int i = 0; i < kBackgrounds; ++i)
    if (words.take(kPlaces.at(static_cast<std::size_t>(i)))) return static_cast<Background>(i);
  return std::nullopt;
}

// An object and which of its attributes are told, as bits from 0.
struct ToldObject {
  Object object;
  AttributeSet told = 0;
};

std::optional<ToldObject> take_object(Words& words) {
  if (!words.take("a") && !words.take("an")) return std::nullopt;
  ToldObject told;
  const auto keep = [&](const auto& found, auto& into, ObjectAttribute attribute) {
    if (!found) return;
    into = *found;
    told.told |= AttributeSet{1} << static_cast<unsigned>(attribute);
  };
  keep(take_name<Size>(words, kSizes), told.object.size, ObjectAttribute::kSize);
  keep(take_name<Colour>(words, kColours), told.object.colour, ObjectAttribute::kColour);
  keep(take_name<Texture>(words, kTextures), told.object.texture, ObjectAttribute::kTexture);
  if (words.take(kAnyShape)) return told;
  const auto shape = take_name<Shape>(words, kShapes);
  if (!shape) return std::nullopt;
  keep(shape, told.object.shape, ObjectAttribute::kShape);
  return told;
}

std::optional<Relation> take_relation(Words& words) {
  if (words.take(kUntoldRelation)) return Relation{kUntoldRelation, false, false, 0};
  for (const auto& relation : kRelations)
    if (words.take(relation.text)) return relation;
  return std::nullopt;
}

Arrangement arrangement_of(const Relation& relation) {
  if (relation.is_inside) return Arrangement::kInside;
  return relation.is_vertical ? Arrangement::kAbove : Arrangement::kBeside;
}

void put_objects(Scene& scene, std::vector<ToldObject> objects) {
  if ((scene.phrasing & kReversed) != 0) std::reverse(objects.begin(), objects.end());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    scene.objects.push_back(objects[i].object);
    scene.told |= objects[i].told << attribute_of(i, ObjectAttribute::kColour);
  }
}

// An object, or two and how they stand.
bool take_objects(Words& words, Scene& scene) {
  auto object = take_object(words);
  if (!object) return false;
  std::vector<ToldObject> objects = {*object};
  const auto relation = take_relation(words);
  if (!relation || relation->text != kUntoldRelation)
    scene.told |= AttributeSet{1} << kArrangementAttribute;
  if (relation) {
    object = take_object(words);
    if (!object) return false;
    objects.push_back(*object);
    scene.arrangement = arrangement_of(*relation);
    scene.phrasing |= relation->phrasing;
  }
  put_objects(scene, std::move(objects));
  return true;
}

}  // namespace

std::string caption(const Scene& scene) {
  std::vector<std::string> objects;
  objects.reserve(scene.objects.size());
  for (std::size_t i = 0; i < scene.objects.size(); ++i) objects.push_back(object_text(scene, i));
  const auto relation = objects.size() > 1 ? relation_text(scene) : std::string_view();
  if ((scene.phrasing & kReversed) != 0) std::reverse(objects.begin(), objects.end());
  std::string text;
  for (const auto& object : objects) {
    if (!text.empty()) text += " " + std::string(relation) + " ";
    text += object;
  }
  if (!scene.tells(kBackgroundAttribute)) return text;
  const std::string place(kPlaces.at(static_cast<std::size_t>(scene.background)));
  return (scene.phrasing & kBackgroundFirst) != 0 ? place + ", " + text : text + " " + place;
}

std::optional<Scene> parse_caption(std::string_view text) {
  if (text.ends_with(' ')) return std::nullopt;
  Words words(text);
  Scene scene;
  scene.told = 0;
  auto place = take_place(words);
  if (place) {
    if (!words.take_comma()) return std::nullopt;
    scene.phrasing = kBackgroundFirst;
  }
  if (!take_objects(words, scene)) return std::nullopt;
  if (!place) place = take_place(words);
  if (!words.is_empty()) return std::nullopt;
  if (place) {
    scene.background = *place;
    scene.told |= AttributeSet{1} << kBackgroundAttribute;
  }
  // What the grammar above lets pass and no scene says so: "an red", a comma too many.
  if (caption(scene) != text) return std::nullopt;
  return scene;
}

std::string prompts_jsonl(Split split, std::uint64_t count, std::uint64_t seed) {
  std::vector<std::string> captions;
  captions.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) captions.push_back(caption(scene(split, i, seed)));
  return prompts_text(captions);
}

}  // namespace isocost::world
