// What the HTTP interface reads from the database beside the snapshot: events, and the tables of an
// experiment. Whoever wires the coordinator implements it over read-only connections.
//
//   Result<TablePage> page = archive.table({.experiment = "study", .table = "cells"});
//
// Methods may be called from several threads at once, and take as long as reading takes. Fail with:
// a database that cannot be read. Requires: experiment and table are there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/log/event.h"

namespace isocost::web {

enum class TableFormat { kCsv, kJson };

struct TableQuery {
  std::string experiment;
  std::string table;  // one of table_names()
  TableFormat format = TableFormat::kCsv;
  std::size_t offset = 0;              // rows that are passed over
  std::optional<std::size_t> limit{};  // rows at most; absent: all
};

struct TablePage {
  std::string text;      // CSV with its head, or a JSON list of objects
  std::size_t rows = 0;  // of the whole table
};

class Archive {
 public:
  virtual ~Archive() = default;
  [[nodiscard]] virtual Result<std::vector<log::Event>> events(const log::EventQuery& query) = 0;
  [[nodiscard]] virtual Result<TablePage> table(const TableQuery& query) = 0;
};

}  // namespace isocost::web
