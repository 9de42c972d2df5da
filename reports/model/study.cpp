#include "reports/model/study.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>

#include "base/check.h"
#include "base/json_text.h"
#include "reports/model/groups.h"
#include "schema/metrics/metric.h"
#include "schema/samplers/sampler.h"
#include "schema/tasks/task.h"

namespace isocost::report {
namespace {

std::string sampler_label(const std::string& name) {
  const auto* row = sampling::find_sampler(name);
  return row == nullptr ? name : row->label;
}

// Labels that tell cells apart beside the usual axes. A task is told apart by what is compared.
std::vector<std::string> varying_labels(const std::vector<const Cell*>& cells) {
  std::map<std::string, std::set<std::string>> values;
  for (const Cell* cell : cells)
    for (const auto& [name, value] : cell->labels.items())
      if (!is_usual_axis(name)) values[name].insert(plain_text(value));
  std::vector<std::string> names;
  for (const auto& [name, seen] : values)
    if (seen.size() > 1) names.push_back(name);
  return names;
}

std::string model_of(const Cell& cell, const ReportData& data) {
  if (cell.labels.contains("model")) return plain_text(cell.labels["model"]);
  const auto unet = cell.sample->inputs.find("unet");
  if (unet == cell.sample->inputs.end()) return "unnamed";
  const auto name = data.input_names.find(unet->second);
  return name == data.input_names.end() ? unet->second.substr(0, 19) : name->second;
}

Point point_of(const Cell& cell, const ReportData& data, const std::vector<std::string>& varying) {
  Point point;
  point.cell = &cell;
  const Json& sampler = cell.sample->sampler;
  const auto member = [&](const char* name) {
    return sampler.contains(name) ? plain_text(sampler[name]) : std::string();
  };
  point.model = model_of(cell, data);
  point.sampler = member("sampler");
  point.spacing = member("use_karras_sigmas") == "true" ? "karras" : member("timestep_spacing");
  if (sampler.contains("steps") && sampler["steps"].is_number_integer())
    point.steps = sampler["steps"].get<std::uint64_t>();
  point.guidance = cell.guidance;
  for (const std::string& name : varying) {
    if (!cell.labels.contains(name)) continue;
    point.variant +=
        (point.variant.empty() ? "" : ", ") + name + " " + plain_text(cell.labels[name]);
  }
  point.series = sampler_label(point.sampler) + (point.spacing.empty() ? "" : " " + point.spacing) +
                 (point.variant.empty() ? "" : ", " + point.variant);
  return point;
}

void order_names(Study& study) {
  std::map<std::string, double> cost;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> series;
  for (const Point& point : study.points) {
    double& gflops = cost[point.model];
    gflops = std::max(gflops, point.cell->cost.gflops_per_call);
    series.emplace(point.sampler, point.spacing, point.variant, point.series);
  }
  for (const auto& [model, unused] : cost) study.models.push_back(model);
  std::stable_sort(study.models.begin(), study.models.end(),
                   [&](const std::string& a, const std::string& b) { return cost[a] < cost[b]; });
  if (!study.models.empty()) study.normalised_by = study.models.back();
  for (const auto& one : series)
    if (std::find(study.series.begin(), study.series.end(), std::get<3>(one)) == study.series.end())
      study.series.push_back(std::get<3>(one));
}

std::string task_label(const Cell& cell) {
  if (cell.labels.contains("task")) return plain_text(cell.labels["task"]);
  const auto* row = tasks::find_task(cell.sample->task);
  return row == nullptr ? cell.sample->task : row->label;
}

Point baseline_of(const Cell& cell) {
  Point point;
  point.cell = &cell;
  point.baseline = tasks::find_baseline(cell.sample->task);
  point.series = point.baseline->label;
  const auto autoencoder = cell.labels.find("autoencoder");
  if (autoencoder != cell.labels.end()) point.series += ", " + plain_text(*autoencoder);
  point.costs.assign(cost_axes().size(), std::nullopt);
  point.cost_ranges.assign(cost_axes().size(), std::nullopt);
  return point;
}

// Whether the baseline is made of the items that are drawn for: it may read more of them.
bool stands_beside(const Cell& baseline, const Cell& drawn) {
  const SampleSpec& made = *baseline.sample;
  const SampleSpec& sample = *drawn.sample;
  const auto* task = tasks::task_beside(made.parameters);
  if (task == nullptr || task->name != sample.task || made.prompts != sample.prompts ||
      made.height != sample.height || made.width != sample.width ||
      baseline.labels.value("task", Json()) != drawn.labels.value("task", Json()))
    return false;
  if (sample.items.is_empty()) return true;
  ItemsSpec items = made.items;
  std::erase_if(items.inputs,
                [&](const auto& input) { return !sample.items.inputs.contains(input.first); });
  return items == sample.items;
}

// Each task's cells by experiment and number, tasks in the order in which cells name them.
std::vector<std::vector<const Cell*>> cells_by_task(const ReportData& data) {
  std::vector<const Cell*> cells;
  cells.reserve(data.cells.size());
  for (const Cell& cell : data.cells) cells.push_back(&cell);
  std::stable_sort(cells.begin(), cells.end(), [](const Cell* a, const Cell* b) {
    return std::tie(a->experiment, a->number) < std::tie(b->experiment, b->number);
  });
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> places;
  std::map<const SampleSpec*, std::string> keys;  // shared by many cells
  std::vector<std::vector<const Cell*>> tasks;
  for (const Cell* cell : cells) {
    if (tasks::find_baseline(cell->sample->task) != nullptr) continue;
    auto& key = keys[&*cell->sample];
    if (key.empty()) key = data_of(*cell->sample);
    const auto [found, is_new] =
        places.emplace(std::tuple(task_label(*cell), cell->sample->task, key), tasks.size());
    if (is_new) tasks.emplace_back();
    tasks[found->second].push_back(cell);
  }
  return tasks;
}

std::string slug(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) && byte < 128)
      out += static_cast<char>(std::tolower(byte));
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "task" : out;
}

