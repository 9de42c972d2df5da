// A generate unit: images of a cell, group by group, and the rows that its extractors make of them.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "base/io/picture.h"
#include "model_folder/check_runs.h"
#include "schema/metrics/extractor.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "schema/units/item_pictures.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/rows_file.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tasks/baselines.h"
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/failures.h"
#include "worker/diffusion/tasks/group_items.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

// What a coordinator's plan has looked at already, and others may not have.
Failure check_sample(const SampleSpec& spec) {
  Failure failure;
  if (spec.noise != kNoiseScheme)
    failure.add("sample.noise", "'" + spec.noise + "' is unknown", kNoiseScheme);
  if (spec.numerics != kNumericsRevision) {
    failure.add(
        "sample.numerics",
        "the cell wants revision " + std::to_string(spec.numerics) + " of the engine's arithmetic",
        std::to_string(kNumericsRevision) + ", which this worker computes");
  }
  return failure;
}

// The same of what a network draws.
Failure check_drawn(const SampleSpec& spec, const WarmModel& model) {
  const Pipeline& pipeline = model.pipeline;
  Failure failure = check_sample(spec);
  const auto* kind = tasks::find_task(spec.task);
  if (kind == nullptr || find_engine_task(spec.task) == nullptr) {
    failure.add("sample.task", "'" + spec.task + "' is not built", joined(engine_tasks()));
  } else {
    const auto runs = arch::check_networks(
        {pipeline.unet_config(), pipeline.vae_config(), pipeline.text_config(), model.folder},
        *kind);
    if (!runs) failure.add(runs.error());
    const auto fits =
        tasks::check_parameters(*kind, spec.parameters, spec.guidance, "sample.parameters");
    if (!fits) failure.add(fits.error());
    if (spec.items.is_empty() != tasks::is_of_prompts(*kind))
      failure.add("sample.items", spec.items.is_empty() ? "there are none" : "there are some",
                  (spec.items.is_empty() ? "those that " : "none, for ") + spec.task +
                      (spec.items.is_empty() ? " begins with" : " begins with prompts"));
  }
  const auto factor = pipeline.vae_config().factor();
  if (spec.height % factor != 0 || spec.width % factor != 0) {
    failure.add("sample.height",
                std::to_string(spec.height) + " x " + std::to_string(spec.width) + " pixels",
                "multiples of " + std::to_string(factor));
  }
  return failure;
}

Group group_at(std::uint64_t first, const SampleSpec& spec,
               const std::vector<std::string>& prompts) {
  Group group;
  for (std::uint64_t i = first; i < first + static_cast<std::uint64_t>(spec.group_size); ++i) {
    group.images.push_back(i);
    group.prompts.push_back(prompts[i % prompts.size()]);
  }
  return group;
}

// Fails with: items that do not fit the model, latents or pictures that are not finite.
tl::expected<RowInput, UnitFailure> draw_group(WarmModel& model, const SampleSpec& spec,
                                               const sampling::SamplerConfig& sampler,
                                               const Group& group) {
  const Task* task = find_engine_task(spec.task);
  const auto* kind = tasks::find_task(spec.task);
  ISOCOST_CHECK(task != nullptr && kind != nullptr, "check_sample has seen the task");
  if (const auto items = check_group(*kind, group); !items) return bad_input(items.error());
  const auto stepper = make_stepper(sampler);
  const auto begun = task->begin(model, spec, group, *stepper);
  if (!begun) return bad_input(begun.error());
  auto drawn = task->end(model, spec, group, model.pipeline.denoise(*stepper, *begun));
  if (drawn) return std::move(*drawn);
  return unit_failure(FailureClass::kNotFinite, "images " + std::to_string(group.images.front()) +
                                                    " to " + std::to_string(group.images.back()) +
                                                    ", " + drawn.error().message());
}

io::PngTexts picture_texts(const SampleSpec& spec, const Group& group, std::size_t row) {
  return {{"prompt", group.prompts[row]},
          {"seed", std::to_string(spec.seed)},
          {"image", std::to_string(group.images[row])},
          {"sample_key", sample_key(spec).hex()}};
}

// What an item has in a slot, as people look at it; nothing where it has none.
std::optional<io::Picture> item_picture(const Items& items, tasks::Slot slot, std::int64_t row) {
  const at::Tensor& pictures = slot == tasks::Slot::kSource ? items.sources
                               : slot == tasks::Slot::kMask ? items.masks
                                                            : items.targets;
  if (!pictures.defined()) return std::nullopt;
  if (slot != tasks::Slot::kMask) return picture_of(pictures[row]);
  const at::Tensor mask = pictures[row];  // bool [1, h, w]
  return picture_of((mask.to(at::kByte) * 255).expand({3, mask.size(1), mask.size(2)}));
}

