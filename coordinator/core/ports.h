// What the core's loop asks of storage.
//
//   store.apply(effects.writes);     // opens the transaction if none is open; lookups see it
//   store.commit();                  // durable; only now may the messages be sent
//
// One thread. Every method throws std::runtime_error on I/O faults (disk full): the coordinator
// stops, and a restart recovers. What was applied and not committed is gone then.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/snapshot.h"
#include "coordinator/core/submission.h"
#include "coordinator/core/types.h"

namespace isocost::core {

// So many workers are remembered over a restart.
inline constexpr std::size_t kKnownWorkersMax = 256;

// What a coordinator begins with.
struct OpenState {
  std::string database;              // its id
  std::uint64_t epoch = 0;           // of this start, durable already
  std::string secret{};              // its own: what attempts prove themselves by
  std::vector<OpenUnit> units;       // waiting and ready ones, by id
  std::vector<std::string> workers;  // names that reported before, the last ones first
};

class Store {
 public:
  virtual ~Store() = default;

  // Counts the start. Requires: called once, first.
  [[nodiscard]] virtual OpenState open() = 0;
  virtual void apply(const std::vector<Write>& writes) = 0;
  virtual void commit() = 0;
  // What was recorded since this was last asked: RecordEvents as they lie in the store, and cells
  // that were finished. Told to nobody before the commit.
  [[nodiscard]] virtual std::vector<log::Event> take_events() = 0;

  [[nodiscard]] virtual std::optional<KnownUnit> find_unit(const std::string& name) = 0;
  // Body, artifacts of the units that it needs, blobs; session and attempt are the core's.
  // Requires: the unit exists.
  [[nodiscard]] virtual wire::Lease lease_of(UnitId unit) = 0;

  [[nodiscard]] virtual Existing existing(const Submission& submission) = 0;
  [[nodiscard]] virtual std::optional<ExperimentId> find_experiment(const std::string& name) = 0;
  // Open units that no cell of a live experiment wants.
  [[nodiscard]] virtual std::vector<UnitId> unwanted() = 0;
  // The priority of open units: the highest of the live experiments that want them. Only those that
  // are not 0.
  [[nodiscard]] virtual std::map<UnitId, int> priorities() = 0;
  // Units by id, as they would be opened: needs are those not done.
  [[nodiscard]] virtual std::vector<OpenUnit> units(const std::vector<UnitId>& ids) = 0;
  // Units that are done and have one of these artifacts, by id, each with the open units that need
  // it.
  [[nodiscard]] virtual std::vector<LostUnit> makers(const std::vector<Digest>& artifacts) = 0;
  // Whether something that the unit needs was to be made again after this attempt was handed out.
  [[nodiscard]] virtual bool was_remade(UnitId unit, Attempt attempt) = 0;
  // Failed units that a live experiment wants and that this worker failed an attempt of, which was
  // not excused; by id.
  [[nodiscard]] virtual std::vector<UnitId> failed_by(const std::string& worker) = 0;
  // Failed units that the experiment wants (all experiments: nullopt), by id.
  [[nodiscard]] virtual std::vector<UnitId> failed(std::optional<ExperimentId> experiment) = 0;
  // Experiments and counts of units; of the units that the workers hold, what they are for; of
  // missing inputs, their names.
  virtual void describe(Snapshot& snapshot) = 0;
};

}  // namespace isocost::core
