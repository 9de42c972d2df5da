#include "experiments/grid/expand.h"

#include <algorithm>
#include <set>

#include "experiments/world/world.h"
#include "schema/sampling/sampling.h"

namespace isocost::experiments {
namespace {

class Expander {
 public:
  Expander(const Grid& grid, Catalog& catalog) : grid_(grid), catalog_(catalog) {}

  Result<Submission> run() {
    submission_.name = grid_.name;
    submission_.grid = grid_.text;
    for (const Axis& axis : grid_.axes) submission_.axes.push_back(axis.name);
    const auto group = static_cast<std::uint64_t>(grid_.group_size);
    submission_.unit_images = std::max(group, grid_.unit_images / group * group);
    const Grid patterns_resolved = with_models();
    check_zips(patterns_resolved);
    const bool are_axes_sound = failure_.is_empty();
    read_prompts();
    read_metrics();
    if (!are_axes_sound) return fail(std::move(failure_));
    const auto found = points(patterns_resolved);
    if (!found) {
      if (failure_.is_empty()) failure_.add(found.error());
    } else {
      for (const Point& point : *found) add_cell(point);
    }
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(submission_);
  }

 private:
  // Patterns of the model axis replaced by the folders that they match.
  Grid with_models() {
    Grid grid = grid_;
    for (Axis& axis : grid.axes) {
      if (axis.name != "model") continue;
      std::vector<Placed> values;
      for (const Placed& value : axis.values) {
        const auto names = catalog_.models(value.value.get<std::string>(), value.where);
        if (!names)
          failure_.add(names.error());
        else
          for (const std::string& name : *names) values.push_back({name, value.where});
      }
      axis.values = std::move(values);
    }
    return grid;
  }

