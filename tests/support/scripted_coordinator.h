// A coordinator of a few lines behind the real Router: leases what a test gives it and writes down
// what it hears.
//
//   ScriptedCoordinator coordinator(store);
//   coordinator.add(lease);                         // handed out at the next WANT
//   coordinator.wait_for("a result", [](const Heard& h) { return h.results.size() == 1; });
//
// It never retries and never forgets; the real one is coordinator/core. Thread: its methods any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "coordinator/net/router.h"

namespace isocost::testing {

struct Heard {
  std::vector<wire::Hello> hellos;
  std::vector<wire::Want> wants;
  std::vector<wire::ResultMessage> results;
  std::vector<wire::FailureMessage> failures;
  std::vector<wire::Goodbye> goodbyes;
  int heartbeats = 0;
};

class ScriptedCoordinator : public net::Inbox {
 public:
  // Options of the router; the artifact store is `store`.
  explicit ScriptedCoordinator(io::ArtifactStore& store,
                               net::RouterOptions options = {.endpoint = "tcp://127.0.0.1:0"});

  void add(wire::Lease lease);
  // What every heartbeat is answered with from now on.
  void answer_heartbeats(wire::HeartbeatReply reply);
  void set_acknowledging(bool is_acknowledging);
  // Fails the test with `what` when it does not come true within the limit.
  void wait_for(const std::string& what, const std::function<bool(const Heard&)>& condition);
  [[nodiscard]] Heard heard();
  [[nodiscard]] std::string url() { return router_->endpoint().text(); }
  [[nodiscard]] net::Router& router() { return *router_; }
  [[nodiscard]] int revoked() const { return revoked_; }
  [[nodiscard]] int failed() const { return failed_; }

  std::string database = "db1";
  bool tells_folder = true;  // of artifacts

  void arrived(const std::string& peer, wire::Message message, std::size_t bytes) override;
  void unreachable(const std::string&) override {}
  void revoked(const std::string& peer) override;
  void failed(const std::string&) override { ++failed_; }

 private:
  void take(const std::string& peer, const wire::Hello& hello);
  void take(const std::string& peer, const wire::Want& want);
  void take(const std::string& peer, const wire::Heartbeat& heartbeat);
  void take(const std::string& peer, const wire::ResultMessage& message);
  void take(const std::string& peer, const wire::FailureMessage& message);
  void take(const std::string& peer, const wire::Goodbye& goodbye);
  template <class Other>
  void take(const std::string&, const Other&) {}
  void hand_out(const std::string& peer);

  io::ArtifactStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Heard heard_;
  std::deque<wire::Lease> leases_;
  std::map<std::string, std::uint32_t> credit_;
  wire::HeartbeatReply reply_;
  bool is_acknowledging_ = true;
  std::atomic<int> revoked_{0};
  std::atomic<int> failed_{0};
  std::unique_ptr<net::Router> router_;  // last: its thread calls the members above
};

}  // namespace isocost::testing
