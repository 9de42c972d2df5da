#include "experiments/grid/expand.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"
#include "base/io/atomic_file.h"
#include "experiments/grid/cell_baselines.h"
#include "experiments/grid/cell_costs.h"
#include "experiments/grid/cell_items.h"
#include "experiments/grid/cell_models.h"
#include "experiments/grid/cell_parameters.h"
#include "experiments/grid/cell_samplers.h"
#include "experiments/grid/models.h"
#include "experiments/grid/notes.h"
#include "experiments/grid/parameters.h"
#include "experiments/grid/ready_task.h"
#include "experiments/grid/settings.h"
#include "experiments/grid/yaml.h"
#include "schema/metrics/extractor.h"
#include "schema/tasks/baseline.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

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

// Whether each axis sets nothing but parameters that a task does not have: its cells stand once.
std::vector<bool> idle_axes(const Grid& grid, const tasks::TaskKind& kind) {
  std::vector<bool> are_idle;
  are_idle.reserve(grid.axes.size());
  for (const Axis& axis : grid.axes)
    are_idle.push_back(
        std::all_of(axis.paths.begin(), axis.paths.end(), [&](const std::string& path) {
          return is_of_tasks(path) && find_option(kind.parameters, path) == nullptr;
        }));
  return are_idle;
}

// What was seen of the cells that a grid has.
struct Effects {
  const CellSamplers& samplers;
  const CellParameters& parameters;
  bool has_guidance = false;  // any cell
};

void check_effect(const std::string& path, const std::string& where, const Effects& effects,
                  Failure& failure) {
  if (path == "negative_prompt" && !effects.has_guidance)
    failure.add(where, "'negative_prompt' has no effect in any cell",
                "a guidance above 1 beside it");
  if (path.starts_with("sampler.") && !effects.samplers.has_effect(path))
    failure.add(where, "'" + path + "' has no effect in any cell",
                "a sampler that has it, with the options that it needs");
  if (is_of_tasks(path) && !effects.parameters.has_effect(path))
    failure.add(where, "'" + path + "' has no effect in any cell",
                "a task that has it: one of " + joined(tasks_with(path)));
}

// What is written and changes no cell is a mistake: an option that its samplers or its other
// options switch off, a negative prompt without guidance, a parameter of a task.
void check_effects(const Grid& grid, const Effects& effects, Failure& failure) {
  for (const Default& one : grid.defaults)
    check_effect(one.path, one.value.where, effects, failure);
  for (const Axis& axis : grid.axes)
    for (const std::string& path : axis.paths) check_effect(path, axis.where, effects, failure);
  for (const Task& task : grid.tasks)
    for (const auto& [name, placed] : task.parameters) {
      if (!effects.parameters.is_idle(task, name)) continue;
      const auto* option = find_option(tasks::find_task(task.kind)->parameters, name);
      ISOCOST_CHECK(option != nullptr, "a task's parameters are those of its method");
      failure.add(placed.where,
                  "'" + name + "' has no effect in any cell of the task '" + task.name + "'",
                  "cells that it changes: it is " + option->meaning);
    }
}