  // A pattern may stand for another number of models than it was zipped with.
  void check_zips(const Grid& grid) {
    for (const auto& zip : grid.zips) {
      std::optional<std::size_t> length;
      for (const Axis& axis : grid.axes) {
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

  void read_prompts() {
    const PromptSource& source = grid_.prompts;
    std::string lines;
    if (source.kind == "world") {
      lines = world::prompts_jsonl(*world::parse_split(source.split), source.count, source.seed);
    } else if (source.kind == "list") {
      for (const std::string& text : source.texts) lines += canonical({{"prompt", text}}) + "\n";
    } else {
      auto text = catalog_.text_file(source.file, source.where);
      if (!text) {
        failure_.add(text.error());
        return;
      }
      check_prompts(*text);
      lines = std::move(*text);
    }
    prompts_ = sha256(lines).name();
    submission_.blobs[prompts_] = std::move(lines);
    submission_.input_names[prompts_] = source.kind == "world"
                                            ? "mini-world prompts (" + source.split + ")"
                                        : source.kind == "file" ? source.file
                                                                : "prompts of " + grid_.file;
  }

  void check_prompts(const std::string& text) {
    std::size_t begin = 0;
    std::size_t count = 0;
    for (std::size_t line = 1; begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string where =
          grid_.prompts.where + ": " + grid_.prompts.file + ":" + std::to_string(line);
      if (end > begin) {
        const auto json = parse_json(std::string_view(text).substr(begin, end - begin), where, 8);
        if (!json)
          failure_.add(json.error());
        else if (!json->is_object() || !json->contains("prompt") || !(*json)["prompt"].is_string())
          failure_.add(where, "this line has no text 'prompt'", R"({"prompt": "..."})");
        ++count;
      }
      begin = end + 1;
    }
    if (count == 0)
      failure_.add(grid_.prompts.where, "there is no prompt in " + grid_.prompts.file,
                   "a line {\"prompt\": ...} each");
  }

  ExtractorSpec extractor_of(const Metric& metric) {
    ExtractorSpec spec;
    const bool is_mini = metric.extractor == "mini";
    std::string name = metric.extractor;
    if (metric.name == "clip_score") {
      spec.kind = "clip";
      if (is_mini) name = "mini/clip";
    } else if (metric.name == "attribute_accuracy") {
      spec.kind = "mini-attributes";
      if (is_mini) name = "mini/features";
    } else if (is_mini) {
      spec.kind = "mini-features";
      name = "mini/features";
    } else {
      spec.kind = name.ends_with(".pt") || name.ends_with(".ts") ? "torchscript" : "clip-features";
    }
    const auto digest = catalog_.input(name, metric.where);
    if (!digest) {
      failure_.add(digest.error());
      return spec;
    }
    spec.input = *digest;
    submission_.input_names[*digest] = name;
    return spec;
  }

  std::string reference_of(const Metric& metric, const ExtractorSpec& extractor) {
    ReferenceSpec spec;
    const Reference source =
        metric.reference.value_or(Reference{.kind = "world", .path = {}, .where = metric.where});
    spec.kind = source.kind;
    spec.extractor = extractor;
    if (source.kind == "world") {
      spec.options = {{"split", source.split}, {"count", source.count}, {"seed", source.seed}};
    } else {
      const auto digest = catalog_.input(source.path, source.where);
      if (!digest) {
        failure_.add(digest.error());
        return {};
      }
      spec.input = *digest;
      submission_.input_names[*digest] = source.path;
    }
    const std::string key = reference_key(spec).hex();
    submission_.references.emplace(key, std::move(spec));
    return key;
  }

  void read_metrics() {
    for (const Metric& metric : grid_.metrics) {
      const bool has_reference = metric.name == "fid" || metric.name == "kid";
      if (!has_reference && metric.reference) {
        failure_.add(metric.where, metric.name + " compares with no reference",
                     "no key 'reference' here");
      }
      if (metric.name == "kid" && metric.reference && metric.reference->kind == "npz") {
        failure_.add(metric.where,
                     "kid needs the rows of its reference, which an npz file does not hold",
                     "world or folder");
      }
      ScoreSpec score;
      score.metric = metric.name;
      score.extractor = extractor_of(metric);
      if (has_reference) score.reference = reference_of(metric, score.extractor);
      score.range = {grid_.judge_from, grid_.images};
      score.protocol = metric.protocol;
      scores_.push_back(std::move(score));
    }
  }

  const ModelEntry* model_of(const Placed& placed) {
    const auto name = placed.value.get<std::string>();
    const auto known = models_.find(name);
    if (known != models_.end()) return known->second ? &*known->second : nullptr;
    auto entry = catalog_.model(name, placed.where);
    if (!entry) {
      failure_.add(entry.error());
      models_.emplace(name, std::nullopt);
      return nullptr;
    }
    submission_.input_names.insert(entry->names.begin(), entry->names.end());
    return &*models_.emplace(name, std::move(*entry)).first->second;
  }

  void add_cell(const Point& point) {
    CellRequest cell;
    Json choice = Json::object();
    double guidance = 1;
    const ModelEntry* model = nullptr;
    std::string where = grid_.file;
    for (std::size_t a = 0; a < grid_.axes.size(); ++a) {
      const std::string& axis = grid_.axes[a].name;
      const Placed& placed = point.values[a];
      cell.labels[axis] = placed.value;
      if (axis == "model")
        model = model_of(placed);
      else if (axis == "guidance")
        guidance = placed.value.get<double>();
      else if (axis == "seed")
        cell.sample.seed = placed.value.get<std::uint64_t>();
      else if (axis == "timestep_spacing" && placed.value == "karras")
        choice["use_karras_sigmas"] = true;
      else if (axis.starts_with("sampler."))
        choice[axis.substr(8)] = placed.value;
      else
        choice[axis] = placed.value;
      if (axis == "steps" || axis == "sampler") where = placed.where;
    }
    if (model == nullptr) return;
    cell.labels["model"] = model->label;
    const std::string seen_key =
        canonical({{"choice", choice}, {"scheduler", model->scheduler_config}});
    auto sampler = samplers_.find(seen_key);
    if (sampler == samplers_.end()) {
      auto resolved = sampling::resolve(model->scheduler_config, choice, where);
      if (!resolved) {
        failure_.add(resolved.error());
        samplers_.emplace(seen_key, std::nullopt);
        return;
      }
      sampler = samplers_.emplace(seen_key, std::move(*resolved)).first;
    }
    if (!sampler->second) return;
    fill_sample(cell, *model, *sampler->second, guidance);
    fill_cost(cell, *model, *sampler->second);
    cell.images = {0, grid_.images};
    cell.scores = scores_;
    cell.keep_pictures = std::min(grid_.keep_pictures, grid_.images);
    submission_.cells.push_back(std::move(cell));
  }

  void fill_sample(CellRequest& cell, const ModelEntry& model,
                   const sampling::SamplerConfig& sampler, double guidance) {
    SampleSpec& sample = cell.sample;
    sample.inputs = model.inputs;
    sample.sampler = sampling::to_json(sampler);
    sample.guidance = std::max(1.0, guidance);
    if (sample.guidance > 1) sample.negative_prompt = grid_.negative_prompt;
    sample.prompts = prompts_;
    sample.height = grid_.height.value_or(model.default_height);
    sample.width = grid_.width.value_or(model.default_width);
    sample.dtype = grid_.dtype;
    sample.group_size = grid_.group_size;
    if (sample.height % model.vae_factor != 0 || sample.width % model.vae_factor != 0) {
      failure_.add(grid_.file,
                   std::to_string(sample.height) + " x " + std::to_string(sample.width) +
                       " pixels do not fit the model " + model.label,
                   "multiples of " + std::to_string(model.vae_factor));
    }
  }

  static void fill_cost(CellRequest& cell, const ModelEntry& model,
                        const sampling::SamplerConfig& sampler) {
    CellCost& cost = cell.cost;
    cost.steps_calls = sampling::call_count(sampler);
    cost.calls_per_image = cost.steps_calls * (cell.sample.guidance > 1 ? 2 : 1);
    cost.gflops_per_call = model.gflops_per_call(cell.sample.height, cell.sample.width);
    cost.gflops_decode = model.gflops_decode(cell.sample.height, cell.sample.width);
    cost.gflops_text = model.gflops_text;
    cost.parameters = model.parameters;
    cost.weight_bytes = model.weight_bytes;
  }

  const Grid& grid_;
  Catalog& catalog_;
  Submission submission_;
  Failure failure_;
  std::string prompts_;
  std::vector<ScoreSpec> scores_;
  std::map<std::string, std::optional<ModelEntry>> models_;
  std::map<std::string, std::optional<sampling::SamplerConfig>> samplers_;
};

}  // namespace

Result<Submission> expand(const Grid& grid, Catalog& catalog) {
  return Expander(grid, catalog).run();
}

Result<LoadedGrid> load_grid(const std::filesystem::path& grid_file) {
  const auto grid = read_grid(grid_file);
  if (!grid) return fail(grid.error());
  const auto catalog = disk_catalog(grid_file.parent_path());
  auto submission = expand(*grid, *catalog);
  if (!submission) return fail(std::move(submission.error()));
  return LoadedGrid{std::move(*submission), catalog->places()};
}

}  // namespace isocost::experiments
