// cells.csv: one row a cell, in the order of experiments and numbers.
#include <algorithm>
#include <map>
#include <set>

#include "reports/model/columns.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " | ") + part;
  return text;
}

// Axes that have no column of their own, in the order of the grids.
std::vector<std::string> further_axes(const ReportData& data) {
  std::vector<std::string> axes;
  const auto add = [&](const std::string& name) {
    const bool is_own = is_usual_axis(name) || name == "seed" || name == "baseline";
    if (!is_own && std::find(axes.begin(), axes.end(), name) == axes.end()) axes.push_back(name);
  };
  for (const Experiment& experiment : data.experiments)
    for (const std::string& axis : experiment.axes) add(axis);
  for (const Cell& cell : data.cells)
    for (const auto& [name, unused] : cell.labels.items()) add(name);
  return axes;
}

std::vector<std::string> inputs_of(const ReportData& data) {
  std::set<std::string> names;
  for (const Cell& cell : data.cells)
    for (const auto& [name, unused] : cell.sample->inputs) names.insert(name);
  return {names.begin(), names.end()};
}

// A metric by one extractor, reference and protocol, whatever the images: it has its own columns.
struct Slot {
  std::string column;
  std::string metric;
};

// What rows are made from.
struct CellsFacts {
  explicit CellsFacts(const Report& report)
      : data(report.data),
        texts(*report.data),
        points(placed_points(report)),
        axes(further_axes(*report.data)),
        inputs(inputs_of(*report.data)) {
    find_slots();
    for (const TaskReport& task : report.tasks) {
      for (const Setting& setting : task.optimal) optimal.emplace(setting.point->cell, &setting);
      for (const Setting& setting : task.envelopes[kGflopsAxis])
        envelope.insert(setting.point->cell);
    }
  }

  void find_slots() {
    std::map<std::string, std::size_t> columns_of_metric;
    for (const Cell& cell : data->cells)
      each_score(cell, [&](const std::string& key, const Score& score) {
        if (slots.contains(key)) return;
        const std::size_t nth = ++columns_of_metric[score.spec->metric];
        slots.emplace(key, Slot{score.spec->metric + (nth == 1 ? "" : "_" + std::to_string(nth)),
                                score.spec->metric});
        order.push_back(key);
      });
    std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
      return slots.at(a).metric < slots.at(b).metric;
    });
  }

  // With the place among equal ones within one cell.
  template <class Visit>
  void each_score(const Cell& cell, Visit visit) const {
    std::map<std::string, std::size_t> seen;
    for (const Score& score : cell.scores) {
      const std::string& identity = texts.of(score).identity;
      const std::size_t nth = seen[identity]++;
      visit(nth == 0 ? identity : identity + "#" + std::to_string(nth), score);
    }
  }

  std::shared_ptr<const ReportData> data;
  SpecTexts texts;
  std::vector<PlacedPoint> points;
  std::vector<std::string> axes, inputs;
  std::map<std::string, Slot> slots;
  std::vector<std::string> order;  // of slots
  std::map<const Cell*, const Setting*> optimal;
  std::set<const Cell*> envelope;
};

// One row: its values in the order in which they are put, and their columns' names where somebody
// wants them.
class CellRow {
 public:
  CellRow(const CellsFacts& facts, const PlacedPoint& at, std::vector<std::string>* names = nullptr)
      : facts_(facts), names_(names) {
    add_row(at);
  }
  [[nodiscard]] Row take() { return std::move(row_); }

 private:
  void put(const std::string& name, Json value) {
    if (names_ != nullptr) names_->push_back(name);
    row_.push_back(std::move(value));
  }

  void add_row(const PlacedPoint& at) {
    const Point& point = at.point();
    const Cell& cell = *point.cell;
    add_labels(at);
    put("images", cell.images);
    put("calls_per_image", cell.cost.calls_per_image);
    put("calls_of_sampler", cell.cost.steps_calls);
    put("gflops_per_call", cell.cost.gflops_per_call);
    put("parameters", cell.cost.parameters);
    for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
      if (!cost_axes()[axis].is_measured)
        put(cost_axes()[axis].column, number_or_null(point.costs[axis]));
    add_standing(cell);
    put("pictures", cell.pictures.empty() ? Json() : Json(picture_folder(point)));
    add_inputs(cell);
    add_scores(cell);
    put("failure_class", cell.failure ? Json(cell.failure->failure_class) : Json());
    put("failure_reason", cell.failure ? Json(cell.failure->reasons()) : Json());
    add_measured(point);
  }

