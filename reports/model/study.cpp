#include "reports/model/study.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/check.h"
#include "schema/metrics/metric.h"
#include "schema/samplers/sampler.h"

namespace isocost::report {
namespace {

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : canonical(value);
}

std::string sampler_label(const std::string& name) {
  const auto* row = sampling::find_sampler(name);
  return row == nullptr ? name : row->label;
}

// Labels that tell cells apart beside the usual axes. A task is told apart by what is compared.
std::vector<std::string> varying_labels(const ReportData& data) {
  static const std::set<std::string> kUsual = {"model", "sampler", "steps",           "guidance",
                                               "task",  "spacing", "timestep_spacing"};
  std::map<std::string, std::set<std::string>> values;
  for (const Cell& cell : data.cells)
    for (const auto& [name, value] : cell.labels.items())
      if (!kUsual.contains(name)) values[name].insert(text_of(value));
  std::vector<std::string> names;
  for (const auto& [name, seen] : values)
    if (seen.size() > 1) names.push_back(name);
  return names;
}

std::string model_of(const Cell& cell, const ReportData& data) {
  if (cell.labels.contains("model")) return text_of(cell.labels["model"]);
  const auto unet = cell.sample.inputs.find("unet");
  if (unet == cell.sample.inputs.end()) return "unnamed";
  const auto name = data.input_names.find(unet->second);
  return name == data.input_names.end() ? unet->second.substr(0, 19) : name->second;
}

std::vector<std::optional<double>> costs_of(const Cell& cell, double dearest_call) {
  const CellCost& cost = cell.cost;
  const Measured& measured = cell.measured;
  const auto images = static_cast<double>(measured.images);
  std::vector<std::optional<double>> costs(cost_axes().size());
  if (gflops_of_calls(cost) > 0) {
    costs[0] = gflops_of_calls(cost);
    costs[1] = gflops_an_image(cost);
    costs[2] = cost.gflops_per_call / dearest_call * static_cast<double>(cost.steps_calls);
  }
  if (images > 0 && measured.seconds > 0) costs[3] = measured.seconds / images;
  if (images > 0 && measured.energy_joules && *measured.energy_joules > 0)
    costs[4] = *measured.energy_joules / images;
  return costs;
}

Point point_of(const Cell& cell, const ReportData& data, const std::vector<std::string>& varying,
               double dearest_call) {
  Point point;
  point.cell = &cell;
  const Json& sampler = cell.sample.sampler;
  const auto member = [&](const char* name) {
    return sampler.contains(name) ? text_of(sampler[name]) : std::string();
  };
  point.model = model_of(cell, data);
  point.sampler = member("sampler");
  point.spacing = member("use_karras_sigmas") == "true" ? "karras" : member("timestep_spacing");
  if (sampler.contains("steps") && sampler["steps"].is_number_integer())
    point.steps = sampler["steps"].get<std::uint64_t>();
  point.guidance = cell.sample.guidance;
  for (const std::string& name : varying) {
    if (!cell.labels.contains(name)) continue;
    point.variant += (point.variant.empty() ? "" : ", ") + name + " " + text_of(cell.labels[name]);
  }
  point.series = sampler_label(point.sampler) + (point.spacing.empty() ? "" : " " + point.spacing) +
                 (point.variant.empty() ? "" : ", " + point.variant);
  point.costs = costs_of(cell, dearest_call);
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

std::string group_key(const Cell& cell, const Score& score) {
  return canonical(Json{{"score", to_json(score.spec)},
                        {"task", cell.sample.task},
                        {"prompts", cell.sample.prompts},
                        {"size", {cell.sample.height, cell.sample.width}}});
}

std::vector<Group> group_scores(const Study& study) {
  std::map<std::string, Group> groups;
  std::vector<std::string> order;  // of the grid
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const Cell& cell = *study.points[i].cell;
    for (const Score& score : cell.scores) {
      const std::string key = group_key(cell, score);
      Group& group = groups[key];
      if (group.scores.empty()) {
        order.push_back(key);
        group = {metric_of(score.spec.metric),
                 score.spec,
                 cell.sample.task,
                 cell.sample.prompts,
                 cell.sample.height,
                 cell.sample.width,
                 std::vector<const Score*>(study.points.size()),
                 0,
                 score.spec.metric + "-" + sha256(key).hex().substr(0, 8)};
      }
      group.scores[i] = &score;
      if (score.value) ++group.count;
    }
  }
  std::vector<Group> list;
  list.reserve(groups.size());
  for (const std::string& key : order) list.push_back(std::move(groups.at(key)));
  std::stable_sort(list.begin(), list.end(), [](const Group& a, const Group& b) {
    return std::make_tuple(a.metric.name, b.count) < std::make_tuple(b.metric.name, a.count);
  });
  return list;
}

std::string reference_name(const Study& study, const Group& group) {
  const Reference* reference = study.data->reference_of(group.spec);
  if (reference == nullptr) return group.spec.reference.substr(0, 12);
  const auto& options = reference->spec.options;
  const std::string name = !reference->spec.input.empty() ? study.input_name(reference->spec.input)
                           : options.contains("split")
                               ? "the " + text_of(options["split"]) + " split of the mini world"
                               : reference->spec.kind;
  const auto count = reference->count();
  return count ? name + " (n = " + std::to_string(*count) + ")" : name;
}

// Of several groups of one metric each says what the others have otherwise.
void tell_apart(Study& study) {
  for (Group& group : study.groups) {
    bool has_references = false, has_extractors = false, has_protocols = false;
    for (const Group& other : study.groups) {
      if (other.metric.name != group.metric.name || other.spec.range != group.spec.range) continue;
      const bool is_other_extractor = other.spec.extractor != group.spec.extractor;
      has_extractors |= is_other_extractor;
      // Another extractor makes another reference of the same pictures.
      has_references |= reference_name(study, other) != reference_name(study, group);
      has_protocols |= !is_other_extractor && other.spec.reference == group.spec.reference &&
                       other.spec.protocol != group.spec.protocol;
    }
    std::vector<std::string> parts;
    if (has_references) parts.push_back("against " + reference_name(study, group));
    if (has_extractors)
      parts.push_back("by " + (group.spec.extractor.input.empty()
                                   ? group.spec.extractor.kind
                                   : study.input_name(group.spec.extractor.input)));
    if (has_protocols) parts.push_back("with " + canonical(group.spec.protocol));
    for (const std::string& part : parts) group.apart += (group.apart.empty() ? "" : " ") + part;
  }
}

// What the ranking goes by: the first metric of the table that the study has, FID before others.
const Group* choose_group(const std::vector<Group>& groups) {
  for (const auto& row : metrics::metrics()) {
    const Group* best = nullptr;
    for (const Group& group : groups)
      if (group.metric.name == row.name && group.count > 0 && (!best || group.count > best->count))
        best = &group;
    if (best) return best;
  }
  return nullptr;
}

bool are_disjoint(const ImageRange& a, const ImageRange& b) {
  return a.end <= b.begin || b.end <= a.begin;
}

bool differ_only_in_images(const Group& a, const Group& b) {
  return a.metric.name == b.metric.name && a.spec.extractor == b.spec.extractor &&
         a.spec.reference == b.spec.reference && a.task == b.task && a.prompts == b.prompts &&
         a.height == b.height && a.width == b.width;
}

const Group* judging_group(const Study& study) {
  if (!study.choice) return nullptr;
  const Group* best = nullptr;
  for (const Group& group : study.groups) {
    if (!differ_only_in_images(group, *study.choice) ||
        !are_disjoint(group.spec.range, study.choice->spec.range))
      continue;
    if (group.count >= 2 && (!best || group.spec.range.size() > best->spec.range.size()))
      best = &group;
  }
  return best;
}

}  // namespace

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

