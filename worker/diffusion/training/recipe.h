// What a part of the mini family is trained with: one JSON file in experiments/mini/recipes.
//
//   Result<Recipe> recipe = read_recipe("experiments/mini/recipes/w16.json");
//
// A recipe says everything that the weights depend on, besides the parts it is built upon (which
// lie in the family's folder). Fails with every fault of the file. Pure values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace isocost::diffusion {

struct Recipe {
  std::string part;  // autoencoder, tokenizer, text_encoder, clip, features, unet
  std::string name;
  std::uint64_t seed = 0;
  std::uint64_t pictures = 0;  // of the world's training split
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  double learning_rate = 0;  // at the end of the warm-up
  std::int64_t warmup = 0;   // steps of linear rise from 0
  std::int64_t decay = -1;   // last steps, over which the rate falls; -1: all after the warm-up
  double final_rate = 0.02;  // what is left of the learning rate after the last step (cosine)
  double weight_decay = 0;
  double clip_norm = 1;                 // of the gradient
  double ema = 0.999;                   // at most; the mean grows in over the first steps
  std::vector<std::int64_t> snapshots;  // steps after which the averaged weights are kept besides
  Json options = Json::object();        // of the part
  Json config = Json::object();         // the model's config.json
};

[[nodiscard]] Result<Recipe> recipe_from_json(const Json& json, const std::string& where);
[[nodiscard]] Result<Recipe> read_recipe(const std::filesystem::path& file);

// Linear rise, constant, then a half cosine down to final_rate; `step` counts from 0. Two recipes
// that differ in their number of steps alone have the same rate until the shorter one's falls.
[[nodiscard]] double learning_rate_at(const Recipe& recipe, std::int64_t step);

}  // namespace isocost::diffusion
