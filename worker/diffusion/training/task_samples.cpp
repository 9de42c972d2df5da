#include "worker/diffusion/training/task_samples.h"

#include <algorithm>
#include <numeric>

#include "schema/items.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tasks/pictures.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kDrawnTogether = 64;
constexpr const char* kReportedDegradation = "real-esrgan";

at::Tensor given_of(const TaskItems& items) {
  if (items.masks.defined())
    return (items.targets.to(at::kFloat) * (1 - items.masks) + 127.5 * items.masks).to(at::kByte);
  const auto side = items.targets.size(2);
  at::Tensor sources = (items.sources * 255).round().to(at::kByte);
  if (sources.size(2) == side) return sources;
  return enlarged_by_pillow(sources, static_cast<int>(side), static_cast<int>(side));
}

std::vector<Branch> branches_of(const TwoScales& scales, const at::Tensor& text,
                                const at::Tensor& empty, const at::Tensor& channels,
                                bool by_picture) {
  if (by_picture) return guided_by_both(empty, text, channels, scales);
  auto branches = guided(empty, text, scales.text);
  for (auto& branch : branches) branch.channels = channels;
  return branches;
}

void append(TaskItems& all, TaskItems some) {
  const auto join = [](at::Tensor& to, const at::Tensor& more) {
    if (more.defined()) to = to.defined() ? at::cat({to, more}) : more;
  };
  join(all.targets, some.targets);
  join(all.sources, some.sources);
  join(all.masks, some.masks);
  std::move(some.prompts.begin(), some.prompts.end(), std::back_inserter(all.prompts));
  std::move(some.shown.begin(), some.shown.end(), std::back_inserter(all.shown));
}

}  // namespace

Result<std::string> task_of_member(const fs::path& model) {
  const auto index = read_json_file(model / "model_index.json");
  const auto unet = read_json_file(model / "unet/config.json");
  const auto vae = read_json_file(model / "vae/config.json");
  Failure failure;
  for (const auto* file : {&index, &unet, &vae})
    if (!*file) failure.add(file->error());
  if (!failure.is_empty()) return fail(std::move(failure));
  const auto class_name = index->value("_class_name", "");
  const auto channels = unet->value("in_channels", std::int64_t{0});
  const auto latents = vae->value("latent_channels", std::int64_t{0});
  if (channels == latents) return std::string();
  for (const auto& kind : tasks::task_kinds()) {
    const auto taken = kind.input_channels(latents);
    if (find_item_task(kind.name) != nullptr && kind.runs_as == class_name &&
        std::find(taken.begin(), taken.end(), channels) != taken.end())
      return kind.name;
  }
  return fail(model.string(), c10::str("a ", class_name, " of ", channels, " channels"),
              "a member for text-to-image, super-resolution or editing");
}

Result<TaskSamples> draw_task_samples(const fs::path& family, const fs::path& model,
                                      const TaskSampling& sampling) {
  const auto name = task_of_member(model);
  if (!name) return fail(name.error());
  const auto* task = find_item_task(*name);
  if (task == nullptr)
    return fail(model.string(), "this member draws from text", "one that begins with pictures");
  auto encoders = load_encoders(family);
  if (!encoders) return fail(encoders.error());
  const Pipeline::Folders parts{
      {model / "unet", {}}, {model / "vae", {}}, {model / "text_encoder", {}}};
  auto pipeline = Pipeline::load(parts);
  if (!pipeline) return fail(pipeline.error());
  WorldChoice choice{.split = world::Split::kValidation, .count = sampling.count, .task = *name};
  if (task->is_of_small_pictures) choice.degradations = {kReportedDegradation};
  TaskSamples samples;
  samples.task = *name;
  samples.guidance = task->is_of_small_pictures ? 1 : sampling.guidance;
  samples.image_guidance = task->guides_by_picture ? sampling.image_guidance : 1;
  const TwoScales scales{samples.guidance, samples.image_guidance};
  const auto& unet = pipeline->unet_config();
  const std::vector<std::int64_t> shape = {unet.out_channels, unet.sample_height,
                                           unet.sample_width};
  std::vector<at::Tensor> made;
  for (std::uint64_t begin = 0; begin < sampling.count; begin += kDrawnTogether) {
    auto items = task->items(choice, {begin, std::min(sampling.count, begin + kDrawnTogether)});
    const auto channels = task->channels(*encoders, items).to(at::kFloat);
    std::vector<std::uint64_t> images(items.prompts.size());
    std::iota(images.begin(), images.end(), begin);
    const auto text = encoders->states_of(items.prompts).to(at::kFloat);
    const auto empty = encoders->states_of({""}).to(at::kFloat).expand_as(text);
    const auto stepper = make_stepper(sampling.sampler);
    Trajectory start;
    start.x = stepper->init_sigma() * keyed_noise(0, images, kStartNoise, shape);
    auto drawn = pipeline->draw(
        *stepper, {start, branches_of(scales, text, empty, channels, task->guides_by_picture)});
    if (!drawn) return fail(drawn.error());
    made.push_back(std::move(*drawn));
    append(samples.items, std::move(items));
  }
  samples.made = at::cat(made);
  samples.given = given_of(samples.items);
  return samples;
}

}  // namespace isocost::diffusion
