// A reference unit: the rows of a data set under one extractor, and their statistics.
#include "worker/diffusion/metrics/reference.h"
#include "base/io/picture.h"
#include "base/io/picture_set.h"
#include "base/json_reader.h"
#include "experiments/world/scene_range.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/extractors/rows_maker.h"
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/failures.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kBatch = 64;

// Pictures one after another, with the text that belongs to each.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  [[nodiscard]] virtual std::uint64_t count() const = 0;
  [[nodiscard]] virtual Result<io::Picture> picture(std::uint64_t index) const = 0;
  [[nodiscard]] virtual std::string prompt(std::uint64_t index) const = 0;
  // Of every picture, where one is found that cannot be read.
  [[nodiscard]] virtual Failure all_faults(const Failure& first) const { return first; }
};

class WorldSource : public PictureSource {
 public:
  explicit WorldSource(const world::SceneRange& scenes) : scenes_(scenes) {}
  [[nodiscard]] std::uint64_t count() const override { return scenes_.count; }
  [[nodiscard]] Result<io::Picture> picture(std::uint64_t index) const override {
    io::Picture picture{world::kSide, world::kSide,
                        std::vector<std::uint8_t>(world::kPictureBytes)};
    world::render(world::scene(scenes_.split, index, scenes_.seed), picture.rgb.data());
    return picture;
  }
  [[nodiscard]] std::string prompt(std::uint64_t index) const override {
    return world::caption(world::scene(scenes_.split, index, scenes_.seed));
  }

 private:
  world::SceneRange scenes_;
};

class FolderSource : public PictureSource {
 public:
  explicit FolderSource(std::filesystem::path folder, std::vector<std::filesystem::path> files)
      : folder_(std::move(folder)), files_(std::move(files)) {}
  [[nodiscard]] std::uint64_t count() const override { return files_.size(); }
  [[nodiscard]] Result<io::Picture> picture(std::uint64_t index) const override {
    return io::read_picture(files_[index]);
  }
  [[nodiscard]] std::string prompt(std::uint64_t) const override { return {}; }
  [[nodiscard]] Failure all_faults(const Failure& first) const override {
    const auto all = io::read_picture_set(folder_, std::nullopt);
    return all ? first : all.error();
  }

 private:
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> files_;
};

Result<std::unique_ptr<PictureSource>> source_of(const ReferenceSpec& spec, ModelCache& cache) {
  if (spec.kind == "folder") {
    JsonReader reader(spec.options, "reference.options");
    const auto folder = cache.find(spec.input);
    if (!folder) return fail(folder.error());
    auto files = io::picture_files(folder->path);
    if (!files) return fail(files.error());
    const auto count = reader.get_or<std::uint64_t>("count", files->size());
    if (count != files->size())
      return fail(folder->path.string(), "there are " + std::to_string(files->size()) + " pictures",
                  std::to_string(count) + ", as many as when the grid was read");
    return std::make_unique<FolderSource>(folder->path, std::move(*files));
  }
  if (spec.kind != "world")
    return fail("reference.kind", "'" + spec.kind + "' is unknown", "world, folder or npz");
  const auto scenes = world::scene_range(spec.options, "reference.options");
  if (!scenes) return fail(scenes.error());
  if (scenes->count < 2)
    return fail("reference.options.count", std::to_string(scenes->count), "two pictures or more");
  return std::make_unique<WorldSource>(*scenes);
}

}  // namespace

// So that statistics of another network are told before anything is sampled. An extractor that does
// not take these pictures is told by the units that sample.
Result<void> EngineExecutor::check_columns(const ReferenceSpec& spec, std::int64_t columns) {
  const auto extractor = cache_.extractor(spec.extractor);
  if (!extractor) return fail(extractor.error());
  const at::Tensor grey = at::full({2, 3, world::kSide, world::kSide}, 128, at::kByte);
  const auto rows = (*extractor)->extract({.pictures = grey, .prompts = {"", ""}});
  if (!rows || rows->size(1) == columns) return {};
  return fail(spec.input, "the statistics have " + std::to_string(columns) + " features",
              std::to_string(rows->size(1)) + ", as many as the extractor gives");
}

tl::expected<UnitResult, UnitFailure> EngineExecutor::reference(const agent::LeasedUnit& leased,
                                                                agent::Progress& progress) {
  const auto unit = reference_unit_from_json(leased.body, leased.name);
  if (!unit) return bad_input(unit.error());
  const ReferenceSpec& spec = unit->reference;
  UnitResult result;
  const auto finish = [&](const Result<Reference>& reference) -> Outcome {
    if (!reference) return bad_input(reference.error());
    result.artifacts.push_back(keep(kReferenceArtifact, reference->bytes()));
    result.digest = result.artifacts.back().digest;
    result.values = {{"n", reference->statistics.n}, {"dimensions", reference->dimensions()}};
    return result;
  };
  if (spec.kind == "npz") {
    const auto file = cache_.find(spec.input);
    if (!file) return bad_input(file.error());
    auto statistics = Reference::read_npz(file->path);
    if (statistics) {
      if (const auto fits = check_columns(spec, statistics->dimensions()); !fits)
        return bad_input(fits.error());
    }
    return finish(statistics);
  }
  const auto source = source_of(spec, cache_);
  if (!source) return bad_input(source.error());
  const auto extractor = cache_.extractor(spec.extractor);
  if (!extractor) return bad_input(extractor.error());

  RowsMaker maker(**extractor, kBatch);
  for (std::uint64_t i = 0; i < (*source)->count(); ++i) {
    if (progress.is_cancelled) return cancelled();
    const auto picture = (*source)->picture(i);
    if (!picture) return bad_input((*source)->all_faults(picture.error()));
    const auto added = maker.add(
        {.pictures = picture_tensor(*picture).unsqueeze(0), .prompts = {(*source)->prompt(i)}});
    if (!added) return bad_input(added.error());
    progress.fraction = static_cast<double>(i + 1) / static_cast<double>((*source)->count());
  }
  const auto rows = maker.finish();
  if (!rows) return bad_input(rows.error());
  return finish(Reference::from_rows(*rows, rows->nbytes() <= kReferenceRowsBytesMax));
}

}  // namespace isocost::diffusion
