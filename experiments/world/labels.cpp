#include <utility>

#include "experiments/world/world.h"

namespace isocost::world {

const std::array<Attribute, kAttributes>& attributes() {
  // The third object may be absent: one class more.
  static const std::array<Attribute, kAttributes> all = {{{"arrangement", kArrangements},
                                                          {"background", kBackgrounds},
                                                          {"colour_1", kColours},
                                                          {"shape_1", kShapes},
                                                          {"size_1", kSizes},
                                                          {"colour_2", kColours},
                                                          {"shape_2", kShapes},
                                                          {"size_2", kSizes},
                                                          {"colour_3", kColours + 1},
                                                          {"shape_3", kShapes + 1},
                                                          {"size_3", kSizes + 1}}};
  return all;
}

std::array<int, kAttributes> labels(const Scene& scene) {
  std::array<int, kAttributes> answers{};
  answers[0] = static_cast<int>(scene.arrangement);
  answers[1] = static_cast<int>(scene.background);
  for (std::size_t i = 0; i < kObjectsMax; ++i) {
    const auto at = 2 + 3 * i;
    if (i >= scene.objects.size()) {
      for (std::size_t k = at; k < at + 3; ++k) answers.at(k) = attributes().at(k).classes - 1;
      continue;
    }
    const auto& object = scene.objects.at(i);
    answers.at(at) = static_cast<int>(object.colour);
    answers.at(at + 1) = static_cast<int>(object.shape);
    answers.at(at + 2) = static_cast<int>(object.size);
  }
  return answers;
}

std::vector<Scene> swapped(const Scene& scene) {
  std::vector<Scene> others;
  const auto keep = [&](const Scene& other) {
    if (other.means_the_same_as(scene)) return;
    for (const auto& known : others)
      if (known.means_the_same_as(other)) return;
    others.push_back(other);
  };
  for (std::size_t i = 0; i + 1 < scene.objects.size(); ++i) {
    auto other = scene;
    std::swap(other.objects[i].colour, other.objects[i + 1].colour);
    keep(other);
    other = scene;
    std::swap(other.objects[i].shape, other.objects[i + 1].shape);
    keep(other);
    // Inside, sizes follow from the arrangement.
    if (scene.arrangement == Arrangement::kInside) continue;
    other = scene;
    std::swap(other.objects[i].size, other.objects[i + 1].size);
    keep(other);
    other = scene;
    std::swap(other.objects[i], other.objects[i + 1]);
    keep(other);
  }
  return others;
}

}  // namespace isocost::world
