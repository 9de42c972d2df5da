// Units as the database holds them, and whoever wants to see each once. For the sources of this
// folder alone. Thread: one. Throws SQLite::Exception.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>

#include "reports/load/source.h"
#include "reports/model/data.h"

namespace isocost::report {

// The outcome of a unit, as several cells may share it.
struct UnitRow {
  std::string name;
  UnitState state = UnitState::kOpen;
  ImageRange range;
  std::uint64_t keep_pictures = 0;
  std::uint64_t attempts = 0;
  int failure_class = 0;
  std::string failure_reason, failure_log;
  bool has_result = false;
  std::string outcome, device_class, measured, worker;
  double gflops = 0;
  int kind = 0;
  std::uint64_t repeats = 0, mismatches = 0;
};

// What unit_from() reads, of units u and their results r.
[[nodiscard]] std::string unit_columns();
[[nodiscard]] UnitRow unit_from(SQLite::Statement& row);

// Of an object; nothing where it is none or has no such member of this type.
[[nodiscard]] std::optional<double> number_in(const Json& values, const char* key);
[[nodiscard]] std::string text_in(const Json& values, const char* key);

using SeeUnit = std::function<void(const UnitRecord&)>;

// Shows and counts each unit once, however many cells want it.
class UnitReader {
 public:
  explicit UnitReader(SeeUnit see) : see_(std::move(see)) {}
  void see(std::int64_t id, const UnitRow& unit, const std::string& sample_key,
           const Json& measured);
  // Of a reference, which belongs to no cell.
  void read(Source& source, std::int64_t id);
  [[nodiscard]] const Repeats& repeats() const { return repeats_; }

 private:
  SeeUnit see_;  // may be empty
  std::unordered_set<std::int64_t> seen_, repeated_;
  Repeats repeats_;
};

}  // namespace isocost::report