// Whether a task with a network for each model of the axis may have no cell for some of them: which
// these are is not known before the grid is expanded.
bool may_leave_out_networks(const Grid& grid, const Task& task) {
  if (task.model.empty()) return false;
  const auto is_of_a_model = [&](const Condition& condition) {
    const auto axis = std::find_if(grid.axes.begin(), grid.axes.end(),
                                   [&](const Axis& one) { return one.name == condition.axis; });
    return axis != grid.axes.end() && sets_model(*axis);
  };
  return std::any_of(grid.exclude.begin(), grid.exclude.end(), [&](const Rule& rule) {
    return std::any_of(rule.begin(), rule.end(), is_of_a_model);
  });
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
    add_baselines();
    if (failure_.is_empty())
      check_effects(grid_, {samplers_, parameters_, has_guidance_}, failure_);
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
    for (const Task& task : grid_.tasks)
      idle_axes_.push_back(idle_axes(grid_, *tasks::find_task(task.kind)));
    submission_.cells.reserve(found->size());
    for (std::size_t point = 0; point < found->size(); ++point) add_cell(*found, point);
  }

  // So that missing models are told beside what keeps the grid from being expanded.
  void look_up_models() {
    for (const Axis& axis : grid_.axes)
      if (sets_model(axis))
        for (const Placed& value : axis.values)
          for (const Task& task : grid_.tasks)
            if (!may_leave_out_networks(grid_, task)) (void)models_.of(value, task);
  }

  void add_cell(const Points& found, std::size_t point) {
    CellRequest cell;
    const Settings settings = settings_at(grid_, found, point);
    const Task& asked = grid_.tasks[settings.task];
    const auto* kind = tasks::find_task(asked.kind);
    ISOCOST_CHECK(kind != nullptr, "a parsed task is of a kind of the table");
    const std::vector<bool>& are_idle = idle_axes_.at(settings.task);
    if (is_repeated(are_idle, settings, found, point)) return;
    label(cell, are_idle, found, point);
    const ModelEntry* model = models_.of(*settings.model, asked);
    if (model == nullptr) return;
    const std::string& called = labels_.at(settings.model->value);
    const ReadySampler* sampler = samplers_.of(settings, *kind, *model, called);
    if (sampler == nullptr) return;
    fill_sample(cell, settings, *model, *sampler);
    const auto calls = parameters_.fill(cell.sample, asked, settings, *model, *sampler);
    if (!calls) return;
    const std::string& size_where = settings.size_where.empty() ? grid_.file : settings.size_where;
    const auto cost = costs_.of(cell.sample, *kind, *model, *calls, {called, size_where});
    if (!cost || !fill_items(cell.sample, *kind, settings, *model)) return;
    cell.cost = *cost;
    const ReadyTask& task = tasks_[settings.task];
    cell.images = {0, task.images};
    cell.scores = task.scores;
    cell.keep_pictures = std::min(grid_.keep_pictures, task.images);
    check_size(cell, settings, task);
    note_cut_prompts(cell, *model, task);
    baselines_.beside(cell, asked, task, *model, size_where);
    submission_.cells.push_back(std::move(cell));
  }

  // Where an axis is idle, the first point stands for all.
  bool is_repeated(const std::vector<bool>& are_idle, const Settings& settings, const Points& found,
                   std::size_t point) {
    if (std::find(are_idle.begin(), are_idle.end(), true) == are_idle.end()) return false;
    std::vector<std::uint32_t> numbers = {static_cast<std::uint32_t>(settings.task)};
    for (std::size_t a = 0; a < grid_.axes.size(); ++a)
      numbers.push_back(are_idle[a] ? 0 : found.row(point)[a]);
    return !told_points_.insert(std::move(numbers)).second;
  }

  // By axis, and by the usual axes that an axis of the user's own sets.
  void label(CellRequest& cell, const std::vector<bool>& are_idle, const Points& found,
             std::size_t point) const {
    for (std::size_t a = 0; a < grid_.axes.size(); ++a) {
      const Axis& axis = grid_.axes[a];
      const Placed& placed = found.at(point, a);
      if (are_idle[a]) continue;
      cell.labels[axis.name] = placed.value;
      for (const std::string& path : axis.paths) {
        if (path != axis.name && usual_axes().contains(path)) cell.labels[path] = placed.value;
        if (path == "model") cell.labels[axis.name] = cell.labels[path] = labels_.at(placed.value);
      }
    }
  }

  // After all cells that are drawn, so that these keep their numbers.
  void add_baselines() {
    for (CellRequest& cell : baselines_.take()) submission_.cells.push_back(std::move(cell));
  }

  // Of extractors that do not take pictures of every size; each told once a size.
  void check_size(const CellRequest& cell, const Settings& settings, const ReadyTask& task) {
    const int height = cell.sample.height, width = cell.sample.width;
    for (const SizeLimit& limit : task.limits) {
      const bool fits = limit.side == 0 ? std::min(height, width) >= limit.least_side
                                        : height == limit.side && width == limit.side;
      if (fits) continue;
      if (!told_sizes_.emplace(limit.where, limit.extractor, height, width).second) continue;
      const std::string side = std::to_string(limit.side);
      failure_.add(settings.size_where.empty() ? limit.where : settings.size_where,
                   "pictures of " + std::to_string(height) + " x " + std::to_string(width) +
                       " pixels do not fit the extractor " + limit.extractor,
                   limit.side == 0
                       ? std::to_string(limit.least_side) + " or more a side, or another metric"
                       : side + " x " + side + ", or another extractor");
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
        add_note(notes_, std::to_string(cut) + " of " + std::to_string(texts.size()) + " " + what +
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

  bool fill_items(SampleSpec& sample, const tasks::TaskKind& kind, const Settings& settings,
                  const ModelEntry& model) {
    const Task& task = grid_.tasks[settings.task];
    if (tasks::is_of_prompts(kind)) return true;
    if (!task.data) return false;  // its fault is told
    const diffusion::PictureSize size{sample.height, sample.width};
    if (auto misfit = misfit_source(task, kind, model, labels_.at(settings.model->value), size)) {
      failure_.add(misfit->where, misfit->what, misfit->expected);
      return false;
    }
    const ItemsSpec* items = items_.of(task, tasks_[settings.task], size, settings.size_where);
    if (items == nullptr) return false;
    sample.items = *items;
    return true;
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
  std::map<Json, std::string> labels_;        // of models
  std::vector<std::vector<bool>> idle_axes_;  // of each task
  CellModels models_{catalog_, submission_, failure_, notes_};
  CellSamplers samplers_{failure_};
  CellParameters parameters_{failure_};
  CellCosts costs_{failure_};
  CellItems items_{catalog_, failure_};
  CellBaselines baselines_{failure_};
  std::set<std::tuple<std::string, std::string, int, int>> told_sizes_;
  std::set<std::pair<std::string, std::string>> told_cuts_;
  std::set<std::vector<std::uint32_t>> told_points_;  // where an axis is idle
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

// The folders of a task's items. What the mini world lacks is no matter of files.
void look_up_folders(const Task& task, Catalog& catalog, Failure& failure) {
  if (!task.data) return;
  const bool is_folder = task.data->kind == DataSource::Kind::kFolder && !task.data->folder.empty();
  const bool are_pairs = task.data->kind == DataSource::Kind::kPairs && !task.data->low.empty() &&
                         !task.data->high.empty();
  if (!is_folder && !are_pairs) return;
  Submission unused;
  std::vector<std::string> notes;
  (void)ready_items(task, asked_slots(task), catalog, unused, failure, notes);
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
    for (const Placed& value : axis.values)
      for (const Task& task : grid.tasks) {
        if (may_leave_out_networks(grid, task)) continue;
        const ModelRef ref = model_of_task(model_ref(value.value), task);
        const std::string& where = task.model.empty() ? value.where : task.model_where;
        note(catalog.model(ref.path, ref.variant, {task.kind}, where), failure);
      }
  for (const Task& task : grid.tasks) {
    if (!task.prompts.file.empty())
      note(catalog.text_file(task.prompts.file, task.prompts.where), failure);
    for (const Metric& metric : task.metrics) look_up(metric, catalog, failure);
    look_up_folders(task, catalog, failure);
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
