#include "experiments/grid/expand.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "experiments/grid/cell_samplers.h"
#include "experiments/grid/models.h"
#include "experiments/grid/parameters.h"
#include "experiments/grid/ready_task.h"
#include "experiments/grid/settings.h"
#include "experiments/grid/yaml.h"
#include "schema/metrics/extractor.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

// What is summed up once and used by many cells: a network at a size.
struct Price {
  double gflops_per_call = 0;
  double gflops_decode = 0;
};

// How many images are computed together where the grid does not say: 64 at 8x8 latents, 8 at 64x64,
// 2 at 128x128. So the activations of a group stay within a few gigabytes in float32, and progress
// and cancelling within seconds on a GPU. Part of the sample key: do not change.
int default_group_size(int latent_pixels) {
  constexpr int kGroupMax = 64;
  constexpr int kLatentPixels = 32'768;
  int size = kGroupMax;
  while (size > 1 && size * latent_pixels > kLatentPixels) size /= 2;
  return size;
}

// The kinds of its tasks, each once.
std::vector<std::string> kinds_of(const Grid& grid) {
  std::set<std::string> kinds;
  for (const Task& task : grid.tasks) kinds.insert(task.kind);
  return {kinds.begin(), kinds.end()};
}

class Expander {
 public:
  Expander(const Grid& grid, Catalog& catalog, std::vector<std::string>& notes)
      : grid_(with_models(grid, catalog, failure_)), catalog_(catalog), notes_(notes) {}

  Result<Submission> run() {
    submission_.name = grid_.name;
    submission_.grid = grid_.text;
    for (const Axis& axis : grid_.axes) submission_.axes.push_back(axis.name);
    check_zips();
    const bool are_axes_sound = failure_.is_empty();
    for (const Task& task : grid_.tasks)
      tasks_.push_back(ready_task(task, grid_.file, catalog_, submission_, failure_, notes_));
    if (are_axes_sound)
      add_cells();
    else
      look_up_models();
    if (failure_.is_empty()) check_effects();
    submission_.unit_images = unit_images();
    if (!failure_.is_empty()) return fail(in_reading_order(failure_, grid_.file));
    return std::move(submission_);
  }

 private:
  // A pattern may stand for another number of models than it was zipped with.
  void check_zips() {
    for (const auto& zip : grid_.zips) {
      std::optional<std::size_t> length;
      for (const Axis& axis : grid_.axes) {
        if (std::find(zip.begin(), zip.end(), axis.name) == zip.end()) continue;
        if (length && *length != axis.values.size()) {
          failure_.add(axis.where,
                       "the axis '" + axis.name + "' has " + std::to_string(axis.values.size()) +
                           " values once its patterns are resolved",
                       std::to_string(*length) + ", as many as the axes that it is zipped with");
        }
        length = axis.values.size();
      }
    }
  }

  void add_cells() {
    const auto found = points(grid_);
    if (!found) {
      failure_.add(found.error());
      return;
    }
    Failure unclear;
    labels_ = model_labels(model_values(grid_), unclear, grid_.axes_where);
    failure_.add(unclear);
    submission_.cells.reserve(found->size());
    for (std::size_t point = 0; point < found->size(); ++point) add_cell(*found, point);
  }

  // So that missing models are told beside what keeps the grid from being expanded.
  void look_up_models() {
    for (const Axis& axis : grid_.axes)
      if (sets_model(axis))
        for (const Placed& value : axis.values) (void)model_of(value);
  }

  const ModelEntry* model_of(const Placed& placed) {
    const auto known = models_.find(placed.value);
    if (known != models_.end()) return known->second ? &*known->second : nullptr;
    const ModelRef ref = model_ref(placed.value);
    auto entry = catalog_.model(ref.path, ref.variant, kinds_of(grid_), placed.where);
    if (!entry) {
      failure_.add(entry.error());
      models_.emplace(placed.value, std::nullopt);
      return nullptr;
    }
    submission_.input_names.insert(entry->names.begin(), entry->names.end());
    for (const std::string& note : entry->notes)
      notes_.push_back("the model " + ref.path + ": " + note);
    return &*models_.emplace(placed.value, std::move(*entry)).first->second;
  }

  void add_cell(const Points& found, std::size_t point) {
    CellRequest cell;
    const Settings settings = settings_at(grid_, found, point);
    label(cell, found, point);
    const ModelEntry* model = model_of(*settings.model);
    if (model == nullptr) return;
    const auto* kind = tasks::find_task(grid_.tasks[settings.task].kind);
    ISOCOST_CHECK(kind != nullptr, "a parsed task is of a kind of the table");
    const ReadySampler* sampler =
        samplers_.of(settings, *kind, *model, labels_.at(settings.model->value));
    if (sampler == nullptr) return;
    fill_sample(cell, settings, *model, *sampler);
    if (!fill_cost(cell, settings, *model, *sampler)) return;
    const ReadyTask& task = tasks_[settings.task];
    cell.images = {0, task.images};
    cell.scores = task.scores;
    cell.keep_pictures = std::min(grid_.keep_pictures, task.images);
    check_size(cell, settings, task);
    note_cut_prompts(cell, *model, task);
    submission_.cells.push_back(std::move(cell));
  }

