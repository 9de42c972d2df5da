#include <algorithm>
#include <map>
#include <set>

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
  static const std::set<std::string> kOwn = {
      "model", "sampler", "timestep_spacing", "spacing", "steps", "guidance", "task", "seed"};
  std::vector<std::string> axes;
  const auto add = [&](const std::string& name) {
    if (!kOwn.contains(name) && std::find(axes.begin(), axes.end(), name) == axes.end())
      axes.push_back(name);
  };
  for (const Experiment& experiment : data.experiments)
    for (const std::string& axis : experiment.axes) add(axis);
  for (const Cell& cell : data.cells)
    for (const auto& [name, unused] : cell.labels.items()) add(name);
  return axes;
}

// A metric by one extractor, reference and protocol, whatever the images: it has its own columns.
struct Slot {
  std::string column;
  Metric metric;
  std::size_t place = 0;  // of equal ones within one cell
};

std::string slot_key(const Score& score, std::size_t place) {
  return canonical(Json{score.spec.metric, extractor_id(score.spec.extractor), score.spec.reference,
                        score.spec.protocol, place});
}

class CellsTable {
 public:
  explicit CellsTable(const Study& study) : study_(study), axes_(further_axes(*study.data)) {
    find_slots();
  }

  Table make() {
    Table table{"cells", "One row a cell of the grid: its labels, its cost, its scores.", {}, {}};
    for (std::size_t i = 0; i < study_.points.size(); ++i) {
      row_.clear();
      describing_ = i == 0 ? &table.columns : nullptr;
      add_row(study_.points[i]);
      table.rows.push_back(row_);
    }
    return table;
  }

 private:
  void find_slots() {
    std::map<std::string, std::size_t> columns_of_metric;
    for (const Cell& cell : study_.data->cells)
      each_score(cell, [&](const std::string& key, const Score& score) {
        if (slots_.contains(key)) return;
        const std::size_t nth = ++columns_of_metric[score.spec.metric];
        slots_.emplace(key, Slot{score.spec.metric + (nth == 1 ? "" : "_" + std::to_string(nth)),
                                 metric_of(score.spec.metric), 0});
        order_.push_back(key);
      });
    std::stable_sort(order_.begin(), order_.end(), [&](const std::string& a, const std::string& b) {
      return slots_.at(a).metric.name < slots_.at(b).metric.name;
    });
  }

  template <class Visit>
  static void each_score(const Cell& cell, Visit visit) {
    std::map<std::string, std::size_t> seen;
    for (const Score& score : cell.scores)
      visit(slot_key(score, seen[slot_key(score, 0)]++), score);
  }

  void put(const std::string& name, Json value, const std::string& description) {
    if (describing_) describing_->push_back({name, description});
    row_.push_back(std::move(value));
  }

  void add_row(const Point& point) {
    const Cell& cell = *point.cell;
    add_labels(point);
    put("images", cell.images, "Images that the grid asks for");
    put("calls_per_image", cell.cost.calls_per_image,
        "U-Net calls an image, the second call of guidance counted");
    put("calls_of_sampler", cell.cost.steps_calls,
        "U-Net calls an image without guidance's second one");
    put("gflops_per_call", cell.cost.gflops_per_call,
        "2 x multiply-adds of one U-Net call, in 10^9");
    put("parameters", cell.cost.parameters, "Of the U-Net");
    for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
      if (!cost_axes()[axis].is_measured)
        put(cost_axes()[axis].column, number_or_null(point.costs[axis]),
            cost_axes()[axis].explanation);
    add_scores(cell);
    put("failure_class", cell.failure ? Json(cell.failure->failure_class) : Json(),
        "Why the cell failed: the class");
    put("failure_reason", cell.failure ? Json(cell.failure->reasons()) : Json(),
        "Why the cell failed: one sentence");
    add_measured(point);
  }

