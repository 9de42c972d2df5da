#include "reports/load/units.h"

#include "schema/units/kind.h"

namespace isocost::report {
namespace {

UnitRecord record_of(const UnitRow& unit, const std::string& sample_key, const Json& measured) {
  const units::Kind* kind = units::find_kind(unit.kind);
  UnitRecord record;
  record.name = unit.name;
  record.kind = kind == nullptr ? std::to_string(unit.kind) : kind->name;
  record.state = units::state_name(unit.state);
  record.sample_key = sample_key;
  record.range = unit.range;
  record.gflops = unit.gflops;
  record.failed_attempts = unit.attempts;
  if (unit.state == UnitState::kFailed) {
    record.failure_class = failure_class_name(static_cast<FailureClass>(unit.failure_class));
    record.failure_reason = unit.failure_reason;
  }
  record.worker = unit.worker;
  record.device_class = unit.device_class;
  record.device = text_in(measured, "device");
  record.seconds = number_in(measured, "seconds");
  record.peak_bytes = number_in(measured, "peak_bytes");
  record.energy_joules = number_in(measured, "energy_joules");
  record.repeats = unit.repeats;
  record.mismatches = unit.mismatches;
  return record;
}

}  // namespace

std::string unit_columns() {
  return "SELECT u.id, u.name, u.state, u.range_begin, u.range_end, u.attempts + "
         "u.lost_workers, "
         "coalesce(u.failure_class, 0), "
         "coalesce(u.failure_reason, ''), coalesce(u.failure_log, ''), r.outcome, "
         "coalesce(r.device_class, ''), "
         "coalesce(r.measured, '{}'), "
         "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id), "
         "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id AND p.agrees = 0 "
         " AND p.device_class = r.device_class), u.keep_pictures, u.gflops, u.kind, "
         "coalesce(r.worker, '') "
         "FROM units u LEFT JOIN results r ON r.unit = u.id ";
}

UnitRow unit_from(SQLite::Statement& row) {
  UnitRow unit;
  unit.name = row.getColumn(1).getString();
  unit.state = static_cast<UnitState>(row.getColumn(2).getInt());
  unit.range = {static_cast<std::uint64_t>(row.getColumn(3).getInt64()),
                static_cast<std::uint64_t>(row.getColumn(4).getInt64())};
  unit.attempts = static_cast<std::uint64_t>(row.getColumn(5).getInt64());
  unit.failure_class = row.getColumn(6).getInt();
  unit.failure_reason = row.getColumn(7).getString();
  unit.failure_log = row.getColumn(8).getString();
  unit.has_result = !row.getColumn(9).isNull();
  unit.outcome = row.getColumn(9).getString();
  unit.device_class = row.getColumn(10).getString();
  unit.measured = row.getColumn(11).getString();
  unit.repeats = static_cast<std::uint64_t>(row.getColumn(12).getInt64());
  unit.mismatches = static_cast<std::uint64_t>(row.getColumn(13).getInt64());
  unit.keep_pictures = storage::count_from(row.getColumn(14));
  unit.gflops = row.getColumn(15).getDouble();
  unit.kind = row.getColumn(16).getInt();
  unit.worker = row.getColumn(17).getString();
  return unit;
}

std::optional<double> number_in(const Json& values, const char* key) {
  if (!values.is_object() || !values.contains(key) || !values[key].is_number()) return std::nullopt;
  return values[key].get<double>();
}

std::string text_in(const Json& values, const char* key) {
  return values.is_object() && values.contains(key) && values[key].is_string()
             ? values[key].get<std::string>()
             : std::string();
}

void UnitReader::see(std::int64_t id, const UnitRow& unit, const std::string& sample_key,
                     const Json& measured) {
  if (unit.repeats > 0 && repeated_.insert(id).second) {
    repeats_.results += unit.repeats;
    repeats_.mismatches += unit.mismatches;
  }
  if (see_ && seen_.insert(id).second) see_(record_of(unit, sample_key, measured));
}

void UnitReader::read(Source& source, std::int64_t id) {
  SQLite::Statement& rows = source.statement(unit_columns() + "WHERE u.id = ?");
  rows.bind(1, id);
  if (!rows.executeStep()) return;
  const UnitRow unit = unit_from(rows);
  see(id, unit, {}, source.json_of(unit.measured, unit.name + ": measured"));
}

}  // namespace isocost::report
