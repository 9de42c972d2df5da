// What goes into the coordinator's core and what comes out: events, writes and messages, as values.
//
//   Effects effects = core.handle(core::Want{session, {.credit = 2}}, now);
//   store.apply(effects.writes); store.commit(); send(effects.messages);
//
// The core speaks in the wire's words (schema/wire/messages.h are plain values), so a link hands
// messages through unchanged. Pure values, any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/instant.h"
#include "base/text.h"
#include "coordinator/log/event.h"
#include "coordinator/log/incident.h"
#include "schema/units/unit.h"
#include "schema/wire/messages.h"

namespace isocost::core {

// Rows of the database. They never leave the coordinator.
enum class UnitId : std::int64_t {};
enum class SampleId : std::int64_t {};
enum class ScoreId : std::int64_t {};
enum class ExperimentId : std::int64_t {};

// One connection of a worker: the routing id of its socket. Opaque bytes.
struct SessionId {
  std::string value;
  auto operator<=>(const SessionId&) const = default;
};

// Who waits for the answer to a command (an HTTP request). 0: nobody.
enum class RequestId : std::uint64_t {};

using isocost::UnitState;
using wire::Attempt;

// An attempt that is known to have failed, so that it is counted once however often it is told.
struct FailedAttempt {
  Attempt attempt{};
  bool is_lost = false;     // with its worker: nobody knows of what
  std::string worker{};     // whose it was: the next one is made elsewhere; empty: nobody's
  bool is_excused = false;  // it counts nothing: a sick worker made it, or what it needs was lost
  bool operator==(const FailedAttempt&) const = default;
};

// What the core keeps of a unit that is open. What its body is made of stays in the database.
struct OpenUnit {
  UnitId id{};
  std::string name{};
  UnitKind kind = UnitKind::kGenerate;
  int priority = 0;  // the highest of the experiments that want it
  double gflops = 0;
  std::string affinity{};          // what a worker keeps warm for it
  std::uint64_t memory_bytes = 0;  // of a device that can run it, at least
  std::vector<std::string> inputs{};
  std::vector<UnitId> needs{};  // those that are not done
  int attempts = 0;             // failed so far, lost workers apart
  int lost_workers = 0;
  std::vector<FailedAttempt> failed{};  // also those from before a retry, which count no more
  int remakes = 0;  // how often it was done and is to be made again, since its artifacts were lost
  std::optional<Digest> digest{};  // of what it was then
  bool operator==(const OpenUnit&) const = default;
};

// A unit that is done and whose artifacts are lost.
struct LostUnit {
  OpenUnit unit{};
  std::vector<UnitId> dependents{};  // that are open
};

// What the database knows of a unit that a peer names.
struct KnownUnit {
  UnitId id{};
  UnitState state = UnitState::kOpen;
  std::optional<Digest> digest{};  // of the committed result, when it is done
  bool operator==(const KnownUnit&) const = default;
};

struct SubmissionPlan;  // coordinator/core/submission.h

// --- events ---------------------------------------------------------------------------------

struct WorkerHello {
  SessionId session{};
  wire::Hello hello{};
};
struct Want {
  SessionId session{};
  wire::Want want{};
};
struct Heartbeat {
  SessionId session{};
  wire::Heartbeat heartbeat{};
};
// The link has checked that every artifact of the result is in the store.
struct ResultArrived {
  SessionId session{};
  wire::ResultMessage message{};
  std::optional<KnownUnit> known{};         // what the database says of the unit
  std::optional<UnitFailure> is_invalid{};  // the result is not one of this unit, and why
};
struct FailureArrived {
  SessionId session{};
  wire::FailureMessage message{};
  // What it says that it missed was looked for, and is missing indeed, or was when this attempt was
  // handed out. These units are to be made again; none: they are being made, or were.
  bool is_missing = false;
  std::vector<LostUnit> lost{};
};
// Artifacts are gone or damaged, as somebody found who looked: what made them is made again.
struct ArtifactsLost {
  std::vector<LostUnit> units{};
};
// Failed units that a worker had a part in which is in quarantine now.
struct Reconsidered {
  std::string worker{};
  std::vector<OpenUnit> units{};
};
// The worker says goodbye: what it held is free again and nothing counts against it.
struct WorkerLeft {
  SessionId session{};
  std::string why{};
};
// The link found the session unreachable.
struct SessionLost {
  SessionId session{};
};
// A planned submission, with the cancelled units that it takes up again.
struct Submitted {
  RequestId request{};
  std::shared_ptr<const SubmissionPlan> plan{};
  std::vector<OpenUnit> revived{};
};
struct CancelExperiment {
  RequestId request{};
  ExperimentId experiment{};
};
// Open units that no cell of a live experiment wants (the store finds them after a cancelling or a
// submission that replaced cells).
struct Unwanted {
  std::vector<UnitId> units{};
};
// What each open unit's priority is now (the store finds it after a submission or a cancelling):
// the highest of the live experiments that want it.
struct Prioritized {
  std::map<UnitId, int> priorities{};  // those that are not 0
};
// A unit that needs one that is failed is left as it is.
struct Retry {
  RequestId request{};
  std::vector<OpenUnit> units{};  // failed units, to be taken up again from the first attempt
  std::optional<ExperimentId> experiment{};  // that somebody asked it for
};
struct Tick {};
// No more leases; workers leave when they are done.
struct Drain {};

using Event = std::variant<WorkerHello, Want, Heartbeat, ResultArrived, FailureArrived,
                           ArtifactsLost, WorkerLeft, SessionLost, Submitted, CancelExperiment,
                           Unwanted, Prioritized, Retry, Reconsidered, Tick, Drain>;

// --- writes: one transaction ----------------------------------------------------------------

struct InsertSubmission {
  std::shared_ptr<const SubmissionPlan> plan{};
};
// The unit's result; it takes the place of the one from before its artifacts were lost.
struct FinishUnit {
  UnitId unit{};
  UnitResult result{};
  std::string worker{};
  Attempt attempt{};
};
struct RecordRepeat {
  UnitId unit{};
  Digest digest{};
  std::string device_class{};
  std::string worker{};
  bool agrees = true;
};
struct CancelUnit {
  UnitId unit{};
};
// A failed attempt; the unit goes on, or is failed.
struct RecordFailure {
  UnitId unit{};
  bool is_over = false;
  int attempts = 0;
  int lost_workers = 0;
  UnitFailure failure{};
  std::optional<Attempt> attempt{};  // none: it failed with a unit that it needs
  std::string worker{};              // whose attempt it was, where that is known
};
// A failed attempt that counts nothing. One that was counted before counts no more.
struct ExcuseAttempt {
  UnitId unit{};
  Attempt attempt{};
  std::string worker{};
};
// A unit that was done is to be made again: its artifacts are forgotten, its result stays until the
// next one takes its place.
struct ReopenUnit {
  UnitId unit{};
  int remakes = 0;
  Attempt last{};  // that was handed out before: those up to here may miss what is made again
};
// A lost worker's attempt that proved to be no fault of the unit, or no loss: it counts nothing.
// The unit may be finished by now. Where no such loss is counted there is nothing to forgive.
struct ForgiveLoss {
  UnitId unit{};
  Attempt attempt{};
};
// Is open, and begins anew: no failed attempt of the unit counts any more.
struct ResetUnit {
  UnitId unit{};
};
struct CancelExperimentRow {
  ExperimentId experiment{};
};
struct SeeWorker {
  std::string name{};
  std::string device_class{};
  Json device = Json::object();
};

// What people should know of, made by event_of. The store adds when it was, the experiment's name,
// and of a unit a cell that wants it. That a cell is finished the store finds by itself.
struct RecordEvent {
  std::string kind{};  // log::event_name, log::incident_name
  std::string who{};
  std::string what{};
  std::optional<ExperimentId> experiment{};
  std::optional<UnitId> unit{};
};
// Of this kind (log::event_name, log::incident_name). What peers said in it becomes one line.
[[nodiscard]] inline RecordEvent event_of(std::string_view kind, std::string_view who,
                                          std::string_view what) {
  return {.kind = std::string(kind),
          .who = one_line(who, log::kEventBytesMax),
          .what = one_line(what, log::kEventBytesMax)};
}

using Write =
    std::variant<InsertSubmission, FinishUnit, RecordRepeat, CancelUnit, RecordFailure, ForgiveLoss,
                 ExcuseAttempt, ReopenUnit, ResetUnit, CancelExperimentRow, SeeWorker, RecordEvent>;

// --- messages: sent after the commit --------------------------------------------------------

// The loop completes it to a wire::Lease with what the store knows of the unit.
struct SendLease {
  SessionId session{};
  UnitId unit{};
  std::string name{};
  UnitKind kind = UnitKind::kGenerate;
  Attempt attempt{};
};
// `core` leaves wire::Welcome's addresses of the artifact store to the loop.
struct SendMessage {
  SessionId session{};
  wire::Message message{};
};
// What became of a command.
struct SubmissionReply {
  std::string experiment{};
  std::uint64_t cells = 0;
  std::uint64_t new_units = 0;
  std::uint64_t taken_up_again = 0;
  std::uint64_t failed_units = 0;  // that its cells want: `retry` takes them up again
  std::uint64_t images_wanted = 0;
  std::uint64_t images_queued = 0;
  std::uint64_t images_new = 0;
  bool operator==(const SubmissionReply&) const = default;
};
struct CancelReply {};
struct RetryReply {
  std::uint64_t retried_units = 0;
};
using Reply = std::variant<SubmissionReply, CancelReply, RetryReply>;
struct Answer {
  RequestId request{};
  Reply reply{};
};

// For the coordinator's log: what a peer did, or what became of it. Counted by its kind.
struct Note {
  log::Incident kind{};
  std::string who{};
  std::string what{};
};

using Message = std::variant<SendLease, SendMessage, Answer, Note>;

struct Effects {
  std::vector<Write> writes{};
  std::vector<Message> messages{};
  // Workers that came into quarantine: failed units that they had a part in are to be looked at
  // again (Reconsidered).
  std::vector<std::string> reconsider{};
};

}  // namespace isocost::core
