#include "worker/diffusion/training/task_items.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "experiments/world/chance.h"
#include "experiments/world/edits.h"
#include "schema/items.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/items/degrade.h"
#include "worker/diffusion/tasks/pictures.h"
#include "worker/diffusion/training/pictures.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kCaptionStream = 0x63u;  // of a scene's jitter: whether a word is wrong
constexpr std::uint64_t kMaskKey = 0x6d61736bu;  // of an item's number: which mask it has
constexpr std::uint64_t kMaskedLatentsKey = 0x6d7a;
constexpr std::uint64_t kDegradationSeed = 0x7472'6169'6e00ULL;  // apart from those of studies
constexpr int kFactor = 4;
constexpr double kWholeMasks = 0.25, kRectangles = 0.25;

at::Tensor unit_pictures(const std::vector<at::Tensor>& bytes) {
  return at::stack(bytes).to(at::kFloat) / 255;
}

io::Picture blank_picture() {
  return {world::kSide, world::kSide, std::vector<std::uint8_t>(world::kPictureBytes)};
}

// With all of its options; those that have a seed draw otherwise than in a study.
Json degradation_for_training(const std::string& name) {
  const auto* row = find_degradation(name);
  ISOCOST_CHECK(row != nullptr, "the recipe's degradations were looked up");
  Json said = Json::object();
  if (find_option(row->options, "seed") != nullptr) said["seed"] = kDegradationSeed;
  auto whole = completed(row->options, said, name);
  ISOCOST_CHECK(whole, "a seed fits");
  (*whole)["name"] = row->name;
  return *whole;
}

TaskItems items_of_concat_sr(const WorldChoice& choice, const ItemRange& range) {
  TaskItems items;
  items.first = range.begin;
  std::vector<at::Tensor> targets, sources;
  for (std::uint64_t i = range.begin; i < range.end; ++i) {
    const auto scene = world::scene(choice.split, i, kWorldSeed);
    auto picture = blank_picture();
    world::render(scene, picture.rgb.data());
    const auto& name = choice.degradations.at(i % choice.degradations.size());
    const auto small = degraded(degradation_for_training(name), picture, kFactor, i);
    ISOCOST_CHECK(small, "the recipe's degradations were looked up");
    sources.push_back(picture_tensor(*small));
    targets.push_back(picture_tensor(picture));
    items.prompts.push_back(training_caption(scene, choice.misdescribed));
    items.shown.push_back(scene);
  }
  items.targets = at::stack(targets);
  items.sources = unit_pictures(sources);
  return items;
}

at::Tensor channels_of_concat_sr(Encoders& encoders, const TaskItems& items) {
  const at::Tensor enlarged = resized_bicubic(items.sources, world::kSide, world::kSide);
  return encoders.latents_of(signed_pictures(enlarged));
}

// 1 in a rectangle of at least a quarter of the picture's sides.
at::Tensor rectangle_mask(world::Chance& chance) {
  const auto draw_span = [&chance] {
    const auto length = world::kSide / 4 + static_cast<int>(chance.below(world::kSide / 2));
    const auto begin =
        static_cast<int>(chance.below(static_cast<std::uint32_t>(world::kSide - length + 1)));
    return std::pair{begin, begin + length};
  };
  const auto rows = draw_span(), columns = draw_span();
  auto mask = at::zeros({1, world::kSide, world::kSide});
  mask.slice(1, rows.first, rows.second).slice(2, columns.first, columns.second).fill_(1);
  return mask;
}

at::Tensor drawn_mask(const world::Edit& edit, world::Split split, std::uint64_t item) {
  world::Chance chance(kMaskKey, item);
  const double kind = split == world::Split::kTrain ? chance.uniform() : 1;
  if (kind < kWholeMasks) return at::ones({1, world::kSide, world::kSide});
  if (kind < kWholeMasks + kRectangles) return rectangle_mask(chance);
  auto bytes = at::empty({1, world::kSide, world::kSide}, at::kByte);
  world::mask(edit, bytes.data_ptr<std::uint8_t>());
  return bytes.to(at::kFloat);
}

