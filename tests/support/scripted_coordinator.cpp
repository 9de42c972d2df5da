#include "tests/support/scripted_coordinator.h"

#include <gtest/gtest.h>

#include <chrono>

namespace isocost::testing {

ScriptedCoordinator::ScriptedCoordinator(io::ArtifactStore& store, net::RouterOptions options)
    : store_(store) {
  options.artifacts = &store;
  const std::scoped_lock lock(mutex_);  // what arrives waits until router_ is there
  auto router = net::Router::open(options, *this);
  if (!router) throw std::runtime_error(router.error().message());
  router_ = std::move(*router);
}

void ScriptedCoordinator::add(wire::Lease lease) {
  const std::scoped_lock lock(mutex_);
  leases_.push_back(std::move(lease));
  for (const auto& [peer, credit] : std::map(credit_)) hand_out(peer);
}

void ScriptedCoordinator::answer_heartbeats(wire::HeartbeatReply reply) {
  const std::scoped_lock lock(mutex_);
  reply_ = std::move(reply);
}

void ScriptedCoordinator::set_acknowledging(bool is_acknowledging) {
  const std::scoped_lock lock(mutex_);
  is_acknowledging_ = is_acknowledging;
}

void ScriptedCoordinator::wait_for(const std::string& what,
                                   const std::function<bool(const Heard&)>& condition) {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, std::chrono::seconds(20), [&] { return condition(heard_); })) return;
  ADD_FAILURE() << "waited in vain for " << what << "; heard " << heard_.hellos.size() << " HELLO, "
                << heard_.wants.size() << " WANT, " << heard_.results.size() << " RESULT, "
                << heard_.failures.size() << " FAILURE, " << heard_.goodbyes.size() << " GOODBYE, "
                << heard_.heartbeats << " HEARTBEAT; "
                << (heard_.failures.empty() ? "" : heard_.failures.back().failure.reason);
}

Heard ScriptedCoordinator::heard() {
  const std::scoped_lock lock(mutex_);
  return heard_;
}

void ScriptedCoordinator::arrived(const std::string& peer, wire::Message message, std::size_t) {
  {
    const std::scoped_lock lock(mutex_);
    std::visit([&](const auto& m) { take(peer, m); }, message);
  }
  changed_.notify_all();
}

void ScriptedCoordinator::revoked(const std::string& peer) {
  const std::scoped_lock lock(mutex_);
  credit_.erase(peer);
  ++revoked_;
}

void ScriptedCoordinator::take(const std::string& peer, const wire::Hello& hello) {
  heard_.hellos.push_back(hello);
  wire::Welcome welcome{.protocol = wire::kProtocolVersion,
                        .build = "test",
                        .database = database,
                        .lease_ms = 2000,
                        .heartbeat_ms = 100,
                        .artifact_port = router_->artifact_port(),
                        .artifact_folder = {},
                        .artifact_nonce = router_->artifact_nonce()};
  if (tells_folder) welcome.artifact_folder = store_.root();
  router_->send(peer, welcome);
}

void ScriptedCoordinator::take(const std::string& peer, const wire::Want& want) {
  heard_.wants.push_back(want);
  credit_[peer] = want.credit;
  hand_out(peer);
}

void ScriptedCoordinator::hand_out(const std::string& peer) {
  while (credit_[peer] > 0 && !leases_.empty()) {
    --credit_[peer];
    router_->send(peer, leases_.front());
    leases_.pop_front();
  }
}

void ScriptedCoordinator::take(const std::string& peer, const wire::Heartbeat&) {
  ++heard_.heartbeats;
  router_->send(peer, reply_);
}

void ScriptedCoordinator::take(const std::string& peer, const wire::ResultMessage& message) {
  heard_.results.push_back(message);
  if (is_acknowledging_)
    router_->send(peer,
                  wire::Ack{message.result.unit, message.attempt, wire::Verdict::kAccepted, {}});
}

void ScriptedCoordinator::take(const std::string& peer, const wire::FailureMessage& message) {
  heard_.failures.push_back(message);
  if (is_acknowledging_)
    router_->send(peer, wire::Ack{message.unit, message.attempt, wire::Verdict::kAccepted, {}});
}

void ScriptedCoordinator::take(const std::string&, const wire::Goodbye& goodbye) {
  heard_.goodbyes.push_back(goodbye);
}

}  // namespace isocost::testing