  // By axis, and by the usual axes that an axis of the user's own sets.
  void label(CellRequest& cell, const Points& found, std::size_t point) const {
    for (std::size_t a = 0; a < grid_.axes.size(); ++a) {
      const Axis& axis = grid_.axes[a];
      const Placed& placed = found.at(point, a);
      cell.labels[axis.name] = placed.value;
      for (const std::string& path : axis.paths) {
        if (path != axis.name && usual_axes().contains(path)) cell.labels[path] = placed.value;
        if (path == "model") cell.labels[axis.name] = cell.labels[path] = labels_.at(placed.value);
      }
    }
  }

  // Of an extractor that takes pictures of one size alone; each told once a size.
  void check_size(const CellRequest& cell, const Settings& settings, const ReadyTask& task) {
    const int height = cell.sample.height, width = cell.sample.width;
    for (const SizeLimit& limit : task.limits) {
      if (height == limit.side && width == limit.side) continue;
      if (!told_sizes_.emplace(limit.where, limit.extractor, height, width).second) continue;
      const std::string side = std::to_string(limit.side);
      failure_.add(settings.size_where.empty() ? limit.where : settings.size_where,
                   "pictures of " + std::to_string(height) + " x " + std::to_string(width) +
                       " pixels do not fit the extractor " + limit.extractor,
                   side + " x " + side + ", or another extractor");
    }
  }

  // As the pipelines of diffusers do, a text encoder is fed the first tokens alone.
  void note_cut_prompts(const CellRequest& cell, const ModelEntry& model, const ReadyTask& task) {
    const auto tokenizer = cell.sample.inputs.find("tokenizer");
    if (!model.prompt_tokens || tokenizer == cell.sample.inputs.end()) return;
    const auto count_cut = [&](const std::string& key, const std::vector<std::string>& texts,
                               const std::string& what) {
      if (!told_cuts_.emplace(tokenizer->second, key).second) return;
      const auto cut = std::count_if(texts.begin(), texts.end(), [&](const std::string& text) {
        return model.prompt_tokens(text) > model.prompt_tokens_max;
      });
      if (cut > 0)
        notes_.push_back(std::to_string(cut) + " of " + std::to_string(texts.size()) + " " + what +
                         " are longer than the " + std::to_string(model.prompt_tokens_max) +
                         " tokens that the text encoder of " +
                         cell.labels["model"].get<std::string>() + " reads: the rest is cut");
    };
    count_cut(task.prompts, task.texts, submission_.input_names[task.prompts]);
    if (cell.sample.guidance > 1)
      count_cut("-" + cell.sample.negative_prompt, {cell.sample.negative_prompt},
                "negative prompts");
  }

  void fill_sample(CellRequest& cell, const Settings& settings, const ModelEntry& model,
                   const ReadySampler& sampler) {
    SampleSpec& sample = cell.sample;
    sample.task = grid_.tasks[settings.task].kind;
    sample.inputs = model.inputs;
    sample.sampler = sampler.json;
    sample.guidance = std::max(1.0, settings.guidance);
    if (sample.guidance > 1) {
      sample.negative_prompt = settings.negative_prompt;
      has_guidance_ = true;
    }
    sample.prompts = tasks_[settings.task].prompts;
    sample.seed = settings.seed;
    sample.height = settings.height.value_or(model.default_height);
    sample.width = settings.width.value_or(model.default_width);
    sample.dtype = settings.dtype;
    const auto factor = model.vae_factor;
    sample.group_size = settings.group_size.value_or(
        default_group_size(sample.height / factor * (sample.width / factor)));
    group_sizes_.insert(static_cast<std::uint64_t>(sample.group_size));
  }

  // False when the picture does not fit the model.
  bool fill_cost(CellRequest& cell, const Settings& settings, const ModelEntry& model,
                 const ReadySampler& sampler) {
    const int height = cell.sample.height, width = cell.sample.width;
    auto known = prices_.find({&model, height, width});
    if (known == prices_.end()) {
      std::optional<Price> price;
      if (height % model.vae_factor == 0 && width % model.vae_factor == 0)
        price = {model.gflops_per_call(height, width), model.gflops_decode(height, width)};
      else
        failure_.add(settings.size_where.empty() ? grid_.file : settings.size_where,
                     std::to_string(height) + " x " + std::to_string(width) +
                         " pixels do not fit the model " + cell.labels["model"].get<std::string>(),
                     "multiples of " + std::to_string(model.vae_factor));
      known = prices_.emplace(std::tuple(&model, height, width), price).first;
    }
    if (!known->second) return false;
    CellCost& cost = cell.cost;
    cost.steps_calls = sampler.calls;
    cost.calls_per_image = cost.steps_calls * (cell.sample.guidance > 1 ? 2 : 1);
    cost.gflops_per_call = known->second->gflops_per_call;
    cost.gflops_decode = known->second->gflops_decode;
    cost.gflops_text = model.gflops_text;
    cost.parameters = model.parameters;
    cost.weight_bytes = model.weight_bytes;
    return true;
  }

