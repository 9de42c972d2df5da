// What a report is made of: the experiments as the database holds them, as plain values.
//
// reports/load fills it from SQLite, tests fill it by hand; everything after it is pure. One
// ReportData may hold several experiments (a study and its finalists). Any thread, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/model/shared.h"
#include "schema/tasks/task.h"
#include "schema/units/cell.h"

namespace isocost::report {

// What a metric told beside its value; scores of one protocol mostly tell the same.
struct Remarks {
  Json interval = Json::object();  // how it was made, without what is of one score alone
  std::vector<std::string> notes;
  std::optional<std::uint64_t> reference_n;  // pictures that it counted
};

// A metric of a cell, with what was found if it is done. `value` is in the metric's own unit.
struct Score {
  Digest key;
  Shared<ScoreSpec> spec;
  std::size_t place = 0;  // among the metrics of its cell, as the grid names them
  std::optional<double> value;
  std::optional<double> low, high;  // 95 % interval
  std::uint64_t n = 0;              // images that were judged
  // Each replicate's distance from the mean of them, if the interval was made by resampling; of the
  // first metric that has a value alone, which is the one that ranks.
  std::vector<float> deviations;
  bool is_jackknife = false;  // else of a bootstrap
  Shared<Remarks> remarks;
  Shared<std::string> measured_device_class;
  double measured_seconds = 0;
};

// Why a cell is failed, in the words of the worker; absent of any other.
struct CellFailure {
  std::string unit;
  std::string failure_class;
  std::string reason;
  std::string log_tail;  // lines
  std::uint64_t attempts = 0;
  std::vector<std::string> also{};  // what else units of it failed with, each once

  // "reason; also: reason; also: reason"
  [[nodiscard]] std::string reasons() const;
};

// One unit that generated.
struct UnitTime {
  double seconds = 0;
  std::uint64_t images = 0;
};

// How a cell's images came to be. Never determined by the cell: every member is measured.
struct Measured {
  std::vector<UnitTime> times;
  double seconds = 0;        // of all units that generated, on their devices
  std::uint64_t images = 0;  // that these units made
  double peak_bytes = 0;
  std::optional<double> energy_joules;  // absent where a device did not tell
  std::vector<std::string> devices;     // sorted, once each
  std::vector<std::string> device_classes;
  std::uint64_t failed_attempts = 0;
  std::uint64_t repeats = 0;     // results that arrived again
  std::uint64_t mismatches = 0;  // of these, with another digest within the same device class
};

struct Picture {
  std::uint64_t number = 0;  // of the image
  Digest digest;             // of the PNG file among the artifacts
};

struct Cell {
  std::string experiment;
  std::uint64_t number = 0;
  std::string sample_key;  // hex
  Json labels = Json::object();
  // Guidance and seed stand beside it, so that cells that differ in them alone share the rest.
  Shared<SampleSpec> sample;
  double guidance = 1;
  std::uint64_t seed = 0;
  CellCost cost;
  std::uint64_t images = 0;
  CellState state = CellState::kOpen;
  std::optional<CellFailure> failure;
  std::vector<Score> scores;      // by metric, then key
  std::vector<Picture> pictures;  // by number
  Measured measured;
};

struct Experiment {
  std::string name;
  std::string grid;  // the grid file's text
  std::vector<std::string> axes;
};

struct Reference {
  std::string key;  // hex
  ReferenceSpec spec;

  // How many pictures it has; absent where nobody knows: published statistics do not say.
  [[nodiscard]] std::optional<std::uint64_t> count() const;
};

// What image `number` of a task is made from or held against, beside its prompt.
struct ItemPicture {
  std::uint64_t number = 0;
  tasks::Slot slot = tasks::Slot::kSource;
  Digest digest;  // of a PNG file among the artifacts
};

// Results that arrived again, of units that each count once, however many cells want them.
struct Repeats {
  std::uint64_t results = 0;
  std::uint64_t mismatches = 0;  // of these, with another digest within the same device class
};

struct ReportData {
  std::vector<Experiment> experiments;             // as they were asked for
  std::vector<Cell> cells;                         // by experiment, then number
  std::vector<Reference> references;               // by key
  std::map<std::string, std::string> input_names;  // "sha256:..." -> what a person calls it
  // Of tasks with pictures: by what data_of() says of their cells, then number and slot.
  std::map<std::string, std::vector<ItemPicture>> items;
  Repeats repeats;

  // Of a score; null where it has none.
  [[nodiscard]] const Reference* reference_of(const ScoreSpec& score) const;
};

// What the images of a sample are made from, whatever model and sampler make them: cells of other
// data are never compared. The one place that says so.
[[nodiscard]] std::string data_of(const SampleSpec& sample);

// Of each sample the first cell that has most of its images: what several cells share was made
// once, and whoever wants most has all units. In the order of the cells.
[[nodiscard]] std::vector<const Cell*> made_once(const std::vector<const Cell*>& cells);
[[nodiscard]] std::vector<const Cell*> made_once(const std::vector<Cell>& cells);

// One unit, for a table of them; measured_* are null where nothing was measured.
struct UnitRecord {
  std::string name;
  std::string kind, state;
  std::string sample_key;  // empty of a reference
  ImageRange range;
  double gflops = 0;                  // its price before it runs
  std::uint64_t failed_attempts = 0;  // lost workers included
  std::string failure_class, failure_reason;
  std::string worker, device_class, device;
  std::optional<double> seconds, peak_bytes, energy_joules;
  std::uint64_t repeats = 0, mismatches = 0;
};

}  // namespace isocost::report
