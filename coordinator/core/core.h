// The coordinator as a pure state machine: who computes what, and what is written and said about
// it.
//
//   Core core({.epoch = open.epoch, .database = open.database}, open.units);
//   Effects effects = core.handle(event, now);
//   // commit effects.writes in one transaction, then send effects.messages
//
// Owned by the loop (or a simulator), one thread. It has no clock, file, socket, thread or chance
// of its own: the same events give the same effects. Results are durable, leases are not: after a
// restart workers say HELLO and tell what they run, and their leases live on. Whatever a peer sends
// is answered or ignored, never checked by ISOCOST_CHECK: it counts from a session alone, and for
// an attempt that was given out; what does not is noted.
//
// Its parts: Attendance (who is there), Leases (who holds what), Eligibility (who may run what),
// Dispatcher (who gets what), Blame (whose fault a failure is), Remakes (lost artifacts), Stalls
// (time limits); what is open stands in UnitTable, who is well in Health. The Core itself takes
// results and commands. check_invariants re-derives the invariants of all of them.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/attendance.h"
#include "coordinator/core/blame.h"
#include "coordinator/core/dispatcher.h"
#include "coordinator/core/part.h"
#include "coordinator/core/remakes.h"
#include "coordinator/core/snapshot.h"
#include "coordinator/core/speeds.h"
#include "coordinator/core/stalls.h"

namespace isocost::core {

// Before the parts, which refer to it.
struct SharedOwner {
  Shared shared;
};

class Core : private SharedOwner, private Part {
 public:
  // Requires: `open` in the order of the ids.
  Core(const CoreOptions& options, const std::vector<OpenUnit>& open);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  [[nodiscard]] Effects handle(const Event& event, Instant now);

  [[nodiscard]] bool is_finished() const { return table_.units().empty(); }
  [[nodiscard]] bool is_draining() const { return is_draining_; }
  // Workers that hold nothing and units that none of them can run: nothing will happen by itself.
  [[nodiscard]] bool is_stuck() const { return eligibility_.is_stuck(); }
  // Fills in what the core knows: workers, leases, speed, time left, inputs that nobody has.
  void describe(Snapshot& snapshot, Instant now) const;
  [[nodiscard]] const UnitTable& table() const { return table_; }
  void check_invariants() const;

 private:
  // What a session says, and time.
  template <class OfAttendance>
  void on(const OfAttendance& event, Instant now) {
    attendance_.on(event, now);
  }
  void on(const ResultArrived& event, Instant now);
  void on(const FailureArrived& event, Instant now);
  void on(const ArtifactsLost& event, Instant now);
  void on(const Submitted& event, Instant now);
  void on(const CancelExperiment& event, Instant now);
  void on(const Unwanted& event, Instant now);
  void on(const Prioritized& event, Instant now);
  void on(const Retry& event, Instant now);
  void on(const Reconsidered& event, Instant now);
  void on(const Drain& event, Instant now);

  void accept(Unit& unit, const ResultArrived& event, Instant now);
  bool compare(UnitId unit, const Digest& before, const UnitResult& result,
               const SessionId& session);
  void observe(const Unit& unit, const ResultArrived& event, Instant now);
  bool begin_anew(OpenUnit unit);
  void answer(RequestId request, Reply reply);
  void acknowledge(const SessionId& session, const std::string& unit, Attempt attempt,
                   wire::Verdict verdict);

  void describe(WorkerView& view, const Session& session, Instant now) const;
  [[nodiscard]] double seconds_left() const;

  Eligibility eligibility_;
  Leases leases_;
  Blame blame_;
  Remakes remakes_;
  Stalls stalls_;
  Attendance attendance_;
  Dispatcher dispatcher_;
  Speeds speeds_;
  std::uint64_t repeats_ = 0;
  std::uint64_t mismatches_ = 0;
};

}  // namespace isocost::core
