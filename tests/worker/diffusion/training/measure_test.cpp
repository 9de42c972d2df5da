// Known answers of the mini family's measure: what moves the Frechet distance of its features, in
// floors, where the floor is the distance of two clean sets of the same size.
#include <gtest/gtest.h>

#include <map>

#include "experiments/world/mini_folder.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/metrics/metric.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kPictures = 1024;  // a set

at::Tensor features_of(Extractor& extractor, const at::Tensor& pictures) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < pictures.size(0); i += 64) {
    auto some = extractor.extract({.pictures = pictures.slice(0, i, i + 64), .prompts = {}});
    EXPECT_TRUE(some) << some.error().message();
    rows.push_back(*some);
  }
  return at::cat(rows);
}

using Distances = std::map<std::string, double>;

Distances measured() {
  at::set_num_threads(1);
  auto extractor = load_extractor({"mini-features", "", Json::object()},
                                  experiments::mini_folder() / "features");
  EXPECT_TRUE(extractor) << (extractor ? "" : extractor.error().message());
  if (!extractor) return {};
  const auto scenes = world_scenes(world::Split::kValidation, 2 * kPictures);
  const std::vector<world::Scene> first(scenes.begin(),
                                        scenes.begin() + static_cast<std::ptrdiff_t>(kPictures));
  const auto pictures = world_pictures(scenes), clean = pictures.slice(0, 0, kPictures);
  const auto others =
      Reference::from_rows(features_of(**extractor, pictures.slice(0, kPictures)), false);
  EXPECT_TRUE(others) << (others ? "" : others.error().message());
  if (!others) return {};
  Distances distances;
  for (const auto& [name, changed] : {std::pair{"clean", clean},
                                      {"blurred", blurred_bytes(clean)},
                                      {"noisy", noisy_bytes(clean, 0.05, step_generator(3, 1))},
                                      {"torn", torn_pictures(first)}})
    distances[name] = frechet_distance(statistics_of(features_of(**extractor, changed)), *others);
  return distances;
}

TEST(MiniMeasure, SeesBlurNoiseAndBrokenEdges) {
  const auto distances = measured();
  ASSERT_FALSE(distances.empty());

  const double floor = distances.at("clean");
  for (const char* name : {"blurred", "noisy", "torn"})
    EXPECT_GT(distances.at(name), 10 * floor) << name << ", where the floor is " << floor;
}

}  // namespace
}  // namespace isocost::diffusion
