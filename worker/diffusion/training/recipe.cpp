#include "worker/diffusion/training/recipe.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/io/atomic_file.h"
#include "base/json_reader.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kRecipeBytesMax = 1 << 20;
constexpr std::uint64_t kPicturesMax = 1'000'000;  // 12 GB of bytes

// Folders and files are called so, and NAME@STEPS are its snapshots.
bool is_plain_name(const std::string& name) {
  const auto is_plain = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
  };
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), is_plain);
}

void check_rates(JsonReader& reader, const Recipe& recipe) {
  if (!(recipe.learning_rate > 0))
    reader.fault("learning_rate", "this is not above 0", "a positive number");
  if (recipe.warmup < 0 || recipe.warmup > recipe.steps)
    reader.fault("warmup", "this is no part of the steps", "0 to the number of steps");
  if (recipe.decay < -1 || recipe.decay > recipe.steps)
    reader.fault("decay", "this is no part of the steps",
                 "0 to the number of steps, or -1: all after the warm-up");
  else if (recipe.decay > 0 && recipe.warmup > recipe.steps - recipe.decay)
    reader.fault("decay", "with the warm-up this is more than all steps",
                 "at most the number of steps - warmup");
  if (!(recipe.final_rate >= 0 && recipe.final_rate <= 1))
    reader.fault("final_rate", "this is no share of the learning rate", "0 to 1");
  if (!(recipe.weight_decay >= 0)) reader.fault("weight_decay", "this is below 0", "0 or more");
  if (!(recipe.clip_norm >= 0))
    reader.fault("clip_norm", "this is below 0", "0, which does not clip, or more");
  if (!(recipe.ema >= 0 && recipe.ema < 1)) reader.fault("ema", "this is outside [0, 1)");
}

void check_ranges(JsonReader& reader, const Recipe& recipe) {
  if (!is_plain_name(recipe.name))
    reader.fault("name", "it is '" + recipe.name + "'",
                 "letters, digits, '-', '_' and '.', which does not come first");
  if (recipe.pictures > kPicturesMax)
    reader.fault("pictures", "this is more than fits in memory", "at most 1000000");
  if (recipe.part == "tokenizer") return;
  if (recipe.pictures == 0) reader.fault("pictures", "this is 0", "at least 1");
  if (recipe.steps < 1) reader.fault("steps", "this is less than 1", "a positive whole number");
  if (recipe.batch < 1) reader.fault("batch", "this is less than 1", "a positive whole number");
  check_rates(reader, recipe);
  if (!recipe.snapshots.empty() && recipe.part != "unet")
    reader.fault("snapshots", "the part '" + recipe.part + "' keeps none", "a unet's recipe");
  for (const auto step : recipe.snapshots)
    if (step < 1 || step >= recipe.steps)
      reader.fault("snapshots", std::to_string(step) + " is no step on the way",
                   "1 to the number of steps - 1");
}

}  // namespace

Result<Recipe> recipe_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  Recipe recipe;
  recipe.part = reader.get<std::string>("part");
  recipe.name = reader.get<std::string>("name");
  recipe.seed = reader.get_or<std::uint64_t>("seed", 0);
  recipe.pictures = reader.get<std::uint64_t>("pictures");
  recipe.steps = reader.get_or<std::int64_t>("steps", 0);
  recipe.batch = reader.get_or<std::int64_t>("batch", 0);
  recipe.learning_rate = reader.get_or<double>("learning_rate", 0);
  recipe.warmup = reader.get_or<std::int64_t>("warmup", 0);
  recipe.decay = reader.get_or<std::int64_t>("decay", recipe.decay);
  recipe.final_rate = reader.get_or<double>("final_rate", recipe.final_rate);
  recipe.weight_decay = reader.get_or<double>("weight_decay", recipe.weight_decay);
  recipe.clip_norm = reader.get_or<double>("clip_norm", recipe.clip_norm);
  recipe.ema = reader.get_or<double>("ema", recipe.ema);
  if (reader.has("snapshots"))
    recipe.snapshots = reader.get<std::vector<std::int64_t>>("snapshots");
  if (reader.has("options")) recipe.options = reader.get<Json>("options");
  if (reader.has("config")) recipe.config = reader.get<Json>("config");
  if (reader.ok()) check_ranges(reader, recipe);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return recipe;
}

Result<Recipe> read_recipe(const std::filesystem::path& file) {
  const auto text = io::read_file(file, kRecipeBytesMax);
  if (!text) return fail(text.error());
  const auto json = parse_json(*text, file.string());
  if (!json) return fail(json.error());
  return recipe_from_json(*json, file.string());
}

double learning_rate_at(const Recipe& recipe, std::int64_t step) {
  if (step < recipe.warmup)
    return recipe.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(recipe.warmup);
  const auto decay = recipe.decay < 0 ? recipe.steps - recipe.warmup : recipe.decay;
  const auto first = recipe.steps - decay;
  if (step < first) return recipe.learning_rate;
  const double span = static_cast<double>(std::max<std::int64_t>(1, decay));
  const double done = static_cast<double>(step - first) / span;
  const double fall = 0.5 * (1 + std::cos(std::numbers::pi * done));
  return recipe.learning_rate * (recipe.final_rate + (1 - recipe.final_rate) * fall);
}

}  // namespace isocost::diffusion