  void add_labels(const Point& point) {
    const Cell& cell = *point.cell;
    put("experiment", cell.experiment, "Name of the experiment");
    put("number", cell.number, "Position in the grid's order");
    put("sample_key", cell.sample_key, "SHA-256 of everything that determines every pixel");
    put("state", std::string(cell_state_name(cell.state)), "done, failed, open or cancelled");
    put("task", cell.labels.contains("task") ? cell.labels["task"] : Json(cell.sample.task),
        "Name of the task in its grid, else what the cell does");
    put("model", point.model, "Name of the model");
    put("sampler", point.sampler, "Sampler as diffusers names its kind");
    put("timestep_spacing", point.spacing, "How the steps lie among the training timesteps");
    put("steps", point.steps, "Steps as the grid asks for");
    put("guidance", cell.sample.guidance, "Classifier-free guidance scale; 1 is none");
    put("seed", cell.sample.seed, "Seed of the noise");
    for (const std::string& axis : axes_) {
      const Json value = cell.labels.contains(axis) ? cell.labels[axis] : Json();
      put("axis_" + axis, value.is_structured() ? Json(canonical(value)) : value,
          "An axis of the grid");
    }
  }

  void add_scores(const Cell& cell) {
    std::map<std::string, const Score*> found;
    each_score(cell,
               [&](const std::string& key, const Score& score) { found.emplace(key, &score); });
    for (const std::string& key : order_) {
      const Slot& slot = slots_.at(key);
      const auto at = found.find(key);
      const Score* score = at == found.end() ? nullptr : at->second;
      const bool has_value = score && score->value;
      put(slot.column, has_value ? Json(*score->value) : Json(), slot.metric.label);
      put(slot.column + "_low", score ? number_or_null(score->low) : Json(),
          "Lower end of its 95 % interval");
      put(slot.column + "_high", score ? number_or_null(score->high) : Json(),
          "Upper end of its 95 % interval");
      put(slot.column + "_n", has_value ? Json(score->n) : Json(), "Images it was computed on");
      put(slot.column + "_images",
          score ? Json(std::to_string(score->spec.range.begin) + "-" +
                       std::to_string(score->spec.range.end))
                : Json(),
          "Range of images, the end excluded");
      put(slot.column + "_protocol", score ? Json(canonical(score->spec.protocol)) : Json(),
          "Protocol of the metric");
      put(slot.column + "_extractor", score ? Json(extractor_id(score->spec.extractor)) : Json(),
          "Key of the extractor");
      put(slot.column + "_reference",
          score && !score->spec.reference.empty() ? Json(score->spec.reference) : Json(),
          "Key of the reference");
      put(slot.column + "_reference_n", reference_count(score),
          "Pictures of the reference; nothing where its statistics do not say");
      put(slot.column + "_key", score ? Json(score->key) : Json(), "Score key");
    }
  }

  [[nodiscard]] Json reference_count(const Score* score) const {
    if (score == nullptr) return {};
    // What the metric counted, else what the reference is said to have.
    if (score->values.is_object() && score->values.contains("reference_n"))
      return score->values["reference_n"];
    const Reference* reference = study_.data->reference_of(score->spec);
    const auto count = reference == nullptr ? std::nullopt : reference->count();
    return count ? Json(*count) : Json();
  }

  void add_measured(const Point& point) {
    const Measured& measured = point.cell->measured;
    const bool was_made = measured.images > 0;
    put("measured_seconds", was_made ? Json(measured.seconds) : Json(),
        "Device seconds of all units that made the images");
    put("measured_seconds_per_image", number_or_null(point.costs[3]), cost_axes()[3].explanation);
    put("measured_peak_bytes",
        was_made && measured.peak_bytes > 0 ? Json(measured.peak_bytes) : Json(),
        "Greatest memory of a unit");
    put("measured_energy_joules", number_or_null(measured.energy_joules),
        "Energy where the device told");
    put("measured_joules_per_image", number_or_null(point.costs[4]), cost_axes()[4].explanation);
    put("measured_device", joined(measured.devices), "Devices that made the images");
    put("measured_device_class", joined(measured.device_classes),
        "Results are equal to the bit within one class");
    put("measured_failed_attempts", measured.failed_attempts, "Attempts of its units that failed");
    put("measured_repeats", measured.repeats, "Results that arrived again");
    put("measured_mismatches", measured.mismatches,
        "Repeats within a device class with another digest");
    put("measured_failure_log", point.cell->failure ? Json(point.cell->failure->log_tail) : Json(),
        "Last lines of the worker's log");
  }

  const Study& study_;
  std::vector<std::string> axes_;
  std::map<std::string, Slot> slots_;
  std::vector<std::string> order_;
  std::vector<Column>* describing_ = nullptr;
  std::vector<Json> row_;
};

}  // namespace

Table cells_table(const Study& study) { return CellsTable(study).make(); }

}  // namespace isocost::report
