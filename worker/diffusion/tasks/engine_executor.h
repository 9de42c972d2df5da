// The engine behind a worker's session: runs generate, reference and score units with LibTorch.
//
//   EngineExecutor executor({.models = {"models"}, .device = "auto", .threads = 1}, store);
//   auto outcome = executor.execute(leased, progress);
//
// A result depends on its unit alone: images are computed in groups of the sample's group size
// aligned to the image's number (a range that ends inside a group computes all of it), noise is
// keyed by (seed, image, draw), a prompt's text state is computed by itself, and everything runs on
// `threads` threads, which is part of the device class. Artifacts that a unit needs are expected in
// the store. Thread: execute() from one; device_class() and device() from any.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "schema/tasks/baseline.h"
#include "worker/agent/executor.h"
#include "worker/diffusion/items/items.h"
#include "worker/diffusion/tasks/model_cache.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {

struct EngineOptions {
  std::vector<std::filesystem::path> models;
  std::string device = "auto";  // auto, cpu, cuda:N
  // fp32, bf16 or fp16 for the U-Net of every cell, and then part of the device class; empty: as
  // each cell says.
  std::string dtype = {};
  int threads = 1;
};

class EngineExecutor : public agent::Executor {
 public:
  // Fails with: an unknown or absent device, an unknown dtype, a model folder that is missing.
  [[nodiscard]] static Result<std::unique_ptr<EngineExecutor>> create(const EngineOptions& options,
                                                                      io::ArtifactStore& store);

  [[nodiscard]] std::vector<std::string> inventory() override;
  [[nodiscard]] std::string device_class() const override;
  [[nodiscard]] Json device() const override;
  [[nodiscard]] std::vector<std::string> warm() const override;
  [[nodiscard]] tl::expected<UnitResult, UnitFailure> execute(const agent::LeasedUnit& unit,
                                                              agent::Progress& progress) override;

 private:
  using Outcome = tl::expected<UnitResult, UnitFailure>;

  EngineExecutor(const EngineOptions& options, at::Device device, io::ArtifactStore& store);
  [[nodiscard]] Outcome caught(const agent::LeasedUnit& unit, agent::Progress& progress);
  [[nodiscard]] Outcome dispatch(const agent::LeasedUnit& unit, agent::Progress& progress);
  [[nodiscard]] Outcome generate(const agent::LeasedUnit& unit, agent::Progress& progress);
  [[nodiscard]] Outcome reference(const agent::LeasedUnit& unit, agent::Progress& progress);
  [[nodiscard]] Outcome score(const agent::LeasedUnit& unit);
  [[nodiscard]] Result<std::vector<std::string>> prompts(const std::string& digest);
  // The items of a unit's sample, opened; null where its task has none. As many as `prompts`.
  [[nodiscard]] Result<std::shared_ptr<const ItemSet>> items(const GenerateUnit& unit,
                                                             std::size_t prompts);
  [[nodiscard]] Result<void> try_out(const ExtractorSpec& spec, Extractor& extractor,
                                     const SampleSpec& sample,
                                     const std::vector<std::string>& prompts);
  // Ready statistics with as many features as the extractor gives, where that can be told.
  [[nodiscard]] Result<void> check_columns(const ReferenceSpec& spec, std::int64_t columns);
  // How groups of a sample become pictures. Valid as long as the sample is.
  struct Maker {
    const tasks::TaskKind* task = nullptr;  // whose items they are
    std::function<tl::expected<RowInput, UnitFailure>(const Group&)> make;
  };
  [[nodiscard]] Result<Maker> maker_of(const SampleSpec& spec,
                                       const std::shared_ptr<const ItemSet>& items);
  [[nodiscard]] Result<Maker> baseline_maker(const tasks::Baseline& row, const SampleSpec& spec,
                                             const std::shared_ptr<const ItemSet>& items);
  struct Gathered;
  // Rows, pixels and kept pictures of what was drawn for a group.
  [[nodiscard]] tl::expected<void, UnitFailure> gather_group(const GenerateUnit& unit,
                                                             const Group& group,
                                                             const RowInput& drawn,
                                                             Gathered& gathered);
  [[nodiscard]] Outcome finished(const GenerateUnit& unit, Gathered gathered);
  // An artifact of rows, put into the store.
  [[nodiscard]] ArtifactRef keep(std::string name, const std::string& bytes);

  EngineOptions options_;
  at::Device device_;
  io::ArtifactStore& store_;
  ModelCache cache_;
  std::string device_class_;
  // The prompts of the last few cells, by digest.
  std::map<std::string, std::vector<std::string>> prompts_;
  // The items of the last few cells, by what names them.
  std::map<std::string, std::shared_ptr<const ItemSet>> items_;
  // Extractors that gave rows for pictures of a size: "<network_id> <height> <width>".
  std::set<std::string> tried_;
};

}  // namespace isocost::diffusion
