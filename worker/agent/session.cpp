#include "worker/agent/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace isocost::agent {
namespace {

constexpr Duration kDeliveryRetry{std::chrono::seconds(2)};

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

Session::Session(SessionOptions options, std::vector<Outcome> spooled, Instant now)
    : options_(std::move(options)),
      connection_(Idle{now}),
      backoff_(options_.retry_first),
      attached_last_(now),
      elsewhere_(std::move(spooled)),
      warm_(options_.greeting.warm) {}

Effects Session::handle(const Event& event, Instant now) {
  if (is_over_) return {};
  std::visit([&](const auto& e) { on(e, now); }, event);
  if (!is_over_) {
    start_next();
    deliver_kept(now);
    say_want(now);
    if (!is_attached() || !held_.empty())
      idle_since_.reset();
    else if (!idle_since_)
      idle_since_ = now;
    leave_when_done(now);
  }
  return std::exchange(effects_, {});
}

// --- the connection
// ---------------------------------------------------------------------------------------------------

void Session::on(const Connected& event, Instant now) {
  if (!std::holds_alternative<Connecting>(connection_)) return;
  options_.greeting.session = event.session;
  greet(now);
}

void Session::greet(Instant now) {
  wire::Hello hello = options_.greeting;
  hello.database = database_;
  hello.warm = warm_;
  hello.running = running();
  // A process that was welcomed before is alive: what it does not hold never reached it.
  hello.is_loss_explained |= !database_.empty();
  wanted_.reset();
  connection_ = Greeting{now + options_.greeting_max};
  effects_.push_back(Send{std::move(hello)});
}

void Session::on(const ConnectionLost& event, Instant now) { lose_connection(event.why, now); }

void Session::lose_connection(const std::string& why, Instant now) {
  if (std::holds_alternative<Idle>(connection_)) return;
  if (is_attached()) {
    attached_last_ = now;
    backoff_ = options_.retry_first;
    effects_.push_back(Say{fmt::format("the coordinator is gone ({}); trying again", why)});
  } else if (!why.empty() && why != unreachable_why_) {
    // Once, and again when it is another reason: nobody waits half an hour for a wrong address.
    effects_.push_back(Say{
        fmt::format("no coordinator yet: {}; trying again for {} s at most", why,
                    std::chrono::duration_cast<std::chrono::seconds>(options_.give_up).count())});
    unreachable_why_ = why;
  }
  effects_.push_back(Disconnect{});
  connection_ = Idle{now + backoff_};
  backoff_ = std::min(backoff_ * 2, options_.retry_max);
  for (auto& [name, held] : held_) {
    if (auto* kept = std::get_if<Kept>(&held.state);
        kept != nullptr && kept->step == Kept::Step::kSent)
      *kept = Kept{};
  }
}

void Session::on(const Refused& event, Instant) { end(ExitReason::kRefused, event.why); }

void Session::take(const wire::Welcome& welcome, Instant now) {
  if (!std::holds_alternative<Greeting>(connection_)) return;
  if (welcome.protocol != wire::kProtocolVersion)
    return end(ExitReason::kRefused,
               fmt::format("the coordinator speaks protocol {}; this worker speaks {}",
                           welcome.protocol, wire::kProtocolVersion));
  forget_other_database(welcome.database);
  database_ = welcome.database;
  terms_ = welcome;
  backoff_ = options_.retry_first;
  unreachable_why_.clear();
  connection_ = Attached{now, now + Duration(welcome.heartbeat_ms)};
  for (auto& [name, held] : held_) {
    // What was said before the greeting may have been said to nobody.
    if (auto* kept = std::get_if<Kept>(&held.state);
        kept != nullptr && kept->step == Kept::Step::kSent)
      *kept = Kept{};
  }
  effects_.push_back(UseArtifacts{welcome});
  effects_.push_back(
      Say{fmt::format("attached to the coordinator of database {}", welcome.database)});
}

// Outcomes of this database come out of waiting; leases of another one are worth nothing any more,
// its outcomes wait.
void Session::forget_other_database(const std::string& database) {
  if (!database_.empty() && database_ != database) {
    for (auto held = held_.begin(); held != held_.end();) {
      const auto current = held++;
      if (auto* computing = std::get_if<Computing>(&current->second.state)) {
        computing->is_cancelled = true;
        effects_.push_back(CancelUnit{current->first});
      } else if (!std::holds_alternative<Spooling>(current->second.state)) {
        if (current->second.outcome) elsewhere_.push_back(*current->second.outcome);
        held_.erase(current);
      }
    }
    order_.clear();
  }
  std::erase_if(elsewhere_, [&](const Outcome& outcome) {
    if (outcome.database != database || held_.contains(outcome.unit)) return false;
    held_.emplace(
        outcome.unit,
        Held{
            .database = database, .attempt = outcome.attempt, .outcome = outcome, .state = Kept{}});
    return true;
  });
}

void Session::take(const wire::Reject& reject, Instant now) {
  // A coordinator that has no room may take the worker later. Anything else will not change by
  // trying again: a name in use means that another process took it, and taking it back would go on
  // for ever.
  if (reject.code != wire::RejectCode::kNoRoom)
    return end(ExitReason::kRefused, "the coordinator refuses this worker: " + reject.text);
  lose_connection(reject.text, now);
}

void Session::on(const Received& event, Instant now) {
  if (auto* attached = std::get_if<Attached>(&connection_)) attached->heard = now;
  std::visit([&](const auto& message) { take(message, now); }, event.message);
}

void Session::take(const wire::HeartbeatReply& reply, Instant now) {
  if (!is_attached()) return;
  if (reply.is_unknown) return greet(now);
  if (reply.is_draining && !is_draining_)
    effects_.push_back(Say{"the coordinator wants no more work from this worker"});
  is_draining_ = reply.is_draining;
  for (const std::string& unit : reply.cancel) {
    Held* held = find(unit);
    if (held == nullptr) continue;
    if (std::holds_alternative<Queued>(held->state)) {
      std::erase(order_, unit);
      held_.erase(unit);
    } else if (auto* computing = std::get_if<Computing>(&held->state);
               computing != nullptr && !computing->is_cancelled) {
      computing->is_cancelled = true;
      effects_.push_back(CancelUnit{unit});
    }
  }
}

void Session::on(const Tick& event, Instant now) {
  fraction_ = std::clamp(event.fraction, 0.0, 1.0);
  if (stop_by_ && now >= *stop_by_) return hand_back();
  if (auto* idle = std::get_if<Idle>(&connection_); idle != nullptr && now >= idle->retry_at) {
    connection_ = Connecting{};
    effects_.push_back(Connect{});
  } else if (auto* greeting = std::get_if<Greeting>(&connection_);
             greeting != nullptr && now >= greeting->until) {
    lose_connection("no answer to the greeting", now);
  } else if (auto* attached = std::get_if<Attached>(&connection_)) {
    if (now - attached->heard >= Duration(terms_.lease_ms)) {
      lose_connection(fmt::format("silent for {} s", terms_.lease_ms / 1000), now);
    } else if (now >= attached->next_heartbeat) {
      attached->next_heartbeat = now + Duration(terms_.heartbeat_ms);
      effects_.push_back(Send{wire::Heartbeat{running()}});
    }
  }
}

// --- units
// ------------------------------------------------------------------------------------------------------------

void Session::take(const wire::Lease& lease, Instant now) {
  if (!is_attached()) return;
  want_again_at_ = now + patience();
  if (wanted_ && *wanted_ > 0) --*wanted_;
  if (Held* held = find(lease.unit)) {
    // Handed out again, or the answer crossed: what is held is the same unit. A failure that is
    // held is no answer, though: the coordinator has counted it and wants another attempt.
    const bool is_failure = std::holds_alternative<Kept>(held->state) &&
                            std::holds_alternative<UnitFailure>(held->outcome->what);
    held->attempt = lease.attempt;
    if (!is_failure) return;
  }
  Held& held = held_[lease.unit];
  held = Held{.database = database_,
              .attempt = lease.attempt,
              .unit = {.name = lease.unit,
                       .kind = lease.kind,
                       .body = Json::object(),
                       .needs = lease.needs},
              .blobs = lease.blobs,
              .state = Queued{}};
  auto body = parse_json(lease.body, "lease of " + lease.unit);
  if (!body) return keep_failure(held, {FailureClass::kBug, body.error().message(), {}});
  held.unit.body = std::move(*body);
  order_.push_back(lease.unit);
}

void Session::start_next() {
  if (order_.empty() || count<Computing>() > 0 || is_leaving()) return;
  Held& next = held_.at(order_.front());
  order_.erase(order_.begin());
  next.state = Computing{};
  fraction_ = 0;
  effects_.push_back(Compute{next.database, next.attempt, next.unit, next.blobs});
}

void Session::on(const Finished& event, Instant) {
  warm_ = event.warm;
  Held* held = find(event.unit);
  if (held == nullptr || !std::holds_alternative<Computing>(held->state)) return;
  const bool is_cancelled = std::get<Computing>(held->state).is_cancelled;
  if (!event.outcome && is_cancelled) {
    held_.erase(event.unit);
    return;
  }
  if (!event.outcome) return keep_failure(*held, event.outcome.error());
  held->outcome = Outcome{held->database, event.unit, held->attempt, *event.outcome};
  held->state = Spooling{};
  effects_.push_back(Spool{*held->outcome});
}

void Session::keep_failure(Held& held, UnitFailure failure) {
  held.outcome = Outcome{held.database, held.unit.name, held.attempt, std::move(failure)};
  held.state = Spooling{};
  effects_.push_back(Spool{*held.outcome});
}

void Session::on(const Spooled& event, Instant) {
  Held* held = find(event.unit);
  if (held == nullptr || !std::holds_alternative<Spooling>(held->state)) return;
  held->state = Kept{};
  if (held->outcome->database == database_) return;
  elsewhere_.push_back(*held->outcome);
  held_.erase(event.unit);
}

// Starts what can be started of the way: artifacts to the coordinator, then the outcome.
void Session::deliver_kept(Instant now) {
  if (!is_attached()) return;
  for (auto& [name, held] : held_) {
    auto* kept = std::get_if<Kept>(&held.state);
    if (kept == nullptr || kept->step == Kept::Step::kDelivering ||
        (kept->retry_at && now < *kept->retry_at))
      continue;
    const auto* result = std::get_if<UnitResult>(&held.outcome->what);
    const bool has_artifacts = result != nullptr && !result->artifacts.empty();
    if (kept->step == Kept::Step::kSent || !has_artifacts) {
      send_outcome(held, now);
      continue;
    }
    Deliver deliver{name, {}};
    for (const ArtifactRef& artifact : result->artifacts)
      deliver.artifacts.push_back(artifact.digest);
    kept->step = Kept::Step::kDelivering;
    effects_.push_back(std::move(deliver));
  }
}

void Session::on(const Delivered& event, Instant now) {
  Held* held = find(event.unit);
  auto* kept = held == nullptr ? nullptr : std::get_if<Kept>(&held->state);
  if (kept == nullptr || kept->step != Kept::Step::kDelivering) return;
  if (is_attached())
    send_outcome(*held, now);
  else
    *kept = Kept{};
}

void Session::on(const DeliveryFailed& event, Instant now) {
  Held* held = find(event.unit);
  auto* kept = held == nullptr ? nullptr : std::get_if<Kept>(&held->state);
  if (kept == nullptr || kept->step != Kept::Step::kDelivering) return;
  if (event.is_lost) {
    held->outcome->what =
        UnitFailure{FailureClass::kInputOutput,
                    "its artifacts were lost before the coordinator had them (" + event.why + ")",
                    {}};
    held->state = Spooling{};
    effects_.push_back(Spool{*held->outcome});
    return;
  }
  effects_.push_back(Say{
      fmt::format("the artifacts of {} did not arrive ({}); trying again", event.unit, event.why)});
  *kept = Kept{Kept::Step::kIdle, now + kDeliveryRetry};
}

void Session::send_outcome(Held& held, Instant now) {
  const Outcome& outcome = *held.outcome;
  effects_.push_back(std::visit(
      Overloaded{[&](const UnitResult& result) {
                   return Send{wire::ResultMessage{outcome.attempt, result}};
                 },
                 [&](const UnitFailure& failure) {
                   return Send{wire::FailureMessage{outcome.unit, outcome.attempt, failure}};
                 }},
      outcome.what));
  held.state = Kept{Kept::Step::kSent, now + patience()};
}

void Session::take(const wire::Ack& ack, Instant now) {
  Held* held = find(ack.unit);
  auto* kept = held == nullptr ? nullptr : std::get_if<Kept>(&held->state);
  if (kept == nullptr || ack.attempt != held->outcome->attempt) return;
  if (ack.verdict == wire::Verdict::kMissing) {
    *kept = Kept{Kept::Step::kIdle, now + kDeliveryRetry};
    return;
  }
  if (ack.verdict == wire::Verdict::kMismatch)
    effects_.push_back(Say{fmt::format("{} was done before with another digest", ack.unit)});
  effects_.push_back(Forget{*held->outcome});
  held_.erase(ack.unit);
}

void Session::say_want(Instant now) {
  // What is warm is told with the next change of the credit; it is no reason to speak.
  if (!is_attached()) return;
  const bool is_unheard = credit() > 0 && now >= want_again_at_;
  if (wanted_ == credit() && !is_unheard) return;
  wanted_ = credit();
  want_again_at_ = now + patience();
  effects_.push_back(Send{wire::Want{*wanted_, warm_}});
}

std::uint32_t Session::credit() const {
  const std::size_t busy = count<Queued>() + count<Computing>();
  if (is_leaving() || held_.size() - busy >= options_.unacknowledged_max) return 0;
  const std::uint32_t slots = 1 + options_.prefetch;
  return busy >= slots ? 0 : slots - static_cast<std::uint32_t>(busy);
}

// --- leaving
// ----------------------------------------------------------------------------------------------------------

void Session::on(const StopRequested&, Instant now) {
  if (stop_by_) return hand_back();
  stop_by_ = now + options_.grace;
  effects_.push_back(Say{
      fmt::format("asked to stop: finishing what computes, {} s at most; ask again to hand it back",
                  std::chrono::duration_cast<std::chrono::seconds>(options_.grace).count())});
}

void Session::on(const OutOfRoom& event, Instant) { hand_back(ExitReason::kOutOfRoom, event.why); }

void Session::on(const Waiting& event, Instant) { effects_.push_back(Say{event.why}); }

// What computes or waits goes back; outcomes stay in the spool for the next start.
void Session::hand_back(ExitReason reason, const std::string& why) {
  for (const auto& [name, held] : held_)
    if (std::holds_alternative<Computing>(held.state)) effects_.push_back(CancelUnit{name});
  const std::size_t handed_back = count<Queued>() + count<Computing>();
  const std::size_t kept = held_.size() - handed_back;
  if (is_attached()) effects_.push_back(Send{wire::Goodbye{why}});
  end(reason, fmt::format("{}; {} units handed back, {} outcomes wait in the spool", why,
                          handed_back, kept));
}

void Session::leave_when_done(Instant now) {
  if (has_work()) return;
  // Without a coordinator the spool keeps what is left; with one its acknowledgement is near.
  if (is_leaving() && (count<Kept>() == 0 || !is_attached())) return hand_back();
  if (idle_since_ && options_.idle_max && now - *idle_since_ >= *options_.idle_max)
    return hand_back(
        ExitReason::kDone,
        fmt::format("no work for {} s",
                    std::chrono::duration_cast<std::chrono::seconds>(*options_.idle_max).count()));
  if (is_attached() || now - attached_last_ < options_.give_up) return;
  end(ExitReason::kGaveUp,
      fmt::format("no coordinator for {} s{}: giving up; {} outcomes wait in the spool",
                  std::chrono::duration_cast<std::chrono::seconds>(options_.give_up).count(),
                  unreachable_why_.empty() ? "" : " (" + unreachable_why_ + ")",
                  count<Kept>() + elsewhere_.size()));
}

bool Session::has_work() const { return count<Computing>() + count<Spooling>() > 0; }

void Session::end(ExitReason reason, std::string text) {
  is_over_ = true;
  effects_.push_back(Disconnect{});
  effects_.push_back(Exit{reason, std::move(text)});
}

// --- looking
// ----------------------------------------------------------------------------------------------------------

Instant Session::next_deadline() const {
  Instant next = Instant::max();
  const auto at = [&](Instant when) { next = std::min(next, when); };
  std::visit(Overloaded{[&](const Idle& idle) { at(idle.retry_at); }, [&](const Connecting&) {},
                        [&](const Greeting& greeting) { at(greeting.until); },
                        [&](const Attached& attached) {
                          at(attached.next_heartbeat);
                          at(attached.heard + Duration(terms_.lease_ms));
                        }},
             connection_);
  if (!is_attached() && !has_work()) at(attached_last_ + options_.give_up);
  if (stop_by_) at(*stop_by_);
  if (idle_since_ && options_.idle_max) at(*idle_since_ + *options_.idle_max);
  for (const auto& [name, held] : held_) {
    const auto* kept = std::get_if<Kept>(&held.state);
    if (is_attached() && kept != nullptr && kept->step == Kept::Step::kIdle && kept->retry_at)
      at(*kept->retry_at);
  }
  return next;
}

std::vector<wire::Running> Session::running() const {
  std::vector<wire::Running> units;
  for (const auto& [name, held] : held_) {
    const double fraction = std::visit(
        Overloaded{[](const Queued&) { return 0.0; }, [&](const Computing&) { return fraction_; },
                   [](const Spooling&) { return 1.0; }, [](const Kept&) { return 1.0; }},
        held.state);
    units.push_back({name, held.attempt, fraction});
  }
  return units;
}

template <class State>
std::size_t Session::count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      held_, [](const auto& entry) { return std::holds_alternative<State>(entry.second.state); }));
}

Session::Held* Session::find(const std::string& unit) {
  const auto found = held_.find(unit);
  return found == held_.end() ? nullptr : &found->second;
}

void Session::check_invariants() const {
  ISOCOST_CHECK(count<Computing>() <= 1, "one unit computes at a time");
  ISOCOST_CHECK(count<Queued>() == order_.size(), "every queued unit has its place in the order");
  for (const std::string& unit : order_)
    ISOCOST_CHECK(held_.contains(unit) && std::holds_alternative<Queued>(held_.at(unit).state),
                  "the order names queued units");
  for (const auto& [name, held] : held_) {
    const bool has_outcome =
        std::holds_alternative<Spooling>(held.state) || std::holds_alternative<Kept>(held.state);
    ISOCOST_CHECK(held.outcome.has_value() == has_outcome,
                  "an outcome is there from the end of computing on");
  }
}

}  // namespace isocost::agent
