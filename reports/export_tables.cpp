#include "reports/export_tables.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "reports/csv/csv.h"
#include "reports/load/load.h"
#include "reports/model/report.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

constexpr const char* kUnits = "units";

// So many rows from `begin` on, or as many as there are.
Table slice(const Table& table, std::size_t begin, std::size_t count) {
  begin = std::min(begin, table.size);
  Table part = table;
  part.size = std::min(count, table.size - begin);
  part.row = [&table, begin](std::size_t i) { return table.row(begin + i); };
  return part;
}

}  // namespace

std::size_t ExportedTable::size() const { return table_.size; }

std::string ExportedTable::csv(std::size_t begin, std::size_t count) const {
  return to_csv(slice(table_, begin, count));
}

std::string ExportedTable::json(std::size_t begin, std::size_t count) const {
  std::string text = "[";
  for (const Row& row : slice(table_, begin, count).rows()) {
    Json object = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) object[table_.columns[i].name] = row[i];
    text += text.size() == 1 ? "\n" : ",\n";
    text += canonical(object);
  }
  return text + "\n]\n";
}

ExportedTables::ExportedTables(Report report, std::unique_ptr<const Table> units)
    : report_(std::make_unique<const Report>(std::move(report))), units_(std::move(units)) {}
ExportedTables::~ExportedTables() = default;

Result<std::unique_ptr<const ExportedTables>> ExportedTables::read(
    const std::filesystem::path& database, const std::string& experiment,
    const std::string& table) {
  const auto records = std::make_shared<std::vector<UnitRecord>>();
  std::function<void(const UnitRecord&)> see;
  if (table == kUnits) see = [&](const UnitRecord& unit) { records->push_back(unit); };
  auto data = load(database, {experiment}, see);
  if (!data) return fail(std::move(data.error()));
  std::unique_ptr<Table> units;
  if (table == kUnits) {
    units = std::make_unique<Table>(table_named(kUnits));
    units->size = records->size();
    units->row = [records](std::size_t i) { return row_of((*records)[i]); };
  }
  return std::unique_ptr<const ExportedTables>(
      new ExportedTables(make_report(std::move(*data)), std::move(units)));
}

bool ExportedTables::were_read_for(const std::string& table) const {
  return table != kUnits || units_ != nullptr;
}

std::unique_ptr<ExportedTable> ExportedTables::find(const std::string& name) const {
  const Table* table = name == kUnits ? units_.get() : report_->table(name);
  return table == nullptr ? nullptr : std::make_unique<ExportedTable>(*table);
}

}  // namespace isocost::report
