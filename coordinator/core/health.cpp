#include "coordinator/core/health.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::core {
namespace {

Duration next_rest(Duration last, Duration first, Duration most) {
  return last < first ? first : std::min(2 * last, most);
}

}  // namespace

bool Health::failed(const FailedUnit& failed, Instant now) {
  make_room();
  Record& record = records_[failed.worker];
  if (record.row.size() < options_.row_max) record.row.insert(failed.unit);
  ++record.failures;
  record.reason = failed.reason;
  if (!is_full(record)) return false;
  if (record.is_quarantined) {
    record.rest = next_rest(record.rest, options_.quarantine_first, options_.quarantine_max);
    record.rests_until = now + record.rest;
    return false;
  }
  if (record.is_refuted) return quarantine(record, now);
  if (!failed.may_rest) return false;
  record.rest = next_rest(record.rest, options_.rest_first, options_.rest_max);
  record.rests_until = now + record.rest;
  return false;
}

bool Health::refuted(const std::string& worker, Instant now) {
  const auto found = records_.find(worker);
  if (found == records_.end()) return false;
  Record& record = found->second;
  record.is_refuted = true;
  return is_full(record) && !record.is_quarantined && quarantine(record, now);
}

bool Health::quarantine(Record& record, Instant now) {
  record.is_quarantined = true;
  record.rest = options_.quarantine_first;
  record.rests_until = now + record.rest;
  return true;
}

bool Health::succeeded(const std::string& worker) {
  if (proven_.size() < kHealthRecordsMax) proven_.insert(worker);
  const auto found = records_.find(worker);
  if (found == records_.end()) return false;
  const bool was_quarantined = found->second.is_quarantined;
  records_.erase(found);
  return was_quarantined;
}

bool Health::may_begin(const std::string& worker, bool holds_units, Instant now) const {
  const Record* record = find(worker);
  if (record == nullptr || record->rest == Duration(0) || !is_full(*record)) return true;
  return !holds_units && now >= record->rests_until;
}

bool Health::is_resting(const std::string& worker, Instant now) const {
  const Record* record = find(worker);
  return record != nullptr && now < record->rests_until;
}

bool Health::is_quarantined(const std::string& worker) const {
  const Record* record = find(worker);
  return record != nullptr && record->is_quarantined;
}

bool Health::has_rested(Instant since, Instant now) const {
  return std::any_of(records_.begin(), records_.end(), [&](const auto& entry) {
    return entry.second.rests_until > since && entry.second.rests_until <= now;
  });
}

bool Health::is_doubtful(const std::string& worker) const {
  const Record* record = find(worker);
  return !is_proven(worker) || (record != nullptr && record->row.size() > 1);
}

const Health::Record* Health::find(const std::string& worker) const {
  const auto found = records_.find(worker);
  return found == records_.end() ? nullptr : &found->second;
}

void Health::make_room() {
  if (records_.size() < kHealthRecordsMax) return;
  const auto least = std::min_element(
      records_.begin(), records_.end(),
      [](const auto& a, const auto& b) { return a.second.rests_until < b.second.rests_until; });
  records_.erase(least);
}

void Health::check_invariants() const {
  for (const auto& [unused, record] : records_) {
    ISOCOST_CHECK(!record.row.empty(), "who failed nothing has no record");
    ISOCOST_CHECK(record.rests_until == Instant{} || is_full(record), "only a full row rests");
    ISOCOST_CHECK(!record.is_quarantined || is_full(record), "a quarantine has its reason");
  }
}

}  // namespace isocost::core
