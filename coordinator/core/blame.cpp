#include "coordinator/core/blame.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/check.h"
#include "base/text.h"

namespace isocost::core {
namespace {

bool counts(const FailedAttempt& attempt) { return !attempt.is_lost && !attempt.is_excused; }

std::string text_of(const UnitFailure& failure) {
  return std::string(failure_class_name(failure.failure_class)) + ": " + one_line(failure.reason);
}

}  // namespace

// Counts an attempt once, whoever else is at the unit meanwhile. One whose worker was lost is
// counted anew when the worker's supervisor tells of what it died.
void Blame::fail_attempt(Unit& unit, const FailedBy& failed, Instant now) {
  const UnitFailure& failure = failed.failure;
  const bool is_lost = failure.failure_class == FailureClass::kLostWorker;
  // A sick worker's failures say nothing of the unit while another one could compute it.
  if (!is_lost && health_.is_quarantined(failed.worker) &&
      eligibility_.has_elsewhere(unit, failed.worker, now)) {
    excuse_attempt(unit, failed, now);
    return;
  }
  leases_.end_lease(unit, failed.attempt, now);
  if (const FailedAttempt* known = find_failed(unit, failed.attempt)) {
    if (is_lost || !known->is_lost) return;
    table_.remove_failed(unit.id, failed.attempt);
    if (unit.lost_workers > 0) --unit.lost_workers;
  }
  table_.add_failed(unit.id, {failed.attempt, is_lost, failed.worker, false});
  (is_lost ? unit.lost_workers : unit.attempts) += 1;
  if (!is_lost) blame(unit, failed, now);
  if (is_over(unit, failed, now)) {
    give_up(unit.id, failed, failure, now);
    return;
  }
  write(RecordFailure{unit.id, false, unit.attempts, unit.lost_workers, failure, failed.attempt,
                      failed.worker});
  // That a worker was lost is an event by itself.
  if (!is_lost)
    record(
        log::EventKind::kAttemptFailed, failed.worker,
        unit.name + ", failed attempt " + std::to_string(unit.attempts) + ": " + text_of(failure),
        unit.id);
}

// What fails for good fails so on this worker; elsewhere it may be right. And three who never did
// anything well say less than one who does.
bool Blame::is_over(const Unit& unit, const FailedBy& failed, Instant now) {
  if (failed.failure.failure_class == FailureClass::kLostWorker)
    return unit.lost_workers >= options_.lost_workers_max;
  const bool is_final = !is_retryable(failed.failure.failure_class);
  if (!is_final && unit.attempts < options_.attempts_max) return false;
  if (!eligibility_.has_elsewhere(unit, failed.worker, now, Eligibility::Elsewhere::kAnybody))
    return true;
  const bool are_doubtful = std::all_of(
      unit.failed.begin(), unit.failed.end(),
      [&](const FailedAttempt& attempt) { return health_.is_doubtful(attempt.worker); });
  return unit.attempts >= (are_doubtful ? 2 : 1) * options_.attempts_max;
}

// It failed, and that counts nothing: not against the unit, nor against whoever made it.
void Blame::excuse_attempt(Unit& unit, const FailedBy& failed, Instant now) {
  leases_.end_lease(unit, failed.attempt, now);
  const FailedAttempt* known = find_failed(unit, failed.attempt);
  if (known != nullptr && !known->is_lost) return;
  if (known != nullptr) forgive(unit, failed.attempt);
  const bool is_sick = health_.is_quarantined(failed.worker);
  table_.add_failed(unit.id, {failed.attempt, false, is_sick ? failed.worker : "", true});
  write(ExcuseAttempt{unit.id, failed.attempt, is_sick ? failed.worker : ""});
  record(log::EventKind::kAttemptFailed, failed.worker,
         unit.name + ", which counts nothing: " + text_of(failed.failure), unit.id);
  if (is_sick) blame(unit, failed, now);
  must_dispatch_ = true;
}

// The unit is failed, and so is everything that waits for it.
void Blame::give_up(UnitId id, const std::optional<FailedBy>& failed, const UnitFailure& failure,
                    Instant now) {
  const std::vector<UnitId> lost = table_.with_dependents(id);
  const std::string cause = table_.at(id).name;
  for (const UnitId unit_id : lost) {
    const Unit& unit = table_.at(unit_id);
    leases_.detach(unit, now);
    RecordFailure record{unit_id, true, unit.attempts, unit.lost_workers, failure, {}, {}};
    if (unit_id != id) {
      record.failure.reason = "it needs " + cause + ", which failed: " + failure.reason;
      record.failure.log_tail.clear();
    } else if (failed) {
      record.attempt = failed->attempt;
      record.worker = failed->worker;
    }
    write(std::move(record));
  }
  std::string what = cause + " is given up: " + text_of(failure);
  if (lost.size() == 2) what += "; 1 unit that needs it fails with it";
  if (lost.size() > 2)
    what += "; " + std::to_string(lost.size() - 1) + " units that need it fail with it";
  record(log::EventKind::kFailed, failed ? failed->worker : "", what, id);
  table_.drop(lost);
  must_dispatch_ = true;
}

void Blame::blame(const Unit& unit, const FailedBy& failed, Instant now) {
  if (failed.worker.empty()) return;
  const bool was_resting = health_.is_resting(failed.worker, now);
  // Alone with input that is bad, a worker need not wait: it will be bad then, too.
  const bool may_rest = is_retryable(failed.failure.failure_class) ||
                        std::any_of(sessions_.begin(), sessions_.end(), [&](auto& entry) {
                          Session& other = entry.second;
                          return other.worker != failed.worker &&
                                 health_.is_spotless(other.worker) &&
                                 eligibility_.can_run(other, unit.work_class);
                        });
  if (health_.failed({failed.worker, unit.id, text_of(failed.failure), may_rest}, now)) {
    quarantine(failed.worker);
  } else if (!was_resting && health_.is_resting(failed.worker, now)) {
    const Health::Record& record = *health_.find(failed.worker);
    note(log::Incident::kFailing, failed.worker,
         std::to_string(record.failures) + " attempts failed since its last success (" +
             record.reason + "); it rests for " +
             std::to_string(std::chrono::duration_cast<std::chrono::seconds>(record.rest).count()) +
             " s and gets one unit then");
  }
}

// The unit is computed. Whoever failed it is not as well as whoever did it.
void Blame::praise(const Unit& unit, const std::string& worker, Instant now) {
  if (!worker.empty() && health_.succeeded(worker))
    record(log::EventKind::kWellAgain, worker, "it is well again; its quarantine is over");
  std::set<std::string> refuted;
  for (const FailedAttempt& attempt : unit.failed)
    if (!attempt.is_lost && attempt.worker != worker) refuted.insert(attempt.worker);
  for (const std::string& other : refuted)
    if (health_.refuted(other, now)) quarantine(other);
}

// What it failed was no unit's fault.
void Blame::quarantine(const std::string& worker) {
  ++quarantines_;
  effects_.reconsider.push_back(worker);
  note(log::Incident::kQuarantined, worker,
       "it fails where others succeed (" + health_.find(worker)->reason +
           "); it is in quarantine and gets one unit now and then, until it succeeds");
  std::vector<UnitId> touched;
  for (const auto& [id, unit] : table_.units())
    if (std::any_of(unit.failed.begin(), unit.failed.end(), [&](const FailedAttempt& attempt) {
          return counts(attempt) && attempt.worker == worker;
        }))
      touched.push_back(id);
  for (const UnitId id : touched) {
    Unit& unit = *table_.find(id);
    const std::vector<FailedAttempt> all = unit.failed;
    for (const FailedAttempt& attempt : all) {
      if (!counts(attempt) || attempt.worker != worker) continue;
      table_.excuse(id, attempt.attempt);
      if (unit.attempts > 0) --unit.attempts;
      write(ExcuseAttempt{id, attempt.attempt, worker});
    }
  }
}

// The worker is back and nothing that it computed had a part in its loss.
void Blame::forgive(const std::string& worker) {
  const auto suspicion = suspicions_.find(worker);
  if (suspicion == suspicions_.end()) return;
  for (const auto& [id, attempt] : suspicion->second.units) {
    if (Unit* unit = table_.find(id))
      forgive(*unit, attempt);
    else
      write(ForgiveLoss{id, attempt});  // finished meanwhile, or failed
  }
}

void Blame::forgive(Unit& unit, Attempt attempt) {
  const FailedAttempt* known = find_failed(unit, attempt);
  if (known == nullptr || !known->is_lost) return;
  table_.remove_failed(unit.id, attempt);
  if (unit.lost_workers > 0) --unit.lost_workers;
  write(ForgiveLoss{unit.id, attempt});
}

void Blame::suspect(const std::string& worker, const std::map<UnitId, Attempt>& units,
                    Instant now) {
  suspicions_[worker] = {now, units};
}

void Blame::forget_old(Instant now) {
  std::erase_if(suspicions_,
                [&](const auto& entry) { return entry.second.since + kSuspicionMax < now; });
}

}  // namespace isocost::core