// Pictures as the unit's will be, of noise.
at::Tensor drawn_pictures(std::int64_t count, const SampleSpec& spec) {
  std::vector<std::uint64_t> images;
  images.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) images.push_back(static_cast<std::uint64_t>(i));
  const at::Tensor noise = keyed_noise(0, images, 0, {3, spec.height, spec.width});
  return (noise * 64 + 128).clamp(0, 255).to(at::kByte);
}

// The same with all that items may have.
RowInput drawn_input(std::int64_t count, const SampleSpec& spec,
                     const std::vector<std::string>& texts) {
  RowInput input{.pictures = drawn_pictures(count, spec), .prompts = texts};
  input.items.sources = input.items.targets = input.pictures.flip({3});
  input.items.masks = at::zeros({count, 1, spec.height, spec.width}, at::kBool);
  input.items.target_texts = texts;
  for (const std::string& text : texts) input.items.source_texts.push_back("not " + text);
  return input;
}

}  // namespace

// An extractor that does not fit is told before a picture is sampled for it, and not afterwards.
Result<void> EngineExecutor::try_out(const ExtractorSpec& spec, Extractor& extractor,
                                     const SampleSpec& sample,
                                     const std::vector<std::string>& prompts) {
  constexpr std::int64_t kTried = 2;
  const std::string key =
      network_id(spec) + " " + std::to_string(sample.height) + " " + std::to_string(sample.width);
  if (tried_.contains(key)) return {};
  std::vector<std::string> texts;
  texts.reserve(kTried);
  for (std::size_t i = 0; i < kTried; ++i) texts.push_back(prompts[i % prompts.size()]);
  const auto rows = extractor.extract(drawn_input(kTried, sample, texts));
  if (!rows) return fail(rows.error());
  tried_.insert(key);
  return {};
}

// What a generate unit gathers, group by group.
struct EngineExecutor::Gathered {
  // The unit's, held: the cache lets go of some where there are many.
  std::vector<std::shared_ptr<Extractor>> extractors;
  std::vector<std::vector<at::Tensor>> rows;  // of each extractor
  Sha256 pixels;
  UnitResult result;
};

tl::expected<void, UnitFailure> EngineExecutor::gather_group(const GenerateUnit& unit,
                                                             const Group& group,
                                                             const RowInput& drawn,
                                                             Gathered& gathered) {
  const std::uint64_t first = group.images.front(), last = group.images.back() + 1;
  const auto begin = static_cast<std::int64_t>(std::max(unit.range.begin, first) - first);
  const auto end = static_cast<std::int64_t>(std::min(unit.range.end, last) - first);
  for (std::size_t e = 0; e < unit.extractors.size(); ++e) {
    const auto extracted = gathered.extractors[e]->extract(drawn);
    if (!extracted) return bad_input(extracted.error());
    const bool may_be_nan = metrics::find_extractor(unit.extractors[e].kind)->may_hold_nan();
    const at::Tensor is_bad =
        may_be_nan ? at::isinf(*extracted) : at::isfinite(*extracted).logical_not();
    if (is_bad.any().item<bool>())
      return unit_failure(FailureClass::kNotFinite, "the extractor " + unit.extractors[e].kind +
                                                        " gave values that are not finite");
    gathered.rows[e].push_back(extracted->slice(0, begin, end));
  }
  const at::Tensor wanted = drawn.pictures.slice(0, begin, end);
  gathered.pixels.update(
      std::span(static_cast<const std::byte*>(wanted.const_data_ptr()), wanted.nbytes()));
  for (std::int64_t row = begin; row < end; ++row) {
    const auto r = static_cast<std::size_t>(row);
    if (group.images[r] >= unit.keep_pictures) break;
    const std::string png =
        io::png_bytes(picture_of(drawn.pictures[row]), picture_texts(unit.sample, group, r));
    gathered.result.artifacts.push_back(keep(picture_artifact(group.images[r]), png));
    // Without the cell's texts: whatever draws an item, its pictures are the same files.
    for (const tasks::Slot slot : kPictureSlots)
      if (const auto picture = item_picture(group.items, slot, row))
        gathered.result.artifacts.push_back(
            keep(item_artifact(slot, group.images[r]), io::png_bytes(*picture)));
  }
  return {};
}

