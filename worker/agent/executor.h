// The seam between a worker's session and what computes: a unit in, a result or a classed failure
// out.
//
// The agent (network side) owns an Executor and calls execute() from one computing thread, one unit
// at a time. The diffusion library implements it (worker/diffusion/tasks); tests implement it
// without LibTorch. An Executor knows nothing of the network: it reads inputs and artifacts and
// writes artifacts through the ports it is given.
#pragma once

#include <atomic>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "schema/units/unit.h"

namespace isocost::agent {

// A leased unit, complete: nothing else is asked of the coordinator while it runs (artifacts
// aside).
struct LeasedUnit {
  std::string name;
  UnitKind kind = UnitKind::kGenerate;
  Json body;  // GenerateUnit, ReferenceUnit or ScoreUnit
  // A score unit finds here the rows of its images (several ranges) and its reference.
  std::vector<NeededUnit> needs;
};

// What a running unit tells the session; all members may be touched from two threads.
struct Progress {
  std::atomic<double> fraction{0};  // 0 to 1
  std::atomic<bool> is_cancelled{
      false};  // set by the session; an executor looks between groups and stops
};

class Executor {
 public:
  virtual ~Executor() = default;
  // The digests ("sha256:...") of all inputs found under the worker's model folders.
  [[nodiscard]] virtual std::vector<std::string> inventory() = 0;
  // Build, LibTorch version, instruction set or GPU model, threads: results are equal to the bit
  // within one class.
  [[nodiscard]] virtual std::string device_class() const = 0;
  // {"device": "cpu", "name": "AMD EPYC", "memory_bytes": ..., "threads": 1}
  [[nodiscard]] virtual Json device() const = 0;
  // What is loaded now (U-Net digests): the coordinator prefers units of these.
  [[nodiscard]] virtual std::vector<std::string> warm() const = 0;
  // Never throws for faults of the unit: those are UnitFailure.
  [[nodiscard]] virtual tl::expected<UnitResult, UnitFailure> execute(const LeasedUnit& unit,
                                                                      Progress& progress) = 0;
};

}  // namespace isocost::agent
