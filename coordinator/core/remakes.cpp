#include "coordinator/core/remakes.h"

namespace isocost::core {

void Remakes::remake(const std::vector<LostUnit>& lost, Instant now) {
  for (const LostUnit& one : lost) remake(one, now);
}

// A unit that was done is open again, and what needs it waits, or will once it is not leased.
void Remakes::remake(const LostUnit& lost, Instant now) {
  OpenUnit unit = lost.unit;
  if (table_.find(unit.id) != nullptr) return;  // it is being made again already
  std::erase_if(unit.needs, [&](UnitId needed) { return table_.find(needed) == nullptr; });
  ++unit.remakes;
  ++count_;
  table_.add(unit);
  write(ReopenUnit{unit.id, unit.remakes, attempts_.last()});
  for (const UnitId dependent : lost.dependents)
    if (table_.find(dependent) != nullptr) table_.need(dependent, unit.id);
  must_dispatch_ = true;
  if (unit.remakes <= options_.remakes_max) {
    note(log::Incident::kLostArtifact, unit.name,
         "its artifacts are missing or damaged; it is made again");
    return;
  }
  table_.find(unit.id)->attempts = options_.attempts_max;
  blame_.give_up(unit.id, {},
                 {FailureClass::kInputOutput,
                  "its artifacts were lost " + std::to_string(unit.remakes) +
                      " times; expected a folder of artifacts that keeps what it is given",
                  {}},
                 now);
}

}  // namespace isocost::core
