// Who is there: greetings, wishes, heartbeats and silence of workers.
//
// Invariants: a worker's name belongs to one session at most, the last that greeted with it; who is
// hungry has credit. Owned by the Core; one thread.
#pragma once

#include <deque>

#include "coordinator/core/blame.h"
#include "coordinator/core/part.h"
#include "coordinator/core/stalls.h"

namespace isocost::core {

// Sessions whose name another worker took: so many are remembered.
inline constexpr std::size_t kSupersededMax = 4096;
// Ticks come more often. Where none came for longer, the coordinator itself was stopped or busy,
// and nobody's silence in that time means anything.
inline constexpr Duration kTickMax = std::chrono::seconds(1);
// A lost worker is waited for so long by those that failed everything; so many are remembered.
inline constexpr Duration kAbsenceMax = std::chrono::minutes(10);
inline constexpr std::size_t kAbsentMax = 256;

class Attendance : private Part {
 public:
  Attendance(Shared& shared, Leases& leases, Blame& blame, Stalls& stalls)
      : Part(shared), leases_(leases), blame_(blame), stalls_(stalls) {}

  void on(const WorkerHello& event, Instant now);
  void on(const Want& event, Instant now);
  void on(const Heartbeat& event, Instant now);
  void on(const WorkerLeft& event, Instant now);
  void on(const SessionLost& event, Instant now);
  void on(const Tick& event, Instant now);

  // It said something. Null: it is not known.
  Session* touch(const SessionId& id, Instant now);

 private:
  enum class Loss { kUnexplained, kNobodysFault };
  void greet(const Session& session);
  void reject(const SessionId& session, wire::RejectCode code, std::string text);
  void take_over(Session& session, const wire::Hello& hello, Instant now);
  void excuse_own_silence(Instant now);
  void end_session(const SessionId& id, Loss loss, Instant now);

  Leases& leases_;
  Blame& blame_;
  Stalls& stalls_;
  Inventories inventories_;
  std::set<SessionId> superseded_;
  std::deque<SessionId> superseded_order_;
  std::optional<Instant> ticked_;
};

}  // namespace isocost::core
