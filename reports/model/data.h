// What a report is made of: the experiments as the database holds them, as plain values.
//
// reports/load fills it from SQLite, tests fill it by hand; everything after it is pure. One
// ReportData may hold several experiments (a study and its finalists). Any thread, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/units/cell.h"

namespace isocost::report {

// A metric of a cell, with what was found if it is done. `value` is in the metric's own unit.
struct Score {
  std::string key;  // hex of the score key
  ScoreSpec spec;
  std::optional<double> value;
  std::optional<double> low, high;  // 95 % interval
  std::uint64_t n = 0;              // images that were judged
  // Each replicate's distance from the mean of them, if the interval was made by resampling.
  std::vector<double> deviations;
  bool is_jackknife = false;     // else of a bootstrap
  Json values = Json::object();  // all that the metric told
  std::string measured_device_class;
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

// How a cell's images came to be. Never determined by the cell: every member is measured.
struct Measured {
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
  SampleSpec sample;
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

struct ReportData {
  std::vector<Experiment> experiments;             // as they were asked for
  std::vector<Cell> cells;                         // by experiment, then number
  std::vector<Reference> references;               // by key
  std::map<std::string, std::string> input_names;  // "sha256:..." -> what a person calls it

  // Of a score; null where it has none.
  [[nodiscard]] const Reference* reference_of(const ScoreSpec& score) const;
};

}  // namespace isocost::report