TaskItems items_of_inpaint(const WorldChoice& choice, const ItemRange& range) {
  TaskItems items;
  items.first = range.begin;
  std::vector<at::Tensor> targets, masks;
  for (std::uint64_t i = range.begin; i < range.end; ++i) {
    const auto edit = world::edit(choice.split, i, kWorldSeed);
    auto picture = blank_picture();
    world::render_target(edit, picture.rgb.data());
    targets.push_back(picture_tensor(picture));
    masks.push_back(drawn_mask(edit, choice.split, i));
    items.prompts.push_back(training_caption(edit.target, choice.misdescribed));
    items.shown.push_back(edit.target);
  }
  items.targets = at::stack(targets);
  items.masks = at::stack(masks);
  return items;
}

at::Tensor channels_of_inpaint(Encoders& encoders, const TaskItems& items) {
  const at::Tensor pictures = signed_pictures(items.targets.to(at::kFloat) / 255);
  const auto posterior = encoders.posterior(kept_of(pictures, items.masks));
  std::vector<at::Tensor> noise;
  noise.reserve(static_cast<std::size_t>(items.targets.size(0)));
  for (std::int64_t i = 0; i < items.targets.size(0); ++i)
    noise.push_back(masked_latents_noise(static_cast<std::int64_t>(items.first) + i,
                                         posterior.mean.sizes().slice(1)));
  const at::Tensor kept = encoders.vae->config.scaling_factor * posterior.sample(at::stack(noise));
  const at::Tensor small =
      mask_of_latents(items.masks, posterior.mean.size(2), posterior.mean.size(3));
  return at::cat({small, kept}, 1).to(at::kHalf).contiguous();
}

TaskItems items_of_instruct(const WorldChoice& choice, const ItemRange& range) {
  TaskItems items;
  items.first = range.begin;
  std::vector<at::Tensor> targets, sources;
  for (std::uint64_t i = range.begin; i < range.end; ++i) {
    const auto edit = world::edit(choice.split, i, kWorldSeed);
    auto before = blank_picture(), after = blank_picture();
    world::render_source(edit, before.rgb.data());
    world::render_target(edit, after.rgb.data());
    sources.push_back(picture_tensor(before));
    targets.push_back(picture_tensor(after));
    items.prompts.push_back(edit.instruction.text());
    items.shown.push_back(edit.target);
  }
  items.targets = at::stack(targets);
  items.sources = unit_pictures(sources);
  return items;
}

// The posterior's mean without its scaling, as InstructPix2Pix has it.
at::Tensor channels_of_instruct(Encoders& encoders, const TaskItems& items) {
  return encoders.posterior(signed_pictures(items.sources)).mean.to(at::kHalf).contiguous();
}

}  // namespace

at::Tensor masked_latents_noise(std::int64_t item, at::IntArrayRef shape) {
  return at::randn(shape, step_generator(kMaskedLatentsKey, item));
}

std::string training_caption(const world::Scene& scene, double misdescribed) {
  world::Chance chance(scene.jitter, kCaptionStream);
  const bool is_wrong = chance.uniform() < misdescribed;
  return world::caption(is_wrong ? world::misdescribed(scene, chance.bits()) : scene);
}

namespace {

const std::array<ItemTask, 3>& item_tasks() {
  static const std::array<ItemTask, 3> kTasks = {
      {{.name = "concat-sr",
        .is_of_small_pictures = true,
        .items = items_of_concat_sr,
        .channels = channels_of_concat_sr},
       {.name = "inpaint", .items = items_of_inpaint, .channels = channels_of_inpaint},
       {.name = "instruct",
        .guides_by_picture = true,
        .items = items_of_instruct,
        .channels = channels_of_instruct}}};
  return kTasks;
}

}  // namespace

const ItemTask* find_item_task(const std::string& name) {
  for (const auto& task : item_tasks())
    if (task.name == name) return &task;
  return nullptr;
}

std::vector<std::string> item_task_names() {
  std::vector<std::string> names;
  names.reserve(item_tasks().size());
  for (const auto& task : item_tasks()) names.push_back(task.name);
  return names;
}

}  // namespace isocost::diffusion
