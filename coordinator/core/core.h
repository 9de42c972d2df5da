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
// Invariants (check_invariants re-derives them):
//   1. A leased unit belongs to a session, and the session knows it.
//   2. No unit has two leases. A session holds no unit that is not open.
//   3. A worker's name belongs to at most one session.
//   4. Those of UnitTable and Health.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/attempts.h"
#include "coordinator/core/health.h"
#include "coordinator/core/inventories.h"
#include "coordinator/core/pace.h"
#include "coordinator/core/policy.h"
#include "coordinator/core/snapshot.h"
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

// Sessions whose name another worker took: so many are remembered.
inline constexpr std::size_t kSupersededMax = 4096;
// Ticks come more often. Where none came for longer, the coordinator itself was stopped or busy,
// and nobody's silence in that time means anything.
inline constexpr Duration kTickMax = std::chrono::seconds(1);
// How often it is looked for units that take too long.
inline constexpr Duration kStallLook = std::chrono::seconds(5);
// Units whose attempts failed, of one kind of work, that are looked at for one that a worker has
// not failed itself.
inline constexpr std::size_t kRetriesLookedAt = 64;
// A lost worker is waited for so long by those that failed everything, and so long after a start
// whoever was there before; so many are remembered.
inline constexpr Duration kAbsenceMax = std::chrono::minutes(10);
inline constexpr Duration kReturnMax = std::chrono::minutes(2);
inline constexpr std::size_t kAbsentMax = 256;
// A worker that is away for longer is no longer asked why.
inline constexpr Duration kSuspicionMax = std::chrono::hours(24);

class Core {
 public:
  // Requires: `open` in the order of the ids.
  Core(CoreOptions options, const std::vector<OpenUnit>& open);

  [[nodiscard]] Effects handle(const Event& event, Instant now);

  [[nodiscard]] bool is_finished() const { return table_.units().empty(); }
  [[nodiscard]] bool is_draining() const { return is_draining_; }
  // Workers that hold nothing and units that none of them can run: nothing will happen by itself.
  [[nodiscard]] bool is_stuck() const;
  // Fills in what the core knows: workers, leases, speed, time left, inputs that nobody has.
  void describe(Snapshot& snapshot, Instant now) const;
  [[nodiscard]] const UnitTable& table() const { return table_; }
  void check_invariants() const;

