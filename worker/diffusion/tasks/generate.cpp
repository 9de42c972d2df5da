// A generate unit: images of a cell, group by group, and the rows that its extractors make of them.
#include <algorithm>
#include <cmath>

#include "schema/io/picture.h"
#include "schema/samplers/resolve.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/failures.h"
#include "worker/diffusion/tasks/rows.h"

namespace isocost::diffusion {
namespace {

Failure check_sample(const SampleSpec& spec, const Pipeline& pipeline) {
  Failure failure;
  if (spec.task != "text-to-image")
    failure.add("sample.task", "'" + spec.task + "' is not built", "text-to-image");
  if (spec.noise != kNoiseScheme)
    failure.add("sample.noise", "'" + spec.noise + "' is unknown", kNoiseScheme);
  if (spec.numerics != kNumericsRevision) {
    failure.add(
        "sample.numerics",
        "the cell wants revision " + std::to_string(spec.numerics) + " of the engine's arithmetic",
        std::to_string(kNumericsRevision) + ", which this worker computes");
  }
  const std::int64_t factor = std::int64_t{1}
                              << (pipeline.vae_config().block_out_channels.size() - 1);
  if (spec.height % factor != 0 || spec.width % factor != 0) {
    failure.add("sample.height",
                std::to_string(spec.height) + " x " + std::to_string(spec.width) + " pixels",
                "multiples of " + std::to_string(factor));
  }
  return failure;
}

// The images of one group: all of them, also those beyond the range that is asked for.
struct Group {
  std::vector<std::uint64_t> images;
  std::vector<std::string> prompts;
};

Group group_at(std::uint64_t first, const SampleSpec& spec,
               const std::vector<std::string>& prompts) {
  Group group;
  for (std::uint64_t i = first; i < first + static_cast<std::uint64_t>(spec.group_size); ++i) {
    group.images.push_back(i);
    group.prompts.push_back(prompts[i % prompts.size()]);
  }
  return group;
}

io::Picture to_picture(const at::Tensor& bytes) {  // uint8 [3, H, W]
  const at::Tensor rows = bytes.permute({1, 2, 0}).contiguous();
  io::Picture picture;
  picture.height = static_cast<int>(rows.size(0));
  picture.width = static_cast<int>(rows.size(1));
  const auto* begin = rows.const_data_ptr<std::uint8_t>();
  picture.rgb.assign(begin, begin + rows.numel());
  return picture;
}

// uint8 [G, 3, H, W]. Fails with: latents or pictures are not finite.
Result<at::Tensor> draw_group(WarmModel& model, const SampleSpec& spec,
                              const sampling::SamplerConfig& sampler, const Group& group) {
  const std::int64_t factor = std::int64_t{1}
                              << (model.pipeline.vae_config().block_out_channels.size() - 1);
  const std::vector<std::int64_t> shape = {model.pipeline.vae_config().latent_channels,
                                           spec.height / factor, spec.width / factor};
  const at::Tensor text = model.encode(group.prompts);
  at::Tensor negative;
  if (spec.guidance > 1) negative = model.encode({spec.negative_prompt}).expand_as(text);
  const auto stepper = make_stepper(sampler);
  const Trajectory start = {
      .x = stepper->init_sigma() * keyed_noise(spec.seed, group.images, 0, shape),
      .draw =
          [&](int k) {
            return keyed_noise(spec.seed, group.images, static_cast<std::uint32_t>(k) + 1, shape);
          },
      .after_step = {}};
  return model.pipeline.draw(*stepper, {start, guided(negative, text, spec.guidance)});
}

io::PngTexts picture_texts(const SampleSpec& spec, const Group& group, std::size_t row) {
  return {{"prompt", group.prompts[row]},
          {"seed", std::to_string(spec.seed)},
          {"image", std::to_string(group.images[row])},
          {"sample_key", sample_key(spec).hex()}};
}

// Pictures as the unit's will be, of noise.
at::Tensor drawn_pictures(std::int64_t count, const SampleSpec& spec) {
  std::vector<std::uint64_t> images;
  for (std::int64_t i = 0; i < count; ++i) images.push_back(static_cast<std::uint64_t>(i));
  const at::Tensor noise = keyed_noise(0, images, 0, {3, spec.height, spec.width});
  return (noise * 64 + 128).clamp(0, 255).to(at::kByte);
}

}  // namespace

// An extractor that does not fit is told before a picture is sampled for it, and not afterwards.
Result<void> EngineExecutor::try_out(const ExtractorSpec& spec, Extractor& extractor,
                                     const SampleSpec& sample,
                                     const std::vector<std::string>& prompts) {
  constexpr std::int64_t kTried = 2;
  const std::string key =
      extractor_id(spec) + " " + std::to_string(sample.height) + " " + std::to_string(sample.width);
  if (tried_.contains(key)) return {};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kTried; ++i) texts.push_back(prompts[i % prompts.size()]);
  const auto rows = extractor.extract(drawn_pictures(kTried, sample), texts);
  if (!rows) return fail(rows.error());
  tried_.insert(key);
  return {};
}

