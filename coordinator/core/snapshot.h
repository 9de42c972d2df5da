// What the page, /api/v1/status and metrics show: an immutable picture of the coordinator that the
// loop publishes.
//
//   std::shared_ptr<const core::Snapshot> snapshot = loop.snapshot();
//   Response response = web::handle(request, *snapshot);
//
// Counts are re-derived from the database and the core at each publication, never kept. Pure
// values, any thread once published.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/core/types.h"
#include "coordinator/log/incident.h"

namespace isocost::core {

struct UnitCounts {
  std::uint64_t waiting = 0;
  std::uint64_t ready = 0;   // leased ones included
  std::uint64_t leased = 0;  // of the ready ones
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  [[nodiscard]] std::uint64_t open() const { return waiting + ready; }
  [[nodiscard]] std::uint64_t total() const { return waiting + ready + done + failed; }
  bool operator==(const UnitCounts&) const = default;
};

// A unit that a worker holds.
struct RunningView {
  wire::Running run;
  std::string kind;  // the name of its kind: generate, score, reference
  // Of a cell that wants it, and its images: from the store. Empty for a reference, which belongs
  // to no cell.
  Json labels = Json::object();
  ImageRange images;
};

struct WorkerView {
  std::string name;
  std::string host;
  std::string device_class;
  Json device = Json::object();
  std::vector<RunningView> running;  // what it holds, with progress
  double silent_seconds = 0;
  std::vector<std::string> warm;
  std::size_t failures_in_a_row = 0;  // attempts that failed since its last success
  std::string last_failure{};         // "bug: ..."
  bool is_quarantined = false;        // it fails where others succeed
  double rests_seconds = 0;           // until it gets a unit again, to show itself
  double no_progress_seconds = 0;     // it speaks, and what it computes does not come further
  std::string stalled{};              // a unit that was taken from it and still occupies it
};

// A worker that is not here any more.
struct GoneWorkerView {
  std::string name;
  std::string host{};
  std::string device_class{};
  Json device = Json::object();
  bool is_lost = false;  // it went without a word
  std::string reason{};
  double gone_seconds = 0;
};

struct FailedCellView {
  std::uint64_t number = 0;
  Json labels = Json::object();
  std::string unit;
  std::string failure_class;  // failure_class_name
  std::string reason;
  std::vector<std::string> log_tail;
};

struct ExperimentView {
  ExperimentId id{};
  std::string name;
  bool is_cancelled = false;
  std::int64_t submitted_ms = 0;
  std::uint64_t cells = 0;
  std::uint64_t cells_done = 0;
  std::uint64_t cells_failed = 0;
  std::uint64_t cells_cancelled = 0;  // of a cancelled experiment, that are not done and not failed
  UnitCounts units;                   // that its cells want
  double gflops_total = 0;
  double gflops_done = 0;
  std::vector<FailedCellView> failed;  // the first kFailedCellsShown
};
inline constexpr std::size_t kFailedCellsShown = 100;

// What ready units want and no worker has.
struct MissingInput {
  std::string input;  // "sha256:..."
  std::string name;   // as people know it: from the store; else the digest again
};

struct Snapshot {
  std::string database;
  std::string build;
  std::uint64_t epoch = 0;
  bool is_draining = false;
  UnitCounts units;
  // Of the workers that compute something now, by what they computed since the start; 0: none does,
  // or it is not known yet.
  double gflops_per_second = 0;
  double seconds_left = -1;      // -1: not known, as while something of it cannot run
  std::uint64_t repeats = 0;     // results that came again
  std::uint64_t mismatches = 0;  // of these, with another digest
  // Since this start: workers that came into quarantine, units that took too long and were taken
  // elsewhere, units that were done and are made again since their artifacts were lost.
  std::uint64_t quarantines = 0;
  std::uint64_t stalls = 0;
  std::uint64_t units_made_again = 0;
  bool is_stuck = false;  // workers are idle and can run none of what is ready
  std::vector<MissingInput> missing_inputs;
  std::vector<WorkerView> workers;
  std::vector<GoneWorkerView> gone_workers;  // within kGoneShown, the last first
  std::vector<ExperimentView> experiments;
  log::IncidentCounts incidents{};      // since the coordinator's start
  std::vector<std::string> key_faults;  // of the folder of allowed keys, as it is now
};

}  // namespace isocost::core