const std::vector<CostAxis>& cost_axes() {
  static const std::vector<CostAxis> kAxes = {
      {"gflops_per_image", "GFLOPs an image", "GFLOPs an image",
       "2 x multiply-adds of all U-Net calls of one image, the second call of guidance counted; no "
       "encoder, no decoder.",
       false},
      {"gflops_per_image_total", "GFLOPs an image, encoder and decoder included",
       "GFLOPs an image in all",
       "The same with the decoder once an image and the text encoder once a prompt.", false},
      {"cost_normalised", "Normalised cost x steps", "units of normalised cost",
       "GFLOPs of one U-Net call relative to the dearest model of this report, times the sampler's "
       "calls; guidance is not "
       "doubled. The axis of Mei et al. (2024).",
       false},
      {"measured_seconds_per_image", "Measured seconds an image", "s an image",
       "Seconds of the device for generating, decoding and reading features, divided by the "
       "images. Measured on the "
       "devices named below, so only comparable among equal devices.",
       true},
      {"measured_joules_per_image", "Measured joules an image", "J an image",
       "Energy of the device where it told, divided by the images.", true}};
  return kAxes;
}

const Group* Study::companion(const Group& group, const std::string& metric) const {
  const Group* best = nullptr;
  for (const Group& other : groups) {
    if (other.metric.name != metric || other.spec.range != group.spec.range ||
        other.task != group.task || other.prompts != group.prompts ||
        other.height != group.height || other.width != group.width)
      continue;
    if (!best || other.count > best->count) best = &other;
  }
  return best;
}

std::string Study::input_name(const std::string& input) const {
  const auto found = data->input_names.find(input);
  return found == data->input_names.end() ? input : found->second;
}

Study make_study(ReportData data) {
  std::stable_sort(data.cells.begin(), data.cells.end(), [](const Cell& a, const Cell& b) {
    return std::tie(a.experiment, a.number) < std::tie(b.experiment, b.number);
  });
  Study study;
  study.data = std::make_unique<const ReportData>(std::move(data));
  double dearest_call = 0;
  for (const Cell& cell : study.data->cells)
    dearest_call = std::max(dearest_call, cell.cost.gflops_per_call);
  const auto varying = varying_labels(*study.data);
  for (const Cell& cell : study.data->cells)
    study.points.push_back(point_of(cell, *study.data, varying, dearest_call));
  order_names(study);
  study.groups = group_scores(study);
  tell_apart(study);
  study.choice = choose_group(study.groups);
  study.judgement = judging_group(study);
  return study;
}

}  // namespace isocost::report
