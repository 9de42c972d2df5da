// A worker's session as a pure state machine: events in, effects out.
//
//   Session session(options, spooled, now);
//   Effects effects = session.handle(Connected{"5e55"}, now);
//   for (const Effect& effect : effects) driver.perform(effect);
//   wait until session.next_deadline(), then handle(Tick{...}, now)
//
// It knows what the worker holds (leased units and outcomes that nobody acknowledged yet), when to
// speak, when to believe the coordinator gone, when to give up, and how to leave. It has no clock,
// socket, file, thread or chance: a driver (worker/net) performs its effects and the simulator of
// the tests does so in virtual time. docs/protocol.md draws its states. Thread: one.
//
// Invariants (check_invariants):
//   1. At most one unit is computing, and none while another could be finished first: units run in
//   order of arrival.
//   2. An outcome leaves only by an ACK of its attempt that is not kMissing; so nothing that was
//   spooled is lost. (A failure leaves, too, when its unit is leased anew.)
//   3. WANT never counts units that are held. It is said when it changes, and again when nothing
//   came of it for the time of a lease; so is an outcome that nobody acknowledged: a coordinator
//   that is flooded may drop what it is told.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "schema/wire/messages.h"
#include "worker/agent/executor.h"

namespace isocost::agent {

// What became of a unit, as the spool keeps it.
struct Outcome {
  std::string database;
  std::string unit;
  wire::Attempt attempt{};
  std::variant<UnitResult, UnitFailure> what;
  bool operator==(const Outcome&) const = default;
};

struct SessionOptions {
  wire::Hello greeting;                        // what belongs to a session is filled in
  std::uint32_t prefetch = 0;                  // units leased ahead of the one that computes
  Duration give_up{std::chrono::minutes(30)};  // without a coordinator
  std::optional<Duration> idle_max{};          // attached and without a unit; none: for ever
  Duration grace{std::chrono::seconds(30)};    // to finish after a first request to stop
  Duration greeting_max{std::chrono::seconds(10)};
  Duration retry_first{std::chrono::milliseconds(250)};
  Duration retry_max{std::chrono::seconds(15)};
  std::size_t unacknowledged_max = 256;  // outcomes; more leases are not asked for beyond
};

// --- events
// -----------------------------------------------------------------------------------------------------------

struct Connected {  // the link stands; its random name
  std::string session;
};
struct ConnectionLost {
  std::string why;
};
struct Refused {  // it will never stand: a wrong key, say
  std::string why;
};
struct Received {
  wire::Message message;
};
struct Finished {  // the executor returned
  std::string unit;
  tl::expected<UnitResult, UnitFailure> outcome;
  std::vector<std::string> warm;
};
struct Spooled {  // the outcome is on disk for good
  std::string unit;
};
struct Delivered {  // its artifacts are with the coordinator
  std::string unit;
};
struct DeliveryFailed {
  std::string unit;
  std::string why;
  bool is_lost = false;  // the artifacts are not here any more: the unit is to be computed again
};
struct OutOfRoom {  // this machine's disk is full: no unit is to blame
  std::string why;
};
struct Waiting {  // something of this machine holds an outcome up
  std::string why;
};
struct StopRequested {};  // the first: finish within the grace; the second: hand back at once
struct Tick {
  double fraction = 0;  // of the unit that computes
};
using Event = std::variant<Connected, ConnectionLost, Refused, Received, Finished, Spooled,
                           Delivered, DeliveryFailed, OutOfRoom, Waiting, StopRequested, Tick>;

// --- effects
// ----------------------------------------------------------------------------------------------------------

struct Connect {};     // answered by Connected, ConnectionLost or Refused
struct Disconnect {};  // after everything that was sent
struct Send {
  wire::Message message;
};
struct UseArtifacts {  // where artifacts are from now on
  wire::Welcome welcome;
};
struct Compute {  // fetch what it needs, then execute; answered by Finished
  std::string database;
  wire::Attempt attempt;
  LeasedUnit unit;
  std::vector<Digest> blobs;
};
struct CancelUnit {  // the computing one; still answered by Finished
  std::string unit;
};
struct Spool {  // answered by Spooled
  Outcome outcome;
};
struct Deliver {  // answered by Delivered or DeliveryFailed
  std::string unit;
  std::vector<Digest> artifacts;
};
struct Forget {  // remove the outcome from the spool
  Outcome outcome;
};
struct Say {  // a line for people
  std::string text;
};
enum class ExitReason { kDone, kRefused, kGaveUp, kOutOfRoom };
struct Exit {  // the last effect
  ExitReason reason = ExitReason::kDone;
  std::string text;
};
using Effect = std::variant<Connect, Disconnect, Send, UseArtifacts, Compute, CancelUnit, Spool,
                            Deliver, Forget, Say, Exit>;
using Effects = std::vector<Effect>;

class Session {
 public:
  Session(SessionOptions options, std::vector<Outcome> spooled, Instant now);

