// core::Store in memory: the twin of storage::SqliteStore for tests and the simulator.
//
//   MemoryStore store;
//   store.crash();                      // forgets what was not committed, as a killed process does
//
// Keeps the rows as values; state() shows them to a test's own model. Thread: one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "coordinator/core/ports.h"
#include "schema/units/cell.h"

namespace isocost::testing {

// Of every store in memory: what attempts prove themselves by.
inline constexpr const char* kSecret = "secret";

class MemoryStore : public core::Store {
 public:
  struct UnitRow {
    core::NewUnit unit;
    UnitState state = UnitState::kOpen;
    int attempts = 0;
    int lost_workers = 0;
    struct Failed {
      bool is_lost = false;  // with its worker
      std::string worker{};
      bool is_excused = false;  // it does not count
    };
    std::map<core::Attempt, Failed> failed;
    int remakes = 0;
    core::Attempt lost{};  // the last that was handed out before it was to be made again
    std::optional<UnitFailure> failure;
    std::optional<UnitResult> result;
    std::string worker;
  };
  struct ExperimentRow {
    std::string name;
    int priority = 0;
    bool is_cancelled = false;
    std::int64_t order = 0;
    std::vector<core::CellRow> cells;
  };
  struct State {
    std::uint64_t epoch = 0;
    std::map<core::UnitId, UnitRow> units;
    std::map<std::string, core::UnitId> names;
    std::map<Digest, core::NewSample> samples;
    std::map<Digest, std::string> extractors;
    std::map<Digest, core::NewScore> scores;
    std::map<Digest, core::NewReference> references;
    std::map<core::ExperimentId, ExperimentRow> experiments;
    std::set<std::string> blobs;
    std::map<std::string, std::string> input_names;
    std::vector<std::string> workers;  // the last that reported first
    // unit, digest, worker -> times, agrees
    std::map<std::tuple<core::UnitId, Digest, std::string>, std::pair<int, bool>> repeats;
    std::vector<log::Event> events;  // the last of each kind
    std::int64_t last_event = 0;
  };

  [[nodiscard]] core::OpenState open() override;
  void apply(const std::vector<core::Write>& writes) override;
  void commit() override { committed_ = state_; }
  [[nodiscard]] std::vector<log::Event> take_events() override {
    return std::exchange(recorded_, {});
  }
  [[nodiscard]] std::optional<core::KnownUnit> find_unit(const std::string& name) override;
  [[nodiscard]] wire::Lease lease_of(core::UnitId unit) override;
  [[nodiscard]] core::Existing existing(const Submission& submission) override;
  [[nodiscard]] std::optional<core::ExperimentId> find_experiment(const std::string& name) override;
  [[nodiscard]] std::vector<core::UnitId> unwanted() override;
  [[nodiscard]] std::map<core::UnitId, int> priorities() override;
  [[nodiscard]] std::vector<core::OpenUnit> units(const std::vector<core::UnitId>& ids) override;
  [[nodiscard]] std::vector<core::UnitId> failed(
      std::optional<core::ExperimentId> experiment) override;
  [[nodiscard]] std::vector<core::LostUnit> makers(const std::vector<Digest>& artifacts) override;
  [[nodiscard]] bool was_remade(core::UnitId unit, core::Attempt attempt) override;
  [[nodiscard]] std::vector<core::UnitId> failed_by(const std::string& worker) override;
  void describe(core::Snapshot& snapshot) override;

  void crash() {
    state_ = committed_;
    recorded_.clear();
  }
  [[nodiscard]] const State& state() const { return state_; }

 private:
  void describe(core::RunningView& view, std::vector<core::ExperimentView>& experiments) const;
  struct Applier;
  [[nodiscard]] BodyParts parts_of(const core::NewUnit& unit) const;
  [[nodiscard]] bool is_waiting(const UnitRow& row) const;
  [[nodiscard]] CellState state_of(const core::CellRow& cell, bool is_cancelled) const;
  [[nodiscard]] bool has_priorities() const;
  [[nodiscard]] int priority_of(core::UnitId unit) const;
  [[nodiscard]] core::OpenUnit open_unit(const UnitRow& row) const;
  [[nodiscard]] std::set<core::UnitId> units_of(const core::CellRow& cell) const;
  [[nodiscard]] std::set<core::UnitId> wanted(std::optional<core::ExperimentId> experiment) const;

  [[nodiscard]] std::vector<std::pair<core::ExperimentId, core::CellRow>> done_cells(
      core::UnitId unit) const;
  void record(log::Event event);
  void record(const core::RecordEvent& write);

  std::vector<log::Event> recorded_;
  State state_;
  State committed_;
};

}  // namespace isocost::testing
