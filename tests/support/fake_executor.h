// An Executor without LibTorch: every result is a digest of what it was given, so that it depends
// on the unit and on the bytes of the artifacts that it needs, and on nothing else.
//
// Bodies are read as GenerateUnit, ReferenceUnit and ScoreUnit. Faults can be asked for by unit
// name. Thread: as Executor.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "worker/agent/executor.h"

namespace isocost::testing {

struct FakeExecutorOptions {
  std::vector<std::string> inventory{};
  std::string device = "fake";             // what it says that it computes on
  std::chrono::milliseconds unit_time{0};  // how long a unit seems to compute; it can be cancelled
  std::size_t rows_bytes = 1000;           // of each rows artifact
  std::function<std::optional<UnitFailure>(const agent::LeasedUnit&)> fault{};
};

class FakeExecutor : public agent::Executor {
 public:
  FakeExecutor(io::ArtifactStore& store, FakeExecutorOptions options)
      : store_(store), options_(std::move(options)) {}

  std::vector<std::string> inventory() override { return options_.inventory; }
  std::string device_class() const override { return "fake"; }
  Json device() const override {
    return {{"device", options_.device}, {"memory_bytes", 1ULL << 40}, {"threads", 1}};
  }
  std::vector<std::string> warm() const override { return warm_; }
  tl::expected<UnitResult, UnitFailure> execute(const agent::LeasedUnit& unit,
                                                agent::Progress& progress) override;

  int executed = 0;

 private:
  Result<UnitResult> outcome(const agent::LeasedUnit& unit);
  Result<UnitResult> generate(const agent::LeasedUnit& unit);
  Result<UnitResult> reduce(const agent::LeasedUnit& unit);
  ArtifactRef keep(const std::string& name, const std::string& bytes);

  io::ArtifactStore& store_;
  FakeExecutorOptions options_;
  std::vector<std::string> warm_;
};

}  // namespace isocost::testing
