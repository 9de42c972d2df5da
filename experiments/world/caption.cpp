// The grammar. A caption has two parts in either order:
//
//   caption  = where "," objects | objects where        where = "in the sky" | "on sand" | ...
//   objects  = object relation object [relation object]
//   object   = "a" size colour shape
//   relation = "left of" | "to the left of" | "right of" | ... | "inside" | "around"
//
// `phrasing` is three bits: 1 says the background first, 2 names the last object first ("right of"
// for "left of"), 4 takes the longer relation (for two objects beside or above each other).
#include <algorithm>
#include <sstream>

#include "experiments/world/world.h"
#include "schema/prompts.h"

namespace isocost::world {
namespace {

constexpr std::uint32_t kBackgroundFirst = 1;
constexpr std::uint32_t kReversed = 2;
constexpr std::uint32_t kLong = 4;

constexpr std::array<std::string_view, kBackgrounds> kPlaces = {"in the sky", "on sand", "on grass",
                                                                "at night", "on paper"};

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

std::string object_text(const Object& object) {
  return "a " + std::string(name(object.size)) + " " + std::string(name(object.colour)) + " " +
         std::string(name(object.shape));
}

std::string_view relation_text(const Scene& scene) {
  const bool is_vertical =
      scene.arrangement == Arrangement::kAbove || scene.arrangement == Arrangement::kColumn;
  const bool is_inside = scene.arrangement == Arrangement::kInside;
  auto wanted = scene.phrasing & (kReversed | kLong);
  // Three objects and inside have no longer form: the caption would outgrow the text encoder.
  if (is_inside || scene.objects.size() > 2) wanted &= kReversed;
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

std::optional<Object> take_object(Words& words) {
  if (!words.take("a")) return std::nullopt;
  const auto size = take_name<Size>(words, kSizes);
  const auto colour = take_name<Colour>(words, kColours);
  const auto shape = take_name<Shape>(words, kShapes);
  if (!size || !colour || !shape) return std::nullopt;
  return Object{*colour, *shape, *size};
}

std::optional<Relation> take_relation(Words& words) {
  for (const auto& relation : kRelations)
    if (words.take(relation.text)) return relation;
  return std::nullopt;
}

std::optional<Arrangement> arrangement_of(const Relation& relation, std::size_t objects) {
  if (relation.is_inside) return objects == 2 ? std::optional(Arrangement::kInside) : std::nullopt;
  if (objects == 2) return relation.is_vertical ? Arrangement::kAbove : Arrangement::kBeside;
  return relation.is_vertical ? Arrangement::kColumn : Arrangement::kRow;
}

// Objects and the relation between each two of them, which must be the same.
bool take_objects(Words& words, Scene& scene) {
  auto object = take_object(words);
  if (!object) return false;
  scene.objects = {*object};
  std::optional<Relation> first;
  while (scene.objects.size() < kObjectsMax) {
    const auto relation = take_relation(words);
    if (!relation) break;
    if (first && relation->text != first->text) return false;
    first = relation;
    object = take_object(words);
    if (!object) return false;
    scene.objects.push_back(*object);
  }
  if (!first) return false;
  const auto arrangement = arrangement_of(*first, scene.objects.size());
  if (!arrangement) return false;
  scene.arrangement = *arrangement;
  scene.phrasing |= first->phrasing;
  if ((first->phrasing & kReversed) != 0) std::reverse(scene.objects.begin(), scene.objects.end());
  return true;
}

}  // namespace

std::string caption(const Scene& scene) {
  const std::string place(kPlaces.at(static_cast<std::size_t>(scene.background)));
  auto objects = scene.objects;
  if ((scene.phrasing & kReversed) != 0) std::reverse(objects.begin(), objects.end());
  std::string text;
  for (const auto& object : objects) {
    if (!text.empty()) text += " " + std::string(relation_text(scene)) + " ";
    text += object_text(object);
  }
  return (scene.phrasing & kBackgroundFirst) != 0 ? place + ", " + text : text + " " + place;
}

std::optional<Scene> parse_caption(std::string_view text) {
  if (text.ends_with(' ')) return std::nullopt;
  Words words(text);
  Scene scene;
  auto place = take_place(words);
  if (place) {
    if (!words.take_comma()) return std::nullopt;
    scene.phrasing = kBackgroundFirst;
  }
  if (!take_objects(words, scene)) return std::nullopt;
  if (!place) place = take_place(words);
  if (!place || !words.is_empty()) return std::nullopt;
  scene.background = *place;
  return scene;
}

std::string prompts_jsonl(Split split, std::uint64_t count, std::uint64_t seed) {
  std::vector<std::string> captions;
  for (std::uint64_t i = 0; i < count; ++i) captions.push_back(caption(scene(split, i, seed)));
  return prompts_text(captions);
}

}  // namespace isocost::world
