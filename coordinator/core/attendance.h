// Who is there: greetings, wishes, heartbeats and silence of workers.
//
// Invariants: a worker's name belongs to one session at most, the last that greeted with it; who is
// hungry has credit. Owned by the Core; one thread.
#pragma once

#include <deque>

#include "coordinator/core/blame.h"
#include "coordinator/core/part.h"
#include "coordinator/core/snapshot.h"
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
// Workers that left or were lost are shown for so long, and so many of them.
inline constexpr Duration kGoneShown = std::chrono::minutes(30);
inline constexpr std::size_t kGoneMax = 64;

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
  void describe_gone(Snapshot& snapshot, Instant now) const;

 private:
  enum class Loss { kUnexplained, kNobodysFault };
  void greet(const Session& session);
  void reject(const SessionId& session, wire::RejectCode code, std::string text);
  void take_over(Session& session, const wire::Hello& hello, Instant now);
  void excuse_own_silence(Instant now);
  // `why` is for people; empty: its going is told already.
  void end_session(const SessionId& id, Loss loss, const std::string& why, Instant now);
  void remember_gone(const Session& session, bool is_lost, const std::string& why, Instant now);
  void tell_return(const std::string& worker, bool is_explained, Duration away);

  struct Gone {
    GoneWorkerView view;
    Instant since;
  };
  Leases& leases_;
  Blame& blame_;
  Stalls& stalls_;
  Inventories inventories_;
  std::set<SessionId> superseded_;
  std::deque<SessionId> superseded_order_;
  std::optional<Instant> ticked_;
  std::deque<Gone> gone_;  // the last one last
};

}  // namespace isocost::core
