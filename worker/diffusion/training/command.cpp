#include "worker/diffusion/training/command.h"

#include <malloc.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "worker/diffusion/training/loop.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

fs::path default_out(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path root =
      cache != nullptr && *cache != '\0' ? fs::path(cache) : fs::path(home ? home : ".") / ".cache";
  return root / "isocost" / "training" / name;
}

using MakeTraining = Result<std::unique_ptr<Training>> (*)(const Recipe&, const TrainingPlaces&);
constexpr std::array<std::pair<const char*, MakeTraining>, 5> kParts = {
    {{"autoencoder", make_autoencoder_training},
     {"text_encoder", make_text_training},
     {"clip", make_clip_training},
     {"features", make_features_training},
     {"unet", make_unet_training}}};

Result<std::string> train_part(const Recipe& recipe, const TrainingPlaces& places,
                               const fs::path& out, std::chrono::seconds checkpoint_every) {
  if (recipe.part == "tokenizer") return train_tokenizer(recipe, places.family);
  for (const auto& [part, make] : kParts) {
    if (recipe.part != part) continue;
    auto training = make(recipe, places);
    if (!training) return fail(training.error());
    LoopOptions options;
    options.out = out;
    options.checkpoint_every = checkpoint_every;
    options.print = [](const std::string& line) { std::cout << line << '\n' << std::flush; };
    auto note = train(recipe, **training, options);
    if (!note) return note;
    fs::create_directories(places.family / "curves");
    fs::copy_file(out / "loss.csv", places.family / "curves" / (recipe.name + ".csv"),
                  fs::copy_options::overwrite_existing);
    return note;
  }
  return fail(recipe.name, "the part '" + recipe.part + "' is unknown",
              "autoencoder, tokenizer, text_encoder, clip, features or unet");
}

}  // namespace

void keep_freed_memory() {
  constexpr int kLargest = 32 << 20;  // that the C library lets a heap hold
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

int run_train_command(const TrainCommand& command) {
  const auto recipe = read_recipe(command.recipe);
  if (!recipe) {
    std::cerr << recipe.error().message() << '\n';
    return 1;
  }
  keep_freed_memory();
  at::set_num_threads(command.threads);
  const auto out = command.out.empty() ? default_out(recipe->name) : command.out;
  TrainingPlaces places;
  places.family = command.family.empty() ? fs::absolute(command.recipe).parent_path().parent_path()
                                         : command.family;
  places.cache = out.parent_path();
  const auto note =
      train_part(*recipe, places, out, std::chrono::seconds(command.checkpoint_seconds));
  if (!note) {
    std::cerr << note.error().message() << '\n';
    return 1;
  }
  std::cout << recipe->name << "  done: " << *note << '\n' << std::flush;
  return 0;
}

}  // namespace isocost::diffusion
