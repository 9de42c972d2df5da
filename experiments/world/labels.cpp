#include <utility>

#include "experiments/world/chance.h"
#include "experiments/world/layout.h"
#include "experiments/world/world.h"

namespace isocost::world {
namespace {

// Gives attribute k this value. Requires: not the arrangement; the attribute's object is there.
void set_label(Scene& scene, std::size_t k, int label) {
  if (k == kBackgroundAttribute) scene.background = static_cast<Background>(label);
  if (k < attribute_of(0, ObjectAttribute::kColour)) return;
  auto& object = scene.objects.at((k - 2) / kObjectAttributes);
  switch (static_cast<ObjectAttribute>((k - 2) % kObjectAttributes)) {
    case ObjectAttribute::kColour:
      object.colour = static_cast<Colour>(label);
      return;
    case ObjectAttribute::kShape:
      object.shape = static_cast<Shape>(label);
      return;
    case ObjectAttribute::kSize:
      object.size = static_cast<Size>(label);
      return;
    case ObjectAttribute::kTexture:
      object.texture = static_cast<Texture>(label);
      return;
  }
}

int names_of(std::size_t k) {
  constexpr std::array<int, kObjectAttributes> kNames = {kColours, kShapes, kSizes, kTextures};
  return k == kBackgroundAttribute ? kBackgrounds : kNames.at((k - 2) % kObjectAttributes);
}

using Agreement = std::array<std::optional<int>, kAttributes>;

// With told object i held against what was read of object order[i].
Agreement agreement_in_order(const Scene& told, const Labels& wanted, const Labels& read,
                             const std::array<std::size_t, kObjectsMax>& order) {
  Agreement found;
  for (std::size_t i = 0; i < told.objects.size(); ++i)
    for (std::size_t k = 0; k < kObjectAttributes; ++k) {
      const auto at = attribute_of(i, static_cast<ObjectAttribute>(k));
      const auto there = attribute_of(order.at(i), static_cast<ObjectAttribute>(k));
      if (told.tells(at)) found.at(at) = wanted.at(at) == read.at(there) ? 1 : 0;
    }
  return found;
}

int right_of(const Agreement& agreement) {
  int right = 0;
  for (const auto& one : agreement) right += one.value_or(0);
  return right;
}

}  // namespace

const std::array<Attribute, kAttributes>& attributes() {
  // The second object may be absent: one class more.
  static const std::array<Attribute, kAttributes> all = {{{"arrangement", kArrangements},
                                                          {"background", kBackgrounds},
                                                          {"colour_1", kColours},
                                                          {"shape_1", kShapes},
                                                          {"size_1", kSizes},
                                                          {"texture_1", kTextures},
                                                          {"colour_2", kColours + 1},
                                                          {"shape_2", kShapes + 1},
                                                          {"size_2", kSizes + 1},
                                                          {"texture_2", kTextures + 1}}};
  return all;
}

Labels labels(const Scene& scene) {
  Labels answers{};
  for (std::size_t k = 0; k < kAttributes; ++k) answers.at(k) = attributes().at(k).classes - 1;
  answers.at(kArrangementAttribute) = static_cast<int>(scene.arrangement);
  answers.at(kBackgroundAttribute) = static_cast<int>(scene.background);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const auto& object = scene.objects[i];
    answers.at(attribute_of(i, ObjectAttribute::kColour)) = static_cast<int>(object.colour);
    answers.at(attribute_of(i, ObjectAttribute::kShape)) = static_cast<int>(object.shape);
    answers.at(attribute_of(i, ObjectAttribute::kSize)) = static_cast<int>(object.size);
    answers.at(attribute_of(i, ObjectAttribute::kTexture)) = static_cast<int>(object.texture);
  }
  return answers;
}

Agreement agreement(const Scene& told, const Labels& read) {
  const auto wanted = labels(told);
  const int arrangement = read.at(kArrangementAttribute);
  const bool is_told = told.tells(kArrangementAttribute);
  auto best = agreement_in_order(told, wanted, read, {0, 1});
  if (!is_told && told.objects.size() == 2) {
    const auto other = agreement_in_order(told, wanted, read, {1, 0});
    if (right_of(other) > right_of(best)) best = other;
  }
  const bool is_right =
      is_told ? arrangement == wanted.at(kArrangementAttribute)
              : objects_in(static_cast<Arrangement>(arrangement)) == told.objects.size();
  best.at(kArrangementAttribute) = is_right ? 1 : 0;
  if (told.tells(kBackgroundAttribute))
    best.at(kBackgroundAttribute) =
        wanted.at(kBackgroundAttribute) == read.at(kBackgroundAttribute) ? 1 : 0;
  return best;
}

Scene misdescribed(const Scene& scene, std::uint64_t draw) {
  Chance chance(draw);
  std::vector<std::size_t> candidates;
  for (std::size_t k = kBackgroundAttribute; k < kAttributes; ++k)
    if (scene.tells(k)) candidates.push_back(k);
  if (candidates.empty()) return scene;
  const auto k = candidates[chance.below(static_cast<std::uint32_t>(candidates.size()))];
  const auto others = static_cast<std::uint32_t>(names_of(k) - 1);
  auto wrong = static_cast<int>(chance.below(others));
  if (wrong >= labels(scene).at(k)) ++wrong;
  auto other = scene;
  set_label(other, k, wrong);
  return other;
}

std::vector<Scene> swapped(const Scene& scene) {
  std::vector<Scene> others;
  if (scene.objects.size() < 2) return others;
  const auto keep = [&](const Scene& other) {
    const auto text = caption(other);
    if (text == caption(scene)) return;
    for (const auto& known : others)
      if (caption(known) == text) return;
    others.push_back(other);
  };
  // Untold values change no caption, and a told one may only change places with a told one.
  const auto keep_exchanged = [&](ObjectAttribute which, auto Object::* member) {
    if (!scene.tells(attribute_of(0, which)) || !scene.tells(attribute_of(1, which))) return;
    auto other = scene;
    std::swap(other.objects[0].*member, other.objects[1].*member);
    keep(other);
  };
  keep_exchanged(ObjectAttribute::kColour, &Object::colour);
  keep_exchanged(ObjectAttribute::kShape, &Object::shape);
  keep_exchanged(ObjectAttribute::kTexture, &Object::texture);
  // Inside, sizes and the order follow from the arrangement.
  if (scene.arrangement == Arrangement::kInside) return others;
  keep_exchanged(ObjectAttribute::kSize, &Object::size);
  // The order says something only where the arrangement is told.
  if (!scene.tells(kArrangementAttribute)) return others;
  auto other = scene;
  swap_objects(other);
  keep(other);
  return others;
}

}  // namespace isocost::world
