// The coordinator's state in SQLite: core::Store over one writing connection.
//
//   auto store = SqliteStore::open("study/isocost.db");   // Result: says why not
//   core::OpenState state = (*store)->open();
//
// WAL with synchronous FULL; apply() writes within one transaction that commit() makes durable, so
// that many results share one fsync; then it marks beside the database how far that was
// (acknowledged.h). The wall clock stands in rows for people alone. Thread: one.
// Throws std::runtime_error with one sentence on I/O faults; what was not committed is gone then.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/core/ports.h"

namespace isocost::storage {

struct SqliteOptions {
  // Opens a database that lacks what was acknowledged; it is computed again.
  bool accepts_loss = false;
};

class SqliteStore : public core::Store {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file,
                                                                 const SqliteOptions& options = {});
  ~SqliteStore() override;

  // What a person should know of the database, a sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const;

  [[nodiscard]] core::OpenState open() override;
  void apply(const std::vector<core::Write>& writes) override;
  void commit() override;
  [[nodiscard]] std::vector<log::Event> take_events() override;
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

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  template <class Body>
  auto guarded(Body body);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::storage
