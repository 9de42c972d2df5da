// Reads the cells of an experiment: how their images came to be, their scores, and their state. For
// the sources of this folder alone. Thread: one. Throws SQLite::Exception.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reports/load/source.h"
#include "reports/load/units.h"
#include "reports/model/data.h"
#include "schema/units/item_pictures.h"

namespace isocost::report {

struct ExperimentRow {
  std::int64_t id = 0;
  Experiment experiment;
  bool is_cancelled = false;
};

// What images were made from and are held against, of all cells that are read. The first that tells
// of a picture is taken: all have the same.
class ItemsFound {
 public:
  void add(const Shared<SampleSpec>& sample, const ItemArtifact& item, const Digest& digest);
  // As ReportData::items has them.
  [[nodiscard]] std::map<std::string, std::vector<ItemPicture>> take() const;

 private:
  std::map<const SampleSpec*, std::string> keys_;  // shared by many cells
  std::vector<Shared<SampleSpec>> kept_;           // so that no other gets one's place
  std::map<std::string, std::map<std::pair<std::uint64_t, tasks::Slot>, Digest>> pictures_;
};

// By number. Faults are left in `source`.
[[nodiscard]] std::vector<Cell> read_cells(Source& source, const ExperimentRow& row,
                                           UnitReader& units, ItemsFound& items);

}  // namespace isocost::report