  [[nodiscard]] Effects handle(const Event& event, Instant now);
  // When a Tick is due at the latest.
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] bool is_over() const { return is_over_; }
  void check_invariants() const;

 private:
  // Of the connection.
  struct Idle {
    Instant retry_at;
  };
  struct Connecting {};
  struct Greeting {
    Instant until;
  };
  struct Attached {
    Instant heard;
    Instant next_heartbeat;
  };
  using Connection = std::variant<Idle, Connecting, Greeting, Attached>;

  // Of a unit that is held.
  struct Queued {};
  struct Computing {
    bool is_cancelled = false;
  };
  struct Spooling {};  // its outcome is on its way to the disk
  struct Kept {        // on disk, not yet acknowledged
    enum class Step { kIdle, kDelivering, kSent } step = Step::kIdle;
    std::optional<Instant> retry_at{};
  };
  struct Held {
    std::string database{};  // whose unit it is
    wire::Attempt attempt{};
    LeasedUnit unit{};  // while queued or computing
    std::vector<Digest> blobs{};
    std::optional<Outcome> outcome{};  // from Spooling on
    std::variant<Queued, Computing, Spooling, Kept> state = Queued{};
  };

  void on(const Connected& event, Instant now);
  void on(const ConnectionLost& event, Instant now);
  void on(const Refused& event, Instant now);
  void on(const Received& event, Instant now);
  void on(const Finished& event, Instant now);
  void on(const Spooled& event, Instant now);
  void on(const Delivered& event, Instant now);
  void on(const DeliveryFailed& event, Instant now);
  void on(const OutOfRoom& event, Instant now);
  void on(const Waiting& event, Instant now);
  void on(const StopRequested& event, Instant now);
  void on(const Tick& event, Instant now);

  void take(const wire::Welcome& welcome, Instant now);
  void take(const wire::Reject& reject, Instant now);
  void take(const wire::Lease& lease, Instant now);
  void take(const wire::HeartbeatReply& reply, Instant now);
  void take(const wire::Ack& ack, Instant now);
  template <class Other>
  void take(const Other&, Instant) {}  // what a coordinator never says: ignored

  void greet(Instant now);
  void lose_connection(const std::string& why, Instant now);
  void forget_other_database(const std::string& database);
  void keep_failure(Held& held, UnitFailure failure);
  void start_next();
  void deliver_kept(Instant now);
  void send_outcome(Held& held, Instant now);
  void say_want(Instant now);
  void hand_back(ExitReason reason = ExitReason::kDone, const std::string& why = "stopped");
  void leave_when_done(Instant now);
  void end(ExitReason reason, std::string text);
  [[nodiscard]] bool is_attached() const { return std::holds_alternative<Attached>(connection_); }
  [[nodiscard]] bool is_leaving() const { return is_draining_ || stop_by_.has_value(); }
  [[nodiscard]] std::vector<wire::Running> running() const;
  [[nodiscard]] std::uint32_t credit() const;
  // Until what was said and not answered is said again.
  [[nodiscard]] Duration patience() const { return Duration(terms_.lease_ms); }
  [[nodiscard]] bool has_work() const;
  template <class State>
  [[nodiscard]] std::size_t count() const;
  Held* find(const std::string& unit);

  SessionOptions options_;
  Connection connection_;
  std::string database_;  // of the last welcome
  wire::Welcome terms_{};
  Duration backoff_;
  std::string unreachable_why_;        // as it was last told; empty while a coordinator is there
  Instant attached_last_;              // when a coordinator was last there
  std::optional<Instant> idle_since_;  // attached and holding nothing
  std::map<std::string, Held> held_;   // by unit
  std::vector<std::string> order_;     // of arrival, of the queued ones
  std::vector<Outcome> elsewhere_;     // spooled for other databases: they wait
  std::vector<std::string> warm_;
  std::optional<std::uint32_t> wanted_;  // the credit that the coordinator knows of in this session
  Instant want_again_at_{};
  double fraction_ = 0;
  bool is_draining_ = false;        // the coordinator asked for it
  std::optional<Instant> stop_by_;  // SIGTERM asked for it
  bool is_over_ = false;
  Effects effects_;  // of the event that is handled
};

}  // namespace isocost::agent
