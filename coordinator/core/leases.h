// Who holds what: the book of leases, kept alike in the table of units and in the sessions.
//
// Invariants (Core::check_invariants):
//   1. A leased unit belongs to a session, and the session knows it.
//   2. No unit has two leases. A session holds no unit that is not open.
// Owned by the Core; one thread.
#pragma once

#include "coordinator/core/part.h"

namespace isocost::core {

class Leases : private Part {
 public:
  explicit Leases(Shared& shared) : Part(shared) {}

  // Requires: the unit is ready.
  void hold(Session& session, const Unit& unit, Attempt attempt, Instant now);
  // Ends the lease of a unit, if it has one; if it is of this attempt.
  void detach(const Unit& unit, Instant now);
  void end_lease(const Unit& unit, Attempt attempt, Instant now);
  // What a worker says that it runs.
  void adopt(Session& session, const std::vector<wire::Running>& running, Instant now);
  void forget_unclaimed(Session& session, Instant now);
  [[nodiscard]] std::vector<std::string> to_cancel(const Session& session) const;
  [[nodiscard]] bool is_believed(const SessionId& session, const std::string& unit, Attempt attempt,
                                 const char* what);
  [[nodiscard]] std::map<UnitId, Attempt> suspects(const Session& session) const;
  [[nodiscard]] std::optional<std::string> occupied_by(const Session& session) const;

 private:
  static void note_progress(Session& session, const std::vector<wire::Running>& running,
                            Instant now);
};

}  // namespace isocost::core