 private:
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
    std::vector<std::int8_t> can_run;    // by class: -1 not yet known
  };
  struct Suspicion {  // against what a lost worker computed, until it comes back and tells
    Instant since;
    std::map<UnitId, Attempt> units;
  };
  struct Absent {  // a worker that was lost and may be back
    Session session;
    Instant since;
  };
  struct Failed {  // an attempt
    Attempt attempt;
    UnitFailure failure;
    std::string worker;  // empty: nobody knows whose
  };
  struct Speed {  // of one class, as observed
    double gflops = 0;
    double seconds = 0;
  };

  void on(const WorkerHello& event, Instant now);
  void on(const Want& event, Instant now);
  void on(const Heartbeat& event, Instant now);
  void on(const ResultArrived& event, Instant now);
  void on(const FailureArrived& event, Instant now);
  void on(const ArtifactsLost& event, Instant now);
  void on(const WorkerLeft& event, Instant now);
  void on(const SessionLost& event, Instant now);
  void on(const Submitted& event, Instant now);
  void on(const CancelExperiment& event, Instant now);
  void on(const Unwanted& event, Instant now);
  void on(const Prioritized& event, Instant now);
  void on(const Retry& event, Instant now);
  void on(const Reconsidered& event, Instant now);
  void on(const Tick& event, Instant now);
  void on(const Drain& event, Instant now);

  // Sessions.
  Session* touch(const SessionId& id, Instant now);
  void greet(const Session& session);
  void reject(const SessionId& session, wire::RejectCode code, std::string text);
  void take_over(Session& session, const wire::Hello& hello, Instant now);
  void adopt(Session& session, const std::vector<wire::Running>& running, Instant now);
  void forget_unclaimed(Session& session, Instant now);
  void excuse_own_silence(Instant now);
  [[nodiscard]] std::vector<std::string> to_cancel(const Session& session) const;
  enum class Loss { kUnexplained, kNobodysFault };
  void end_session(const SessionId& id, Loss loss, Instant now);
  [[nodiscard]] std::string worker_of(const SessionId& session) const;
  void hold(Session& session, const Unit& unit, Attempt attempt, Instant now);

  // Units.
  void accept(Unit& unit, const ResultArrived& event, Instant now);
  bool compare(UnitId unit, const Digest& before, const UnitResult& result,
               const SessionId& session);
  void observe(const Unit& unit, const ResultArrived& event, Instant now);
  void detach(const Unit& unit, Instant now);
  bool begin_anew(OpenUnit unit);
  [[nodiscard]] bool is_believed(const SessionId& session, const std::string& unit, Attempt attempt,
                                 const char* what);

  // Failures (failures.cpp): whose fault they are, and what becomes of the units.
  void fail_attempt(Unit& unit, const Failed& failed, Instant now);
  [[nodiscard]] bool is_over(const Unit& unit, const Failed& failed, Instant now);
  void excuse_attempt(Unit& unit, const Failed& failed, Instant now);
  void end_lease(const Unit& unit, Attempt attempt, Instant now);
  void give_up(UnitId id, const std::optional<Failed>& failed, const UnitFailure& failure,
               Instant now);
  void blame(const Unit& unit, const Failed& failed, Instant now);
  void praise(const Unit& unit, const std::string& worker, Instant now);
  void quarantine(const std::string& worker);
  void forgive(const std::string& worker);
  void forgive(Unit& unit, Attempt attempt);
  void remake(const std::vector<LostUnit>& lost, Instant now);
  void remake(const LostUnit& lost, Instant now);
  [[nodiscard]] std::map<UnitId, Attempt> suspects(const Session& session) const;
  [[nodiscard]] std::optional<std::string> occupied_by(const Session& session) const;

  // Time limits (stalls.cpp).
  [[nodiscard]] static Paces::Work work_of(const Session& session, const Unit& unit);
  void time_it(const Unit& unit, const ResultArrived& event, Instant now);
  static void note_progress(Session& session, const std::vector<wire::Running>& running,
                            Instant now);
  void take_stalled_elsewhere(Instant now);
  void take_elsewhere(Session& session, Instant now);
  [[nodiscard]] Duration limit_of(const Session& session) const;
  void acknowledge(const SessionId& session, const std::string& unit, Attempt attempt,
                   wire::Verdict verdict);

  // Dispatch.
  void dispatch(Instant now);
  bool lease_one(Session& session, Instant now);
  [[nodiscard]] const Unit* best_of(const Session& session, const WorkClass& of, Instant now);
  [[nodiscard]] bool is_barred(const Unit& unit, const std::string& worker, Instant now);
  enum class Elsewhere { kWhoTakesPart, kAnybody };
  [[nodiscard]] bool has_elsewhere(const Unit& unit, const std::string& worker, Instant now,
                                   Elsewhere whom = Elsewhere::kWhoTakesPart);
  [[nodiscard]] bool can_run(Session& session, ClassId id);
  [[nodiscard]] bool check_can_run(const Session& session, ClassId id) const;
  [[nodiscard]] std::set<std::string> warm_of(const Session& session) const;
  [[nodiscard]] double seconds_left() const;

  void write(Write write) { effects_.writes.push_back(std::move(write)); }
  void send(Message message) { effects_.messages.push_back(std::move(message)); }
  void note(log::Incident kind, std::string who, std::string what) {
    send(Note{kind, std::move(who), std::move(what)});
  }
  void describe(WorkerView& view, const Session& session, Instant now) const;

  CoreOptions options_;
  UnitTable table_;
  std::map<SessionId, Session> sessions_;
  std::map<std::string, SessionId> workers_;
  std::map<std::string, Suspicion> suspicions_;  // by worker
  std::map<std::string, Absent> absent_;         // by worker
  std::optional<Instant> started_;               // the first event
  Inventories inventories_;
  std::set<SessionId> hungry_;  // with credit
  std::set<SessionId> superseded_;
  std::deque<SessionId> superseded_order_;
  std::vector<std::uint32_t> passed_over_;  // by class
  std::vector<Speed> speeds_;               // by class
  Health health_;
  Paces paces_;
  Attempts attempts_;
  std::uint64_t repeats_ = 0;
  std::uint64_t mismatches_ = 0;
  std::uint64_t quarantines_ = 0;
  std::uint64_t stalls_ = 0;
  std::uint64_t remakes_ = 0;
  Instant next_stall_look_{};
  std::optional<Instant> ticked_;
  bool is_draining_ = false;
  bool must_dispatch_ = false;
  Effects effects_;  // of the event that is being handled
};

}  // namespace isocost::core