tl::expected<UnitResult, UnitFailure> EngineExecutor::generate(const agent::LeasedUnit& leased,
                                                               agent::Progress& progress) {
  const auto unit = generate_unit_from_json(leased.body, leased.name);
  if (!unit) return bad_input(unit.error());
  const SampleSpec& spec = unit->sample;
  const auto sampler = sampling::sampler_config_from_json(spec.sampler, "sample.sampler");
  if (!sampler) return bad_input(sampler.error());
  const auto texts = prompts(spec.prompts);
  if (!texts) return unit_failure(FailureClass::kInputOutput, texts.error().message());
  const auto model = cache_.model(spec);
  if (!model) return bad_input(model.error());
  if (const Failure failure = check_sample(spec, (*model)->pipeline); !failure.is_empty())
    return bad_input(failure);
  std::vector<std::shared_ptr<Extractor>> extractors;
  for (const ExtractorSpec& extractor : unit->extractors) {
    const auto loaded = cache_.extractor(extractor);
    if (!loaded) return bad_input(loaded.error());
    if (const auto tried = try_out(extractor, **loaded, spec, *texts); !tried)
      return bad_input(tried.error());
    extractors.push_back(*loaded);
  }

  UnitResult result;
  std::vector<std::vector<at::Tensor>> rows(extractors.size());
  Sha256 pixels;
  const auto group_size = static_cast<std::uint64_t>(spec.group_size);
  for (std::uint64_t first = unit->range.begin / group_size * group_size; first < unit->range.end;
       first += group_size) {
    if (progress.is_cancelled) return cancelled();
    const Group group = group_at(first, spec, *texts);
    const auto drawn = draw_group(**model, spec, *sampler, group);
    if (!drawn) {
      return unit_failure(FailureClass::kNotFinite, "images " + std::to_string(first) + " to " +
                                                        std::to_string(first + group_size - 1) +
                                                        ", " + drawn.error().message());
    }
    const at::Tensor& pictures = *drawn;
    const auto begin = static_cast<std::int64_t>(std::max(unit->range.begin, first) - first);
    const auto end =
        static_cast<std::int64_t>(std::min(unit->range.end, first + group_size) - first);
    for (std::size_t e = 0; e < extractors.size(); ++e) {
      const auto extracted = extractors[e]->extract(pictures, group.prompts);
      if (!extracted) return bad_input(extracted.error());
      if (!at::isfinite(*extracted).all().item<bool>()) {
        return unit_failure(FailureClass::kNotFinite, "the extractor " + unit->extractors[e].kind +
                                                          " gave values that are not finite");
      }
      rows[e].push_back(extracted->slice(0, begin, end));
    }
    const at::Tensor wanted = pictures.slice(0, begin, end);
    pixels.update(
        std::span(static_cast<const std::byte*>(wanted.const_data_ptr()), wanted.nbytes()));
    for (std::int64_t row = begin; row < end; ++row) {
      const auto r = static_cast<std::size_t>(row);
      if (group.images[r] >= unit->keep_pictures) break;
      const std::string png =
          io::png_bytes(to_picture(pictures[row]), picture_texts(spec, group, r));
      result.artifacts.push_back(keep("picture/" + std::to_string(group.images[r]), png));
    }
    progress.fraction =
        static_cast<double>(std::min(unit->range.end, first + group_size) - unit->range.begin) /
        static_cast<double>(unit->range.size());
  }
  Json digested = {{"pixels", pixels.finish().hex()}, {"rows", Json::object()}};
  for (std::size_t e = 0; e < extractors.size(); ++e) {
    const std::string id = extractor_id(unit->extractors[e]);
    result.artifacts.push_back(keep("rows/" + id, rows_bytes(at::cat(rows[e]))));
    digested["rows"][id] = result.artifacts.back().digest.hex();
  }
  result.digest = canonical_digest(digested);
  return result;
}

}  // namespace isocost::diffusion