// Tasks that grids call alike are told apart by their data, and at last by a number.
void name_tasks(std::vector<Study>& studies) {
  std::map<std::string, std::vector<Study*>> alike;
  for (Study& study : studies) alike[study.task].push_back(&study);
  for (auto& [name, list] : alike) {
    if (list.size() < 2) continue;
    std::set<std::string> rows, sizes, prompts;
    for (const Study* study : list) {
      rows.insert(study->task_row);
      sizes.insert(std::to_string(study->width) + " x " + std::to_string(study->height));
      prompts.insert(study->prompts);
    }
    for (Study* study : list) {
      if (rows.size() > 1) study->task += " (" + study->task_row + ")";
      if (prompts.size() > 1) study->task += " of " + study->input_name(study->prompts);
      if (sizes.size() > 1)
        study->task +=
            " at " + std::to_string(study->width) + " x " + std::to_string(study->height);
    }
  }
  std::map<std::string, int> names, ids;
  for (Study& study : studies) {
    if (const int nth = ++names[study.task]; nth > 1) study.task += " #" + std::to_string(nth);
    study.task_id = slug(study.task);
    if (const int nth = ++ids[study.task_id]; nth > 1) study.task_id += "-" + std::to_string(nth);
  }
}

}  // namespace

bool is_usual_axis(const std::string& name) {
  static const std::set<std::string> kUsual = {"model", "sampler", "steps",           "guidance",
                                               "task",  "spacing", "timestep_spacing"};
  return kUsual.contains(name);
}

std::string data_of(const SampleSpec& sample) {
  Json data{{"prompts", sample.prompts}, {"size", {sample.height, sample.width}}};
  if (!sample.items.is_empty()) data["items"] = to_json(sample.items);
  return canonical(data);
}

std::optional<std::uint64_t> Reference::count() const {
  const auto found = spec.options.find("count");
  if (found == spec.options.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

const Reference* ReportData::reference_of(const ScoreSpec& score) const {
  const auto found =
      std::find_if(references.begin(), references.end(),
                   [&](const Reference& reference) { return reference.key == score.reference; });
  return found == references.end() ? nullptr : &*found;
}

std::string CellFailure::reasons() const {
  std::string text = reason;
  for (const std::string& other : also) text += "; also: " + other;
  return text;
}

std::size_t place_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

Metric metric_of(const std::string& name) {
  const auto* row = metrics::find_metric(name);
  ISOCOST_CHECK(row != nullptr, "what is loaded has metrics of the table alone");
  return {row->name, row->label, row->is_lower_better(), row->explanation};
}

const Score* Study::score_of(const Point& point, const Group& group) {
  for (const Score& score : point.cell->scores)
    if (*score.spec == group.spec) return &score;
  return nullptr;
}

const Group* Study::companion(const Group& group, const std::string& metric) const {
  const Group* best = nullptr;
  for (const Group& other : groups) {
    if (other.metric.name != metric || other.spec.range != group.spec.range) continue;
    if (!best || other.count > best->count) best = &other;
  }
  return best;
}

std::string Study::input_name(const std::string& input) const {
  const auto found = data->input_names.find(input);
  return found == data->input_names.end() ? input : found->second;
}

std::vector<Study> make_studies(const std::shared_ptr<const ReportData>& data) {
  std::vector<Study> studies;
  std::vector<std::string> labels;
  for (const auto& cells : cells_by_task(*data)) {
    const Cell& first = *cells.front();
    const auto* row = tasks::find_task(first.sample->task);
    Study& study = studies.emplace_back();
    study.data = data;
    study.task = task_label(first);
    study.task_row = first.sample->task;
    study.task_kind = row == nullptr ? first.sample->task : row->kind;
    study.prompts = first.sample->prompts;
    study.data_key = data_of(*first.sample);
    study.height = first.sample->height;
    study.width = first.sample->width;
    const auto varying = varying_labels(cells);
    double dearest_call = 0;
    study.points.reserve(cells.size());
    for (const Cell* cell : cells) {
      dearest_call = std::max(dearest_call, cell->cost.gflops_per_call);
      study.points.push_back(point_of(*cell, *data, varying));
    }
    fill_costs(study.points, dearest_call);
    order_names(study);
    group_scores(study);
    for (const Cell& cell : data->cells)
      if (tasks::find_baseline(cell.sample->task) != nullptr && stands_beside(cell, first))
        study.baselines.push_back(baseline_of(cell));
  }
  name_tasks(studies);
  return studies;
}

}  // namespace isocost::report