  // What is written and changes no cell is a mistake: an option that its samplers or its other
  // options switch off, a negative prompt without guidance.
  void check_effects() {
    for (const Default& one : grid_.defaults) check_effect(one.path, one.value.where);
    for (const Axis& axis : grid_.axes)
      for (const std::string& path : axis.paths) check_effect(path, axis.where);
  }

  void check_effect(const std::string& path, const std::string& where) {
    if (path == "negative_prompt" && !has_guidance_)
      failure_.add(where, "'negative_prompt' has no effect in any cell",
                   "a guidance above 1 beside it");
    if (path.starts_with("sampler.") && !samplers_.has_effect(path))
      failure_.add(where, "'" + path + "' has no effect in any cell",
                   "a sampler that has it, with the options that it needs");
  }

  // Units hold whole groups of every size that the cells have.
  std::uint64_t unit_images() {
    constexpr std::uint64_t kUnitImagesMax = 65'536;
    std::uint64_t group = 1;
    for (const std::uint64_t size : group_sizes_) {
      group = std::lcm(group, size);
      if (group <= kUnitImagesMax) continue;
      failure_.add(grid_.axes_where, "no unit of work holds whole groups of all these group sizes",
                   "sizes with a common multiple of at most " + std::to_string(kUnitImagesMax));
      return group;
    }
    return std::max(group, grid_.unit_images / group * group);
  }

  Failure failure_;  // before grid_, whose making may fail
  const Grid grid_;
  Catalog& catalog_;
  std::vector<std::string>& notes_;
  Submission submission_;
  std::vector<ReadyTask> tasks_;
  std::map<Json, std::string> labels_;  // of models
  std::map<Json, std::optional<ModelEntry>> models_;
  CellSamplers samplers_{failure_};
  std::map<std::tuple<const ModelEntry*, int, int>, std::optional<Price>> prices_;
  std::set<std::tuple<std::string, std::string, int, int>> told_sizes_;
  std::set<std::pair<std::string, std::string>> told_cuts_;
  std::set<std::uint64_t> group_sizes_;
  bool has_guidance_ = false;
};

template <class T>
void note(const Result<T>& found, Failure& failure) {
  if (!found) failure.add(found.error());
}

void look_up(const Metric& metric, Catalog& catalog, Failure& failure) {
  const auto& extractor = metric.extractor;
  const auto* kind = metrics::find_extractor(extractor.kind);
  if (kind != nullptr && kind->has_input() && !extractor.is_mini())
    note(catalog.extractor(extractor.kind, extractor.name, metric.where), failure);
  if (!metric.reference || metric.reference->path.empty()) return;
  if (metric.reference->kind == "folder")
    note(catalog.pictures(metric.reference->path, metric.reference->where), failure);
  if (metric.reference->kind == "npz")
    note(catalog.statistics(metric.reference->path, metric.reference->where), failure);
}

// What a grid with faults names and nobody has is told beside them.
void look_up(const Grid& grid, Catalog& catalog, Failure& failure) {
  Grid models;  // what is no name was told already
  for (Axis axis : grid.axes) {
    std::erase_if(axis.values,
                  [](const Placed& value) { return model_ref(value.value).path.empty(); });
    if (sets_model(axis)) models.axes.push_back(std::move(axis));
  }
  for (const Axis& axis : with_models(models, catalog, failure).axes)
    for (const Placed& value : axis.values) {
      const ModelRef ref = model_ref(value.value);
      note(catalog.model(ref.path, ref.variant, kinds_of(grid), value.where), failure);
    }
  for (const Task& task : grid.tasks) {
    if (!task.prompts.file.empty())
      note(catalog.text_file(task.prompts.file, task.prompts.where), failure);
    for (const Metric& metric : task.metrics) look_up(metric, catalog, failure);
  }
}

}  // namespace

Result<Submission> expand(const Grid& grid, Catalog& catalog, std::vector<std::string>& notes) {
  return Expander(grid, catalog, notes).run();
}

Result<LoadedGrid> load_grid(const std::filesystem::path& grid_file) {
  const auto text = io::read_file(grid_file, kGridBytesMax + 1);
  if (!text) return fail(text.error());
  GridDraft draft = draft_grid(*text, grid_file.string());
  const auto catalog = disk_catalog(grid_file.parent_path());
  if (!draft.failure.is_empty()) {
    look_up(draft.grid, *catalog, draft.failure);
    return fail(in_reading_order(draft.failure, grid_file.string()));
  }
  std::vector<std::string> notes;
  auto submission = expand(draft.grid, *catalog, notes);
  if (!submission) return fail(std::move(submission.error()));
  return LoadedGrid{std::move(*submission), catalog->places(), std::move(notes)};
}

}  // namespace isocost::experiments