Result<EngineExecutor::Maker> EngineExecutor::maker_of(
    const SampleSpec& spec, const std::shared_ptr<const ItemSet>& items) {
  const auto* baseline = tasks::find_baseline(spec.task);
  if (baseline != nullptr) return baseline_maker(*baseline, spec, items);
  const auto sampler = sampling::sampler_config_from_json(spec.sampler, "sample.sampler");
  if (!sampler) return fail(sampler.error());
  const auto model = cache_.model(spec);
  if (!model) return fail(model.error());
  Failure failure = check_drawn(spec, **model);
  if (!failure.is_empty()) return fail(std::move(failure));
  return Maker{tasks::find_task(spec.task),
               [model = *model, &spec, sampler = *sampler](const Group& group) {
                 return draw_group(*model, spec, sampler, group);
               }};
}

Result<EngineExecutor::Maker> EngineExecutor::baseline_maker(
    const tasks::Baseline& row, const SampleSpec& spec,
    const std::shared_ptr<const ItemSet>& items) {
  Failure failure = check_sample(spec);
  const auto* task = tasks::task_beside(spec.parameters);
  if (task == nullptr)
    failure.add("sample.parameters", canonical(spec.parameters) + " name no task",
                "{\"task\": NAME}, of the task that the baseline stands beside");
  if (!items)
    failure.add("sample.items", "there are none", "those that " + row.name + " is made of");
  BaselineParts parts{.autoencoder = nullptr, .items = items};
  if (row.has_autoencoder) {
    auto autoencoder = cache_.autoencoder(spec);
    if (!autoencoder)
      failure.add(autoencoder.error());
    else
      parts.autoencoder = std::move(*autoencoder);
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  auto maker = std::make_shared<BaselineMaker>(row, spec, std::move(parts));
  return Maker{task, [maker](const Group& group) -> tl::expected<RowInput, UnitFailure> {
                 auto made = maker->make(group);
                 if (!made) return bad_input(made.error());
                 return std::move(*made);
               }};
}

tl::expected<UnitResult, UnitFailure> EngineExecutor::generate(const agent::LeasedUnit& leased,
                                                               agent::Progress& progress) {
  const auto unit = generate_unit_from_json(leased.body, leased.name);
  if (!unit) return bad_input(unit.error());
  const SampleSpec& spec = unit->sample;
  const auto texts = prompts(spec.prompts);
  if (!texts) return unit_failure(FailureClass::kInputOutput, texts.error().message());
  const auto pictures = items(*unit, texts->size());
  if (!pictures) return bad_input(pictures.error());
  const auto maker = maker_of(spec, *pictures);
  if (!maker) return bad_input(maker.error());
  Gathered gathered;
  gathered.rows.resize(unit->extractors.size());
  for (const ExtractorSpec& extractor : unit->extractors) {
    auto loaded = cache_.extractor(extractor);
    if (!loaded) return bad_input(loaded.error());
    if (const auto tried = try_out(extractor, **loaded, spec, *texts); !tried)
      return bad_input(tried.error());
    gathered.extractors.push_back(std::move(*loaded));
  }
  const auto group_size = static_cast<std::uint64_t>(spec.group_size);
  for (std::uint64_t first = unit->range.begin / group_size * group_size; first < unit->range.end;
       first += group_size) {
    if (progress.is_cancelled) return cancelled();
    Group group = group_at(first, spec, *texts);
    if (*pictures) {
      const auto filled = fill_items(**pictures, {spec.height, spec.width}, group);
      if (!filled) return bad_input(filled.error());
    }
    say_what_is_wanted(*maker->task, group);
    const auto drawn = maker->make(group);
    if (!drawn) return tl::unexpected(drawn.error());
    if (const auto done = gather_group(*unit, group, *drawn, gathered); !done)
      return tl::unexpected(done.error());
    progress.fraction =
        static_cast<double>(std::min(unit->range.end, first + group_size) - unit->range.begin) /
        static_cast<double>(unit->range.size());
  }
  return finished(*unit, std::move(gathered));
}

tl::expected<UnitResult, UnitFailure> EngineExecutor::finished(const GenerateUnit& unit,
                                                               Gathered gathered) {
  UnitResult result = std::move(gathered.result);
  Json digested = {{"pixels", gathered.pixels.finish().hex()}, {"rows", Json::object()}};
  for (std::size_t e = 0; e < unit.extractors.size(); ++e) {
    const std::string id = extractor_id(unit.extractors[e]);
    result.artifacts.push_back(keep(rows_artifact(id), rows_bytes(at::cat(gathered.rows[e]))));
    digested["rows"][id] = result.artifacts.back().digest.hex();
  }
  result.digest = canonical_digest(digested);
  return result;
}

}  // namespace isocost::diffusion