  void add_labels(const PlacedPoint& at) {
    const Point& point = at.point();
    const Cell& cell = *point.cell;
    put("experiment", cell.experiment);
    put("number", cell.number);
    put("sample_key", cell.sample_key);
    put("state", std::string(cell_state_name(cell.state)));
    put("task", at.task->study.task);
    put("method", at.task->study.task_row);
    put("kind", at.task->study.task_kind);
    put("baseline", point.baseline ? Json(point.baseline->name) : Json());
    put("model", drawn(point, point.model));
    put("series", point.series);
    put("sampler", drawn(point, point.sampler));
    put("timestep_spacing", drawn(point, point.spacing));
    put("steps", drawn(point, point.steps));
    put("guidance", drawn(point, point.guidance));
    put("seed", cell.seed);
    put("height", cell.sample->height);
    put("width", cell.sample->width);
    for (const std::string& axis : facts_.axes) {
      const Json value = cell.labels.contains(axis) ? cell.labels[axis] : Json();
      put("axis_" + axis, value.is_structured() ? Json(canonical(value)) : value);
    }
  }

  void add_standing(const Cell& cell) {
    const auto found = facts_.optimal.find(&cell);
    const Setting* optimum = found == facts_.optimal.end() ? nullptr : found->second;
    put("is_optimum", optimum != nullptr);
    put("is_at_edge", optimum ? Json(optimum->is_at_edge) : Json());
    put("is_at_most_steps", optimum ? Json(optimum->is_at_most_steps) : Json());
    put("is_on_envelope", facts_.envelope.contains(&cell));
  }

  void add_inputs(const Cell& cell) {
    const ReportData& data = *facts_.data;
    put("prompts", text_or_null(cell.sample->prompts));
    put("prompts_name", name_or_null(data, cell.sample->prompts));
    for (const std::string& name : facts_.inputs) {
      const auto found = cell.sample->inputs.find(name);
      const bool has = found != cell.sample->inputs.end();
      put("input_" + name, has ? Json(found->second) : Json());
      put("input_" + name + "_name", has ? name_or_null(data, found->second) : Json());
    }
  }

  void add_scores(const Cell& cell) {
    std::map<std::string, const Score*> found;
    facts_.each_score(
        cell, [&](const std::string& key, const Score& score) { found.emplace(key, &score); });
    for (const std::string& key : facts_.order) {
      const std::string& name = facts_.slots.at(key).column;
      const auto at = found.find(key);
      const Score* score = at == found.end() ? nullptr : at->second;
      const auto* texts = score ? &facts_.texts.of(*score) : nullptr;
      const bool has_value = score && score->value;
      put(name, has_value ? Json(*score->value) : Json());
      put(name + "_low", score ? number_or_null(score->low) : Json());
      put(name + "_high", score ? number_or_null(score->high) : Json());
      put(name + "_n", has_value ? Json(score->n) : Json());
      put(name + "_images_begin", score ? Json(score->spec->range.begin) : Json());
      put(name + "_images_end", score ? Json(score->spec->range.end) : Json());
      put(name + "_protocol", score ? Json(texts->protocol) : Json());
      put(name + "_extractor", score ? Json(texts->extractor) : Json());
      put(name + "_reference", score ? text_or_null(score->spec->reference) : Json());
      // What the metric counted, else what the reference is said to have.
      put(name + "_reference_n", !score                        ? Json()
                                 : score->remarks->reference_n ? Json(*score->remarks->reference_n)
                                                               : texts->reference_n);
      put(name + "_key", score ? Json(score->key.hex()) : Json());
    }
  }

  void add_measured(const Point& point) {
    const Measured& measured = point.cell->measured;
    const auto& seconds = point.cost_ranges[kSecondsAxis];
    const bool was_made = measured.images > 0;
    put("measured_seconds", was_made ? Json(measured.seconds) : Json());
    put("measured_images", was_made ? Json(measured.images) : Json());
    put("measured_seconds_per_image", number_or_null(point.costs[kSecondsAxis]));
    put("measured_seconds_per_image_low", seconds ? Json(seconds->low) : Json());
    put("measured_seconds_per_image_high", seconds ? Json(seconds->high) : Json());
    put("measured_peak_bytes",
        was_made && measured.peak_bytes > 0 ? Json(measured.peak_bytes) : Json());
    put("measured_energy_joules", number_or_null(measured.energy_joules));
    put("measured_joules_per_image", number_or_null(point.costs[kJoulesAxis]));
    put("measured_device", joined(measured.devices));
    put("measured_device_class", joined(measured.device_classes));
    put("measured_failed_attempts", measured.failed_attempts);
    put("measured_repeats", measured.repeats);
    put("measured_mismatches", measured.mismatches);
    put("measured_failure_log", point.cell->failure ? Json(point.cell->failure->log_tail) : Json());
  }

  const CellsFacts& facts_;
  std::vector<std::string>* names_;
  Row row_;
};

}  // namespace

Table cells_table(const Report& report) {
  const auto facts = std::make_shared<const CellsFacts>(report);
  Table table = table_named("cells");
  if (facts->points.empty()) return table;
  std::vector<std::string> names;
  (void)CellRow(*facts, facts->points.front(), &names);
  table.columns.clear();
  table.columns.reserve(names.size());
  for (const std::string& name : names) table.columns.push_back(column(table.name, name));
  table.size = facts->points.size();
  table.row = [facts](std::size_t i) { return CellRow(*facts, facts->points[i]).take(); };
  return table;
}

}  // namespace isocost::report
