// What the parts of the Core share: who is there, what is open, and the effects of the event that
// is handled. Each part keeps besides what is its own, and says in its header what holds of it.
//
//   class Dispatcher : private Part { explicit Dispatcher(Shared& shared, ...) : Part(shared) ...
//   };
//
// Owned by the Core; one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/attempts.h"
#include "coordinator/core/health.h"
#include "coordinator/core/inventories.h"
#include "coordinator/core/pace.h"
#include "coordinator/core/types.h"
#include "coordinator/core/units.h"

namespace isocost::core {

struct CoreOptions {
  std::uint64_t epoch = 1;  // counts the coordinator's starts on its database
  std::string database{};
  std::string build{};
  std::string secret{};                       // of the database: what attempts prove themselves by
  std::vector<std::string> workers{};         // that reported before this start, and may be back
  Duration lease = std::chrono::seconds(15);  // a worker silent for so long is lost
  Duration heartbeat = std::chrono::seconds(2);  // how often a worker should speak
  // Failed attempts after which a unit is failed; twice as many where all were made by workers that
  // never succeeded, or fail one unit after another, and there is yet another worker.
  int attempts_max = 3;
  // Losses that nobody explained, after which a unit is failed. A worker that comes back tells what
  // its process died of: killed from outside, which counts nothing, or of the unit, which counts as
  // an attempt. This bounds what takes the whole machine along.
  int lost_workers_max = 8;
  int remakes_max = 8;  // times that a unit's artifacts may be lost, after which it is failed
  HealthOptions health{};
  PaceOptions pace{};
};

struct Session {
  SessionId id;
  std::string worker;
  std::string host;
  std::string device_class;
  Json device = Json::object();
  std::shared_ptr<const Inventory> inventory;
  std::uint64_t memory_bytes = 0;  // 0: not told
  std::vector<std::string> warm;
  std::uint32_t credit = 0;
  std::set<UnitId> leases;
  std::map<std::string, wire::Running> running;  // as last told
  Instant last_seen;
  Instant last_told;                   // when it last said what it holds
  Instant began;                       // with what it computes
  Instant progressed;                  // was last told to have come further with it
  std::optional<std::string> stalled;  // a unit that was taken from it and still occupies it
  bool is_unreachable = false;         // the link said so, and it said nothing since
  std::vector<std::int8_t> can_run;    // by class: -1 not yet known
};

struct Absent {  // a worker that was lost and may be back
  Session session;
  Instant since;
};

struct FailedBy {  // an attempt that failed, and whose it was
  Attempt attempt;
  UnitFailure failure;
  std::string worker;  // empty: nobody knows
};

struct Sessions {
  std::map<SessionId, Session> by_id{};
  std::map<std::string, SessionId> by_worker{};
  std::map<std::string, Absent> absent{};  // by worker
  std::set<SessionId> hungry{};            // with credit
};

struct Shared {
  CoreOptions options;
  UnitTable table{};
  Sessions sessions{};
  Health health;
  Attempts attempts;
  Effects effects{};
  std::optional<Instant> started{};  // the first event
  bool must_dispatch = false;
  bool is_draining = false;
};

class Part {
 protected:
  explicit Part(Shared& shared)
      : options_(shared.options),
        table_(shared.table),
        sessions_(shared.sessions.by_id),
        workers_(shared.sessions.by_worker),
        absent_(shared.sessions.absent),
        hungry_(shared.sessions.hungry),
        health_(shared.health),
        attempts_(shared.attempts),
        effects_(shared.effects),
        started_(shared.started),
        must_dispatch_(shared.must_dispatch),
        is_draining_(shared.is_draining) {}

  void write(Write write) { effects_.writes.push_back(std::move(write)); }
  void send(Message message) { effects_.messages.push_back(std::move(message)); }
  // Of a worker, and of a unit that it held.
  void record(log::EventKind kind, std::string_view who, std::string_view what,
              std::optional<UnitId> unit = {}) {
    RecordEvent event = event_of(log::event_name(kind), who, what);
    event.unit = unit;
    write(std::move(event));
  }
  // Of an experiment, or of all.
  void record(log::EventKind kind, std::optional<ExperimentId> experiment, std::string_view what) {
    RecordEvent event = event_of(log::event_name(kind), {}, what);
    event.experiment = experiment;
    write(std::move(event));
  }
  void note(log::Incident kind, std::string who, std::string what) {
    send(Note{kind, std::move(who), std::move(what)});
  }
  [[nodiscard]] std::string worker_of(const SessionId& session) const {
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? std::string() : found->second.worker;
  }

  const CoreOptions& options_;
  UnitTable& table_;
  std::map<SessionId, Session>& sessions_;
  std::map<std::string, SessionId>& workers_;
  std::map<std::string, Absent>& absent_;
  std::set<SessionId>& hungry_;
  Health& health_;
  Attempts& attempts_;
  Effects& effects_;  // of the event that is handled
  std::optional<Instant>& started_;
  bool& must_dispatch_;
  bool& is_draining_;
};

}  // namespace isocost::core
